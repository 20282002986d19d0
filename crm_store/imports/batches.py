"""From a chunk of cells to a table of checked values: columns parsed, ids given, references looked up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, Table

from crm_store.domain.ids import stable_id
from crm_store.imports.cells import parse_column
from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.imports.reader import Chunk, CsvRows
from crm_store.imports.rejects import Rejects
from crm_store.repositories import problems
from crm_store.repositories.bulk import MOMENT, existing_ids
from crm_store.repositories.fields import FIELDS, RECORDS, Kind
from crm_store.repositories.problems import Problem, StoreError

_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "float": pa.float64(),
    "integer": pa.int64(),
    "moment": MOMENT,
}


@dataclass(frozen=True)
class Batch:
    """Rows that passed every check of single cells: one column per mapped field, ``id``, and the line."""

    table: pa.Table
    lines: list[int]
    rows: list[list[str]]


class BatchReader:
    """Reads a file through its mapping, batch by batch; what is wrong goes to ``rejects``."""

    def __init__(self, engine: Engine, mapping: ColumnMapping, now: datetime) -> None:
        self._engine, self._mapping, self._now = engine, mapping, now
        self._known: dict[str, set[str]] = {}
        self.rows_read = 0
        self.line = 0

    def batches(self, rows: CsvRows, rejects: Rejects) -> Iterator[Batch]:
        """Yield the good rows. Raises StoreError when the header lacks a mapped column."""
        places = self._mapping.places(rows.header)
        for chunk in rows.chunks():
            self.rows_read += len(chunk.lines) + len(chunk.unreadable)
            columns, wrong = self._parsed(chunk, places)
            refused = [(chunk.lines[index], problem, chunk.rows[index]) for index, problem in wrong.items()]
            for line, problem, cells in sorted(chunk.unreadable + refused, key=lambda one: one[0]):
                rejects.add(line, problem, cells)
            self.line = max(chunk.lines[-1:] + [line for line, _, _ in chunk.unreadable[-1:]])
            if len(wrong) < len(chunk.lines):
                yield self._good(chunk, columns, wrong)

    def _good(self, chunk: Chunk, columns: dict[str, pa.Array], wrong: dict[int, Problem]) -> Batch:
        if not wrong:
            return Batch(pa.table(columns), chunk.lines, chunk.rows)
        good = [index for index in range(len(chunk.lines)) if index not in wrong]
        return Batch(
            pa.table(columns).take(good),
            [chunk.lines[index] for index in good],
            [chunk.rows[index] for index in good],
        )

    def _parsed(
        self, chunk: Chunk, places: list[list[int]]
    ) -> tuple[dict[str, pa.Array], dict[int, Problem]]:
        """Parse every mapped column; of several problems of a row the first column's is told."""
        if not chunk.rows:
            return {}, {}
        cells = list(zip(*chunk.rows, strict=True))
        columns: dict[str, pa.Array] = {}
        wrong: dict[int, Problem] = {}
        for rule, place in zip(self._mapping.columns, places, strict=True):
            texts = cells[place[0]] if len(place) == 1 else _joined([cells[one] for one in place])
            values, found = parse_column(texts, rule, self._mapping)
            reference = self._mapping.store_field(rule.field).reference
            if reference is not None:
                values, unknown = self._referred(values, rule, reference)
                found += unknown
            columns[rule.field] = values
            for index, problem in found:
                wrong.setdefault(index, problem)
        self._complete(columns, wrong, len(chunk.rows))
        return columns, wrong

    def _referred(
        self, values: pa.Array, rule: ColumnRule, reference: str
    ) -> tuple[pa.Array, list[tuple[int, Problem]]]:
        """Turn outside ids into ours, and find those that the store does not have."""
        source = rule.reference_source or self._mapping.source
        encoded = values.dictionary_encode()
        words = encoded.dictionary.to_pylist()
        ids = [None if word is None else stable_id(reference, source, word) for word in words]
        missing = self._missing(reference, [one for one in ids if one is not None])
        dictionary = pa.array(ids, pa.string())
        ours = dictionary.take(encoded.indices)
        if not missing:
            return ours, []
        unknown = pc.indices_nonzero(pc.is_in(ours, pa.array(sorted(missing), pa.string())))
        problem = problems.unknown_reference(rule.field, reference)
        return ours, [(index, problem) for index in unknown.to_pylist()]

    def _missing(self, reference: str, ids: list[str]) -> set[str]:
        known = self._known.setdefault(reference, set())
        unseen = [one for one in ids if one not in known]
        if unseen:
            table: Table = RECORDS[reference].__table__  # type: ignore[attr-defined]
            with self._engine.connect() as connection:
                known |= existing_ids(connection, table, unseen)
        return {one for one in unseen if one not in known}

    def _complete(self, columns: dict[str, pa.Array], wrong: dict[int, Problem], count: int) -> None:
        """Add constants, ids and the time of recording; find rows that lack what every row needs."""
        mapping = self._mapping
        for name, value in mapping.constants.items():
            kind = _ARROW[mapping.store_field(name).kind]
            columns[name] = pa.repeat(pa.scalar(value, kind), count)
        _require(columns, "external_id", wrong)
        if "recorded_at" not in columns:
            default = columns.get("occurred_at") if mapping.is_fact else None
            columns["recorded_at"] = (
                pa.repeat(pa.scalar(self._now, MOMENT), count) if default is None else default
            )
        _require(columns, "recorded_at", wrong)
        if mapping.is_fact:
            for name, field in FIELDS[mapping.entity].items():
                if field.required and name != "source":
                    _require(columns, name, wrong)
            if mapping.entity == "activity":
                _require_subject(columns, wrong)
        columns["id"] = _ids(mapping, columns["external_id"])


def _joined(parts: list[tuple[str, ...]]) -> list[str]:
    """Join the parts of a composite id; without all of its parts it is no id."""
    return ["-".join(row) if all(row) else "" for row in zip(*parts, strict=True)]


def _require(columns: dict[str, pa.Array], name: str, wrong: dict[int, Problem]) -> None:
    if name not in columns:
        raise StoreError(problems.required(name))
    if columns[name].null_count:
        for index in pc.indices_nonzero(columns[name].is_null()).to_pylist():
            wrong.setdefault(index, problems.required(name))


def _require_subject(columns: dict[str, pa.Array], wrong: dict[int, Problem]) -> None:
    subjects = [columns[name].is_null() for name in ("lead_id", "account_id") if name in columns]
    if not subjects:
        raise StoreError(problems.no_subject())
    nobody = subjects[0] if len(subjects) == 1 else pc.and_(*subjects)
    for index in pc.indices_nonzero(nobody).to_pylist():
        wrong.setdefault(index, problems.no_subject())


def _ids(mapping: ColumnMapping, external_ids: pa.Array) -> pa.Array:
    kind, source = mapping.entity, mapping.source
    ids = [None if one is None else stable_id(kind, source, one) for one in external_ids.to_pylist()]
    return pa.array(ids, pa.string())
