"""A part of the subjects with a model of its own, as it travels in a bundle beside the general one.

It shares the general model's map of points, so that a colour means the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crm_store.domain.scores import SegmentFacts
from training.calibration import Calibrator
from training.encoding import Encoding


@dataclass(frozen=True)
class Segment:
    """The subjects whose ``facts.feature`` is ``facts.value``, and the model that answers for them."""

    facts: SegmentFacts
    encoding: Encoding
    calibrator: Calibrator
    booster: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "facts": asdict(self.facts),
            "features": self.encoding.features,
            "categories": self.encoding.categories,
            "calibrator": asdict(self.calibrator),
            "booster": self.booster,
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Segment:
        """Read what ``as_dict`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        categories = {name: tuple(values) for name, values in kept["categories"].items()}
        return cls(
            SegmentFacts(**kept["facts"]),
            Encoding(tuple(kept["features"]), categories),
            calibrator_of(kept["calibrator"]),
            str(kept["booster"]),
        )


def calibrator_of(kept: Mapping[str, Any]) -> Calibrator:
    """Read a calibrator from plain values."""
    return Calibrator(kept["kind"], tuple(kept["xs"]), tuple(kept["ys"]), kept["share"])
