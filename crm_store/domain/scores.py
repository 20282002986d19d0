"""What a score is, whoever made it: a number, a colour, reasons, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from math import isfinite
from typing import Any, Literal, Protocol

Band = Literal["green", "yellow", "red"]
Source = Literal["model", "rules", "last"]


@dataclass(frozen=True)
class Bands:
    """Lowest value of each colour, in score points; red is everything below yellow (product C1)."""

    green: float = 90
    yellow: float = 60


DEFAULT_BANDS = Bands()


def band_of(value: float, bands: Bands = DEFAULT_BANDS) -> Band:
    """Return the colour of a score of 0–100: a value on a threshold has the better colour."""
    if value >= bands.green:
        return "green"
    return "yellow" if value >= bands.yellow else "red"


@dataclass(frozen=True)
class Reason:
    """One thing that moved a score.

    ``effect`` is in score points: above 0 speaks for, below 0 against, and 0 is a note, such as what
    stands between an ordinary lead and green. ``sentence`` is (Chinese, English) when the maker of the
    score has its own words; None leaves the words to the feature's sentence template.
    """

    feature: str
    value: float | str | bool | None
    effect: float
    sentence: tuple[str, str] | None = None


@dataclass(frozen=True)
class SegmentFacts:
    """A part of the subjects with a model of its own: which, on how many rows, and by how much it is better.

    ``rows`` and ``positives`` were learned from; on the ``tested`` later rows its log loss was lower than the
    general model's by ``gain`` on average, and by ``least_gain`` at the lower end of the interval.
    """

    feature: str
    value: str
    rows: int
    positives: int
    tested: int
    tested_positives: int
    gain: float
    least_gain: float

    @property
    def name(self) -> str:
        """How versions name it, e.g. lead_channel=转介绍."""
        return f"{self.feature}={self.value}"


@dataclass(frozen=True)
class Score:
    """A score of 0–100 as of a moment, with the strongest reasons first.

    ``base`` and the effects of all reasons make ``value``: what the average subject scores, what moves it
    too little to be a reason, and what is cut off at 0 and 100.
    ``probability`` is that of the outcome the score is about: a lead converting, an account lost.
    ``why`` is a stable code for why a lower rung of the ladder answered, e.g. ``no_champion``. ``weekly`` is
    the chance of the loss in each of the coming weeks, where a hazard says so. ``segment`` is the part of the
    subjects whose own model answered; its name is in the ``version``, after a slash.
    """

    value: float
    band: Band
    probability: float | None
    reasons: tuple[Reason, ...]
    source: Source
    version: str
    as_of: datetime
    why: str | None = None
    weekly: tuple[float, ...] | None = None
    segment: SegmentFacts | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside 0–100 (NaN included) or a probability outside 0–1."""
        if not 0 <= self.value <= 100:
            raise ValueError(f"a score lies in 0–100, not {self.value}")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"a probability lies in 0–1, not {self.probability}")

    @classmethod
    def many(
        cls,
        values: Sequence[float],
        probabilities: Sequence[float],
        reasons: Iterable[tuple[Reason, ...]],
        source: Source,
        version: str,
        as_of: datetime,
    ) -> list[Score]:
        """Return the scores of many subjects by one maker, in less than half the time of one by one.

        Raises ValueError as a single one does.
        """
        if not (_within(values, 100) and _within(probabilities, 1)):
            raise ValueError("a score lies in 0–100, and a probability in 0–1")
        put: Any = object.__setattr__  # a frozen class sets its fields one by one, which is most of its cost
        scores = list(map(object.__new__, repeat(cls, len(values))))
        green, yellow = DEFAULT_BANDS.green, DEFAULT_BANDS.yellow
        for score, value, probability, why in zip(scores, values, probabilities, reasons, strict=True):
            filled = {
                "value": value,
                "band": "green" if value >= green else "yellow" if value >= yellow else "red",
                "probability": probability,
                "reasons": why,
                "source": source,
                "version": version,
                "as_of": as_of,
            }  # the other fields are their defaults, which the class holds
            put(score, "__dict__", filled)
        return scores

    @property
    def base(self) -> float:
        """What is left of the value, in points, when every reason's effect is taken away."""
        return self.value - sum(reason.effect for reason in self.reasons)


def _within(numbers: Sequence[float], most: float) -> bool:
    """Tell whether all numbers lie in 0 to ``most``; the sum finds a NaN, which no comparison does."""
    return not numbers or (min(numbers) >= 0 and max(numbers) <= most and isfinite(sum(numbers)))


class Scorer(Protocol):
    """Anything that turns signals into scores: a rule document, a frequency table, a model bundle."""

    def score(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> list[Score]:
        """Return one score per row, in order; a row is feature name → value, and None is missing."""
        ...
