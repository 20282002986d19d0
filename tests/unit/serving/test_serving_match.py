"""``POST /v1/leads/match``: candidates ranked by the model, else by rules; who is excluded, and why."""

import pytest

from crm_store.domain.scores import Reason
from serving.champions import Absent
from serving.schemas import MatchResults
from tests.unit.serving.fakes import LEADS, NOW, READ_KEY, World

STATE = {"rep_team": "tea_1", "rep_region": "浙江", "rep_open_leads": 4.0, "rep_win_rate": 0.1}


@pytest.fixture
def world() -> World:
    """Two reps whose forecasts, by the fake model, are 30 and 60."""
    made = World()
    for rep, chats, wins in (("rep_1", 30.0, 9.0), ("rep_2", 60.0, 1.0)):
        row = {**STATE, "lead_chats_30d": chats, "rep_wins_90d": wins, "rep_assignments_30d": 10.0}
        made.online.rows[rep] = (row, NOW)
    return made


def asked(world: World, *ids: str, key: str = "lp_both") -> dict:
    reply = world.client()("POST", "/v1/leads/match", json={"ids": list(ids)}, key=key)
    return reply.json()


def test_the_model_ranks_the_candidates_and_the_others_are_excluded_with_a_reason(world: World) -> None:
    (result,) = asked(world, LEADS[0])["results"]
    match = result["match"]
    assert (match["rung"], match["why"], match["seed"]) == ("model", None, None)
    assert [(rep["rank"], rep["rep_id"], rep["probability"]) for rep in match["reps"]] == [
        (1, "rep_2", 0.6),
        (2, "rep_1", 0.3),
    ]
    assert match["reps"][0]["reasons"]["for"]
    assert match["reps"][0]["reasons"]["against"][0]["sentence"] == "80 小时没有互动"
    assert {one["rep_id"]: one["code"] for one in match["excluded"]} == {
        "rep_3": "on_leave",
        "rep_4": "at_capacity",
        "rep_5": "other_region",
    }


def test_the_model_sees_the_lead_the_rep_and_what_is_composed_of_both(world: World) -> None:
    asked(world, LEADS[0])
    row = world.model.rows[0]
    assert {row["rep_win_rate"], row["pair_load_ratio"], row["pair_need_win_rate"]} == {0.1, 1.0}
    assert row["request_hour"] == 8.0


@pytest.mark.parametrize("why", ["no_champion", "no_online_features", "bundle_broken"])
def test_rules_take_turns_by_past_wins_where_the_model_cannot_answer(world: World, why: str) -> None:
    if why == "no_champion":
        world.champions.standing["lead_match"] = Absent("no_champion")
    elif why == "no_online_features":
        del world.online.rows[LEADS[0]]
    else:
        world.model.broken = True
    first, again = (asked(world, LEADS[0])["results"][0]["match"] for _ in range(2))
    assert (first["rung"], first["why"]["code"], first["seed"]) == ("rules", why, 7)
    # Ten leads each lately: the turn is that of who has won more.
    assert [rep["rep_id"] for rep in first["reps"]] == ["rep_1", "rep_2"]
    assert first["reps"] == again["reps"]


def test_without_any_features_rules_go_by_open_leads(world: World) -> None:
    world.online.broken = True
    match = asked(world, LEADS[0])["results"][0]["match"]
    assert [(rep["rep_id"], rep["probability"]) for rep in match["reps"]] == [
        ("rep_1", None),
        ("rep_2", None),
    ]


def test_a_lead_that_is_not_there_is_an_error_beside_the_others(world: World) -> None:
    found, missing = asked(world, LEADS[0], "lea_nobody")["results"]
    assert found["error"] is None
    assert (missing["match"], missing["error"]["code"]) == (None, "lead_not_found")


def test_it_needs_the_scope_and_says_when_the_store_is_away(world: World) -> None:
    assert asked(world, LEADS[0], key=READ_KEY)["error"]["code"] == "scope_missing"
    world.records.broken.add("candidates")
    assert asked(world, LEADS[0])["error"]["code"] == "store_unavailable"


def test_while_the_store_is_away_the_last_candidates_answer_with_their_age(world: World) -> None:
    world.online.rows[LEADS[0]][0]["lead_region"] = "浙江"
    caller = world.client()

    def match(*ids: str) -> list[dict]:
        return caller("POST", "/v1/leads/match", json={"ids": list(ids)}).json()["results"]

    (whole,) = match(LEADS[0])
    world.records.broken.add("candidates")
    world.ticks.now += 90.0
    known, unknown = match(LEADS[0], "lea_nobody")
    assert whole["match"]["age_s"] is None
    assert known["match"] == whole["match"] | {"age_s": 90}
    assert unknown["error"]["code"] == "store_unavailable"
    world.ticks.now += 15 * 60
    assert caller("POST", "/v1/leads/match", json={"ids": [LEADS[0]]}).status_code == 503
    world.records.broken.clear()
    world.ticks.now += 5.0
    assert match(LEADS[0]) == [whole]


def test_reasons_say_what_a_rep_has_and_what_the_candidates_have_on_average(world: World) -> None:
    world.online.rows[LEADS[0]][0]["lead_region"] = "浙江"
    world.model.reasons = (Reason("pair_need_win_rate", 0.2, 3.456), Reason("pair_same_region", 1.0, -1.0))
    match = MatchResults.model_validate(asked(world, LEADS[0])).results[0].match
    assert match is not None
    assert match.mean == pytest.approx(0.45)
    best = match.reps[0].reasons
    assert (best.for_[0].sentence, best.for_[0].effect) == (
        "该销售在同产品需求线索上的赢单率 20.0%（候选人平均 10.0%）",
        3.46,
    )
    assert best.against[0].sentence.endswith("：是（候选人中 100% 为是）")
    assert best.for_[0].meaning == "pair_need_win_rate"


def test_reasons_are_told_in_english_too(world: World) -> None:
    world.model.reasons = (Reason("pair_load_ratio", 1.5, 2.0),)
    told = world.client()(
        "POST", "/v1/leads/match", json={"ids": [LEADS[0]]}, headers={"accept-language": "en"}
    ).json()
    reason = told["results"][0]["match"]["reps"][0]["reasons"]["for"][0]
    assert reason["sentence"] == "Open leads are 1.50 times the team's mean (candidates' mean 1)"
