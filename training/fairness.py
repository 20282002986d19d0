"""Is the model as good for every region and channel as for all? Quality by segment, with sample sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TYPE_CHECKING

from training.arrays import Bools, Floats
from training.evaluation import auc

if TYPE_CHECKING:
    import pandas as pd

MISSING = "—"
# What chance makes of a segment is left out of its gap: about 95 of 100 equal groups lie within it.
_SIGMAS = 2.0
_LEAST_OF_EACH = 10


@dataclass(frozen=True)
class Group:
    """The test rows with one value of one field.

    ``gap`` is |mean forecast - frequency|, ``auc_gap`` how far the AUC lies below that of all rows; both less
    what chance explains on ``n`` rows of so many ``entities``: rows of one entity tell about the same as one.
    An AUC needs ten rows of each outcome.
    """

    field: str
    value: str
    n: int
    entities: int
    positives: int
    forecast: float
    frequency: float
    auc: float | None
    gap: float
    auc_gap: float | None

    @property
    def named(self) -> str:
        """Which it is, with its size."""
        return f"{self.field}={self.value}, n={self.entities}"

    def as_dict(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return asdict(self)


def groups(
    frame: pd.DataFrame, fields: Sequence[str], labels: Bools, probabilities: Floats, least: int
) -> list[Group]:
    """Return every segment with at least ``least`` entities, field by field, largest first.

    ``frame`` has entity_id and the fields.
    """
    whole, ids = auc(labels, probabilities), frame.entity_id.to_numpy()
    found = []
    for field in fields:
        values = frame[field].astype(object).where(frame[field].notna(), MISSING).astype(str).to_numpy()
        for value in sorted(set(values)):
            inside = values == value
            entities = len(set(ids[inside]))
            if entities >= least:
                measured = _segment(field, value, entities, labels[inside], probabilities[inside], whole)
                found.append(measured)
    return sorted(found, key=lambda one: (one.field, -one.n, one.value))


def _segment(
    field: str, value: str, entities: int, labels: Bools, probabilities: Floats, whole: float | None
) -> Group:
    n, positives = len(labels), int(labels.sum())
    forecast, frequency = float(probabilities.mean()), positives / n
    repeated = sqrt(n / entities)
    noise = repeated * sqrt(float((probabilities * (1 - probabilities)).sum())) / n
    own, below = None, None
    if min(positives, n - positives) >= _LEAST_OF_EACH and whole is not None:
        own = auc(labels, probabilities)
        assert own is not None  # noqa: S101 - both outcomes occur
        below = max(0.0, whole - own - _SIGMAS * repeated * _auc_error(own, positives, n - positives))
    gap = max(0.0, abs(forecast - frequency) - _SIGMAS * noise)
    return Group(field, value, n, entities, positives, forecast, frequency, own, gap, below)


def _auc_error(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of an AUC (Hanley and McNeil 1982, Radiology 143)."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return sqrt(max(spread, 0.0) / (positives * negatives))
