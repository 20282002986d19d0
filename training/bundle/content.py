"""What is in a bundle, and its two ways through the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from training.bundle.files import BundleBroken, canonical_json, parse_json, read_files, write_files
from training.bundle.segments import Segment, calibrator_of
from training.calibration import Calibrator
from training.encoding import Encoding
from training.score_map import Meaning, ScoreMap

MOST_WEEKS = 104


@dataclass(frozen=True)
class Bundle:
    """Everything that scoring with a model needs, and nothing that can run by itself.

    ``base_rate`` is that of the training rows; ``catalog_hash`` is of the feature catalog that the model
    was trained on; ``segments`` are parts of the subjects with models of their own, the first that
    a subject belongs to answers; ``facts`` are numbers and texts about the training that pages show.
    ``weeks`` is how many weeks ahead a hazard tells apart (``training.bundle.hazard``), 0 for a single
    probability.
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
    weeks: int = 0
    segments: tuple[Segment, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features that it and its segments read."""
        of_segments = (name for one in self.segments for name in (one.facts.feature, *one.encoding.features))
        return tuple(dict.fromkeys((*self.encoding.features, *of_segments)))

    def told(self) -> dict[str, Any]:
        """Return what people may ask about it: the published map, sample sizes, segments and quality."""
        return {
            "trained_at": self.trained_at.isoformat(),
            "meaning": self.meaning,
            "base_rate": self.base_rate,
            "calibrator": self.calibrator.kind,
            "map": [
                {"probability": probability, "value": value}
                for probability, value in zip(self.points.probabilities, self.points.values, strict=True)
            ],
            "features": list(self.encoding.features),
            "rows": dict(self.facts.get("rows", {})),
            "metrics": dict(self.facts.get("metrics", {})),
            "segments": list(self.facts.get("segments", [])),
        }

    def save(self, folder: Path) -> str:
        """Write the bundle into a new folder; return the SHA-256 of its manifest.

        Raises FileExistsError when the folder is there: a bundle is never written over.
        """
        return write_files(folder, self.files())

    def files(self) -> dict[str, bytes]:
        """Return the content of each file by name."""
        about: dict[str, Any] = {
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
            **({"weeks": self.weeks} if self.weeks else {}),
        }
        if self.segments:
            about["segments"] = [segment.as_dict() for segment in self.segments]
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
        points = about["points"]
        if about["meaning"] not in ("chance", "health"):
            raise ValueError("meaning")
        weeks = about.get("weeks", 0)
        if (
            type(weeks) is not int
            or not 0 <= weeks <= MOST_WEEKS
            or (weeks and about["calibrator"]["kind"] != "platt")
        ):
            raise ValueError("weeks")
        return cls(
            model=str(about["model"]),
            version=str(about["version"]),
            entity=str(about["entity"]),
            meaning=about["meaning"],
            trained_at=datetime.fromisoformat(about["trained_at"]),
            base_rate=float(about["base_rate"]),
            catalog_hash=str(about["catalog_hash"]),
            encoding=Encoding(tuple(about["features"]), categories),
            calibrator=calibrator_of(about["calibrator"]),
            points=ScoreMap(tuple(points["probabilities"]), tuple(points["values"])),
            booster=booster,
            facts=about["facts"],
            segments=tuple(map(Segment.of, about.get("segments", ()))),
            weeks=weeks,
        )
