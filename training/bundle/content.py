"""What is in a bundle, and its two ways through the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from training.bundle.files import BundleBroken, canonical_json, parse_json, read_files, write_files
from training.calibration import Calibrator
from training.encoding import Encoding
from training.score_map import Meaning, ScoreMap


@dataclass(frozen=True)
class Bundle:
    """Everything that scoring with a model needs, and nothing that can run by itself.

    ``base_rate`` is that of the training rows; ``catalog_hash`` is of the feature catalog that the model
    was trained on; ``facts`` are numbers and texts about the training that pages show.
    """

    model: str
    version: str
    entity: str
    meaning: Meaning
    trained_at: datetime
    base_rate: float
    catalog_hash: str
    encoding: Encoding
    calibrator: Calibrator
    points: ScoreMap
    booster: str
    facts: Mapping[str, Any]

    def save(self, folder: Path) -> str:
        """Write the bundle into a new folder; return the SHA-256 of its manifest.

        Raises FileExistsError when the folder is there: a bundle is never written over.
        """
        return write_files(folder, self.files())

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by name."""
        about = {
            "model": self.model,
            "version": self.version,
            "entity": self.entity,
            "meaning": self.meaning,
            "trained_at": self.trained_at.isoformat(),
            "base_rate": self.base_rate,
            "catalog_hash": self.catalog_hash,
            "features": self.encoding.features,
            "categories": self.encoding.categories,
            "calibrator": asdict(self.calibrator),
            "points": asdict(self.points),
            "facts": self.facts,
        }
        return {"booster.txt": self.booster.encode(), "bundle.json": canonical_json(about)}

    @classmethod
    def load(cls, folder: Path, expected_manifest_sha256: str | None = None) -> Bundle:
        """Read a bundle after checking every hash. Raises BundleBroken."""
        files, _ = read_files(folder, expected_manifest_sha256)
        about: dict[str, Any] = parse_json(files["bundle.json"], "bundle_content", "bundle.json")
        try:
            return cls._of(about, files["booster.txt"].decode())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BundleBroken("bundle_content", f"bundle.json: {error}") from None

    @classmethod
    def _of(cls, about: dict[str, Any], booster: str) -> Bundle:
        categories = {name: tuple(values) for name, values in about["categories"].items()}
        calibrator, points = about["calibrator"], about["points"]
        if about["meaning"] not in ("chance", "health"):
            raise ValueError("meaning")
        return cls(
            model=str(about["model"]),
            version=str(about["version"]),
            entity=str(about["entity"]),
            meaning=about["meaning"],
            trained_at=datetime.fromisoformat(about["trained_at"]),
            base_rate=float(about["base_rate"]),
            catalog_hash=str(about["catalog_hash"]),
            encoding=Encoding(tuple(about["features"]), categories),
            calibrator=Calibrator(
                calibrator["kind"], tuple(calibrator["xs"]), tuple(calibrator["ys"]), calibrator["share"]
            ),
            points=ScoreMap(tuple(points["probabilities"]), tuple(points["values"])),
            booster=booster,
            facts=about["facts"],
        )
