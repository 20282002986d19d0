"""An event is in the online features and in a score, whoever it concerns; nothing is lost or done twice."""

from datetime import datetime, timedelta

import pytest

from crm_store.repositories.history.consumers import FRESH, standing
from crm_store.repositories.scores import log as scores
from pipelines.fresh.worker import Pace, Worker
from tests.integration.fresh.fresh_home import MINUTE, T0, Home, activity
from tests.settling import settle

LEAD = {"created_at": T0 - timedelta(days=3), "company": "杭州示例", "phone": "13812345678", "status": "new"}


def test_an_event_changes_the_features_and_appends_a_score(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    home.catch_up()
    before = _scores(home, "lea_1")
    home.add([activity(1, T0, lead_id="lea_1")])
    home.catch_up()

    values, as_of = home.online("lead", "lea_1")
    assert values is not None
    assert as_of is not None
    assert values["lead_chats_30d"] == 1.0
    assert values == home.recomputed("lead", "lea_1", as_of)
    after = _scores(home, "lea_1")
    assert len(after) == len(before) + 1
    assert after[0].score.as_of == as_of


def test_what_moves_no_score_appends_none(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    home.add([activity(1, T0, lead_id="lea_1")])
    home.catch_up()
    before = _scores(home, "lea_1")
    home.add([activity(2, T0, lead_id="lea_1")])
    home.catch_up()

    assert (home.online("lead", "lea_1")[0] or {})["lead_chats_30d"] == 2.0
    assert len(_scores(home, "lea_1")) == len(before)


def test_a_list_follows_the_owner_though_the_score_stays(home: Home) -> None:
    home.write("lead", "lea_1", LEAD | {"region": "华东"}, T0 - timedelta(days=3))
    home.catch_up()
    home.write("lead", "lea_1", {"region": "华南"}, T0)
    home.catch_up()

    with home.runtime.sessions() as session:
        (line,) = scores.ranked(session, "lead_health").items
    assert line.region == "华南"


def test_a_closed_lead_gets_features_and_no_score(home: Home) -> None:
    home.write("lead", "lea_1", LEAD | {"status": "lost"}, T0 - timedelta(days=3))
    home.catch_up()

    assert home.online("lead", "lea_1")[0]
    assert not _scores(home, "lea_1")


def test_a_win_counts_for_the_leads_that_come_after_it(home: Home) -> None:
    home.write("lead", "lea_1", LEAD | {"campaign": "展会"}, T0 - timedelta(days=3))
    home.write("lead", "lea_2", LEAD | {"campaign": "展会"}, T0 - timedelta(days=2))
    home.catch_up()
    home.write("lead", "lea_1", {"status": "won", "closed_at": T0}, T0)
    home.add([activity(1, T0, lead_id="lea_2")])
    home.catch_up()

    values, as_of = home.online("lead", "lea_2")
    assert values is not None
    assert as_of is not None
    assert values["lead_campaign_wins_30d"] == 1.0
    assert values == pytest.approx(home.recomputed("lead", "lea_2", as_of))


def test_a_ticket_that_moves_concerns_both_accounts(home: Home) -> None:
    account = {"created_at": T0 - timedelta(days=90), "name": "医院"}
    for one in ("acc_1", "acc_2", "acc_3"):
        home.write("account", one, account | {"name": one}, T0 - timedelta(days=90))
    opened = {
        "created_at": T0,
        "opened_at": T0 - MINUTE,
        "account_id": "acc_1",
        "title": "报修",
        "status": "open",
    }
    home.write("ticket", "tic_1", opened, T0 - MINUTE)
    home.catch_up()
    home.write("ticket", "tic_1", {"account_id": "acc_2"}, T0)
    home.catch_up()
    home.write("ticket", "tic_1", {"resolved_at": T0}, T0)
    home.catch_up()

    for one in ("acc_1", "acc_2", "acc_3"):
        values, as_of = home.online("account", one)
        assert as_of is not None
        assert values == pytest.approx(home.recomputed("account", one, as_of)), one


def test_an_event_from_a_clock_that_runs_ahead_counts_at_once(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    ahead = home.clock() + 2 * MINUTE
    home.add([activity(1, ahead, lead_id="lea_1", recorded_at=T0)])
    home.catch_up()
    assert (home.online("lead", "lea_1")[0] or {})["lead_chats_30d"] == 1.0

    home.add([activity(2, T0, lead_id="lea_1")])
    home.catch_up()
    values, as_of = home.online("lead", "lea_1")
    assert (values or {})["lead_chats_30d"] == 2.0
    assert as_of == ahead


def test_a_second_worker_stands_by_and_takes_over(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    home.catch_up()
    other = Worker(home.runtime, home.clock)
    home.add([activity(1, T0, lead_id="lea_1")])
    home.catch_up(other)
    assert (home.online("lead", "lea_1")[0] or {})["lead_chats_30d"] == 0.0

    home.clock.now += timedelta(seconds=6)  # the first is silent for longer than its lease
    home.catch_up(other)
    assert (home.online("lead", "lea_1")[0] or {})["lead_chats_30d"] == 1.0

    home.add([activity(2, T0, lead_id="lea_1")])
    home.catch_up()  # it finds that it has been replaced, and keeps nothing
    with home.runtime.sessions() as session:
        found = standing(session, FRESH)
    assert found is not None
    assert found.events == 2
    other.leave()
    home.catch_up()
    assert (home.online("lead", "lea_1")[0] or {})["lead_chats_30d"] == 2.0


def test_the_lag_counts_until_nothing_is_waiting(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    home.add([activity(n, T0, lead_id="lea_1") for n in range(3)])
    home.worker = Worker(home.runtime, home.clock, Pace(batch=2))
    settle(home.runtime.sessions)
    home.worker.step()
    assert _reached(home) is None

    home.catch_up()
    assert _reached(home) is not None


def test_looks_are_rarer_where_nothing_happens(home: Home) -> None:
    home.write("lead", "lea_1", LEAD, T0 - timedelta(days=3))
    settle(home.runtime.sessions)
    waited: list[float] = []

    class Looks:
        def is_set(self) -> bool:
            return len(waited) == 3

        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            home.clock.now += timedelta(seconds=1.5)
            return False

    pace = Pace()
    Worker(home.runtime, home.clock, pace).run(Looks())
    assert waited == [pace.pause, pace.pause, pace.rest]


def _reached(home: Home) -> datetime | None:
    with home.runtime.sessions() as session:
        found = standing(session, FRESH)
    return found.reached_at if found else None


def _scores(home: Home, lead_id: str) -> list[scores.StoredScore]:
    with home.runtime.sessions() as session:
        return scores.history(session, "lead_health", lead_id)
