"""Each rung of the ladder, reached by breaking the one above it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serving.champions import Champion
from serving.ladder import Answer, Memory
from tests.unit.serving.fakes import LEADS, NOW, FakeScorer, World


@pytest.fixture
def world() -> World:
    return World()


def test_the_champion_answers_from_online_features(world: World) -> None:
    score = world.client().one("lea_003")
    assert (score["source"], score["rung"], score["why"]) == ("model", "model", None)
    assert (score["value"], score["band"], score["version"]) == (30.0, "red", "model-1")
    assert (score["as_of"], score["age_s"]) == ("2026-03-01T00:00:00Z", None)


@pytest.mark.parametrize("code", ["no_champion", "bundle_broken", "starting"])
def test_without_a_champion_rules_answer_from_online_features(world: World, code: str) -> None:
    world.absent(code)
    score = world.client().one("lea_003")
    assert (score["source"], score["rung"], score["version"]) == ("rules", "rules_online", "rules:1")
    assert score["why"]["code"] == code
    assert score["why"]["message"]["zh"]
    assert score["why"]["message"]["en"]


def test_a_champion_that_fails_on_everything_counts_as_broken(world: World) -> None:
    world.model.broken = True
    score = world.client().one("lea_003")
    assert (score["rung"], score["why"]["code"]) == ("rules_online", "bundle_broken")


def test_a_row_the_champion_refuses_costs_no_other_its_score(world: World) -> None:
    world.model.refuses = 30.0
    rungs = [r["score"]["rung"] for r in world.client().score("lea_002", "lea_003", "lea_004")]
    assert rungs == ["model", "rules_online", "model"]


def test_a_lead_older_than_the_models_horizon_is_for_the_rules(world: World) -> None:
    world.records.created_at = {"lea_002": NOW - timedelta(days=31), "lea_003": NOW - timedelta(days=30)}
    old, young = world.client().score("lea_002", "lea_003")
    assert (old["score"]["rung"], old["score"]["why"]["code"]) == ("rules_online", "past_horizon")
    assert young["score"]["rung"] == "model"


def test_a_feature_that_is_missing_is_no_reason_to_step_down(world: World) -> None:
    world.online.rows["lea_001"] = ({"lead_chats_30d": None}, NOW)
    assert world.client().one("lea_001")["rung"] == "model"


def test_a_lead_without_online_features_gets_rules_from_its_records(world: World) -> None:
    del world.online.rows["lea_001"]
    score = world.client().one("lea_001")
    assert (score["source"], score["rung"]) == ("rules", "rules_records")
    assert score["why"]["code"] == "no_online_features"
    assert score["value"] == 2.0, "two chats of this lead, none of the other one"
    assert world.rules.rows == [{"lead_chats_30d": 2.0, "lead_has_company": 1.0}]


def test_features_older_than_the_limit_are_not_used(world: World) -> None:
    world.online.rows["lea_001"] = ({"lead_chats_30d": 99.0}, NOW - timedelta(hours=48, seconds=1))
    world.online.rows["lea_002"] = ({"lead_chats_30d": 98.0}, NOW - timedelta(hours=48))
    stale, just_fresh = world.client().score("lea_001", "lea_002")
    assert (stale["score"]["rung"], stale["score"]["why"]["code"]) == (
        "rules_records",
        "stale_online_features",
    )
    assert (just_fresh["score"]["rung"], just_fresh["score"]["as_of"]) == ("model", "2026-02-27T00:00:00Z")


def test_a_broken_online_store_means_rules_from_records(world: World) -> None:
    world.online.broken = True
    score = world.client().one("lea_001")
    assert (score["rung"], score["why"]["code"]) == ("rules_records", "no_online_features")


def test_while_features_load_rules_answer_from_records(world: World) -> None:
    world.online_loaded = False
    score = world.client().one("lea_001")
    assert (score["rung"], score["why"]["code"]) == ("rules_records", "starting")


def test_a_hung_online_store_delays_two_requests_and_then_none(world: World) -> None:
    world.online.held = True
    call = world.client()
    try:
        rungs = [call.one("lea_001")["rung"] for _ in range(4)]
        assert rungs == ["rules_records"] * 4
        assert world.online.reads == 2, "then the breaker is open"
        world.ticks.now += 5.1
        call.one("lea_001")
        call.one("lea_001")
        assert world.online.reads == 3, "one read tries it after the rest"
    finally:
        world.online.free.set()


def test_an_online_store_that_recovers_is_used_again(world: World) -> None:
    world.online.broken = True
    call = world.client()
    for _ in range(3):
        call.one("lea_001")
    world.online.broken = False
    assert call.one("lea_001")["rung"] == "rules_records", "still left alone"
    world.ticks.now += 5.1
    assert call.one("lea_001")["rung"] == "model"
    assert call.one("lea_002")["rung"] == "model"


def test_when_nothing_can_be_computed_the_last_score_answers_with_its_age(world: World) -> None:
    world.online.broken = True
    world.records.broken = {"history"}
    world.remember("lea_001", hours=30)
    score = world.client().one("lea_001")
    assert (score["source"], score["rung"], score["value"]) == ("last", "last", 77.0)
    assert (score["age_s"], score["version"]) == (30 * 3600, "model-0")
    assert score["why"]["code"] == "no_online_features"


def test_when_the_rules_fail_too_the_last_score_answers(world: World) -> None:
    world.absent("no_champion")
    world.rules.broken = True
    world.remember("lea_001", hours=1)
    assert world.client().one("lea_001")["rung"] == "last"


def test_recomputing_stops_at_its_deadline_and_the_rest_get_their_last_score(world: World) -> None:
    world.online.broken = True
    for lead in LEADS:
        world.remember(lead, hours=2)
    world.records.history = slow(world, world.records.history)  # type: ignore[method-assign]
    rungs = [result["score"]["rung"] for result in world.client().score(*LEADS)]
    assert rungs == ["rules_records", "rules_records", "rules_records", *["last"] * 4]


def test_nothing_left_to_answer_with_is_an_error_of_the_item(world: World) -> None:
    world.online.broken = True
    world.rules.broken = True
    world.remember("lea_002", hours=1)
    bad, good = world.client().score("lea_001", "lea_002")
    assert (bad["score"], bad["error"]["code"]) == (None, "no_score")
    assert good["score"]["rung"] == "last"


def test_with_the_record_store_down_online_features_still_give_scores(world: World) -> None:
    call = world.client()
    call.one("lea_001")
    world.records.broken = {"all"}
    known, unknown = call.score("lea_001", "lea_unknown")
    assert known["score"]["rung"] == "model"
    assert unknown["error"]["code"] == "store_unavailable"


def slow(world: World, history):  # type: ignore[no-untyped-def]
    """Let each history take 0.1 s of the deadline of 0.15 s plus 0.01 s a row: the third ends it."""

    def read(*arguments: object) -> object:
        world.ticks.now += 0.1
        return history(*arguments)

    return read


def test_a_score_is_computed_again_only_when_features_or_champion_change(world: World) -> None:
    call = world.client()
    call.score("lea_001", "lea_002")
    call.score("lea_002", "lea_001")
    assert len(world.model.rows) == 2
    world.online.rows["lea_001"] = ({"lead_chats_30d": 11.0}, NOW)
    world.online.rows["lea_002"] = (world.online.rows["lea_002"][0], NOW - timedelta(hours=1))
    changed = call.score("lea_001", "lea_002")
    assert [r["score"]["value"] for r in changed] == [11.0, 20.0]
    assert changed[1]["score"]["as_of"] == "2026-02-28T23:00:00Z"
    assert len(world.model.rows) == 4
    newer = FakeScorer("model", "model-2")
    world.champions.standing["lead_health"] = Champion(newer, "model-2")
    assert call.one("lea_001")["version"] == "model-2"
    assert len(newer.rows) == 1


def test_the_memory_forgets_the_oldest_scores_first() -> None:
    scorer = FakeScorer("model", "model-1")
    rows = {i: ({"lead_chats_30d": 1.0}, NOW) for i in LEADS}
    memory = Memory(size=3)
    for lead in LEADS:
        (score,) = scorer.score([rows[lead][0]], NOW)
        memory.keep(scorer, {lead: Answer(score, "model")}, rows)
    assert set(memory.recall(scorer, LEADS, rows)) == set(LEADS[-3:])
    assert memory.recall(FakeScorer("model", "model-2"), LEADS, rows) == {}
