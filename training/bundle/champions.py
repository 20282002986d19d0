"""Which bundle is champion, and which is tried in its shadow: one small file each, replaced in one step.

``<models folder>/<model>/champion.json`` names a bundle folder beside it and the SHA-256 of its manifest;
``shadow.json`` names a challenger in the same way, and ``earlier.json`` the champions before this one, oldest
first. A reader sees the old champion or the new one, never a mixture, and a bundle that was changed after
its promotion is refused.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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
SHADOW = "shadow.json"
EARLIER = "earlier.json"
KEPT_EARLIER = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


@dataclass(frozen=True)
class Champion:
    """The content of a pointer."""

    version: str
    folder: str
    manifest_sha256: str


def promote(models_folder: Path, model: str, folder: str) -> Champion:
    """Make the bundle in ``models_folder/model/folder`` champion, after verifying it. Raises BundleBroken.

    The champion until now can be returned to by ``roll_back``.
    """
    named = _verified(models_folder, model, folder)
    place = models_folder / model
    with _alone(place):
        before = _standing(models_folder, model)
        if before is not None and before != named:
            _write_earlier(place, [*earlier_champions(models_folder, model), before])
        write_atomically(place / POINTER, canonical_json(asdict(named)))
    return named


def roll_back(models_folder: Path, model: str) -> Champion:
    """Make the last earlier champion that is whole champion again, and return it.

    Raises BundleBroken ``no_earlier_champion`` when there is none. What it replaces is forgotten as a
    champion: rolling back twice goes back two steps.
    """
    place = _inside(models_folder, model)
    with _alone(place):
        current, earlier = _standing(models_folder, model), earlier_champions(models_folder, model)
        while earlier:
            last = earlier.pop()
            if last == current or not _whole(models_folder, model, last):
                continue
            # The pointer first: a stop between the two leaves an entry that equals the champion.
            write_atomically(place / POINTER, canonical_json(asdict(last)))
            _write_earlier(place, earlier)
            return last
    raise BundleBroken("no_earlier_champion", model)


def cast_shadow(models_folder: Path, model: str, folder: str) -> Champion:
    """Name a verified bundle as the challenger that is scored beside the champion. Raises BundleBroken."""
    named = _verified(models_folder, model, folder)
    write_atomically(models_folder / model / SHADOW, canonical_json(asdict(named)))
    return named


def lift_shadow(models_folder: Path, model: str) -> None:
    """Let no challenger be tried."""
    (_inside(models_folder, model) / SHADOW).unlink(missing_ok=True)


def champion_of(models_folder: Path, model: str, pointer: str = POINTER) -> Champion:
    """Read a pointer. Raises BundleBroken, with code ``no_champion`` when it names nobody."""
    path = _inside(models_folder, model) / pointer
    if not path.exists() and not path.is_symlink():
        raise BundleBroken("no_champion", model)
    return _parsed(parse_json(read_plain(path), "bundle_manifest", pointer), pointer)


def earlier_champions(models_folder: Path, model: str) -> list[Champion]:
    """Return the champions before this one, oldest first. Raises BundleBroken."""
    path = _inside(models_folder, model) / EARLIER
    if not path.exists() and not path.is_symlink():
        return []
    listed = parse_json(read_plain(path), "bundle_manifest", EARLIER).get("earlier")
    if not isinstance(listed, list):
        raise BundleBroken("bundle_manifest", EARLIER)
    return [_parsed(value, EARLIER) for value in listed]


def load_champion(models_folder: Path, model: str, pointer: str = POINTER) -> Bundle:
    """Return the verified bundle that a pointer of a model names. Raises BundleBroken."""
    champion = champion_of(models_folder, model, pointer)
    return _load(models_folder, model, champion, pointer)


def versions_of(models_folder: Path, model: str) -> list[str]:
    """Return the folders of a model's bundles, by name; whether they are whole is not looked at."""
    place = _inside(models_folder, model)
    if not place.is_dir():
        return []
    return sorted(entry.name for entry in place.iterdir() if entry.is_dir() and _NAME.fullmatch(entry.name))


def _load(models_folder: Path, model: str, named: Champion, field: str) -> Bundle:
    bundle = Bundle.load(models_folder / model / named.folder, named.manifest_sha256)
    if bundle.model != model or bundle.version != named.version:
        raise BundleBroken("bundle_content", field)
    return bundle


def _verified(models_folder: Path, model: str, folder: str) -> Champion:
    bundle_folder = _inside(models_folder, model) / _plain_name(folder)
    version = Bundle.load(bundle_folder).version
    return Champion(version, folder, read_files(bundle_folder)[1])


def _whole(models_folder: Path, model: str, named: Champion) -> bool:
    try:
        _load(models_folder, model, named, EARLIER)
    except BundleBroken:
        return False
    return True


def _standing(models_folder: Path, model: str) -> Champion | None:
    """The champion that the pointer names, None where it names none or can't be read."""
    try:
        return champion_of(models_folder, model)
    except BundleBroken:
        return None


def _parsed(value: object, field: str) -> Champion:
    if not isinstance(value, dict) or set(value) != {"version", "folder", "manifest_sha256"}:
        raise BundleBroken("bundle_manifest", field)
    return Champion(str(value["version"]), _plain_name(str(value["folder"])), str(value["manifest_sha256"]))


def _write_earlier(place: Path, earlier: Sequence[Champion]) -> None:
    listed = [asdict(one) for one in earlier[-KEPT_EARLIER:]]
    write_atomically(place / EARLIER, canonical_json({"earlier": listed}))


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep two promotions of one model apart, in whatever processes they are."""
    if not place.is_dir():
        raise BundleBroken("bundle_missing", place.name)
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _inside(models_folder: Path, model: str) -> Path:
    place = models_folder / _plain_name(model)
    if place.is_symlink():
        raise BundleBroken("bundle_not_plain", model)
    return place


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BundleBroken("bundle_path", name[:40])
    return name
