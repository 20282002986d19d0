"""A flat file goes through the pipeline: split honestly, refused where it leaks, calibrated, reported."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.flat_commands import train_file
from tests.data_makers.flat_tables import clean_leads, planted
from training.arrays import log_odds, sigmoid
from training.flat.blend import PULLED, Blend, Levels, drawn_to_latest
from training.flat.matrix import design
from training.flat.pipeline import train_prepared
from training.flat.prepare import Question, prepare
from training.flat.split import hold_out, units_of
from training.tables.columns import read_columns
from training.tables.errors import TableRefused
from training.tables.reading import table_of


def test_the_command_prints_one_object_and_writes_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "leads.csv"
    planted(clean_leads(500), "成交金额").to_csv(path, index=False, sep=";", encoding="gbk")
    options = {
        "time": "created_at",
        "group": None,
        "test_share": 0.25,
        "budget": 0,
        "seed": 7,
        "report": None,
    }
    assert train_file(path, "won", **options, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    for scorer in ("bayes", "lightgbm"):
        assert all(np.isfinite(told[scorer][name]) for name in ("auc", "ap", "logloss", "ece", "lift"))
    assert list(told["refused"]) == ["成交金额"]
    assert told["ignored"] == {"lead_id": "id", "created_at": "time"}
    page = (tmp_path / "leads.report.html").read_text("utf-8")
    assert page.count("<svg") == 3
    assert "成交金额" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_what_is_wrong_is_told_with_a_code_and_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "leads.csv"
    clean_leads(60).to_csv(path, index=False)
    options = {"time": None, "group": None, "test_share": 0.25, "budget": 0, "seed": 7, "report": None}
    assert train_file(path, "result", **options, as_json=True) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "column_missing"
    assert "没有这一列" in err
    assert "Traceback" not in err


def test_the_last_quarter_in_time_is_held() -> None:
    frame = clean_leads(400).sample(frac=1, random_state=1)
    prepared = prepare(frame, Question("won", "created_at"))
    at = frame.created_at.to_numpy()
    assert len(prepared.held.test) == pytest.approx(100, abs=3)
    assert at[prepared.held.learn].max() < at[prepared.held.test].min()


def test_copies_of_a_row_stay_on_one_side() -> None:
    frame = pd.concat([clean_leads(200)] * 2, ignore_index=True)
    held = prepare(frame, Question("won")).held
    assert not set(held.learn % 200) & set(held.test % 200)


def test_groups_are_never_torn_apart() -> None:
    labels = np.arange(600) % 3 == 0
    groups = np.arange(600) % 50
    held = hold_out(labels, units_of([labels], groups), None, True, 0.25, 1)
    assert not set(groups[held.learn]) & set(groups[held.test])
    assert len(held.test) == pytest.approx(150, abs=15)


def test_no_outcome_of_its_own_unit_enters_a_rows_features() -> None:
    table = table_of(clean_leads(300, seed=2).drop(columns="won"))
    columns = read_columns(table)
    rows, rng = np.arange(300), np.random.default_rng(0)
    labels = rng.random(300) < 0.4
    moments = columns["created_at"].values.to_numpy("int64")
    units = rows.copy()
    alike = np.flatnonzero(columns["city"].values == columns["city"].values[150])
    units[alike[alike > 100]] = units[150]
    for at in (None, moments):
        laid = design(columns, columns["created_at"], rows, units, at)
        own, _ = laid.matrices(labels, rows, rows[:1])
        flipped = np.where(units == units[150], ~labels, labels)
        other, _ = laid.matrices(flipped, rows, rows[:1])
        rate = [k for k, name in enumerate(laid.names) if name.startswith("city")][-1]
        assert own[150, rate] == pytest.approx(other[150, rate], abs=0.05)  # the base rate moves a little


def test_a_value_is_counted_by_other_units_alike_for_rows_learned_from_and_rows_to_come() -> None:
    generator = np.random.default_rng(5)
    owner = np.repeat(np.arange(240), generator.integers(1, 12, 240))
    place = np.where(np.arange(240) % 2, np.arange(240) % 13, 13 + np.arange(240) % 7)
    city = pd.Series(place[owner]).map("city {}".format)
    columns = read_columns(table_of(pd.DataFrame({"city": city})))
    learn = np.flatnonzero(owner < 180)
    laid = design(columns, None, learn, owner)
    others = laid.base[:, laid.base_names.index("city · others")]
    assert np.expm1(others) == pytest.approx(np.bincount(place[:180])[place[owner]] - (owner < 180))


def test_the_same_seed_gives_the_same_figures() -> None:
    question = Question("won", "created_at", budget=0)
    frame = clean_leads(300)
    first, second = (train_prepared(prepare(frame, question), question).metrics for _ in range(2))
    assert first == second


def test_the_level_is_drawn_towards_the_latest_rate_and_the_order_stays() -> None:
    labels = np.repeat([False, True, False, True], [50, 10, 20, 10])  # a third of the latest thirty
    forecasts = np.linspace(0.3, 0.9, 40)
    levels = drawn_to_latest(Levels(0.0, 0.0), forecasts, labels)
    whole = log_odds(forecasts) + levels.pull / PULLED
    assert sigmoid(whole).mean() == pytest.approx(1 / 3)
    told = Blend((1.0,)).apply(log_odds(forecasts)[:, None], levels)
    assert 1 / 3 < told.mean() < forecasts.mean()
    assert (np.diff(told) > 0).all()


def test_forecasts_come_true_on_average() -> None:
    question = Question("won", budget=1)
    answer = train_prepared(prepare(clean_leads(1500, seed=6), question), question)
    metrics = answer.metrics["lightgbm"]
    assert metrics.auc > 0.65
    assert metrics.ece < 0.08


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"test_share": 0.9}, "option_range"),
        ({"time": "won"}, "same_column"),
        ({"budget": -1}, "option_range"),
    ],
)
def test_options_out_of_range_are_refused(options: dict, code: str) -> None:
    with pytest.raises(TableRefused) as refused:
        Question("won", **options)
    assert refused.value.code == code


def test_too_few_outcomes_are_told() -> None:
    frame = clean_leads(60).assign(won=["Won", "Won"] + ["Lost"] * 58)
    with pytest.raises(TableRefused, match="too_few_rows"):
        prepare(frame, Question("won"))
