"""Exports as CSV, streamed: UTF-8 with a byte-order mark, so that Excel shows Chinese as it is."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from crm_store.exports.cells import as_text
from crm_store.exports.columns import columns_of, headers
from crm_store.imports.guarding import guard
from crm_store.imports.headers import Language

BATCH = 1_000
"""Rows per piece of the stream."""

Progress = Callable[[int], None]
"""Told how many rows are out."""


def export_csv(
    entity: str,
    rows: Iterable[Mapping[str, Any]],
    fields: Sequence[str] | None = None,
    language: Language = "zh",
    progress: Progress | None = None,
) -> Iterator[bytes]:
    """Yield a CSV file of records, piece by piece. Text that a sheet would run is guarded; numbers are not.

    ``rows`` are field → value; a field that a row lacks is empty. Raises StoreError for a field that the
    kind does not have, before the first piece.
    """
    columns = columns_of(entity, fields)
    return _pieces(rows, columns, headers(entity, columns, language), language, progress)


def _pieces(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    header: Sequence[str],
    language: Language,
    progress: Progress | None,
) -> Iterator[bytes]:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(map(guard, header))
    done = 0
    for done, row in enumerate(rows, start=1):
        writer.writerow([_cell(row.get(name), language) for name in columns])
        if done % BATCH == 0:
            yield _taken(out)
            if progress is not None:
                progress(done)
    yield _taken(out)
    if progress is not None:
        progress(done)


def _cell(value: Any, language: Language) -> str:
    return guard(value) if isinstance(value, str) else as_text(value, language)


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode("utf-8", "backslashreplace")
