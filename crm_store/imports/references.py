"""Turning the cells of a reference into ids of ours: by the other record's outside id, or by its name."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from crm_store.domain.ids import stable_id
from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.repositories import problems
from crm_store.repositories.import_jobs import ids_by_name, known_by_outside_id, table_of
from crm_store.repositories.problems import Problem
from crm_store.repositories.writes.bulk import existing_ids

# Words remembered per column; then the memory starts anew.
_REMEMBERED = 1_000_000


class References:
    """Looks references up, each word until it is found: what it stands for may yet be loaded."""

    def __init__(self, engine: Engine, mapping: ColumnMapping) -> None:
        self._engine, self._mapping = engine, mapping
        self._known: dict[str, dict[str, str]] = {}

    def resolve(
        self, words: pa.Array, rule: ColumnRule, entity: str
    ) -> tuple[pa.Array, list[tuple[int, Problem]]]:
        """Return ids, and the rows whose word stands for no record."""
        encoded = words.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        ids = self._ids({word for word in distinct if word is not None}, rule, entity)
        ours = pa.array([ids.get(word) for word in distinct], pa.string()).take(encoded.indices)
        unknown = pc.indices_nonzero(pc.and_(pc.is_valid(words), pc.is_null(ours))).to_pylist()
        problem = problems.unknown_reference(rule.field, entity)
        return ours, [(index, problem) for index in unknown]

    def _ids(self, words: set[str], rule: ColumnRule, entity: str) -> dict[str, str]:
        known = self._known.setdefault(rule.field, {})
        if len(known) > _REMEMBERED:
            known.clear()
        unseen = words - known.keys()
        if unseen:
            known |= self._named(unseen, entity) if rule.by_name else self._outside(unseen, rule, entity)
        return known

    def _named(self, names: set[str], entity: str) -> dict[str, str]:
        with self._engine.connect() as connection:
            found = ids_by_name(connection, entity, sorted(names))
        return {name: one for name, one in found.items() if one is not None}

    def _outside(self, words: Iterable[str], rule: ColumnRule, entity: str) -> dict[str, str]:
        """Most records have the id that their outside id gives, those born here another; ours will do too."""
        source = rule.reference_source or self._mapping.source
        ids = {word: stable_id(entity, source, word) for word in words}
        with self._engine.connect() as connection:
            there = existing_ids(connection, table_of(entity), ids.values())
            found = {word: one for word, one in ids.items() if one in there}
            rest = known_by_outside_id(connection, entity, source, sorted(ids.keys() - found.keys()))
            found |= {word: row["id"] for word, row in rest.items()}
            own = existing_ids(connection, table_of(entity), sorted(ids.keys() - found.keys()))
        return found | {word: word for word in own}
