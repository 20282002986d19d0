"""Whether a champion may answer: the last word on its drift, in a file beside its pointer.

``<models folder>/<model>/drift.json`` is about one version. A champion of another version, fresh from its
training, is not concerned by it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from training.bundle.files import BundleBroken, canonical_json, parse_json, read_plain, write_atomically

FILE_NAME = "drift.json"
Level = Literal["ok", "warn", "act"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "act")


@dataclass(frozen=True)
class Standing:
    """What drift was found for a version: kinds past the limit at which the model steps down, by name.

    ``accepted`` are the kinds that a person has looked at and lets pass; ``findings`` is for people.
    """

    version: str
    as_of: str
    level: Level
    past: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    accepted_why: str | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def down(self) -> str | None:
        """The first kind for which the model steps down, None while it may answer."""
        return next((kind for kind in self.past if kind not in self.accepted), None)


def standing_of(models_folder: Path, model: str) -> Standing | None:
    """Return the last word on a model's drift, None before the first. Raises BundleBroken."""
    path = models_folder / model / FILE_NAME
    if not path.exists():
        return None
    value: dict[str, Any] = parse_json(read_plain(path), "bundle_content", FILE_NAME)
    try:
        if value["level"] not in LEVELS:
            raise ValueError("level")
        if not all({"kind", "level", "zh", "en"} <= set(one) for one in value["findings"]):
            raise ValueError("findings")
        return Standing(**{**value, "past": tuple(value["past"]), "accepted": tuple(value["accepted"])})
    except (KeyError, TypeError, ValueError) as error:
        raise BundleBroken("bundle_content", f"{FILE_NAME}: {error}") from None


def write_standing(models_folder: Path, model: str, standing: Standing) -> None:
    """Replace the last word; serving acts on it within seconds."""
    write_atomically(models_folder / model / FILE_NAME, canonical_json(asdict(standing)))
