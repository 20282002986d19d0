"""Scores: the log that is only appended to, and the latest of each subject, which lists are read from."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from crm_store.domain.scores import Band, Reason, Score, Source
from crm_store.models import CurrentScore, ScoreLog
from crm_store.repositories import cursors

MAX_PAGE = 200
_BANDS: tuple[Band, ...] = ("green", "yellow", "red")
# Parameters in one statement: SQLite allows 32,766 and PostgreSQL 65,535.
_IDS_PER_QUERY = 10_000


@dataclass(frozen=True)
class ScoreRow:
    """A score to keep, with what lists show and sort by (smallest ``rank_value`` first; money in yuan)."""

    entity_id: str
    score: Score
    rank_value: float
    owner_id: str | None = None
    region: str | None = None
    title: str | None = None
    money: float | None = None


@dataclass(frozen=True)
class StoredScore:
    """A score as it was said, and when."""

    id: int
    model: str
    entity_id: str
    score: Score
    scored_at: datetime


@dataclass(frozen=True)
class RankedScore:
    """One line of a ranked list. Reasons are read by ``latest`` for the lines shown."""

    entity_id: str
    value: float
    band: Band
    probability: float | None
    source: Source
    scored_at: datetime
    rank_value: float
    owner_id: str | None
    region: str | None
    title: str | None
    money: float | None


@dataclass(frozen=True)
class Page:
    """Part of a list. ``next_cursor`` is None at the end.

    ``total`` is known on the first page, but not for a search that fills more than one.
    """

    items: list[RankedScore]
    next_cursor: str | None
    total: int | None


_LOG = tuple(ScoreLog.__table__.columns)
_LINE = tuple(CurrentScore.__table__.columns[part.name] for part in fields(RankedScore))


def append_scores(session: Session, model: str, items: Sequence[ScoreRow], *, scored_at: datetime) -> int:
    """Append scores, move each subject's current score forward, and return how many were new.

    A (model, entity_id, scored_at) that is there already is left as it is, so a repeated job adds nothing.
    A score older than the current one, or from older data, is logged only. Raises ValueError for an infinite
    or missing ``rank_value`` and for an entity given twice.
    """
    by_id = {item.entity_id: item for item in items}
    if len(by_id) != len(items):
        raise ValueError("an entity is scored twice at the same moment")
    for item in items:
        if not math.isfinite(item.rank_value):
            raise ValueError(f"the rank of {item.entity_id} is {item.rank_value}")
    if not items:
        return 0
    there = _ids(session, model, by_id, scored_at)
    new = [item for item in items if item.entity_id not in there]
    if not new:
        return 0
    _append_log(session, [_log(model, item, scored_at) for item in new])
    ids = _ids(session, model, [item.entity_id for item in new], scored_at)
    _move_current(session, [_current(model, item, ids[item.entity_id], scored_at) for item in new])
    return len(new)


def _ids(session: Session, model: str, entity_ids: Iterable[str], scored_at: datetime) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _chunks(entity_ids):
        query = select(ScoreLog.entity_id, ScoreLog.id).where(
            ScoreLog.model == model, ScoreLog.entity_id.in_(some), ScoreLog.scored_at == scored_at
        )
        found |= dict(session.execute(query).all())
    return found


def _append_log(session: Session, rows: list[dict[str, Any]]) -> None:
    # Another process may score the same subjects at the same moment: its rows are then as good as ours.
    insert = _insert(session, ScoreLog)
    session.execute(insert.on_conflict_do_nothing(index_elements=["model", "entity_id", "scored_at"]), rows)


def _move_current(session: Session, rows: list[dict[str, Any]]) -> None:
    upsert = _insert(session, CurrentScore)
    newer = {name: upsert.excluded[name] for name in rows[0] if name not in ("model", "entity_id")}
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["model", "entity_id"],
            set_=newer,
            where=(upsert.excluded.scored_at > CurrentScore.scored_at)
            & (_data_of("excluded.score_id") >= _data_of("current_score.score_id")),
        ),
        rows,
    )


def _data_of(score_id: str) -> ColumnElement[datetime]:
    """Return the moment of a score's data; the column belongs to the statement around it."""
    log = aliased(ScoreLog)
    return select(log.as_of).where(log.id == literal_column(score_id)).scalar_subquery()


def _insert(session: Session, model: type[ScoreLog] | type[CurrentScore]) -> Any:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(model.__table__)


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    listed = list(ids)
    for start in range(0, len(listed), _IDS_PER_QUERY):
        yield listed[start : start + _IDS_PER_QUERY]


def _log(model: str, item: ScoreRow, scored_at: datetime) -> dict[str, Any]:
    score = item.score
    return {
        "model": model,
        "entity_id": item.entity_id,
        "value": score.value,
        "band": score.band,
        "probability": score.probability,
        "source": score.source,
        "version": score.version,
        "why": score.why,
        "as_of": score.as_of,
        "scored_at": scored_at,
        "reasons": [vars(reason) for reason in score.reasons],
        "weekly": None if score.weekly is None else [round(chance, 6) for chance in score.weekly],
    }


def _current(model: str, item: ScoreRow, score_id: int, scored_at: datetime) -> dict[str, Any]:
    return {
        "model": model,
        "entity_id": item.entity_id,
        "score_id": score_id,
        "value": item.score.value,
        "band": item.score.band,
        "probability": item.score.probability,
        "source": item.score.source,
        "scored_at": scored_at,
        "rank_value": item.rank_value,
        "owner_id": item.owner_id,
        "region": item.region,
        "title": item.title,
        "money": item.money,
    }


def ranked(
    session: Session,
    model: str,
    *,
    band: Band | None = None,
    owner_id: str | None = None,
    region: str | None = None,
    search: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Return a page of the model's current scores, smallest ``rank_value`` first, ties by id.

    ``search`` finds titles that contain it, in any case. ``limit`` is 1–200 (ValueError). Raises BadCursor
    for a cursor that this list, with these filters, did not give. Scores that move while someone pages
    are met where they then stand.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} lines, not {limit}")
    search = (search or "").strip() or None
    filters = (model, band, owner_id, region, search)
    matching = _matching(session, model, band, owner_id, region, search)
    lines = _lines(matching, cursors.decode(cursor, filters) if cursor else None, limit, search)
    found = session.execute(lines).all()
    items = [RankedScore(*row) for row in found[:limit]]
    more = len(found) > limit
    return Page(
        items=items,
        next_cursor=cursors.encode(items[-1].rank_value, items[-1].entity_id, filters) if more else None,
        total=None if cursor else _total(session, matching, len(items), more, search),
    )


def _lines(
    matching: list[ColumnElement[bool]], after: tuple[float, str] | None, limit: int, search: str | None
) -> Select[Any]:
    order = (CurrentScore.rank_value, CurrentScore.entity_id)
    conditions = matching if after is None else [*matching, tuple_(*order) > after]
    if search:
        # Find the ids first, which an index alone can answer, and then fetch only those lines.
        ids = select(CurrentScore.entity_id).where(*conditions).order_by(*order).limit(limit + 1)
        conditions = [matching[0], CurrentScore.entity_id.in_(ids)]
    return select(*_LINE).where(*conditions).order_by(*order).limit(limit + 1)


def _matching(
    session: Session,
    model: str,
    band: str | None,
    owner_id: str | None,
    region: str | None,
    search: str | None,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [CurrentScore.model == model]
    for column, wanted in (
        (CurrentScore.band, band),
        (CurrentScore.owner_id, owner_id),
        (CurrentScore.region, region),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if search:
        # SQLite's LIKE ignores the case of Latin letters by itself, twice as fast as with lower().
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        contains = CurrentScore.title.contains if is_sqlite else CurrentScore.title.icontains
        conditions.append(contains(search, autoescape=True))
    return conditions


def _total(
    session: Session, matching: list[ColumnElement[bool]], shown: int, more: bool, search: str | None
) -> int | None:
    if not more:
        return shown
    if search:
        return None
    return session.scalar(select(func.count()).select_from(CurrentScore).where(*matching))


def latest(session: Session, model: str, ids: Sequence[str]) -> dict[str, StoredScore]:
    """Return the current score of each id, with reasons; an id without one is not in the answer."""
    found: dict[str, StoredScore] = {}
    for some in _chunks(ids):
        query = (
            select(*_LOG)
            .join(CurrentScore, CurrentScore.score_id == ScoreLog.id)
            .where(CurrentScore.model == model, CurrentScore.entity_id.in_(some))
        )
        found |= {row.entity_id: _stored(row) for row in session.execute(query)}
    return found


def history(session: Session, model: str, entity_id: str, limit: int = 100) -> list[StoredScore]:
    """Return the subject's scores, newest first."""
    query = (
        select(*_LOG)
        .where(ScoreLog.model == model, ScoreLog.entity_id == entity_id)
        .order_by(ScoreLog.scored_at.desc())
        .limit(limit)
    )
    return [_stored(row) for row in session.execute(query)]


def standing_at(session: Session, model: str, entity_id: str, moment: datetime) -> StoredScore | None:
    """Return the score of the latest data that is no later than a moment, or None; of several the newest."""
    query = (
        select(*_LOG)
        .where(ScoreLog.model == model, ScoreLog.entity_id == entity_id, ScoreLog.as_of <= moment)
        .order_by(ScoreLog.as_of.desc(), ScoreLog.scored_at.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else _stored(row)


def _stored(row: Row[Any]) -> StoredScore:
    score = Score(
        value=row.value,
        band=row.band,
        probability=row.probability,
        reasons=tuple(_reason(reason) for reason in row.reasons),
        source=row.source,
        version=row.version,
        as_of=row.as_of,
        why=row.why,
        weekly=None if row.weekly is None else tuple(row.weekly),
    )
    return StoredScore(row.id, row.model, row.entity_id, score, row.scored_at)


def _reason(kept: dict[str, Any]) -> Reason:
    sentence = kept["sentence"]
    return Reason(**kept | {"sentence": None if sentence is None else tuple(sentence)})


def counts_by_band(session: Session, model: str) -> dict[Band, int]:
    """Return how many current scores of the model have each colour."""
    query = (
        select(CurrentScore.band, func.count()).where(CurrentScore.model == model).group_by(CurrentScore.band)
    )
    counted = dict(session.execute(query).all())
    return {band: counted.get(band, 0) for band in _BANDS}
