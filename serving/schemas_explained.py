"""The public contract of what explains scores: why they changed, part scores, and the models behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from serving.schemas import SegmentOut, Strict, Words


class StandingOut(Strict):
    """The score as of a moment: that of the latest data no later than it."""

    value: Annotated[float, Field(ge=0, le=100)]
    band: Literal["green", "yellow", "red"]
    source: Literal["model", "rules", "last"]
    version: str
    as_of: datetime
    scored_at: datetime


class ChangePart(Strict):
    """What one thing was worth ``then`` and ``now``, in score points; each trace opens its records."""

    meaning: str
    title: Words
    sentence: str
    then: float
    now: float
    points: float
    trace_then: str | None
    trace_now: str | None


class ChangeBase(Strict):
    """What is left: where the score starts, what hardly matters, rounding; ``cause`` says why it moved."""

    cause: Literal["base", "version", "source"]
    sentence: str
    points: float


class ChangeOut(Strict):
    """Why a score changed: ``points`` of all parts and of the base add up to ``points``."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: str
    from_: Annotated[StandingOut, Field(alias="from")]
    to: StandingOut
    points: float
    parts: list[ChangePart]
    base: ChangeBase


class Corner(Strict):
    """A corner of the map from probability to points; straight lines join the corners."""

    probability: Annotated[float, Field(ge=0, le=1)]
    value: Annotated[float, Field(ge=0, le=100)]


class TriedSegment(SegmentOut):
    """A segment that was tried; ``kept`` tells whether its own model answers."""

    kept: bool


class ModelAbout(Strict):
    """What a model is: the published map, what it learned from, how good it was on later data."""

    trained_at: datetime
    meaning: Literal["chance", "health"]
    base_rate: float
    calibrator: str
    map: list[Corner]
    features: list[str]
    rows: dict[str, Any]
    metrics: dict[str, Any]
    segments: list[TriedSegment]


class ModelOut(Strict):
    """A model, and its champion if it has one; ``state`` says why it hasn't."""

    model: str
    entity: Literal["lead", "account"]
    state: Literal[
        "champion",
        "no_champion",
        "bundle_broken",
        "starting",
        "drift_inputs",
        "drift_score",
        "drift_base_rate",
        "drift_calibration",
    ]
    version: str | None
    about: ModelAbout | None


class BandsOut(Strict):
    """The lowest value of each colour; red is everything below yellow."""

    green: float
    yellow: float


class ModelsOut(Strict):
    """Every model, and what its points mean."""

    bands: BandsOut
    models: list[ModelOut]


class PartReasonOut(Strict):
    """One reason of a part score, in its points; ``trace`` opens the records behind the value."""

    signal: str
    sentence: str
    value: float | str | bool | None
    unit: str | None
    points: float
    trace: str | None


class PartScoreOut(Strict):
    """A score by a published rule document: ``base`` and the points of all reasons make ``value``."""

    name: str
    title: Words
    version: str
    value: float
    base: float
    label: str
    label_title: Words
    reasons: list[PartReasonOut]


class PartScoresOut(Strict):
    """Activity and pool, and fit of a lead; the tier of an account."""

    id: str
    as_of: datetime
    scores: list[PartScoreOut]
