"""When a loss threatens: told where a hazard is champion, and never in the way of a score."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.domain.scores import Score
from serving.champions import Absent, Champion
from serving.when import CURVE, Decided, agreed, lost_by, when_told
from tests.unit.serving.fakes import ACCOUNTS, BrokenError, World

WEEKLY = (0.0, 0.3, 0.25, *(0.001,) * 23)


@dataclass
class FakeHazard:
    """Gives everybody the same weeks."""

    version: str = "renewal-1"
    broken: bool = False
    asked: int = 0
    rows: list[Mapping[str, object]] = field(default_factory=list)

    def score(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> list[Score]:
        self.asked += 1
        if self.broken:
            raise BrokenError("secret of the hazard")
        return [Score(20, "red", 0.57, (), "model", self.version, as_of, weekly=WEEKLY) for _ in signals]


@pytest.fixture
def hazard() -> FakeHazard:
    return FakeHazard()


@pytest.fixture
def world(hazard: FakeHazard) -> World:
    world = World()
    world.champions.standing["account_renewal"] = Champion(hazard, hazard.version)
    return world


def risk(world: World, *ids: str) -> list[dict]:
    response = world.client()("POST", "/v1/accounts/risk", json={"ids": list(ids)})
    assert response.status_code == 200
    return [result["score"] for result in response.json()["results"]]


def test_a_risk_says_when_too(world: World) -> None:
    (told,) = risk(world, ACCOUNTS[0])
    assert told["version"] == "model-1"
    assert told["when"]["weeks"] == list(WEEKLY)
    assert told["when"]["likeliest_weeks"] == [2, 3]
    assert told["when"]["median_week"] == 3
    assert told["when"]["total"] == pytest.approx(0.573)


@pytest.mark.parametrize("code", ["no_champion", "drift_calibration"])
def test_without_a_hazard_the_answer_is_as_it_was(
    world: World, code: Literal["no_champion", "drift_calibration"]
) -> None:
    world.champions.standing["account_renewal"] = Absent(code)
    (told,) = risk(world, ACCOUNTS[0])
    assert told["when"] is None
    assert told["rung"] == "model"


def test_a_hazard_that_fails_costs_no_score(world: World, hazard: FakeHazard) -> None:
    hazard.broken = True
    (told,) = risk(world, ACCOUNTS[0])
    assert (told["when"], told["rung"]) == (None, "model")


def test_rules_say_when_too_while_there_are_features(world: World) -> None:
    world.champions.standing["account_churn"] = Absent("no_champion")
    (told,) = risk(world, ACCOUNTS[0])
    assert told["rung"] == "rules_online"
    assert told["when"]["median_week"] == 3


@pytest.mark.parametrize("left", [5.0, None, 400.0])
def test_the_weeks_agree_with_the_risk_beside_them(
    world: World, hazard: FakeHazard, left: float | None
) -> None:
    """The risk says whether the contract that ends is lost, the weeks say when; nobody reads two risks."""
    decided = Decided("account_days_to_expiry", 30)
    world.champions.standing["account_renewal"] = Champion(hazard, hazard.version, decided=decided)
    values, as_of = world.online.rows[ACCOUNTS[0]]
    world.online.rows[ACCOUNTS[0]] = (values | {"account_days_to_expiry": left}, as_of)
    (told,) = risk(world, ACCOUNTS[0])
    chance = told["probability"]
    expected = chance if left == 5.0 else sum(WEEKLY[:5])
    assert sum(told["when"]["weeks"][:5]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("left", [5.0, None, 400.0])
def test_where_the_hazard_did_better_the_risk_agrees_with_the_weeks(
    world: World, hazard: FakeHazard, left: float | None
) -> None:
    """The number and its colour are the curve's, and what that moved is told as a reason of its own."""
    (alone,) = risk(world, ACCOUNTS[0])
    decided = Decided("account_days_to_expiry", 30, "hazard")
    world.champions.standing["account_renewal"] = Champion(hazard, hazard.version, decided=decided)
    model = world.champions.standing["account_churn"]
    assert isinstance(model, Champion)
    health = replace(model, points=lambda chances: [100 * (1 - chance) for chance in chances])
    world.champions.standing["account_churn"] = health
    values, as_of = world.online.rows[ACCOUNTS[0]]
    world.online.rows[ACCOUNTS[0]] = (values | {"account_days_to_expiry": left}, as_of)
    (told,) = risk(world, ACCOUNTS[0])
    assert told["when"]["weeks"] == list(WEEKLY)
    curve = [reason for side in told["reasons"].values() for reason in side if reason["feature"] == CURVE]
    if left != 5.0:
        assert (told["probability"], curve) == (alone["probability"], [])
        return
    chance = sum(WEEKLY[:5])
    assert (told["probability"], told["risk"]) == (pytest.approx(chance), pytest.approx(chance))
    assert (told["value"], told["band"]) == (pytest.approx(100 * (1 - chance), abs=0.01), "red")
    assert curve[0]["effect"] == pytest.approx(told["value"] - alone["value"], abs=0.02)
    assert curve[0]["sentence"] == "按逐周流失曲线，第 5 周末前流失的概率为 55%"
    assert told["base"] == pytest.approx(alone["base"], abs=0.02)


def test_leads_are_not_asked_when(world: World, hazard: FakeHazard) -> None:
    assert "when" not in world.client().one("lea_001")
    assert hazard.asked == 0


def test_the_same_features_are_asked_about_once(world: World, hazard: FakeHazard) -> None:
    client = world.client()
    for _ in range(2):
        client("POST", "/v1/accounts/risk", json={"ids": [ACCOUNTS[0]]})
    assert hazard.asked == 1


def test_nobody_knows_when_without_weeks() -> None:
    assert when_told(None) is None


def test_a_quiet_future_has_no_likely_week() -> None:
    told = when_told([0.0001] * 26)
    assert told is not None
    assert (told["likeliest_weeks"], told["median_week"]) == ([], None)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30).map(lambda ws: [w / max(sum(ws), 1) for w in ws]))
def test_the_weeks_add_up(weekly: list[float]) -> None:
    by_week, told = lost_by(weekly), when_told(weekly)
    assert told is not None
    assert by_week == sorted(by_week)
    assert 0 <= by_week[-1] <= 1
    assert told["total"] == pytest.approx(by_week[-1], abs=1e-6)
    median = told["median_week"]
    assert median is None or by_week[median - 1] >= 0.5


@given(
    st.lists(st.floats(1e-4, 0.03), min_size=26, max_size=26),
    st.floats(0.001, 0.999),
    st.integers(1, 26),
)
def test_agreeing_keeps_the_shape_and_gives_the_chance(weekly: list[float], chance: float, week: int) -> None:
    told = agreed(weekly, chance, week)
    assert lost_by(told)[week - 1] == pytest.approx(chance, abs=1e-9)
    assert min(told) >= 0
    assert sum(told) <= 1 + 1e-9
    powers = [
        math.log1p(-after) / math.log1p(-before)
        for before, after in zip(lost_by(weekly), lost_by(told), strict=True)
        if after < 1 - 1e-4
    ]
    assert powers == pytest.approx([powers[0]] * len(powers), rel=1e-6) if powers else chance > 0.99


def test_weeks_without_a_chance_stay() -> None:
    assert agreed([0.0] * 26, 0.5, 10) == (0.0,) * 26
    assert agreed(WEEKLY, 0.5, 27) == WEEKLY


@pytest.mark.parametrize(
    ("left", "week"), [(-40.0, 1), (0.0, 5), (5.0, 5), (5.1, 6), (None, None), (float("nan"), None)]
)
def test_a_contract_is_decided_when_its_grace_is_over(left: float | None, week: int | None) -> None:
    assert Decided("account_days_to_expiry", 30).week({"account_days_to_expiry": left}) == week
