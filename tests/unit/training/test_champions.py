"""The pointer to the champion: moved in one step, and only to what can be verified."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.bundle import Bundle, BundleBroken, load_champion, promote
from training.bundle.champions import POINTER, champion_of


@pytest.fixture
def models(bundle: Bundle, tmp_path: Path) -> Path:
    bundle.save(tmp_path / "lead_health" / "first")
    replace(bundle, version="second").save(tmp_path / "lead_health" / "second")
    return tmp_path


def code_of_loading(models: Path, model: str = "lead_health") -> str:
    with pytest.raises(BundleBroken) as caught:
        load_champion(models, model)
    return caught.value.code


def rewrite(models: Path, **changes: object) -> None:
    path = models / "lead_health" / POINTER
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_promoted_bundle_is_the_one_loaded(models: Path, bundle: Bundle) -> None:
    promote(models, "lead_health", "first")
    assert load_champion(models, "lead_health") == bundle


def test_a_promotion_replaces_the_last_and_can_be_taken_back(models: Path, bundle: Bundle) -> None:
    promote(models, "lead_health", "first")
    promote(models, "lead_health", "second")
    assert load_champion(models, "lead_health").version == "second"
    promote(models, "lead_health", "first")
    assert load_champion(models, "lead_health").version == bundle.version


def test_without_a_promotion_there_is_no_champion(models: Path) -> None:
    assert code_of_loading(models) == "no_champion"


def test_a_broken_bundle_is_not_promoted(models: Path, bundle: Bundle) -> None:
    promote(models, "lead_health", "first")
    (models / "lead_health" / "second" / "bundle.json").write_text("{}")
    with pytest.raises(BundleBroken):
        promote(models, "lead_health", "second")
    assert load_champion(models, "lead_health") == bundle


def test_a_bundle_that_was_resigned_after_its_promotion_is_refused(models: Path, bundle: Bundle) -> None:
    promote(models, "lead_health", "first")
    folder = models / "lead_health" / "first"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    replace(bundle, base_rate=0.5).save(folder)
    assert code_of_loading(models) == "bundle_hash"


@pytest.mark.parametrize("folder", ["../outside", "/etc", ".", "..", "", "a/b", "a\\b", "x" * 200])
def test_a_pointer_never_leads_out_of_the_models_folder(models: Path, folder: str) -> None:
    promote(models, "lead_health", "first")
    rewrite(models, folder=folder)
    assert code_of_loading(models) == "bundle_path"
    with pytest.raises(BundleBroken):
        promote(models, "lead_health", folder)


@pytest.mark.parametrize("model", ["../lead_health", "", "."])
def test_neither_does_the_name_of_a_model(models: Path, model: str) -> None:
    assert code_of_loading(models, model) == "bundle_path"


def test_a_bundle_of_another_model_is_refused(models: Path, bundle: Bundle) -> None:
    bundle.save(models / "account_churn" / "first")
    promote(models, "account_churn", "first")
    assert code_of_loading(models, "account_churn") == "bundle_content"


def test_a_pointer_that_is_a_link_or_no_pointer_is_refused(models: Path, tmp_path: Path) -> None:
    pointer = models / "lead_health" / POINTER
    pointer.write_text("[1, 2]")
    assert code_of_loading(models) == "bundle_manifest"
    pointer.unlink()
    pointer.symlink_to(tmp_path / "nowhere")
    assert code_of_loading(models) == "bundle_not_plain"


def test_the_pointer_names_version_folder_and_hash(models: Path, bundle: Bundle) -> None:
    promoted = promote(models, "lead_health", "first")
    assert champion_of(models, "lead_health") == promoted
    assert (promoted.version, promoted.folder) == (bundle.version, "first")
    assert len(promoted.manifest_sha256) == 64
