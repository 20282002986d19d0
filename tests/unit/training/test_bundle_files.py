"""A bundle on disk: whole and unchanged, or refused with a code, before anything in it is used."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from training.bundle import Bundle, BundleBroken
from training.bundle.files import FILES, MANIFEST, MAX_BYTES, read_files, write_files


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "bundle")
    return tmp_path / "bundle"


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(BundleBroken) as caught:
        call()
    assert caught.value.zh
    assert caught.value.en
    assert caught.value.field
    return caught.value.code


def test_what_was_saved_is_what_is_loaded(bundle: Bundle, folder: Path) -> None:
    assert Bundle.load(folder) == bundle


def test_the_same_bundle_has_the_same_hash(bundle: Bundle, folder: Path, tmp_path: Path) -> None:
    digest = bundle.save(tmp_path / "again")
    assert digest == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert Bundle.load(folder, digest) == bundle


def test_another_manifest_than_the_promoted_one_is_refused(folder: Path) -> None:
    assert code_of(lambda: Bundle.load(folder, "0" * 64)) == "bundle_hash"


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_flipped_bit_anywhere_is_found(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.bundle.content.parse_json", never_called)
    whole = (folder / name).read_bytes()
    step = max(1, len(whole) // 60)
    for place in {*range(0, len(whole), step), len(whole) - 1}:
        (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert code_of(lambda: Bundle.load(folder)) in {"bundle_hash", "bundle_manifest"}


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_shortened_or_lengthened_file_is_found(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for content in (whole[:-1], whole + b"\n", b""):
        (folder / name).write_bytes(content)
        assert code_of(lambda: Bundle.load(folder)) in {"bundle_hash", "bundle_manifest"}


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert code_of(lambda: Bundle.load(folder)) == "bundle_missing"


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_link_is_refused_even_to_the_right_content(folder: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / name
    shutil.move(folder / name, elsewhere)
    (folder / name).symlink_to(elsewhere)
    assert code_of(lambda: Bundle.load(folder)) == "bundle_not_plain"


def test_a_linked_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert code_of(lambda: Bundle.load(tmp_path / "link")) == "bundle_not_plain"


def test_a_pipe_is_refused_at_once(folder: Path) -> None:
    (folder / "booster.txt").unlink()
    os.mkfifo(folder / "booster.txt")
    assert code_of(lambda: Bundle.load(folder)) == "bundle_not_plain"


@pytest.mark.parametrize("name", ["MLmodel", "model.pkl", ".hidden", "booster.txt.bak"])
def test_an_extra_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("loader_module: os")
    assert code_of(lambda: Bundle.load(folder)) == "bundle_extra_file"


def test_an_extra_folder_is_refused(folder: Path) -> None:
    (folder / "code").mkdir()
    assert code_of(lambda: Bundle.load(folder)) == "bundle_extra_file"


def test_a_huge_file_is_not_read_to_its_end(folder: Path) -> None:
    with (folder / "booster.txt").open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    assert code_of(lambda: Bundle.load(folder)) == "bundle_too_large"


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert code_of(lambda: Bundle.load(tmp_path / "none")) == "bundle_missing"


@pytest.mark.parametrize(
    "manifest",
    [
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"format": 2, "files": {}, "total": ""}).encode(),
        json.dumps({"format": 1, "files": {"../../etc/passwd": {}}, "total": ""}).encode(),
        json.dumps({"format": 1, "files": "all", "total": ""}).encode(),
    ],
    ids=["list", "empty", "not text", "deep", "other format", "path outside", "no hashes"],
)
def test_a_manifest_that_makes_no_sense_is_refused(folder: Path, manifest: bytes) -> None:
    (folder / MANIFEST).write_bytes(manifest)
    assert code_of(lambda: Bundle.load(folder)) == "bundle_manifest"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("meaning", "magic"),
        ("base_rate", "high"),
        ("trained_at", "yesterday"),
        ("categories", []),
        ("points", {"probabilities": [0, 1], "values": [0, 0]}),
        ("calibrator", {"kind": "pickle", "xs": [1, 0], "ys": [], "share": 1}),
    ],
)
def test_content_that_was_signed_but_makes_no_sense_is_refused(
    bundle: Bundle, tmp_path: Path, key: str, value: object
) -> None:
    files = bundle.files()
    about = json.loads(files["bundle.json"]) | {key: value}
    write_files(tmp_path / "odd", files | {"bundle.json": json.dumps(about).encode()})
    assert code_of(lambda: Bundle.load(tmp_path / "odd")) == "bundle_content"


def test_a_bundle_is_never_written_over(bundle: Bundle, folder: Path) -> None:
    before = read_files(folder)
    with pytest.raises(FileExistsError):
        bundle.save(folder)
    assert read_files(folder) == before


def test_a_save_that_fails_leaves_nothing_behind(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_files(tmp_path / "half", {"booster.txt": bundle.booster.encode()})
    assert list(tmp_path.iterdir()) == []


def never_called(*_: object) -> dict[str, object]:
    raise AssertionError("content was used before its hash was checked")
