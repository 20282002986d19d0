"""The leak guard refuses what is known only after the outcome, and keeps what is merely good."""

import numpy as np
import pandas as pd
import pytest

from tests.data_makers.flat_tables import LEAKS, clean_leads, planted
from tests.sizes import full
from training.leak_guard import check_table
from training.tables.errors import TableRefused


def _with_accounts(frame: pd.DataFrame) -> pd.DataFrame:
    accounts = np.random.default_rng(5).integers(0, len(frame) // 3, len(frame))
    return frame.assign(account=[f"A{k}" for k in accounts])


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize(("rows", "rate"), [(300, 0.4), (1500, 0.12)])
def test_every_planted_leak_is_refused_and_nothing_else(leak: str, rows: int, rate: float) -> None:
    frame = planted(_with_accounts(clean_leads(rows, seed=3, rate=rate)), leak)
    assert set(check_table(frame, "won", "created_at")) == {leak}


def test_leaks_do_not_hide_one_another() -> None:
    frame = _with_accounts(clean_leads(1500, seed=4))
    for leak in LEAKS:
        frame = planted(frame, leak)
    assert set(check_table(frame, "won", "created_at")) == set(LEAKS)


@pytest.mark.parametrize("strong", [0.0, 2.2], ids=["ordinary", "one strong column"])
@pytest.mark.parametrize(("rows", "rate"), [(200, 0.3), (400, 0.5), (2000, 0.1)])
def test_clean_tables_raise_no_alarm(rows: int, rate: float, strong: float) -> None:
    for seed in range(full(2, 60)):
        frame = clean_leads(rows, seed=100 + seed, rate=rate, strong=strong)
        assert check_table(frame, "won", "created_at") == {}


def test_known_at_times_decide_where_they_exist() -> None:
    frame = clean_leads(300)
    told_later = frame.created_at + pd.Timedelta(days=3)
    frame = frame.assign(
        budget=1.0 * np.arange(300) % 7, budget_known_at=told_later, visits_known_at=frame.created_at
    )
    assert {name: one.code for name, one in check_table(frame, "won", "created_at").items()} == {
        "budget": "known_later"
    }


def test_known_at_may_name_any_column() -> None:
    frame = clean_leads(300).assign(told=lambda f: f.created_at + pd.Timedelta(days=1))
    refused = check_table(frame, "won", "created_at", known_at={"emails": "told"})
    assert refused["emails"].code == "known_later"


def test_a_reason_is_told_in_both_languages() -> None:
    refusal = check_table(planted(clean_leads(400), "loss_reason"), "won", "created_at")["loss_reason"]
    assert refusal.code == "one_sided"
    assert "几乎只在一种结果时有值" in refusal.zh
    assert "filled almost only for one outcome" in refusal.en


def test_a_target_of_three_values_is_told() -> None:
    frame = clean_leads(300).assign(won=["a", "b", "c"] * 100)
    with pytest.raises(TableRefused, match="target_values"):
        check_table(frame, "won")
