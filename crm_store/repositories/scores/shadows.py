"""Scores of a challenger beside those of what answered: kept in the log under names of their own.

They are no subject's current score, so no list and no page shows them. A pair of lead and rep is longer than
the log's column and stands under its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from crm_store.domain.scores import Score
from crm_store.models import ScoreLog

_LIVE, _SHADOW = "{}@live", "{}@shadow"
_LONGEST = 40  # characters of an id that the log holds


class KeptPair(NamedTuple):
    """Two scores of a subject from the same data: ``live`` was shown, ``shadow`` is the challenger's.

    ``entity_id`` is ``kept_id`` of the subject; the weekly chances are a hazard's.
    """

    entity_id: str
    as_of: datetime
    scored_at: datetime
    live_version: str
    live_value: float
    live_probability: float | None
    shadow_value: float
    shadow_probability: float | None
    live_weekly: list[float] | None
    shadow_weekly: list[float] | None


def kept_id(entity_id: str) -> str:
    """Return what a subject is called in the log: its id, or the digest of one that is too long."""
    return (
        entity_id if len(entity_id) <= _LONGEST else blake2b(entity_id.encode(), digest_size=16).hexdigest()
    )


def append_pairs(
    session: Session, model: str, pairs: Sequence[tuple[str, Score, Score]], scored_at: datetime
) -> None:
    """Append (entity_id, live, shadow) scores; those of the same moment that are there already stay."""
    rows = [
        _row(name.format(model), entity_id, score, scored_at)
        for entity_id, live, shadow in pairs
        for name, score in ((_LIVE, live), (_SHADOW, shadow))
    ]
    if rows:
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(ScoreLog.__table__)
        session.execute(
            insert.on_conflict_do_nothing(index_elements=["model", "entity_id", "scored_at"]), rows
        )


def pairs_of(session: Session, model: str, version: str) -> list[KeptPair]:
    """Return the pairs of a challenger, oldest first."""
    live, shadow = aliased(ScoreLog), aliased(ScoreLog)
    query = (
        select(
            shadow.entity_id,
            live.as_of,
            shadow.scored_at,
            live.version,
            live.value,
            live.probability,
            shadow.value,
            shadow.probability,
            live.weekly,
            shadow.weekly,
        )
        .join(
            live,
            (live.model == _LIVE.format(model))
            & (live.entity_id == shadow.entity_id)
            & (live.scored_at == shadow.scored_at),
        )
        .where(shadow.model == _SHADOW.format(model), shadow.version == version)
        .order_by(shadow.id)
    )
    return [KeptPair._make(row) for row in session.execute(query)]


def _row(model: str, entity_id: str, score: Score, scored_at: datetime) -> dict[str, Any]:
    return {
        "model": model,
        "entity_id": kept_id(entity_id),
        "value": score.value,
        "band": score.band,
        "probability": score.probability,
        "source": score.source,
        "version": score.version,
        "why": score.why,
        "as_of": score.as_of,
        "scored_at": scored_at,
        "reasons": [],
        "weekly": list(score.weekly) if score.weekly else None,
    }
