"""Pairs of a lead and a rep: composed in one place, of what was known before the assignment."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from features.catalog import sentence
from features.composed import COMPOSED, value_of
from features.engines import ibis_engine
from features.errors import FeatureError
from features.pairs import pair_frame, pair_names
from tests.parity.histories import arrow_tables

T = datetime(2026, 3, 4, 2, tzinfo=UTC)  # a Wednesday, ten in the morning in Shanghai
DAY = timedelta(days=1)


def row(at: datetime, record: str, **values: object) -> dict[str, object]:
    return {"record_id": record, "occurred_at": at, "recorded_at": at, **values}


def history() -> dict[str, list[dict[str, object]]]:
    """A lead that rep A gets at T. A has had two like it and won one; B has had none."""
    lead = {"lead_id": "L", "version": 1.0, "need": "骨科", "region": "浙江", "created_at": T - 6 * DAY / 24}
    rep_events, fits = [], []
    for number, ago in enumerate((40, 20)):
        at, stint = T - ago * DAY, f"old{number}@1"
        common = {"rep_id": "A", "lead_id": f"old{number}", "stint_id": stint}
        rep_events.append(row(at, f"{stint}#assigned", event="assigned", **common))
        fits.append(row(at, f"{stint}#assigned", event="assigned", fit_id="A|need|骨科", lead_id=stint[:4]))
    won = T - 10 * DAY
    common = {"rep_id": "A", "lead_id": "old0", "stint_id": "old0@1"}
    rep_events.append(row(won, "old0@2#won", event="won", **common))
    fits.append(row(won, "old0@2#won", event="won", fit_id="A|need|骨科", lead_id="old0"))
    # the assignment itself, and what came of it
    mine = {"rep_id": "A", "lead_id": "L", "stint_id": "L@2"}
    rep_events += [
        row(T, "L@2#assigned", event="assigned", **mine),
        row(T + DAY, "L@3#won", event="won", **mine),
    ]
    fits += [row(T, "L@2#assigned", event="assigned", fit_id="A|need|骨科", lead_id="L")]
    reps = [
        row(T - 400 * DAY, f"{rep}@1", rep_id=rep, version=1.0, team_id="t", region=region)
        for rep, region in (("A", "浙江"), ("B", "上海"))
    ]
    states = [
        row(T - 6 * DAY / 24, "L@1", **lead),
        row(T, "L@2", **{**lead, "version": 2.0, "owner_id": "A"}),
    ]
    flow = [row(T - 40 * DAY, f"x{n}", event="arrived", lead_id=f"x{n}", market="all") for n in range(4)]
    flow.append(row(T - 30 * DAY, "x0#won", event="won", lead_id="x0", market="all"))
    return {
        "lead_states": states,
        "rep_states": reps,
        "rep_events": rep_events,
        "fit_events": fits,
        "lead_flow": flow,
    }


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    tables = arrow_tables(history())

    def compute(entity, rows, names):
        return ibis_engine.compute(entity, rows, tables, names)

    asked = pd.DataFrame({"entity_id": ["L|B", "L|A"], "as_of": pd.to_datetime([T, T])})
    names = [
        *COMPOSED,
        "rep_open_leads",
        "rep_win_rate",
        "rep_assignments_7d",
        "lead_updates_all",
        "lead_need",
    ]
    return pair_frame(asked, names, compute).set_index("entity_id")


def test_the_assignment_itself_shows_nowhere(frame: pd.DataFrame) -> None:
    assert frame.lead_updates_all.tolist() == [1.0, 1.0]
    assert frame.rep_assignments_7d.tolist() == [0.0, 0.0]
    assert frame.rep_open_leads.to_dict() == {"L|B": 0.0, "L|A": 1.0}


def test_a_rep_is_measured_by_leads_of_the_same_kind_pulled_to_their_own_rate(frame: pd.DataFrame) -> None:
    own = (1 + 20 * 0.25) / (2 + 20)
    assert frame.rep_win_rate["L|A"] == pytest.approx(own)
    assert frame.pair_need_win_rate["L|A"] == pytest.approx((1 + 20 * own) / (2 + 20))
    assert frame.pair_need_win_rate["L|B"] == pytest.approx(frame.rep_win_rate["L|B"]) == pytest.approx(0.25)
    assert frame.pair_same_region.to_dict() == {"L|B": 0.0, "L|A": 1.0}
    assert frame.pair_load_ratio.to_dict() == {"L|B": 0.0, "L|A": 2.0}


def test_the_request_is_told_by_the_clock_in_shanghai(frame: pd.DataFrame) -> None:
    request = frame[["request_hour", "request_weekday", "request_working", "request_wait_h"]].loc["L|A"]
    assert request.tolist() == pytest.approx([10.0, 3.0, 1.0, 6.0])


@pytest.mark.parametrize(
    ("at", "working"),
    [("00:29", 0.0), ("00:30", 1.0), ("10:29", 1.0), ("10:30", 0.0)],
)
def test_working_time_is_half_past_eight_to_half_past_six(at: str, working: float) -> None:
    moment = datetime.fromisoformat(f"2026-03-04T{at}:00+00:00")
    assert value_of(COMPOSED["request_working"], {}, moment) == working


@pytest.mark.parametrize("name", COMPOSED)
def test_a_composed_feature_is_declared_like_the_others(name: str) -> None:
    declared = COMPOSED[name]
    assert declared.inputs
    assert declared.known_from
    assert declared.owner
    assert sentence(name, 1.0, "zh") != sentence(name, 1.0, "en")
    assert value_of(declared, {}, T) is None or declared.inputs == ("now",)


def test_an_unknown_feature_of_a_pair_is_refused() -> None:
    rows = pd.DataFrame({"entity_id": ["L|A"], "as_of": pd.to_datetime([T])})
    with pytest.raises(FeatureError, match="unknown_feature"):
        pair_frame(rows, ["pair_luck"], lambda *_: rows)
    assert "pair_load_ratio" in pair_names()
