"""From a chunk of cells to a table of checked values: columns parsed, ids given, references looked up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from crm_store.domain.ids import stable_id
from crm_store.imports.cells import parse_column
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.reader import Cells, Chunk
from crm_store.imports.references import References
from crm_store.imports.rejects import Refused
from crm_store.repositories import problems
from crm_store.repositories.fields import FIELDS, Kind
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.bulk import MOMENT

_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "float": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "moment": MOMENT,
}

Wrong = dict[int, list[Problem]]
"""A row's place → what is wrong with it, in the order of the mapping's columns."""


@dataclass(frozen=True)
class Batch:
    """Rows that passed every check of single cells: one column per mapped field, ``id``, and the line.

    ``refused`` are the other rows of the same chunk, ``read`` counts both.
    """

    table: pa.Table
    lines: list[int]
    rows: list[Cells]
    refused: list[Refused] = field(default_factory=list)
    read: int = 0

    def part(self, start: int, stop: int) -> "Batch":
        """Return some of the good rows."""
        table = self.table.slice(start, stop - start)
        return Batch(table, self.lines[start:stop], self.rows[start:stop])

    def refuse(self, place: int, problem: Problem) -> Refused:
        """Return the refusal of one of the good rows."""
        return Refused(self.lines[place], problem, self.rows[place])


class BatchReader:
    """Turns chunks of one file into batches through its mapping."""

    def __init__(self, engine: Engine, mapping: ColumnMapping, actor: str, now: datetime) -> None:
        self._mapping, self._actor, self._now = mapping, actor, now
        self._references = References(engine, mapping)

    def batches(
        self, chunks: Iterator[Chunk], places: list[list[int]], guarded: bool, skip: int = 0
    ) -> Iterator[Batch]:
        """Yield one batch per chunk, without the first ``skip`` rows."""
        for chunk in chunks:
            size = len(chunk)
            if skip >= size:
                skip -= size
                continue
            yield self.batch(chunk.after(skip), places, guarded)
            skip = 0

    def batch(self, chunk: Chunk, places: list[list[int]], guarded: bool) -> Batch:
        """Check a chunk; of several problems of a row the first column's is told."""
        columns, wrong = self.parsed(chunk, places, guarded)
        refused = [Refused(*one) for one in chunk.unreadable]
        refused += [Refused(chunk.lines[at], found[0], chunk.rows[at]) for at, found in wrong.items()]
        good = [at for at in range(len(chunk.lines)) if at not in wrong]
        whole = len(good) == len(chunk.lines)
        return Batch(
            pa.table(columns) if whole else pa.table(columns).take(pa.array(good, pa.int64())),
            chunk.lines if whole else [chunk.lines[at] for at in good],
            chunk.rows if whole else [chunk.rows[at] for at in good],
            refused,
            len(chunk),
        )

    def parsed(
        self, chunk: Chunk, places: list[list[int]], guarded: bool
    ) -> tuple[dict[str, pa.Array], Wrong]:
        """Return every field as a column, and every problem of every row."""
        columns: dict[str, pa.Array] = {}
        wrong: Wrong = {}
        if not chunk.rows:
            return columns, wrong
        cells = list(zip(*chunk.rows, strict=True))
        for rule, place in zip(self._mapping.columns, places, strict=True):
            parts = [cells[one] for one in place]
            texts = parts[0] if len(parts) == 1 else _joined(parts, rule.separator)
            values, found = parse_column(texts, rule, self._mapping, guarded)
            reference = self._mapping.store_field(rule.field).reference
            if reference is not None:
                values, unknown = self._references.resolve(values, rule, reference)
                found += unknown
            columns[rule.field] = values
            for at, problem in found:
                wrong.setdefault(at, []).append(problem)
        self._complete(columns, wrong, len(chunk.rows))
        return columns, wrong

    def _complete(self, columns: dict[str, pa.Array], wrong: Wrong, count: int) -> None:
        """Add constants, ids and the time of recording; find rows that lack what every row needs."""
        mapping = self._mapping
        for name, value in mapping.constants.items():
            columns[name] = _repeated(value, mapping.store_field(name).kind, count)
        _require(columns, "external_id", wrong)
        if "recorded_at" not in columns:
            default = columns.get("occurred_at") if mapping.is_fact else None
            columns["recorded_at"] = _repeated(self._now, "moment", count) if default is None else default
        _require(columns, "recorded_at", wrong)
        if mapping.is_fact:
            self._complete_fact(columns, wrong, count)
        columns["id"] = _ids(mapping, columns["external_id"])

    def _complete_fact(self, columns: dict[str, pa.Array], wrong: Wrong, count: int) -> None:
        fields = FIELDS[self._mapping.entity]
        for name, one in fields.items():
            if one.required and name != "source":
                _require(columns, name, wrong)
        if self._mapping.entity == "activity":
            _require_subject(columns, wrong)
        if "entered_by" in fields and "entered_by" not in columns:
            columns["entered_by"] = _repeated(self._actor, "string", count)


def _repeated(value: object, kind: Kind, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, _ARROW[kind]), count)


def _joined(parts: list[tuple[str, ...]], separator: str | None) -> list[str]:
    """Join the parts of a composite id, which is none without all of them, or of a text."""
    rows = zip(*parts, strict=True)
    if separator is None:
        return ["-".join(row) if all(row) else "" for row in rows]
    return [separator.join(filter(None, map(str.strip, row))) for row in rows]


def _require(columns: dict[str, pa.Array], name: str, wrong: Wrong) -> None:
    if name not in columns:
        raise StoreError(problems.required(name))
    if columns[name].null_count:
        for at in pc.indices_nonzero(columns[name].is_null()).to_pylist():
            # A cell that was there but wrong is not missing as well.
            if not any(problem.field == name for problem in wrong.get(at, ())):
                wrong.setdefault(at, []).append(problems.required(name))


def _require_subject(columns: dict[str, pa.Array], wrong: Wrong) -> None:
    subjects = [columns[name].is_null() for name in ("lead_id", "account_id") if name in columns]
    if not subjects:
        raise StoreError(problems.no_subject())
    nobody = subjects[0] if len(subjects) == 1 else pc.and_(*subjects)
    for at in pc.indices_nonzero(nobody).to_pylist():
        wrong.setdefault(at, []).append(problems.no_subject())


def _ids(mapping: ColumnMapping, external_ids: pa.Array) -> pa.Array:
    kind, source = mapping.entity, mapping.source
    ids = [None if one is None else stable_id(kind, source, one) for one in external_ids.to_pylist()]
    return pa.array(ids, pa.string())
