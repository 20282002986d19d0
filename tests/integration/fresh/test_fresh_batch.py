"""The scheduled batch beside the worker: neither puts older values in the place of newer ones."""

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from crm_store.repositories.history.consumers import FRESH, standing
from crm_store.repositories.scores import log as scores
from crm_store.repositories.sources import growth as source_growth
from features.catalog import features_of
from pipelines import jobs
from serving.kinds import LEAD
from tests.integration.fresh.fresh_home import T0, Home, activity

BORN = {"created_at": T0 - timedelta(days=3), "company": "杭州示例", "status": "new"}


def test_a_batch_from_older_sources_leaves_what_is_fresh(sqlite_home: Home, monkeypatch: Any) -> None:
    home = sqlite_home
    for one in ("lea_1", "lea_2"):
        home.write("lead", one, BORN, T0 - timedelta(days=3))
    monkeypatch.setattr(home.runtime.features, "apply", lambda: None)
    monkeypatch.setattr(jobs, "utc_now", home.clock)
    jobs.export_sources(home.runtime, _silent)
    exported_at = home.clock.now
    home.clock.now += timedelta(hours=1)
    home.add([activity(1, home.clock.now, lead_id="lea_1")])
    home.catch_up()
    fresh = home.online("lead", "lea_1")
    home.clock.now += timedelta(hours=1)
    jobs.score(home.runtime, LEAD, home.clock.now, _silent)

    assert home.online("lead", "lea_1") == fresh
    assert (fresh[0] or {})["lead_chats_30d"] == 1.0
    _, as_of = home.online("lead", "lea_2")
    assert as_of is not None
    assert as_of <= exported_at
    with home.runtime.sessions() as session:
        kept = scores.latest(session, "lead_health", ["lea_1", "lea_2"])
    assert kept["lea_1"].score.as_of == fresh[1]
    assert kept["lea_2"].score.as_of == as_of


def test_the_worker_begins_where_the_export_stood(sqlite_home: Home, monkeypatch: Any) -> None:
    home = sqlite_home
    home.write("lead", "lea_1", BORN, T0 - timedelta(days=3))
    monkeypatch.setattr(home.runtime.features, "apply", lambda: None)
    jobs.export_sources(home.runtime, _silent)
    home.write("lead", "lea_2", BORN, T0 - timedelta(days=3))
    home.catch_up()

    assert home.online("lead", "lea_1") == (None, None)  # what was exported, the batch publishes
    assert home.online("lead", "lea_2")[0]
    with home.runtime.sessions() as session:
        found = standing(session, FRESH)
    assert found is not None
    assert found.events == 1


def test_a_full_publish_gives_what_the_worker_gave(sqlite_home: Home, monkeypatch: Any) -> None:
    home = sqlite_home
    for one in ("lea_1", "lea_2"):
        home.write("lead", one, BORN | {"campaign": "展会", "channel": "site"}, T0 - timedelta(days=3))
    home.add([activity(n, T0 - timedelta(days=n), lead_id="lea_1", recorded_at=T0) for n in range(1, 9)])
    home.clock.stop_at(T0 + timedelta(minutes=5))
    home.catch_up()
    given = {one: home.online("lead", one) for one in ("lea_1", "lea_2")}
    monkeypatch.setattr(home.runtime.features, "apply", lambda: None)
    jobs.export_sources(home.runtime, _silent)
    asked = pd.DataFrame({"entity_id": list(given), "as_of": [at for _, at in given.values()]})
    asked["as_of"] = asked["as_of"].dt.as_unit("us")
    built = home.runtime.features.compute("lead", asked)

    for entity_id, row in zip(given, built.to_dict("records"), strict=True):
        values = given[entity_id][0] or {}
        for feature in features_of("lead"):
            known = row[feature.name]
            same = known == values[feature.name] or (known != known and values[feature.name] is None)
            near = isinstance(known, float) and abs(known - float(values[feature.name] or 0)) < 1e-9
            assert same or near, feature.name


def test_a_second_build_tells_only_what_is_new_and_scores_by_it(sqlite_home: Home, monkeypatch: Any) -> None:
    home = sqlite_home
    for one in ("lea_1", "lea_2"):
        home.write("lead", one, BORN, T0 - timedelta(days=3))
    home.add([activity(n, T0 - timedelta(days=n), lead_id="lea_2", recorded_at=T0) for n in range(60)])
    monkeypatch.setattr(home.runtime.features, "apply", lambda: None)
    monkeypatch.setattr(jobs, "utc_now", home.clock)
    monkeypatch.setattr(source_growth, "MOST_GROWN", 1.0)
    home.clock.now += timedelta(minutes=5)
    assert jobs.export_sources(home.runtime, _silent)["activities"] == 60
    jobs.score(home.runtime, LEAD, home.clock.now, _silent)
    home.clock.now += timedelta(hours=1)
    home.add([activity(100, home.clock.now, lead_id="lea_1", corrects_id="act_0")])
    home.clock.now += timedelta(hours=1)

    assert jobs.export_sources(home.runtime, _silent)["activities"] == 2  # the new one and the corrected
    jobs.score(home.runtime, LEAD, home.clock.now, _silent)

    given = {one: home.online("lead", one)[0] or {} for one in ("lea_1", "lea_2")}
    assert [given[one]["lead_chats_all"] for one in given] == [1.0, 59.0]
    for one, values in given.items():
        _, as_of = home.online("lead", one)
        assert as_of is not None
        assert values == pytest.approx(home.recomputed("lead", one, as_of))
    assert jobs.export_sources(home.runtime, _silent, whole=True)["activities"] == 61


def _silent(_done: int, _total: int) -> None:
    pass
