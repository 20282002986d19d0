"""What an import would do, before anything is written: the first rows as records, with every problem."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Engine

from crm_store.imports.batches import BatchReader
from crm_store.imports.files import Rows, open_mapped, open_unknown
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.reader import Chunk
from crm_store.imports.suggesting import Product, Suggestion, likely_product, suggest
from crm_store.repositories.fields import Value, check_whole, complete_new
from crm_store.repositories.import_jobs import known_by_outside_id
from crm_store.repositories.problems import Problem, StoreError

ROWS = 20
Fate = Literal["create", "update", "known", "refuse"]


@dataclass(frozen=True)
class PreviewRow:
    """One row: its line, its cells, the values that it would become, what is wrong, and what would happen."""

    line: int
    cells: Sequence[str]
    values: Mapping[str, Value]
    problems: Sequence[Problem]
    fate: Fate


@dataclass(frozen=True)
class Preview:
    """The first rows of a file through a mapping. ``lines`` counts the whole file; the rest, what is shown.

    ``mapping`` is the one given, or a suggestion; None when no column tells the records apart.
    """

    header: Sequence[str]
    header_line: int
    encoding: str
    sheets: Sequence[str]
    lines: int
    mapping: ColumnMapping | None
    product: Product | None
    unmapped: Sequence[str]
    lacking: Sequence[str]
    rows: Sequence[PreviewRow]
    fates: Mapping[str, int]
    problems: Mapping[str, int]


def preview(
    engine: Engine,
    file: Path,
    *,
    now: datetime,
    mapping: ColumnMapping | None = None,
    entity: str = "lead",
    source: str = "file",
    product: Product | None = None,
    sheet: str | None = None,
    rows: int = ROWS,
) -> Preview:
    """Look at a file and write nothing. Raises StoreError when it cannot be read.

    Without ``mapping``, one is suggested for ``entity``: by the preset of ``product``, or of the product
    whose columns these are, or by what the fields are called.
    """
    if mapping is not None:
        with open_mapped(file, mapping) as opened:
            places = mapping.places(opened.header)
            used = {opened.header[one] for place in places for one in place}
            unmapped = tuple(name for name in opened.header if name and name not in used)
            return _shown(engine, opened, Suggestion(mapping, unmapped, ()), None, now, rows)
    opened, delimiter = open_unknown(file, entity, sheet)
    with opened:
        product = product or likely_product(entity, opened.header)
        suggestion = suggest(
            entity, opened.header, source=source, product=product, delimiter=delimiter, sheet=sheet
        )
        if suggestion.mapping is None:
            return _shown(engine, opened, suggestion, product, now, rows)
    with open_mapped(file, suggestion.mapping) as opened:
        return _shown(engine, opened, suggestion, product, now, rows)


def _shown(
    engine: Engine, opened: Rows, suggestion: Suggestion, product: Product | None, now: datetime, rows: int
) -> Preview:
    shown: list[PreviewRow] = []
    if suggestion.mapping is not None and not (suggestion.mapping.is_fact and suggestion.lacking):
        chunk = next(opened.chunks(rows), Chunk())
        shown = _rows(engine, suggestion.mapping, opened, chunk, now)
    return Preview(
        header=opened.header,
        header_line=opened.header_line,
        encoding=opened.encoding,
        sheets=opened.sheets,
        lines=opened.lines,
        mapping=suggestion.mapping,
        product=product,
        unmapped=suggestion.unmapped,
        lacking=suggestion.lacking,
        rows=shown,
        fates=Counter(row.fate for row in shown),
        problems=Counter(problem.code for row in shown for problem in row.problems),
    )


def _rows(
    engine: Engine, mapping: ColumnMapping, opened: Rows, chunk: Chunk, now: datetime
) -> list[PreviewRow]:
    reader = BatchReader(engine, mapping, "import:preview", now)
    columns, wrong = reader.parsed(chunk, mapping.places(opened.header), opened.guarded)
    values = pa.table(columns).to_pylist() if columns else []
    with engine.connect() as connection:
        outside = [row["external_id"] for row in values if row["external_id"] is not None]
        stored = known_by_outside_id(connection, mapping.entity, mapping.source, outside)
    shown = []
    for at, row in enumerate(values):
        record = stored.get(str(row["external_id"]))
        told = _told(row)
        problems = wrong.get(at, []) or _incomplete(mapping, told, record)
        fate: Fate = "refuse" if problems else _fate(told, record, mapping)
        shown.append(PreviewRow(chunk.lines[at], chunk.rows[at], told, problems, fate))
    shown += [PreviewRow(line, cells, {}, (problem,), "refuse") for line, problem, cells in chunk.unreadable]
    return sorted(shown, key=lambda row: row.line)


def _told(row: dict[str, Any]) -> dict[str, Value]:
    return {name: value for name, value in row.items() if value is not None and name != "id"}


def _incomplete(
    mapping: ColumnMapping, told: Mapping[str, Value], record: Mapping[str, Any] | None
) -> list[Problem]:
    """Return what keeps a good row from becoming a new record."""
    if mapping.is_fact or record is not None:
        return []
    born = {"source": mapping.source, "created_at": told["recorded_at"], **told}
    del born["recorded_at"]
    try:
        check_whole(mapping.entity, complete_new(mapping.entity, born))
    except StoreError as error:
        return [error.problem]
    return []


def _fate(told: Mapping[str, Value], record: Mapping[str, Any] | None, mapping: ColumnMapping) -> Fate:
    if record is None:
        return "create"
    same = all(record[name] == value for name, value in told.items() if name != "recorded_at")
    return "known" if mapping.is_fact or same else "update"
