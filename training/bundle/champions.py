"""Which bundle is champion: one small file per model, replaced in one step.

``<models folder>/<model>/champion.json`` names a bundle folder beside it and the SHA-256 of its manifest.
A reader sees the old champion or the new one, never a mixture, and a bundle that was changed after its
promotion is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from training.bundle.content import Bundle
from training.bundle.files import (
    BundleBroken,
    canonical_json,
    parse_json,
    read_files,
    read_plain,
    write_atomically,
)

POINTER = "champion.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


@dataclass(frozen=True)
class Champion:
    """The content of a pointer."""

    version: str
    folder: str
    manifest_sha256: str


def promote(models_folder: Path, model: str, folder: str) -> Champion:
    """Make the bundle in ``models_folder/model/folder`` champion, after verifying it. Raises BundleBroken."""
    place = _inside(models_folder, model)
    bundle_folder = place / _plain_name(folder)
    version = Bundle.load(bundle_folder).version
    champion = Champion(version, folder, read_files(bundle_folder)[1])
    write_atomically(place / POINTER, canonical_json(champion.__dict__))
    return champion


def champion_of(models_folder: Path, model: str) -> Champion:
    """Read the pointer. Raises BundleBroken, with code ``no_champion`` when none was promoted."""
    path = _inside(models_folder, model) / POINTER
    if not path.exists() and not path.is_symlink():
        raise BundleBroken("no_champion", model)
    value = parse_json(read_plain(path), "bundle_manifest", POINTER)
    if set(value) != {"version", "folder", "manifest_sha256"}:
        raise BundleBroken("bundle_manifest", POINTER)
    return Champion(str(value["version"]), _plain_name(str(value["folder"])), str(value["manifest_sha256"]))


def load_champion(models_folder: Path, model: str) -> Bundle:
    """Return the verified champion of a model. Raises BundleBroken."""
    champion = champion_of(models_folder, model)
    bundle = Bundle.load(models_folder / model / champion.folder, champion.manifest_sha256)
    if bundle.model != model or bundle.version != champion.version:
        raise BundleBroken("bundle_content", POINTER)
    return bundle


def _inside(models_folder: Path, model: str) -> Path:
    place = models_folder / _plain_name(model)
    if place.is_symlink():
        raise BundleBroken("bundle_not_plain", model)
    return place


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BundleBroken("bundle_path", name[:40])
    return name
