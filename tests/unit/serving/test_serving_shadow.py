"""The challenger scores beside the champion: same rows, apart from the requests, and never in their way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from serving.champions import Champion, FixedChampions
from serving.deps import ServingDeps
from serving.shadow import Pair, Shadow
from tests.unit.serving.fakes import ACCOUNTS, LEADS, NOW, BrokenError, FakeScorer, World
from tests.unit.serving.test_serving_when import WEEKLY, FakeHazard


class Kept:
    """What was written down."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.models: set[str] = set()
        self.broken = False

    def __call__(self, model: str, pairs: Sequence[Pair]) -> None:
        self.models.add(model)
        if self.broken:
            raise BrokenError("the store is gone")
        self.pairs.extend(pairs)


class Shadowed(World):
    """The fake company with a shadow."""

    shadow: Shadow

    def deps(self) -> ServingDeps:
        return replace(super().deps(), observe=self.shadow)


def shadowed(world: Shadowed, shadow: Shadow) -> Shadowed:
    world.shadow = shadow
    return world


@pytest.fixture
def world() -> Shadowed:
    return Shadowed()


@pytest.fixture
def kept() -> Kept:
    return Kept()


def challenger(model: str = "lead_health", **changes: object) -> FixedChampions:
    scorer = FakeScorer("model", "model-2", **changes)  # type: ignore[arg-type]
    return FixedChampions({model: Champion(scorer, "model-2")})


def test_both_scores_of_every_answered_lead_are_kept(world: Shadowed, kept: Kept) -> None:
    shadow = Shadow(challenger(), kept)
    shadowed(world, shadow).client().score(*LEADS)
    shadow.close()
    assert {pair.entity_id for pair in kept.pairs} == set(LEADS)
    assert {(pair.live.version, pair.shadow.version) for pair in kept.pairs} == {("model-1", "model-2")}
    assert kept.models == {"lead_health"}


def test_a_lead_looked_at_again_counts_once(world: Shadowed, kept: Kept) -> None:
    shadow = Shadow(challenger(), kept)
    caller = shadowed(world, shadow).client()
    for _ in range(3):
        caller.score(LEADS[0])
    shadow.close()
    assert len(kept.pairs) == 1


def test_rules_have_a_challenger_too(world: Shadowed, kept: Kept) -> None:
    world.absent("no_champion")
    shadow = Shadow(challenger(), kept)
    assert shadowed(world, shadow).client().one(LEADS[0])["source"] == "rules"
    shadow.close()
    assert kept.pairs[0].live.source == "rules"


def test_a_challenger_that_hangs_holds_nobody_up_and_what_is_too_much_is_left_out(
    world: Shadowed, kept: Kept
) -> None:
    held = Event()
    shadow = Shadow(challenger(held=held), kept)
    caller = shadowed(world, shadow).client()
    caller.score(*LEADS)
    for _ in range(300):
        shadow("lead_health", {}, {})
    assert shadow.dropped > 0
    assert all(result["score"]["version"] == "model-1" for result in caller.score(*LEADS))
    held.set()
    shadow.close()


def test_a_challenger_or_store_that_fails_costs_no_answer(world: Shadowed, kept: Kept) -> None:
    kept.broken = True
    for champions in (challenger(broken=True), challenger()):
        shadow = Shadow(champions, kept)
        assert shadowed(world, shadow).client().one(LEADS[0])["source"] == "model"
        shadow.close()
    assert kept.pairs == []


def test_without_a_challenger_nothing_is_queued(world: Shadowed, kept: Kept) -> None:
    shadow = Shadow(FixedChampions({}), kept)
    shadowed(world, shadow).client().score(*LEADS)
    shadow.close()
    assert kept.pairs == []


def test_a_hazard_is_tried_beside_the_one_that_says_when(world: Shadowed, kept: Kept) -> None:
    world.champions.standing["account_renewal"] = Champion(FakeHazard(), "renewal-1")
    challengers = FixedChampions({"account_renewal": Champion(FakeHazard("renewal-2"), "renewal-2")})
    shadow = Shadow(challengers, kept)
    reply = shadowed(world, shadow).client()("POST", "/v1/accounts/risk", json={"ids": list(ACCOUNTS)})
    assert reply.status_code == 200
    shadow.close()
    assert kept.models == {"account_renewal"}
    told = {(pair.live.version, pair.shadow.version, pair.shadow.weekly) for pair in kept.pairs}
    assert told == {("renewal-1", "renewal-2", WEEKLY)}


def test_a_match_is_tried_on_every_candidate_once_for_what_is_known_of_the_lead(
    world: Shadowed, kept: Kept
) -> None:
    state = {"rep_team": "tea_1", "rep_open_leads": 4.0, "rep_wins_90d": 1.0}
    for rep, chats in (("rep_1", 30.0), ("rep_2", 60.0)):
        world.online.rows[rep] = ({**state, "lead_chats_30d": chats}, NOW)
    known = NOW - timedelta(hours=2)
    world.online.rows[LEADS[0]] = (world.online.rows[LEADS[0]][0], known)
    shadow = Shadow(challenger("lead_match"), kept)
    caller = shadowed(world, shadow).client()
    for _ in range(2):
        caller("POST", "/v1/leads/match", json={"ids": [LEADS[0]]})
    shadow.close()
    assert kept.models == {"lead_match"}
    told = {pair.entity_id: (pair.live.probability, pair.shadow.probability) for pair in kept.pairs}
    assert told == {f"{LEADS[0]}|rep_1": (0.3, 0.3), f"{LEADS[0]}|rep_2": (0.6, 0.6)}
    assert {pair.live.as_of for pair in kept.pairs} == {known}
    assert len(kept.pairs) == 2
