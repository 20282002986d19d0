"""From a calibrated probability to 0–100 points, by a published line that keeps the colours' meaning.

The map is piecewise linear and strictly monotone, and is stored in the bundle as its corner points:

- **chance** (a lead's health: the outcome is good, more is better). 0 → 0; the base rate → 60; three
  times the base rate → 90; 1 → 100. Yellow starts at "as likely as the average lead", green at "three
  times as likely". Where three times the base rate would pass the middle between base rate and 1, the
  middle is taken, so that green stays reachable.
- **health** (an account's: the outcome is a loss, more points are safer). 0 → 100; a third of the base
  rate → 90; the base rate → 60; 1 → 0. Green is "a third of the usual risk or less", red "above the
  usual risk". Accounts are ranked by risk, so by the same probability.

Yellow and green start at the points of ``crm_store.domain.scores.DEFAULT_BANDS``.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from crm_store.domain.scores import DEFAULT_BANDS
from training.arrays import Floats

Meaning = Literal["chance", "health"]
GREEN_TIMES = 3.0  # how many times better than average a subject is to be green


@dataclass(frozen=True)
class ScoreMap:
    """Corner points: probabilities, rising from 0 to 1, and their values, all rising or all falling."""

    probabilities: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Raise ValueError unless the line is strictly monotone from probability 0 to 1 within 0–100."""
        steps, rises = np.diff(self.probabilities), np.diff(self.values)
        if len(self.probabilities) != len(self.values) or len(self.values) < 2:
            raise ValueError("a score map needs as many values as probabilities, and at least 2")
        if self.probabilities[0] != 0 or self.probabilities[-1] != 1 or not (steps > 0).all():
            raise ValueError("the probabilities of a score map rise from 0 to 1")
        if not ((rises > 0).all() or (rises < 0).all()) or min(self.values) < 0 or max(self.values) > 100:
            raise ValueError("the values of a score map rise or fall throughout, within 0–100")

    def apply(self, probabilities: Floats) -> Floats:
        """Return the points (n,) of probabilities (n,)."""
        return np.asarray(np.interp(probabilities, self.probabilities, self.values), dtype=np.float64)


def score_map(base_rate: float, meaning: Meaning) -> ScoreMap:
    """Draw the line for a base rate strictly between 0 and 1. Raises ValueError outside."""
    if not 0 < base_rate < 1:
        raise ValueError("a score map needs outcomes of both kinds")
    yellow, green = DEFAULT_BANDS.yellow, DEFAULT_BANDS.green
    if meaning == "chance":
        top = min(GREEN_TIMES * base_rate, (1 + base_rate) / 2)
        return ScoreMap((0.0, base_rate, top, 1.0), (0.0, yellow, green, 100.0))
    return ScoreMap((0.0, base_rate / GREEN_TIMES, base_rate, 1.0), (100.0, green, yellow, 0.0))
