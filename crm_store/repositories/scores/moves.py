"""Scores that are worth keeping: those that moved. For whoever scores the same subjects again and again."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm_store.models import CurrentScore, ScoreLog
from crm_store.repositories.scores.log import ScoreRow, append_scores

MOVED_POINTS = 0.05
"""Lists and pages show a tenth of a point: what moves by less than half of it looks the same."""

_LISTED = ("owner_id", "region", "title", "money")
_IDS = 10_000


def append_moved(session: Session, model: str, items: Sequence[ScoreRow], *, scored_at: datetime) -> int:
    """Append those scores that differ from the subject's current one, and return how many did.

    A score has moved when its points, band, source, version or reason for not being the model's are others.
    What lists show beside the score (owner, region, title, money) follows also where it has not.
    """
    found = _current(session, model, [item.entity_id for item in items])
    moved = [item for item in items if _moved(item, found.get(item.entity_id))]
    added = append_scores(session, model, moved, scored_at=scored_at)
    appended = {item.entity_id for item in moved}
    for item in items:
        row = found.get(item.entity_id)
        if item.entity_id in appended or row is None:
            continue
        listed = {name: getattr(item, name) for name in _LISTED}
        if any(row[name] != value for name, value in listed.items()):
            session.execute(
                update(CurrentScore)
                .where(CurrentScore.model == model, CurrentScore.entity_id == item.entity_id)
                .values(**listed, rank_value=item.rank_value)
                .execution_options(synchronize_session=False)
            )
    return added


_Row = dict[str, object]


def _current(session: Session, model: str, ids: Sequence[str]) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    columns = [
        *(getattr(CurrentScore, name) for name in ("entity_id", "value", "band", "source", *_LISTED)),
        ScoreLog.version,
        ScoreLog.why,
    ]
    query = select(*columns).join(ScoreLog, CurrentScore.score_id == ScoreLog.id)
    for start in range(0, len(ids), _IDS):
        some = CurrentScore.entity_id.in_(ids[start : start + _IDS])
        for row in session.execute(query.where(CurrentScore.model == model, some)).mappings():
            found[row["entity_id"]] = dict(row)
    return found


def _moved(item: ScoreRow, row: _Row | None) -> bool:
    if row is None:
        return True
    score = item.score
    same = all(row[name] == getattr(score, name) for name in ("band", "source", "version", "why"))
    value = row["value"]
    return not (same and isinstance(value, float | int) and abs(value - score.value) < MOVED_POINTS)
