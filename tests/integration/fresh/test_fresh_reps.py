"""Reps, and reps with leads of a kind, are as fresh as leads: the same rows as a build of that moment."""

from datetime import timedelta
from random import Random
from typing import Any

import pandas as pd
import pytest

from crm_store.repositories.sources.event_log import export_sources
from features.catalog import names_of
from pipelines.fresh.worker import Worker
from tests.integration.fresh.fresh_home import MINUTE, T0, Home, activity
from tests.sizes import full

REPS, LEADS = ("rep_1", "rep_2"), ("lea_1", "lea_2", "lea_3")
DAY = timedelta(days=1)


def test_an_assignment_a_contact_and_a_win_show_at_once(staffed: Home) -> None:
    home = staffed
    home.write("lead", "lea_1", {"owner_id": "rep_1", "need": "手套"}, T0)
    home.catch_up()
    assert _of(home, "rep", "rep_1", "rep_open_leads") == 1.0
    assert _of(home, "fit", "rep_1|need|手套", "fit_leads_all") == 1.0

    home.write("lead", "lea_1", {"status": "contacted"}, T0 + MINUTE)
    home.add([activity(1, T0, lead_id="lea_1", rep_id="rep_1", direction="out")])
    home.write("lead", "lea_1", {"status": "won", "closed_at": T0}, T0 + 2 * MINUTE)
    home.catch_up()

    assert _of(home, "rep", "rep_1", "rep_open_leads") == 0.0
    assert _of(home, "rep", "rep_1", "rep_wins_90d") == 1.0
    assert _of(home, "rep", "rep_1", "rep_contacts_30d") == 1.0
    assert _of(home, "fit", "rep_1|need|手套", "fit_wins_all") == 1.0
    assert _of(home, "fit", "rep_1|lead|lea_1", "fit_contacts_all") == 1.0


def test_a_lead_that_changes_hands_concerns_both_reps(staffed: Home) -> None:
    home = staffed
    home.write("lead", "lea_1", {"owner_id": "rep_1"}, T0)
    home.catch_up()
    home.write("lead", "lea_1", {"owner_id": "rep_2"}, T0 + MINUTE)
    home.catch_up()

    assert [_of(home, "rep", one, "rep_open_leads") for one in REPS] == [0.0, 1.0]


def test_a_leave_that_is_booked_and_withdrawn_shows_at_once(staffed: Home) -> None:
    home = staffed
    leave = {"rep_id": "rep_1", "start_at": T0 - DAY, "end_at": T0 + 9 * DAY, "kind": "annual"}
    home.write("leave", "lve_1", leave | {"status": "approved", "created_at": T0}, T0)
    home.catch_up()
    assert _of(home, "rep", "rep_1", "rep_on_leave") == 1.0

    home.write("leave", "lve_1", {"status": "cancelled"}, T0 + MINUTE)
    home.catch_up()
    assert _of(home, "rep", "rep_1", "rep_on_leave") == 0.0


def test_what_tells_nothing_of_a_rep_leaves_the_row_as_it_is(staffed: Home) -> None:
    home = staffed
    home.write("lead", "lea_1", {"owner_id": "rep_1"}, T0)
    home.catch_up()
    before = home.online("rep", "rep_1")
    home.add([activity(1, T0, lead_id="lea_1")])
    home.write("lead", "lea_1", {"title": "院长"}, T0 + MINUTE)
    home.catch_up()

    assert home.online("rep", "rep_1") == before


@pytest.mark.parametrize("seed", range(full(2, 40)))
def test_after_anything_the_rows_are_those_of_a_build(staffed: Home, seed: int) -> None:
    home, random = staffed, Random(seed)
    for number in range(40):
        _happen(home, random, number)
        if random.random() < 0.3:
            home.catch_up()
        if random.random() < 0.1:  # another process takes over, with nothing in its memory
            home.worker.leave()
            home.worker = Worker(home.runtime, home.clock)
    home.catch_up()

    export_sources(home.runtime.engine, home.runtime.features.sources)
    _assert_built(home, "rep", list(REPS))
    fits = pd.read_parquet(home.runtime.features.sources / "fit_events.parquet").fit_id
    _assert_built(home, "fit", sorted(set(fits)))


def _happen(home: Home, random: Random, number: int) -> None:
    at, lead = T0 + number * MINUTE, random.choice(LEADS)
    home.clock.now = at
    match random.randrange(6):
        case 0 | 1:
            status = random.choice(["new", "contacted", "won", "lost"])
            home.write("lead", lead, {"owner_id": random.choice([*REPS, None]), "status": status}, at)
        case 2:
            home.write("lead", lead, {"need": random.choice(["手套", "口罩"])}, at)
        case 3:
            wrong = {"corrects_id": f"act_{number - 1}"} if home.has_activity(number - 1) else {}
            when = at - random.choice([0, 20, 40]) * DAY
            values = {"lead_id": lead, "rep_id": random.choice([*REPS, None]), "direction": "out"}
            home.add([activity(number, when, recorded_at=at, **values, **wrong)])
        case 4:
            leave = {"start_at": T0 - DAY, "end_at": T0 + 10 * DAY}
            leave |= {"rep_id": random.choice(REPS), "kind": "annual", "created_at": T0}
            home.write("leave", "lve_1", leave | {"status": random.choice(["approved", "cancelled"])}, at)
        case _:
            home.write("lead", lead, {"deleted_at": random.choice([at, None])}, at)


def _of(home: Home, entity: str, entity_id: str, name: str) -> Any:
    values, _ = home.online(entity, entity_id)
    assert values is not None
    return values[name]


def _assert_built(home: Home, entity: str, ids: list[str]) -> None:
    online = {one: home.online(entity, one) for one in ids}
    moments = [pd.Timestamp(at or home.clock.now) for _, at in online.values()]
    rows = pd.DataFrame({"entity_id": ids, "as_of": moments})
    built = home.runtime.features.compute(entity, rows.assign(as_of=rows.as_of.dt.as_unit("us")))
    for row in built.to_dict("records"):
        values, _ = online[row["entity_id"]]
        expected = {name: None if row[name] != row[name] else row[name] for name in names_of(entity)}
        if values is None:  # written and deleted again before anybody looked
            assert entity == "fit"
            assert not any(expected.values())
        else:
            assert values == pytest.approx(expected), row["entity_id"]


@pytest.fixture
def staffed(sqlite_home: Home) -> Home:
    """Two reps and three leads of nobody."""
    home = sqlite_home
    for one in REPS:
        values = {"name": one, "region": "华东", "hired_at": T0 - 400 * DAY, "created_at": T0 - 400 * DAY}
        home.write("rep", one, values, T0 - 400 * DAY)
    for one in LEADS:
        home.write("lead", one, {"created_at": T0 - DAY, "company": one, "channel": "site"}, T0 - DAY)
    home.catch_up()
    return home
