"""``leadpulse demo`` from nothing, on the demo company and on the public files, and what follows from it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.demo_fixtures import last_line, leadpulse

pytestmark = pytest.mark.xdist_group("demo")
MEASURES = {"auc", "ap", "logloss", "ece", "lift"}
NOTEBOOKS = [
    *("retrain_lead_health", "explore_features", "backtest_by_month"),
    *("inspect_one_lead", "renewal_hazard", "policy_value"),
]
MODELS = ["lead_health", "account_churn", "account_renewal", "lead_match"]
STEPS = ["store", "company", "features", *MODELS, "score"]


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo company of a tenth of the size, built by the command."""
    home = tmp_path_factory.mktemp("demo") / "home"
    summary = last_line(leadpulse("demo", "--scale", "0.1", "--seed", "3", "--no-serve", "--json", home=home))
    (home.parent / "summary.json").write_text(json.dumps(summary))
    return home


def test_the_summary_tells_sizes_quality_and_who_needs_someone(small_home: Path) -> None:
    summary = json.loads((small_home.parent / "summary.json").read_text())
    assert summary["rows"] == sum(summary["tables"].values()) > 10_000
    assert list(summary["steps"]) == STEPS
    assert summary["seconds"] >= max(summary["steps"].values())
    for model in ("lead_health", "account_churn"):
        for scorer in ("rules", "bayes", "lightgbm"):
            assert set(summary["models"][model][scorer]) >= MEASURES
    assert [len(lines) for lines in summary["neediest"].values()] == [10, 10]
    money = [line["money"] * line["probability"] for line in summary["neediest"]["accounts"]]
    assert money == sorted(money, reverse=True)


def test_every_model_of_the_company_was_trained_or_its_refusal_is_told(small_home: Path) -> None:
    summary = json.loads((small_home.parent / "summary.json").read_text())
    assert {*summary["trainings"], *summary.get("refused", {})} == set(MODELS)
    for model in summary["trainings"]:
        (card,) = (small_home / "models" / model).glob("*.card.html")
        assert "如何对评分提出异议" in card.read_text("utf-8")
    listed = leadpulse("model", "list", home=small_home)
    assert listed.returncode == 0, listed.stderr
    assert [line for line in listed.stdout.splitlines() if not line.startswith(" ")] == [
        *("lead_health", "account_churn", "lead_match", "account_renewal")
    ]


def test_a_second_run_finds_everything_done_and_says_the_same(small_home: Path) -> None:
    first = json.loads((small_home.parent / "summary.json").read_text())
    again = last_line(leadpulse("demo", "--no-serve", "--json", home=small_home))
    assert again["steps"] == {}
    assert {**again, "steps": 0, "seconds": 0} == {**first, "steps": 0, "seconds": 0}


def test_a_folder_is_never_given_to_another_company(small_home: Path, tmp_path: Path) -> None:
    run = leadpulse("demo", "--data", str(tmp_path), "--no-serve", home=small_home)
    assert run.returncode == 1
    assert "--home" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_secrets_of_a_folder_are_for_its_owner_only(small_home: Path) -> None:
    file = small_home / "sign-in.json"
    assert set(json.loads(file.read_text())) == {"user", "password", "api_key"}
    assert file.stat().st_mode & 0o077 == 0


def test_scoring_again_moves_the_history_on(small_home: Path) -> None:
    run = leadpulse("score", home=small_home)
    assert run.returncode == 0, run.stderr
    assert "leads: " in run.stdout


def test_a_match_is_trained_again_by_hand_and_leaves_the_lists_as_they_are(small_home: Path) -> None:
    run = leadpulse("model", "retrain", "lead_match", home=small_home)
    assert run.returncode == 0, run.stderr
    assert "lead_match-" in run.stdout


def test_the_log_of_the_demo_company_is_whole(small_home: Path) -> None:
    run = leadpulse("audit", "verify", home=small_home)
    assert (run.returncode, run.stdout.splitlines()[-1].split()[0]) == (0, "0")


def test_a_folder_without_the_public_files_is_refused_in_words(tmp_path: Path) -> None:
    run = leadpulse("demo", "--data", str(tmp_path), "--no-serve", home=tmp_path / "home")
    assert run.returncode == 1
    assert "olist" in run.stderr
    assert "Traceback" not in run.stderr


def test_one_csv_file_loads_and_loads_again_without_adding(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(
        "external_id,company,phone,status\n1,甲医院,13900000001,new\n2,乙医院,,bought\n", encoding="gbk"
    )
    arguments = ("import", "csv", str(file), "--kind", "lead")
    first = leadpulse(*arguments, home=tmp_path / "home")
    again = leadpulse(*arguments, home=tmp_path / "home")
    assert "2 read 读取, 1 added 新增, 1 rejected 拒绝" in first.stdout
    assert "2 read 读取, 0 added 新增, 1 rejected 拒绝" in again.stdout


@pytest.mark.olist
def test_real_leads_and_orders_are_scored_as_well_as_promised(
    require: Callable[[str], str], tmp_path: Path
) -> None:
    run = leadpulse("demo", "--data", require("olist"), "--no-serve", "--json", home=tmp_path / "home")
    models = last_line(run)["models"]
    lead, seller = models["lead_health"]["lightgbm"], models["account_churn"]["lightgbm"]
    assert lead["auc"] >= 0.70
    assert lead["ap"] >= 0.17
    assert lead["ece"] <= 0.025
    assert seller["auc"] >= 0.80


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_runs_on_a_built_folder_and_draws_a_picture(
    small_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    import jupytext
    from nbclient import NotebookClient

    folder = Path(__file__).parents[2] / "notebooks"
    notebook = jupytext.read(folder / f"{name}.py")
    monkeypatch.setenv("LEADPULSE_HOME", str(small_home))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in shown)


def test_the_paired_notebook_holds_the_same_cells_and_no_output() -> None:
    import jupytext

    folder = Path(__file__).parents[2] / "notebooks"
    for script in folder.glob("*.py"):
        paired = jupytext.read(script.with_suffix(".ipynb"))
        assert [cell.source for cell in paired.cells] == [cell.source for cell in jupytext.read(script).cells]
        assert all(not cell.get("outputs") for cell in paired.cells)
