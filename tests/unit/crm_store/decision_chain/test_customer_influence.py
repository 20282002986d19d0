"""Customer influence: the published formula in small chains, and what holds of it in any."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.decision_chain import (
    CustomerInfluence,
    Edge,
    InfluenceSettings,
    Person,
    RelationKind,
    customer_influence,
    reports_in_a_circle,
)
from tests.sizes import full

SETTINGS = InfluenceSettings(damping=0.5, default_strength=50, full_chain=2.0, coverage_days=90)


def test_nobody_gives_nothing() -> None:
    found = customer_influence([], [], [], SETTINGS)
    assert (found.score, found.contacts, found.coverage) == (0.0, (), None)
    assert found.reasons[0][0] == "尚无带决策权重的联系人"


def test_without_relations_influence_is_the_weight() -> None:
    found = score({"院长": 100, "主任": 40}, [])
    assert influence_of(found) == {"院长": 100.0, "主任": 40.0}
    assert found.score == round(100 * (1 - math.exp(-1.4 / 2)), 1)


def test_swaying_someone_adds_a_damped_share_of_their_influence() -> None:
    found = score({"主任": 40, "院长": 100}, [("主任", "院长", "influence", 60)])
    assert influence_of(found)["主任"] == round(100 * (1 - (1 - 0.4) * (1 - 0.5 * 0.6 * 1.0)), 1)
    assert influence_of(found)["院长"] == 100.0


def test_who_is_relied_on_technically_sways_who_relies() -> None:
    found = score({"主任": 80, "工程师": 0}, [("主任", "工程师", "technical", 100)])
    assert influence_of(found) == {"主任": 80.0, "工程师": 40.0}


def test_reporting_moves_no_influence() -> None:
    found = score({"主任": 80, "科员": 10}, [("科员", "主任", "reports_to", 100)])
    assert influence_of(found) == {"主任": 80.0, "科员": 10.0}


def test_an_edge_without_strength_has_the_default_one() -> None:
    said = score({"甲": 0, "乙": 100}, [("甲", "乙", "influence", 50)])
    assert influence_of(score({"甲": 0, "乙": 100}, [("甲", "乙", "influence", None)])) == influence_of(said)


def test_who_has_left_has_no_say_and_sways_nobody() -> None:
    people = [Person("a", "甲", weight=100, status="left"), Person("b", "乙", weight=50)]
    edges = [Edge("1", "a", "b", "influence", 100), Edge("2", "b", "a", "influence", 100)]
    found = customer_influence(people, edges, [], SETTINGS)
    assert influence_of(found) == {"乙": 50.0, "甲": 0.0}
    assert found.silent == ("b",)


def test_a_circle_of_influence_settles() -> None:
    edges: list[tuple[str, str, RelationKind, int | None]] = [
        ("甲", "乙", "influence", 100),
        ("乙", "丙", "influence", 100),
        ("丙", "甲", "influence", 100),
    ]
    found = influence_of(score({"甲": 50, "乙": 50, "丙": 50}, edges))
    # r = 1 − (1 − w)(1 − d·r), the same for all three
    assert found["甲"] == found["乙"] == found["丙"] == round(100 * 0.5 / 0.75, 1)


def test_coverage_is_the_share_of_influence_that_was_spoken_to() -> None:
    people = [Person("a", "院长", weight=75), Person("b", "主任", weight=25)]
    found = customer_influence(people, [], ["b"], SETTINGS)
    assert found.coverage == pytest.approx(0.25)
    assert found.silent == ("a",)
    assert found.reasons[1] == ("近 90 天沟通覆盖了 25% 的影响力", "25% of it was spoken to in 90 days")
    assert found.reasons[2] == ("近 90 天无人联系：院长等 1 人", "not spoken to in 90 days: 院长 (1 in all)")


def test_each_contact_comes_with_a_reason_in_both_languages() -> None:
    found = score({"主任": 40, "院长": 100}, [("主任", "院长", "influence", 60)])
    assert found.contacts[1].reason == (
        "决策权重 40，能影响院长等 1 人，影响力 58",
        "decision weight 40, sways 1 incl. 院长: influence 58",
    )


@pytest.mark.parametrize(
    "bad",
    [{"damping": 1.0}, {"damping": -0.1}, {"default_strength": 101}, {"full_chain": 0}, {"coverage_days": 0}],
)
def test_constants_without_meaning_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        InfluenceSettings(**bad)  # type: ignore[arg-type]


chains = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        st.lists(st.one_of(st.none(), st.integers(0, 100)), min_size=size, max_size=size),
        st.lists(
            st.tuples(
                st.integers(0, size - 1),
                st.integers(0, size - 1),
                st.sampled_from(["influence", "technical", "reports_to"]),
                st.one_of(st.none(), st.integers(0, 100)),
            ),
            max_size=20,
        ),
    )
)


@settings(max_examples=full(80, 5_000), deadline=None)
@given(chains, st.data())
def test_raising_a_weight_lowers_nothing(chain: tuple[list[int | None], list], data: st.DataObject) -> None:  # type: ignore[type-arg]
    weights, edges = chain
    at = data.draw(st.integers(0, len(weights) - 1))
    higher = data.draw(st.integers(weights[at] or 0, 100))
    raised = [higher if index == at else weight for index, weight in enumerate(weights)]
    before, after = drawn(weights, edges), drawn(raised, edges)
    assert after.score >= before.score
    lower = influence_of(before)
    assert all(value >= lower[name] for name, value in influence_of(after).items())


@settings(max_examples=full(80, 5_000), deadline=None)
@given(chains)
def test_everything_stays_within_bounds(chain: tuple[list[int | None], list]) -> None:  # type: ignore[type-arg]
    found = drawn(*chain)
    assert 0 <= found.score <= 100
    assert all(contact.own <= contact.influence <= 100 for contact in found.contacts)


@settings(max_examples=full(80, 5_000), deadline=None)
@given(chains, st.randoms(use_true_random=False))
def test_ids_and_order_do_not_matter(chain: tuple[list[int | None], list], chance: random.Random) -> None:  # type: ignore[type-arg]
    weights, edges = chain
    labels = [f"con_{index}" for index in range(len(weights))]
    chance.shuffle(labels)
    new_ids = {str(index): label for index, label in enumerate(labels)}
    people, drawn_edges = as_chain(weights, edges)
    renamed = [Person(new_ids[one.id], one.name, weight=one.weight) for one in people]
    relinked = [
        Edge(one.id, new_ids[one.from_id], new_ids[one.to_id], one.kind, one.strength) for one in drawn_edges
    ]
    chance.shuffle(renamed)
    chance.shuffle(relinked)
    shuffled = customer_influence(renamed, relinked, [], SETTINGS)
    plain = drawn(weights, edges)
    assert shuffled.score == plain.score
    assert influence_of(shuffled) == influence_of(plain)


def test_nobody_becomes_their_own_superior() -> None:
    edges = [Edge("1", "a", "b", "reports_to"), Edge("2", "b", "c", "reports_to")]
    assert reports_in_a_circle(edges, "c", "a")
    assert not reports_in_a_circle(edges, "a", "c")
    assert not reports_in_a_circle([Edge("3", "a", "b", "influence")], "b", "a")


def score(
    weights: dict[str, int], edges: list[tuple[str, str, RelationKind, int | None]]
) -> CustomerInfluence:
    people = [Person(name, name, weight=weight) for name, weight in weights.items()]
    numbered = [Edge(str(index), *edge) for index, edge in enumerate(edges)]
    return customer_influence(people, numbered, [], SETTINGS)


def as_chain(weights: list[int | None], edges: list) -> tuple[list[Person], list[Edge]]:  # type: ignore[type-arg]
    people = [Person(str(index), f"人{index}", weight=weight) for index, weight in enumerate(weights)]
    linked = [
        Edge(str(index), str(one), str(other), kind, strength)
        for index, (one, other, kind, strength) in enumerate(edges)
        if one != other
    ]
    return people, linked


def drawn(weights: list[int | None], edges: list) -> CustomerInfluence:  # type: ignore[type-arg]
    return customer_influence(*as_chain(weights, edges), [], SETTINGS)


def influence_of(found: CustomerInfluence) -> dict[str, float]:
    return {contact.name: contact.influence for contact in found.contacts}
