"""What a training says about itself, ready for JSON, for a summary and for the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from training.bundle.files import canonical_json
from training.datasets import Dataset, Part


@dataclass(frozen=True)
class TrainingReport:
    """One training: what it learned from, how the scorers compare, which gates it passed.

    ``metrics`` holds rules, bayes, lightgbm and, if there was one, champion, all on the same test rows.
    ``share`` is the part of the outcome that the training labels saw (see ``Calibrator``). ``champion``
    tells whether this version became champion; ``registered`` is its version in the registry.
    """

    model: str
    company: str
    entity: str
    version: str
    trained_at: datetime
    rows: dict[str, dict[str, int]]
    dates: dict[str, str]
    dataset_digest: str
    features: list[str]
    catalog_hash: str
    code_version: str
    base_rate: float
    share: float
    calibrator: str
    calibration_losses: Mapping[str, float]
    rounds: int
    metrics: dict[str, dict[str, float | int | None]]
    gates: list[dict[str, object]]
    champion: bool
    registered: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "trained_at": self.trained_at.isoformat()}

    def json(self) -> bytes:
        """Return everything as one spelling of JSON."""
        return canonical_json(self.as_dict())

    def registered_as(self, registered: str, seconds: float) -> TrainingReport:
        """Return the report with its registered version and the whole time that it took."""
        return replace(self, registered=registered, seconds=seconds)


def _parts(dataset: Dataset) -> dict[str, Part]:
    learned = dict(zip(("fit", "stop", "calibration"), dataset.learned, strict=False))
    return {**learned, "test": dataset.test}


def sizes_of(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return rows and positives of each part; calibration is left out where the stop rows calibrate."""
    return {
        name: {"rows": len(part.labels), "positives": int(part.labels.sum())}
        for name, part in _parts(dataset).items()
    }


def dates_of(dataset: Dataset) -> dict[str, str]:
    """Return the first and last moment of each part, and the moment that divides learning from testing."""
    dates = {"split_at": dataset.split_at.isoformat()}
    for name, part in _parts(dataset).items():
        dates[f"{name}_from"] = part.frame.as_of.min().isoformat()
        dates[f"{name}_to"] = part.frame.as_of.max().isoformat()
    return dates


def digest_of(dataset: Dataset) -> str:
    """Return 36 hexadecimal digits that change with any row, label or feature value of any part."""
    import pandas as pd

    digest = hashlib.sha256()
    for part in _parts(dataset).values():
        digest.update(pd.util.hash_pandas_object(part.frame, index=False).to_numpy().tobytes())
        digest.update(part.labels.tobytes())
    return digest.hexdigest()[:36]
