"""A set brought forward day by day has the cells of one that is worked out anew, whatever happened."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from features.engines import ibis_engine, refresh
from features.errors import FeatureError
from tests.parity.histories import ORIGIN, arrow_tables, histories
from tests.sizes import full

IDS = {"lead": ("L1", "L2", "nobody"), "account": ("A1", "A2", "nobody")}
DAYS = [ORIGIN + timedelta(days=d) for d in (-31, -30, -1, 0, 30)]
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize("entity", ["lead", "account"])
@settings(
    max_examples=full(3, 60),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories)
def test_a_set_brought_forward_is_a_set_worked_out_anew(entity, history):
    with TemporaryDirectory() as folder:
        for place, moment in enumerate(DAYS):
            # Each source is exported at the moment: what is recorded later is not there yet, and who is
            # asked for changes.
            known = {
                name: [row for row in rows if row["recorded_at"] <= moment] for name, rows in history.items()
            }
            _assert_refreshed(entity, known, _asked(entity, moment, place % 2), Path(folder) / "state")


@pytest.fixture
def chats():
    """Two leads, each with a chat a week before the origin."""
    return {
        "activities": [
            _chat("act-1", "L1", ORIGIN - timedelta(days=7)),
            _chat("act-2", "L2", ORIGIN - timedelta(days=7)),
        ]
    }


def test_a_row_brought_in_later_with_an_earlier_moment_is_counted(chats, tmp_path):
    _assert_refreshed("lead", chats, _asked("lead", ORIGIN), tmp_path / "state")
    chats["activities"].append(_chat("act-3", "L1", ORIGIN - timedelta(days=2)))

    found = _assert_refreshed("lead", chats, _asked("lead", ORIGIN + TICK), tmp_path / "state")

    assert list(found.lead_chats_30d) == [2, 1, 0]


def test_a_corrected_row_leaves(chats, tmp_path):
    _assert_refreshed("lead", chats, _asked("lead", ORIGIN), tmp_path / "state")
    chats["activities"][0]["known_until"] = ORIGIN + TICK

    found = _assert_refreshed("lead", chats, _asked("lead", ORIGIN + TICK), tmp_path / "state")

    assert list(found.lead_chats_all) == [0, 1, 0]


def test_going_back_works_everything_out(chats, tmp_path):
    _assert_refreshed("lead", chats, _asked("lead", ORIGIN), tmp_path / "state")

    found = _assert_refreshed("lead", chats, _asked("lead", ORIGIN - timedelta(days=8)), tmp_path / "state")

    assert list(found.lead_chats_all) == [0, 0, 0]


def test_rows_of_several_moments_are_refused(chats, tmp_path):
    rows = pd.concat([_asked("lead", ORIGIN), _asked("lead", ORIGIN + TICK)])

    with pytest.raises(FeatureError) as refused:
        refresh.refreshed("lead", ibis_engine.asked_table(rows), arrow_tables(chats), tmp_path / "state")

    assert refused.value.code == "wrong_rows"


def _assert_refreshed(entity, history, rows, state):
    sources = arrow_tables(history)
    found = refresh.refreshed(entity, ibis_engine.asked_table(rows), sources, state)
    frame = found.to_pandas()
    anew = ibis_engine.compute(entity, rows, sources)
    pd.testing.assert_frame_equal(frame, anew, rtol=1e-12, atol=0, check_dtype=False)
    return frame


def _asked(entity, moment, without_first=0):
    ids = IDS[entity][without_first:]
    rows = pd.DataFrame({"entity_id": ids, "as_of": [moment] * len(ids)})
    return rows.assign(as_of=rows.as_of.dt.as_unit("us"))


def _chat(record_id, lead_id, moment):
    return {
        "record_id": record_id,
        "lead_id": lead_id,
        "channel": "chat",
        "occurred_at": moment,
        "recorded_at": moment,
    }
