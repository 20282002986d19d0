"""Loading one batch in the caller's transaction; rows that only the database refuses are found by halving."""

from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm_store.imports.batches import Batch
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.records import Loaded, RecordImport
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.import_jobs import add_facts
from crm_store.repositories.writes.constraints import refusal

Load = Callable[[Session, Batch], Loaded]
"""Stores a batch within a transaction; what the database refuses is raised as IntegrityError."""


def loader(mapping: ColumnMapping, actor: str, now: datetime) -> Load:
    """Return what loads rows of the mapping's kind."""
    return FactImport(mapping) if mapping.is_fact else RecordImport(mapping, actor, now)


class FactImport:
    """Adds facts that are new; those there already stay as they are."""

    def __init__(self, mapping: ColumnMapping) -> None:
        self._mapping = mapping

    def __call__(self, session: Session, batch: Batch) -> Loaded:
        """Add the batch."""
        source = pa.repeat(pa.scalar(self._mapping.source, pa.string()), batch.table.num_rows)
        facts = batch.table.append_column("source", source)
        return Loaded(add_facts(session.connection(), self._mapping.entity, facts), [])


def load_all_it_can(session: Session, entity: str, load: Load, batch: Batch) -> Loaded:
    """Load a batch, and of one that the database refuses, all rows but those to blame."""
    count = batch.table.num_rows
    if count == 0:
        return Loaded(0, [])
    try:
        with session.begin_nested():
            return load(session, batch)
    except IntegrityError as error:
        if count == 1:
            row = {
                name: value for name, value in batch.table.to_pylist()[0].items() if name in FIELDS[entity]
            }
            return Loaded(0, [batch.refuse(0, refusal(session, entity, row, error))])
    session.expire_all()
    halves = [batch.part(0, count // 2), batch.part(count // 2, count)]
    first, second = (load_all_it_can(session, entity, load, half) for half in halves)
    return Loaded(first.added + second.added, first.refused + second.refused)
