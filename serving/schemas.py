"""The public contract as types: what the OpenAPI document is made of, and what tests hold answers against."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.errors import MAX_IDS


class Strict(BaseModel):
    """A body without unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Ids(Strict):
    """Which records to score. An id that occurs twice is scored once and answered twice."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IDS)]


class Words(Strict):
    """One text in both languages."""

    zh: str
    en: str


class Why(Strict):
    """Why the model did not answer: a stable code, and words."""

    code: str
    message: Words


class ErrorDetail(Strict):
    """What went wrong: a stable code, the field at fault, words and advice."""

    code: str
    message: Words
    hint: Words
    field: str | None = None
    request_id: str | None = None


class ErrorBody(Strict):
    """The body of every failed request."""

    error: ErrorDetail


class ReasonOut(Strict):
    """One reason: ``effect`` in score points, above 0 for, below 0 against; ``trace`` opens the records.

    ``meaning`` names what it is about: a model's features that say the same are one reason, with the sum
    of their effects and the words of the strongest.
    """

    feature: str
    meaning: str
    sentence: str
    value: float | str | bool | None
    unit: str | None
    effect: float
    trace: str | None


class ReasonsOut(Strict):
    """Reasons, strongest first. ``notes`` moved nothing but are worth knowing."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    for_: Annotated[list[ReasonOut], Field(alias="for")]
    against: list[ReasonOut]
    notes: list[ReasonOut]


class _ScoreBase(Strict):
    value: Annotated[float, Field(ge=0, le=100)]
    band: Literal["green", "yellow", "red"]
    probability: Annotated[float | None, Field(description="of a lead converting, of an account being lost")]
    source: Literal["model", "rules", "last"]
    why: Why | None
    version: str
    as_of: Annotated[datetime, Field(description="the moment of the data behind the score")]
    base: Annotated[
        float, Field(description="points before any reason: base + effects + others = value, up to rounding")
    ]
    others: Annotated[float, Field(description="points of the reasons that are not among the strongest")]
    reasons: ReasonsOut


class WhenOut(Strict):
    """When a loss threatens: the chance in each coming week, in all of them, and the weeks that matter.

    Weeks count from 1. ``median_week`` is that by whose end a loss is as likely as not, if it ever is.
    """

    weeks: list[Annotated[float, Field(ge=0, le=1)]]
    total: Annotated[float, Field(ge=0, le=1)]
    likeliest_weeks: list[int]
    median_week: int | None


class SegmentOut(Strict):
    """A part of the subjects with a model of its own, and the sample sizes behind it.

    ``rows`` and ``positives`` were learned from. On the ``tested`` later rows its log loss was lower than the
    general model's by ``gain`` on average, by ``least_gain`` at the lower end of the interval.
    """

    feature: str
    value: str
    rows: int
    positives: int
    tested: int
    tested_positives: int
    gain: float
    least_gain: float


class LeadScore(_ScoreBase):
    """A lead's health now. ``rung`` names the step of the fallback ladder that answered."""

    rung: Literal["segment", "model", "rules_online", "rules_records", "last"]
    segment: SegmentOut | None
    age_s: Annotated[int | None, Field(description="age of a last known score, seconds")]


class AccountScore(LeadScore):
    """An account's standing now: ``risk`` 0–1 of losing it, ``money`` its worth in a year, if known."""

    risk: Annotated[float, Field(ge=0, le=1)]
    money: float | None
    when: Annotated[WhenOut | None, Field(description="null without a model that says when")] = None


class LeadResult(Strict):
    """A score or an error, never both."""

    id: str
    score: LeadScore | None
    error: ErrorDetail | None


class AccountResult(Strict):
    """A score or an error, never both."""

    id: str
    score: AccountScore | None
    error: ErrorDetail | None


class LeadResults(Strict):
    """One item per id, in the order asked."""

    results: list[LeadResult]


class AccountResults(Strict):
    """One item per id, in the order asked."""

    results: list[AccountResult]


class MatchedRep(Strict):
    """A rep who may have the lead; ``probability`` is that of winning it in their hands, if known.

    The model's reasons tell how a rep differs from the other candidates: effects are percentage points, and
    add up to ``probability`` over ``mean``. Rules give points of their own.
    """

    rank: int
    rep_id: str
    name: str
    team_id: str | None
    open_leads: int
    probability: float | None
    reasons: ReasonsOut


class ExcludedRep(Strict):
    """A rep who may not have it now: a stable code, words, and the end of a leave."""

    rep_id: str
    name: str
    code: Literal["other_region", "on_leave", "at_capacity"]
    message: Words
    until: datetime | None


class MatchOut(Strict):
    """The reps for a lead, best first. ``seed`` is the one that the rules' round-robin was settled by.

    ``mean`` is the model's chance for the mean candidate. ``age_s`` is how old leave, load and ground of the
    reps are while the record store is away, null while it answers.
    """

    rung: Literal["model", "rules"]
    why: Why | None
    version: str
    as_of: datetime
    age_s: int | None
    mean: float | None
    seed: int | None
    reps: list[MatchedRep]
    excluded: list[ExcludedRep]


class MatchResult(Strict):
    """A match or an error, never both."""

    id: str
    match: MatchOut | None
    error: ErrorDetail | None


class MatchResults(Strict):
    """One item per id, in the order asked."""

    results: list[MatchResult]


class RankedItem(Strict):
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


class RankedPageOut(Strict):
    """One page of a ranked list. ``total`` counts the whole list, where that is cheap."""

    items: list[RankedItem]
    next_cursor: str | None
    total: int | None


class StoredScore(_ScoreBase):
    """A score of the log, never changed since."""

    scored_at: datetime
    risk: float | None = None
    when: WhenOut | None = None


class DetailOut(Strict):
    """A record with its phone masked, its latest score, and the scores before, newest first."""

    id: str
    record: dict[str, Any]
    score: StoredScore | None
    history: list[StoredScore]


class PointsOut(Strict):
    """Points of 0–100 by rules, with reasons."""

    value: Annotated[float, Field(ge=0, le=100)]
    band: Literal["green", "yellow", "red"]
    version: str
    reasons: ReasonsOut


class PartOut(PointsOut):
    """One part of an account's standing; more points are better in each."""

    part: Literal["purchase", "service", "risk"]
    title: Words


class TicketOut(Strict):
    """A service ticket as the caller may see it."""

    id: str
    title: str | None
    category: str | None
    priority: str | None
    status: str | None
    opened_at: datetime
    first_response_at: datetime | None
    resolved_at: datetime | None
    satisfaction: int | None


class ServiceOut(Strict):
    """Half a year of service, newest first: tickets, mean hours to the first response, mean satisfaction."""

    tickets: list[TicketOut]
    first_response_mean_h: float | None
    satisfaction_mean: float | None


class NoteOut(Strict):
    """A communication that speaks of a rival or of changing supplier."""

    id: str
    channel: str
    direction: str
    occurred_at: datetime
    text: str | None


class VisitPackOut(Strict):
    """What to take along to a senior visit. ``advice`` says so where the composite calls for one."""

    id: str
    as_of: datetime
    composite: PointsOut
    advice: Words | None
    parts: list[PartOut]
    when: WhenOut | None
    service: ServiceOut
    open_issues: list[TicketOut]
    competitor_notes: list[NoteOut]


class TraceOut(Strict):
    """A feature's value as of a moment, and the raw records that made it."""

    id: str
    feature: str
    title: Words
    unit: str | None
    value: float | str | bool | None
    as_of: datetime
    records: list[dict[str, Any]]


class PartState(Strict):
    """One thing that answers depend on: ``ok``, ``degraded`` (a lower rung answers) or ``down``."""

    state: Literal["ok", "degraded", "down"]
    detail: str


class Readiness(Strict):
    """Whether scores can be given, and by what. ``degraded`` is ready: rules answer."""

    status: Literal["ready", "degraded", "down"]
    parts: dict[str, PartState]


class Alive(Strict):
    """The process answers."""

    status: Literal["alive"]
