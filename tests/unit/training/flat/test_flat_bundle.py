"""A flat file's model in a bundle scores as the report did, reads new files alike, or is refused."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.flat_commands import predict_file, train_file
from tests.data_makers.flat_tables import clean_leads
from training.bundle.files import BundleBroken, canonical_json, sha256
from training.flat.bundle import read_model, write_model
from training.flat.model import FlatModel
from training.flat.pipeline import Answer
from training.flat.pipeline import train_file as train
from training.flat.prepare import Question, prepare_table
from training.tables.errors import TableRefused
from training.tables.reading import read_table, table_of

ROWS = 700


def leads(rows: int = ROWS) -> pd.DataFrame:
    """Leads with a date as people here write it, a number with units, and a city of many."""
    frame, generator = clean_leads(rows), np.random.default_rng(5)
    won = frame.won.to_numpy() == frame.won.iloc[0]
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(generator.integers(0, 60, rows) + 9 * won, "D")
    return frame.assign(
        到期=days.strftime("%d/%m/%Y"),
        金额=[f"{n:,.1f}" for n in generator.normal(3_000, 900, rows) + 400 * won],
        城市=[f"城市{n}" for n in generator.integers(0, 40, rows)],
        备注=[None if n % 3 else "请 尽快 联系 我们 谢谢，" + "再 议 " * (n % 7) for n in range(rows)],
    )


@pytest.fixture(scope="module", params=["created_at", None])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Question, Answer, FlatModel]:
    path = tmp_path_factory.mktemp("table") / "leads.csv"
    leads().to_csv(path, index=False)
    question = Question("won", request.param, budget=2.0)
    return path, question, *train(path, question)


@pytest.fixture
def bundle(trained: tuple[Path, Question, Answer, FlatModel], tmp_path: Path) -> Path:
    write_model(tmp_path / "model", trained[3])
    return tmp_path / "model"


def test_a_bundle_scores_the_held_rows_as_the_report_did(
    trained: tuple[Path, Question, Answer, FlatModel], bundle: Path
) -> None:
    path, question, answer, _ = trained
    table = read_table(path)
    held = prepare_table(table, question).held.test
    scores = read_model(bundle).probabilities(table.take(held))
    assert scores == pytest.approx(answer.forecasts["lightgbm"], abs=1e-9)
    assert {"boosted", "linear", "forest"} >= set(answer.weights)


def test_a_row_has_the_same_score_alone_as_among_others(
    trained: tuple[Path, Question, Answer, FlatModel], bundle: Path
) -> None:
    table, model = read_table(trained[0]), read_model(bundle)
    together = model.probabilities(table)
    for row in range(0, ROWS, 97):
        assert model.probabilities(table.slice(row, 1))[0] == pytest.approx(together[row], abs=1e-9)


def test_what_is_new_or_missing_is_scored_and_a_missing_column_is_named(
    trained: tuple[Path, Question, Answer, FlatModel], bundle: Path
) -> None:
    model, frame = read_model(bundle), read_table(trained[0]).slice(0, 5).to_pandas()
    new = frame.assign(城市="火星", 金额=["?", "", "1,000", "未知", "2"])
    scores = model.probabilities(table_of(new))
    assert ((scores > 0) & (scores < 1)).all()
    with pytest.raises(TableRefused, match="column_missing"):
        model.probabilities(table_of(new.drop(columns="金额")))
    with pytest.raises(TableRefused, match="column_kind"):
        model.probabilities(table_of(new.assign(到期="很快")))


def test_the_commands_write_a_bundle_and_score_a_new_file(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path, out = tmp_path / "leads.csv", tmp_path / "model"
    leads(300).to_csv(path, index=False)
    options = {"group": None, "test_share": 0.25, "budget": 0, "seed": 7, "report": None, "out": out}
    assert train_file(path, "won", time="created_at", **options, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["bundle"] == str(out)
    new = tmp_path / "new.csv"
    leads(40).drop(columns="won").to_csv(new, index=False)
    assert predict_file(out, new, None, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    scores = pd.read_csv(tmp_path / "new.scores.csv")
    assert list(scores.columns) == ["row", "probability"]
    assert (told["rows"], len(scores), told["positive"]) == (40, 40, told["positive"])
    assert told["mean"] == pytest.approx(scores.probability.mean())
    assert train_file(path, "won", time="created_at", **options, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bundle_exists"


def told_again(folder: Path, change: Callable[[dict], None]) -> None:
    """Change what a bundle says and hash it anew, as someone who knows the format would."""
    about = json.loads((folder / "bundle.json").read_text())
    change(about)
    content = canonical_json(about)
    (folder / "bundle.json").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["bundle.json"] = {"sha256": sha256(content), "bytes": len(content)}
    manifest["total"] = sha256(canonical_json(manifest["files"]))
    (folder / "manifest.json").write_bytes(canonical_json(manifest))


def endless_tree(about: dict) -> None:
    one = {"left": "0 0", "right": "0 0", "column": "0 -1", "threshold": "0.0 0.0", "chance": "0.1 0.2"}
    about["parts"] = [{"weight": 1.0, "members": [{"kind": "forest", "trees": [one]}]}]
    about["blend"]["weights"] = [1.0]


def a_pickle(about: dict) -> None:
    about["parts"][0]["members"] = [{"kind": "pickle", "model": pickle.dumps(print).hex()}]


def other_kind(about: dict) -> None:
    about["kind"] = "lead_health"


def no_numbers(about: dict) -> None:
    about["parts"] = [{"weight": 1.0, "members": [{"kind": "linear", "edges": [], "weights": "nan"}]}]
    about["blend"]["weights"] = [1.0]


@pytest.mark.parametrize("change", [endless_tree, a_pickle, other_kind, no_numbers])
def test_a_bundle_that_is_not_of_one_piece_is_refused(bundle: Path, change: Callable[[dict], None]) -> None:
    told_again(bundle, change)
    with pytest.raises(BundleBroken, match="bundle_content"):
        read_model(bundle)


def test_a_swapped_byte_a_file_too_many_and_a_link_are_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (bundle / "model.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(BundleBroken, match="bundle_extra_file"):
        read_model(bundle)
    (bundle / "model.pkl").unlink()
    text = (bundle / "booster.txt").read_bytes()
    (bundle / "booster.txt").write_bytes(text[:-1] + b"x")
    assert predict_file(bundle, tmp_path / "none.csv", None, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bundle_hash"
    (bundle / "booster.txt").unlink()
    (bundle / "booster.txt").symlink_to("/etc/hostname")
    with pytest.raises(BundleBroken, match="bundle_not_plain"):
        read_model(bundle)
