"""From outcomes and records to what a client reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from serving.errors import error_of, why_of
from serving.explain import moment, reasons_told, strongest
from serving.kinds import ACCOUNT, Kind
from serving.ladder import Answer, Outcomes
from serving.language import Language
from serving.ports import PastScore
from serving.when import when_told


def results(kind: Kind, ids: Sequence[str], outcomes: Outcomes, language: Language) -> dict[str, Any]:
    """Return one item per id, in the order asked: either a score or an error."""
    return {"results": [_result(kind, entity_id, outcomes, language) for entity_id in ids]}


def _result(kind: Kind, entity_id: str, outcomes: Outcomes, language: Language) -> dict[str, Any]:
    outcome = outcomes[entity_id]
    if isinstance(outcome, Answer):
        return {"id": entity_id, "score": answer(kind, entity_id, outcome, language), "error": None}
    return {"id": entity_id, "score": None, "error": error_of(outcome.code, "ids")}


def answer(kind: Kind, entity_id: str, given: Answer, language: Language) -> dict[str, Any]:
    """Return a score with its rung, its reasons, and for an account its risk and the money at stake."""
    told = score(kind, entity_id, PastScore(given.score, given.score.as_of), language)
    told |= {
        "rung": given.rung,
        "why": why_of(given.why) if given.why else None,
        "segment": asdict(given.score.segment) if given.score.segment else None,
        "age_s": None if given.age is None else round(given.age.total_seconds()),
    }
    if kind is ACCOUNT:
        told["money"] = given.money
    return told


def score(kind: Kind, entity_id: str, past: PastScore, language: Language) -> dict[str, Any]:
    """Return what every score says, whether it was given now or comes from the log."""
    given = past.score
    told: dict[str, Any] = {
        "value": round(given.value, 1),
        "band": given.band,
        "probability": None if given.probability is None else round(given.probability, 6),
        "source": given.source,
        "version": given.version,
        "as_of": moment(given.as_of),
        "base": round(given.base, 2),
        "others": round(given.value - given.base - sum(r.effect for r in strongest(given.reasons)), 2),
        "reasons": reasons_told(kind, entity_id, given.as_of, given.reasons, language),
    }
    if kind is ACCOUNT:
        risk = given.probability if given.probability is not None else 1 - given.value / 100
        told["risk"] = round(risk, 6)
        told["when"] = when_told(given.weekly)
    return told


def stored(kind: Kind, entity_id: str, past: PastScore, language: Language) -> dict[str, Any]:
    """Return a score of the log: with when it was given and why a lower rung gave it."""
    told = score(kind, entity_id, past, language)
    code = past.score.why
    return told | {"scored_at": moment(past.scored_at), "why": why_of(code) if code else None}


def page(items: Sequence[Mapping[str, Any]], next_cursor: str | None, total: int | None) -> dict[str, Any]:
    """Return one page of a ranked list."""
    return {"items": items, "next_cursor": next_cursor, "total": total}
