"""A set brought forward day by day has the cells of one that is worked out anew, whatever happened."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from features.engines import ibis_engine, refresh
from features.errors import FeatureError
from tests.parity.growing import Growing
from tests.parity.histories import ORIGIN, histories
from tests.sizes import full

IDS = {
    "lead": ("L1", "L2", "nobody"),
    "account": ("A1", "A2", "nobody"),
    "rep": ("R1", "R2", "nobody"),
    "fit": ("R1|need|甲", "R2|lead|L1", "nobody"),
}
DAYS = [ORIGIN + timedelta(days=d) for d in (-31, -30, -1, 0, 30)]
TICK = timedelta(microseconds=1)


LITTLE = settings(
    max_examples=full(2, 60),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("entity", IDS)
@LITTLE
@given(history=histories)
def test_a_set_brought_forward_is_a_set_worked_out_anew(entity, history):
    with TemporaryDirectory() as folder:
        growing = Growing(Path(folder))
        for place, moment in enumerate(DAYS):
            # What is recorded later is not told yet, and who is asked for changes.
            growing.tell({name: _by(rows, moment) for name, rows in history.items()})
            _assert_refreshed(entity, growing.folder, _asked(entity, moment, place % 2))


@pytest.mark.parametrize("entity", IDS)
@LITTLE
@given(history=histories)
def test_when_nothing_is_told_time_alone_changes_figures(entity, history):
    with TemporaryDirectory() as folder:
        growing = Growing(Path(folder))
        growing.tell(history)
        for moment in (*DAYS, ORIGIN + timedelta(days=31, hours=5)):
            _assert_refreshed(entity, growing.folder, _asked(entity, moment))


def test_only_what_was_told_or_is_due_is_worked_out(chats, growing):
    growing.tell(chats)
    _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN))
    state = growing.folder / "state"
    with pa.ipc.open_file(state) as file:
        kept = file.read_all()
    for place, part in enumerate(kept.schema):
        if part.name.startswith("activities_") and pa.types.is_integer(part.type):
            kept = kept.set_column(place, part.name, pa.array([77] * len(kept), part.type))
    with pa.ipc.new_file(state, kept.schema) as file:
        file.write_table(kept)
    chats["activities"].append(_chat("act-3", "L1", ORIGIN))
    growing.tell(chats)

    found = _refreshed("lead", growing.folder, _asked("lead", ORIGIN + TICK))

    assert list(found.lead_chats_all) == [2, 77, 77]


@pytest.fixture
def chats():
    """Two leads, each with a chat a week before the origin."""
    return {
        "activities": [
            _chat("act-1", "L1", ORIGIN - timedelta(days=7)),
            _chat("act-2", "L2", ORIGIN - timedelta(days=7)),
        ]
    }


def test_a_row_brought_in_later_with_an_earlier_moment_is_counted(chats, growing):
    growing.tell(chats)
    _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN))
    chats["activities"].append(_chat("act-3", "L1", ORIGIN - timedelta(days=2)))
    growing.tell(chats)

    found = _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN + TICK))

    assert list(found.lead_chats_30d) == [2, 1, 0]


def test_a_corrected_row_leaves(chats, growing):
    growing.tell(chats)
    _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN))
    chats["activities"][0]["known_until"] = ORIGIN + TICK
    growing.tell(chats)

    found = _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN + TICK))

    assert list(found.lead_chats_all) == [0, 1, 0]


def test_going_back_and_a_new_base_work_everything_out(chats, growing):
    growing.tell(chats)
    _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN))
    found = _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN - timedelta(days=8)))
    assert list(found.lead_chats_all) == [0, 0, 0]

    growing.begin_anew()
    growing.tell({"activities": chats["activities"][:1]})

    found = _assert_refreshed("lead", growing.folder, _asked("lead", ORIGIN))
    assert list(found.lead_chats_all) == [1, 0, 0]


def test_rows_of_several_moments_are_refused(chats, growing):
    growing.tell(chats)
    rows = pd.concat([_asked("lead", ORIGIN), _asked("lead", ORIGIN + TICK)])

    with pytest.raises(FeatureError) as refused:
        _refreshed("lead", growing.folder, rows)

    assert refused.value.code == "wrong_rows"


def _assert_refreshed(entity, folder, rows):
    frame = _refreshed(entity, folder, rows)
    anew = ibis_engine.compute(entity, rows, folder)
    pd.testing.assert_frame_equal(frame, anew, rtol=1e-12, atol=0, check_dtype=False)
    return frame


def _refreshed(entity, folder, rows):
    asked = ibis_engine.asked_table(rows)
    return refresh.refreshed(entity, asked, folder, folder / "state").to_pandas()


def _by(rows, moment):
    return [row for row in rows if row["recorded_at"] <= moment]


@pytest.fixture
def growing(tmp_path):
    return Growing(tmp_path)


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
