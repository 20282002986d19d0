"""``from features import store``: frames and explanations as a notebook asks for them."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from features import store
from features.catalog import CATALOG, features_of
from features.engines import python_engine
from features.errors import FeatureError
from tests.parity.histories import ORIGIN
from tests.unit.features.conftest import History, write_sources

EARLIER = ORIGIN - timedelta(days=60)


@pytest.fixture
def home(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_sources(tmp_path / "features" / "sources", history)
    monkeypatch.setenv("LEADPULSE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_ids_and_a_moment_give_every_feature_with_units_and_titles(history: History) -> None:
    frame = store.frame(["L2", "L1"], ORIGIN)

    assert list(frame.columns) == ["lead_id", "as_of", *(one.name for one in features_of("lead"))]
    assert frame.attrs["units"]["lead_chats_30d"] == "count"
    assert frame.attrs["titles"]["lead_chats_30d"][0].startswith("近30天")
    expected = python_engine.evaluate("lead", history, "L2", ORIGIN)["lead_chats_30d"]
    assert frame.lead_chats_30d[0] == expected


@pytest.mark.usefixtures("home")
def test_several_moments_give_a_row_each_and_accounts_are_told_from_leads() -> None:
    frame = store.frame(["A1", "A2"], [EARLIER, ORIGIN], ["account_orders_90d"])
    assert list(zip(frame.account_id, frame.as_of, strict=True)) == [
        ("A1", EARLIER),
        ("A1", ORIGIN),
        ("A2", EARLIER),
        ("A2", ORIGIN),
    ]


@pytest.mark.usefixtures("home")
def test_a_frame_of_labels_keeps_its_columns_and_moments() -> None:
    labels = pd.DataFrame({"won": [1, 0], "lead_id": ["L1", "L1"], "as_of": [ORIGIN, EARLIER]}, index=[7, 9])
    frame = store.frame(labels, features=["lead_chats_30d"])
    assert list(frame.columns) == ["won", "lead_id", "as_of", "lead_chats_30d"]
    assert frame.won.tolist() == [1, 0]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", ["lead_chats_30d", "lead_channel", "lead_market_arrivals_30d"])
def test_a_value_is_explained_by_the_rows_it_was_made_of(history: History, name: str) -> None:
    rows = store.explain(name, "L1", ORIGIN)

    assert rows.attrs["value"] == python_engine.evaluate("lead", history, "L1", ORIGIN)[name]
    behind = python_engine.behind("lead", CATALOG[name], history, "L1", ORIGIN)
    assert list(rows.get("record_id", [])) == [row["record_id"] for row in behind]
    assert all(rows.attrs["sentence"])


def test_what_is_missing_or_wrong_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(lambda: store.frame(["nobody"], ORIGIN)) == "wrong_rows"
    assert refused(lambda: store.frame(["L1"])) == "wrong_rows"
    assert refused(lambda: store.frame(["L1"], ORIGIN, ["account_orders_90d"])) == "unknown_feature"
    assert refused(lambda: store.explain("lead_colour", "L1", ORIGIN)) == "unknown_feature"
    assert refused(lambda: store.frame(["L1"], ORIGIN, home=home / "elsewhere")) == "source_missing"
    monkeypatch.delenv("LEADPULSE_HOME")
    monkeypatch.chdir(tmp_path)
    assert refused(lambda: store.explain("lead_channel", "L1", ORIGIN)) == "source_missing"


def refused(ask) -> str:
    with pytest.raises(FeatureError) as caught:
        ask()
    return caught.value.code
