"""Writes record versions in the row format of ``crm_store.repositories.writes.bulk.load_history``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipelines.demo_company import SOURCE, Version
from pipelines.demo_company.records.keys import outside_id, record_id


class Book:
    """Collects the versions of one kind of record; nothing later than ``now`` is written down."""

    def __init__(self, kind: str, now: datetime) -> None:
        self._kind = kind
        self._now = now
        self.rows: list[Version] = []

    def write(self, index: int, entries: list[tuple[datetime | None, Mapping[str, Any]]]) -> None:
        """Add the entries (when, changed fields) of one record, in order of time; None never happened.

        An entry is skipped if it changes no field. The first is the creation and gets ``created_at``
        if it does not bring one.
        """
        kept = [(at, values) for at, values in entries if at is not None and at <= self._now and values]
        kept.sort(key=_moment)
        common = {
            "id": record_id(self._kind, index),
            "source": SOURCE,
            "external_id": outside_id(self._kind, index),
        }
        for number, (at, values) in enumerate(kept):
            fields = {"created_at": at, **_given(values)} if number == 0 else dict(values)
            self.rows.append({**common, "recorded_at": at, "fields": fields})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in values.items() if value is not None}


def _moment(entry: tuple[datetime, Mapping[str, Any]]) -> datetime:
    return entry[0]
