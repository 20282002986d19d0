"""How late communications were entered, as the store has it."""

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, case, cast, extract, select, type_coerce
from sqlalchemy.orm import Session

from crm_store.models import Activity
from crm_store.models.choices import COMMUNICATION_CHANNELS

_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US
# Asia/Shanghai has had no summer time since 1991.
_BUSINESS_OFFSET_H = 8
_STREAM = {"yield_per": 5_000}


def delays_by_cell(
    session: Session, since: datetime, until: datetime, rep_ids: Sequence[str] | None
) -> Iterator[tuple[str, int, Sequence[int]]]:
    """Yield (salesperson, business hour of entry, delays in µs, smallest first) of entries in [since, until).

    Communications only. A correction is no late entry and is left out; so is what no salesperson entered.
    Delays below zero (clocks differ) count as none. One query, sorted by the store and streamed: no more than
    one cell's delays are held, 8 bytes each.
    """
    recorded, occurred = _micros(session, Activity.recorded_at), _micros(session, Activity.occurred_at)
    hour = cast((recorded // _HOUR_US + _BUSINESS_OFFSET_H) % 24, Integer).label("hour")
    delay = case((recorded > occurred, recorded - occurred), else_=0).label("delay")
    query = select(Activity.rep_id, hour, delay).where(
        Activity.recorded_at >= since,
        Activity.recorded_at < until,
        Activity.channel.in_(COMMUNICATION_CHANNELS),
        Activity.rep_id.is_not(None) if rep_ids is None else Activity.rep_id.in_(rep_ids),
        Activity.corrects_id.is_(None),
    )
    rows = session.execute(query.order_by(Activity.rep_id, hour, delay), execution_options=_STREAM)
    for (rep_id, at), entries in groupby(rows, key=lambda row: (row[0], row[1])):
        yield rep_id, at, array("q", (entry[2] for entry in entries))


def _micros(session: Session, moment: Any) -> ColumnElement[int]:
    """Return a moment as microseconds since 1970, which is what SQLite keeps anyway."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(moment, BigInteger)
    return cast(extract("epoch", moment) * _SECOND_US, BigInteger)
