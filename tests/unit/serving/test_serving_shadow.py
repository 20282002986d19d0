"""The challenger scores beside the champion: same rows, apart from the requests, and never in their way."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pytest

from serving.champions import Absent, Champion
from serving.deps import ServingDeps
from serving.shadow import Pair, Shadow
from tests.unit.serving.fakes import LEADS, BrokenError, FakeChampions, FakeScorer, World


class Kept:
    """What was written down."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.broken = False

    def __call__(self, model: str, pairs: Sequence[Pair]) -> None:
        assert model == "lead_health"
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


def challenger(**changes: object) -> FakeChampions:
    scorer = FakeScorer("model", "model-2", **changes)  # type: ignore[arg-type]
    return FakeChampions({"lead_health": Champion(scorer, "model-2"), "account_churn": Absent("no_champion")})


def test_both_scores_of_every_answered_lead_are_kept(world: Shadowed, kept: Kept) -> None:
    shadow = Shadow(challenger(), kept)
    shadowed(world, shadow).client().score(*LEADS)
    shadow.close()
    assert {pair.entity_id for pair in kept.pairs} == set(LEADS)
    assert {(pair.live.version, pair.shadow.version) for pair in kept.pairs} == {("model-1", "model-2")}


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
    nobody = FakeChampions(dict.fromkeys(("lead_health", "account_churn"), Absent("no_champion")))
    shadow = Shadow(nobody, kept)
    shadowed(world, shadow).client().score(*LEADS)
    shadow.close()
    assert kept.pairs == []
