"""What ``compute`` takes and gives."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from features.catalog import names_of
from features.errors import FeatureError
from features.store import FeatureStore
from tests.parity.histories import ORIGIN
from tests.unit.features.conftest import write_sources


@pytest.fixture
def store(tmp_path, history):
    write_sources(tmp_path / "sources", history)
    return FeatureStore(tmp_path)


def test_the_frame_follows_the_rows_and_says_its_units(store, lead_rows):
    frame = store.compute("lead", lead_rows)

    assert frame[["entity_id", "as_of"]].equals(lead_rows)
    assert list(frame.columns[2:]) == list(names_of("lead"))
    assert frame.attrs["units"]["lead_last_interaction_h"] == "hours"
    assert frame.dtypes["lead_chats_30d"] == "float64"
    assert frame.dtypes["lead_has_company"] == "float64"
    assert str(frame.dtypes["as_of"]) == "datetime64[us, UTC]"


def test_chosen_features_come_alone_and_as_in_the_whole(store, lead_rows):
    whole = store.compute("lead", lead_rows)
    names = ["lead_campaign_win_rate", "lead_status", "lead_chats_90d"]

    pd.testing.assert_frame_equal(
        store.compute("lead", lead_rows, names), whole[["entity_id", "as_of", *names]]
    )


def test_moments_of_another_zone_are_the_same_moments(store, lead_rows):
    there = lead_rows.assign(as_of=lead_rows["as_of"].dt.tz_convert("Asia/Shanghai"))

    pd.testing.assert_frame_equal(store.compute("lead", there), store.compute("lead", lead_rows))


def test_no_rows_give_no_rows(store, lead_rows):
    assert store.compute("lead", lead_rows.head(0)).shape == (0, 2 + len(names_of("lead")))


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (pd.DataFrame({"lead_id": ["L1"], "as_of": [ORIGIN]}), "rows"),
        (pd.DataFrame({"entity_id": ["L1"], "as_of": [datetime(2026, 1, 1)]}), "as_of"),  # noqa: DTZ001
        (pd.DataFrame({"entity_id": [7], "as_of": [ORIGIN]}), "entity_id"),
    ],
)
def test_rows_of_the_wrong_kind_are_refused(store, rows, field):
    with pytest.raises(FeatureError) as refused:
        store.compute("lead", rows)
    assert (refused.value.code, refused.value.field) == ("wrong_rows", field)


def test_a_missing_source_is_named(store, lead_rows):
    (store.sources / "lead_flow.parquet").unlink()

    with pytest.raises(FeatureError, match="source_missing") as missing:
        store.compute("lead", lead_rows)
    assert "lead_flow.parquet" in missing.value.zh
    assert len(store.compute("lead", lead_rows, ["lead_status"])) == len(lead_rows)


def test_the_store_traces_a_value(store, history):
    rows = store.trace("lead", "lead_chats_all", "L1", ORIGIN + timedelta(days=90), history)

    assert rows
    assert {row["channel"] for row in rows} == {"chat"}
