"""The public contract as types: what the OpenAPI document is made of, and what tests hold answers against."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.errors import MAX_IDS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Ids(_Strict):
    """Which records to score. An id that occurs twice is scored once and answered twice."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IDS)]


class Words(_Strict):
    """One text in both languages."""

    zh: str
    en: str


class Why(_Strict):
    """Why the model did not answer: a stable code, and words."""

    code: str
    message: Words


class ErrorDetail(_Strict):
    """What went wrong: a stable code, the field at fault, words and advice."""

    code: str
    message: Words
    hint: Words
    field: str | None = None
    request_id: str | None = None


class ErrorBody(_Strict):
    """The body of every failed request."""

    error: ErrorDetail


class ReasonOut(_Strict):
    """One reason: ``effect`` in score points, above 0 for, below 0 against; ``trace`` opens the records."""

    feature: str
    sentence: str
    value: float | str | bool | None
    unit: str | None
    effect: float
    trace: str | None


class ReasonsOut(_Strict):
    """Reasons, strongest first. ``notes`` moved nothing but are worth knowing."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    for_: Annotated[list[ReasonOut], Field(alias="for")]
    against: list[ReasonOut]
    notes: list[ReasonOut]


class _ScoreBase(_Strict):
    value: Annotated[float, Field(ge=0, le=100)]
    band: Literal["green", "yellow", "red"]
    probability: Annotated[float | None, Field(description="of a lead converting, of an account being lost")]
    source: Literal["model", "rules", "last"]
    why: Why | None
    version: str
    as_of: Annotated[datetime, Field(description="the moment of the data behind the score")]
    reasons: ReasonsOut


class LeadScore(_ScoreBase):
    """A lead's health now. ``rung`` names the step of the fallback ladder that answered."""

    rung: Literal["model", "rules_online", "rules_records", "last"]
    age_s: Annotated[int | None, Field(description="age of a last known score, seconds")]


class AccountScore(LeadScore):
    """An account's standing now: ``risk`` 0–1 of losing it, ``money`` its worth in a year, if known."""

    risk: Annotated[float, Field(ge=0, le=1)]
    money: float | None


class LeadResult(_Strict):
    """A score or an error, never both."""

    id: str
    score: LeadScore | None
    error: ErrorDetail | None


class AccountResult(_Strict):
    """A score or an error, never both."""

    id: str
    score: AccountScore | None
    error: ErrorDetail | None


class LeadResults(_Strict):
    """One item per id, in the order asked."""

    results: list[LeadResult]


class AccountResults(_Strict):
    """One item per id, in the order asked."""

    results: list[AccountResult]


class RankedItem(_Strict):
    """One row of a ranked list, from the score table."""

    id: str
    title: str | None
    value: float
    band: Literal["green", "yellow", "red"]
    probability: float | None
    source: Literal["model", "rules", "last"]
    owner_id: str | None
    region: str | None
    money: float | None
    scored_at: datetime


class RankedPageOut(_Strict):
    """One page of a ranked list. ``total`` counts the whole list, where that is cheap."""

    items: list[RankedItem]
    next_cursor: str | None
    total: int | None


class StoredScore(_ScoreBase):
    """A score of the log, never changed since."""

    scored_at: datetime
    risk: float | None = None


class DetailOut(_Strict):
    """A record with its phone masked, its latest score, and the scores before, newest first."""

    id: str
    record: dict[str, Any]
    score: StoredScore | None
    history: list[StoredScore]


class TraceOut(_Strict):
    """A feature's value as of a moment, and the raw records that made it."""

    id: str
    feature: str
    title: Words
    unit: str | None
    value: float | str | bool | None
    as_of: datetime
    records: list[dict[str, Any]]


class PartState(_Strict):
    """One thing that answers depend on: ``ok``, ``degraded`` (a lower rung answers) or ``down``."""

    state: Literal["ok", "degraded", "down"]
    detail: str


class Readiness(_Strict):
    """Whether scores can be given, and by what. ``degraded`` is ready: rules answer."""

    status: Literal["ready", "degraded", "down"]
    parts: dict[str, PartState]


class Alive(_Strict):
    """The process answers."""

    status: Literal["alive"]
