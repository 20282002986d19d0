"""How late communications were entered, as the store has it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    String,
    case,
    cast,
    extract,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from crm_store.models import Activity
from crm_store.models.choices import COMMUNICATION_CHANNELS

_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US
# Asia/Shanghai has had no summer time since 1991.
_BUSINESS_OFFSET_H = 8


def delays_by_cell(
    session: Session, since: datetime, until: datetime, rep_ids: Sequence[str] | None
) -> Iterator[tuple[str, int, Sequence[int]]]:
    """Yield (salesperson, business hour of entry, delays in µs, smallest first) of entries in [since, until).

    Communications only. A correction is no late entry and is left out; so is what no salesperson entered.
    Delays below zero (clocks differ) count as none. The store sends each cell's delays as one text, several
    times faster than a row for each; all of them are held, some 15 bytes each.
    """
    recorded, occurred = _micros(session, Activity.recorded_at), _micros(session, Activity.occurred_at)
    hour = cast((recorded // _HOUR_US + _BUSINESS_OFFSET_H) % 24, Integer).label("hour")
    delay = case((recorded > occurred, recorded - occurred), else_=0)
    query = select(Activity.rep_id, hour, func.aggregate_strings(cast(delay, String), ",")).where(
        Activity.recorded_at >= since,
        Activity.recorded_at < until,
        Activity.channel.in_(COMMUNICATION_CHANNELS),
        Activity.rep_id.is_not(None) if rep_ids is None else Activity.rep_id.in_(rep_ids),
        Activity.corrects_id.is_(None),
    )
    for rep_id, at, listed in session.execute(query.group_by(Activity.rep_id, hour)):
        yield str(rep_id), at, sorted(map(int, listed.split(",")))


def _micros(session: Session, moment: Any) -> ColumnElement[int]:
    """Return a moment as microseconds since 1970, which is what SQLite keeps anyway."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(moment, BigInteger)
    return cast(extract("epoch", moment) * _SECOND_US, BigInteger)
