"""What a training says about itself, ready for JSON, for a summary and for the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from training.bundle.champions import champion_of
from training.bundle.files import BundleBroken, canonical_json, parse_json, read_plain, write_atomically
from training.datasets import Dataset, Part

MEASURES = {"auc": "AUC", "ap": "AP", "logloss": "Log loss", "ece": "ECE", "lift": "Lift 10%"}
CURVE_MEASURES = {
    **{f"auc_{days}": f"AUC {days} d" for days in (30, 90, 180)},
    "ibs": "Brier, integrated",
    "concordance": "Concordance",
    "ece_90": "ECE 90 d",
}


def measures_of(scorers: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what is told of these scorers, measure → label: of single probabilities, or of curves."""
    return CURVE_MEASURES if any("ibs" in measured for measured in scorers.values()) else MEASURES


@dataclass(frozen=True)
class TrainingReport:
    """One training: what it learned from, how the scorers compare, which gates it passed.

    ``metrics`` holds rules, bayes, lightgbm and, if there was one, champion, all on the same test rows.
    ``share`` is the part of the outcome that the training labels saw (see ``Calibrator``). ``champion``
    tells whether this version became champion; ``registered`` is its version in the registry. ``groups`` is
    its quality by region and channel, ``curves`` the points of the calibration plots, ``gains`` each
    feature's share of the gain. ``warning`` is what red would have warned of, of a hazard
    (``survival.warning``).
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
    groups: list[dict[str, object]] = field(default_factory=list)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    warning: Mapping[str, Mapping[str, float | int | None]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**values, "trained_at": self.trained_at.isoformat()}

    def json(self) -> bytes:
        """Return everything as one spelling of JSON."""
        return canonical_json(self.as_dict())

    def registered_as(self, registered: str, seconds: float) -> TrainingReport:
        """Return the report with its registered version and the whole time that it took."""
        return replace(self, registered=registered, seconds=seconds)


def keep_beside(models_folder: Path, report: TrainingReport, card: bytes) -> None:
    """Write a version's report and card beside its bundle: the bundle's folder holds what is loaded only."""
    place = models_folder / report.model
    write_atomically(place / f"{report.version}.report.json", report.json())
    write_atomically(place / f"{report.version}.card.html", card)


def kept_report(models_folder: Path, model: str, version: str) -> dict[str, Any] | None:
    """Return the report kept beside a bundle, None where there is none. Raises BundleBroken."""
    try:
        content = read_plain(models_folder / model / f"{version}.report.json")
    except BundleBroken as error:
        if error.code == "bundle_missing":
            return None
        raise
    return parse_json(content, "bundle_content", f"{version}.report.json")


def champion_card(models_folder: Path, model: str) -> bytes | None:
    """Return the card of a model's champion, None where there is no champion or it has none."""
    try:
        version = champion_of(models_folder, model).version
        return read_plain(models_folder / model / f"{version}.card.html")
    except BundleBroken:
        return None


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
