"""Hostile models, by every way that a bundle gets in: nothing of them runs, and each is refused with a code.

The ways: loading a folder, promoting it, the champion's pointer, the shadow's, the champions before, serving,
and a backup that is restored. A bundle that runs anything would create the file ``ran``.
"""

import io
import json
import os
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from crm_store.repositories.problems import StoreError
from pipelines.backup import restore_backup
from pipelines.runtime import Runtime
from pipelines.settings import Settings
from serving.champions import Absent, FileChampions, bundle_loader
from serving.workers import Worker
from tests.unit.serving.fakes import NOW, Ticks
from training.bundle import SHADOW, Bundle, BundleBroken, BundleScorer, load_champion, promote
from training.bundle.champions import cast_shadow, roll_back

MODEL = "lead_health"


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (f"touch {self.target}",))


def pickled_booster(folder: Path, ran: Path) -> None:
    (folder / "booster.txt").write_bytes(pickle.dumps(Bomb(ran)))


def pickle_beside(folder: Path, ran: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(ran)))


def loader_module(folder: Path, ran: Path) -> None:
    code = folder / "code"
    code.mkdir()
    (code / "evil.py").write_text(f"open({str(ran)!r}, 'w')")
    (folder / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: evil\n    code: code\n")


def custom_object(folder: Path, ran: Path) -> None:
    about = json.loads((folder / "bundle.json").read_text())
    about["calibrator"] = {"py/object": "os.system", "py/reduce": [f"touch {ran}"]}
    (folder / "bundle.json").write_text(json.dumps(about))


def linked_booster(folder: Path, ran: Path) -> None:
    (folder / "booster.txt").unlink()
    (folder / "booster.txt").symlink_to("/etc/passwd")


def swapped_byte(folder: Path, ran: Path) -> None:
    text = bytearray((folder / "booster.txt").read_bytes())
    text[len(text) // 2] ^= 1
    (folder / "booster.txt").write_bytes(text)


HOSTILE = [pickled_booster, pickle_beside, loader_module, custom_object, linked_booster, swapped_byte]
Way = Callable[[Path, str], object]
WAYS: dict[str, Way] = {
    "load": lambda models, version: Bundle.load(models / MODEL / version),
    "promote": lambda models, version: promote(models, MODEL, version),
    "shadow": lambda models, version: cast_shadow(models, MODEL, version),
    "champion": lambda models, version: load_champion(models, MODEL),
    "shadow pointer": lambda models, version: load_champion(models, MODEL, SHADOW),
    "roll back": lambda models, version: roll_back(models, MODEL),
}


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_what_is_hostile_is_refused_and_never_runs(
    models: Path,
    two_bundles: tuple[Bundle, Bundle],
    ran: Path,
    spoil: Callable[[Path, Path], None],
    way: str,
) -> None:
    hostile, other = (bundle.version for bundle in two_bundles)
    cast_shadow(models, MODEL, hostile)
    promote(models, MODEL, hostile)
    if way == "roll back":
        promote(models, MODEL, other)
    spoil(models / MODEL / hostile, ran)
    with pytest.raises(BundleBroken) as caught:
        WAYS[way](models, hostile)
    assert caught.value.zh
    assert not ran.exists()


@pytest.mark.parametrize("pointer", ["champion.json", SHADOW])
@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_serving_takes_no_hostile_model(
    models: Path,
    two_bundles: tuple[Bundle, Bundle],
    ran: Path,
    spoil: Callable[[Path, Path], None],
    pointer: str,
) -> None:
    version, loading = two_bundles[0].version, Worker("loading")
    (promote if pointer == "champion.json" else cast_shadow)(models, MODEL, version)
    spoil(models / MODEL / version, ran)
    load = bundle_loader(models, {}, pointer)
    champions = FileChampions(models, load, (MODEL,), loading, Ticks(), pointer)
    champions.refresh()
    assert isinstance(champions.current(MODEL), Absent)
    loading.close()
    assert not ran.exists()


def test_a_resigned_hostile_bundle_still_has_to_be_a_booster_of_its_features(
    models: Path, two_bundles: tuple[Bundle, Bundle], ran: Path
) -> None:
    hostile = replace(two_bundles[0], booster=pickle.dumps(Bomb(ran), 0).decode())
    hostile.save(models / MODEL / "resigned")
    loaded = Bundle.load(models / MODEL / "resigned")
    with pytest.raises(BundleBroken, match="bundle_content"):
        BundleScorer(loaded)
    assert not ran.exists()


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "outside", "absolute", "device"])
def test_a_backup_that_leads_out_of_the_data_folder_is_refused(tmp_path: Path, kind: str) -> None:
    archive, home = tmp_path / "models.tar.gz", tmp_path / "home"
    with tarfile.open(archive, "w:gz") as tar:
        names = {"outside": "../../champion.json", "absolute": str(tmp_path / "champion.json")}
        member = tarfile.TarInfo(names.get(kind, "home/models/lead_health/champion.json"))
        if kind == "symlink":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        elif kind == "hardlink":
            member.type, member.linkname = tarfile.LNKTYPE, "../../etc/passwd"
        elif kind == "device":
            member.type = tarfile.CHRTYPE
        member.size = 2 if member.isreg() else 0
        tar.addfile(member, io.BytesIO(b"{}") if member.isreg() else None)
    with pytest.raises(StoreError):
        restore_backup(Runtime(Settings(home=home)), archive, NOW)
    assert not list(tmp_path.rglob("champion.json"))
