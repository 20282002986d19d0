"""PostgreSQL under the record store and Redis under the online features fail in six ways: scores go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import pytest

from tests.integration.dependencies.company import NEW, REP, SEEN, Company, Told
from tests.integration.dependencies.proxy import Fault, Proxy
from tests.sizes import full

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
Way = Fault | Literal["flap"]
WAYS: tuple[Way, ...] = (*get_args(Fault), "flap")
REQUESTS = full(8, 300)
# What p99 may be. On a push the machine is busy with everything else: then only a hang is found.
LIMIT = full(1.5, 0.3)
RECOVERED_WITHIN = 30.0


def p99(told: list[Told]) -> float:
    """Return the 99th percentile of the seconds; of few answers the longest."""
    seconds = sorted(one.seconds for one in told)
    return seconds[min(int(0.99 * len(seconds)), len(seconds) - 1)]


def during(company: Company, proxy: Proxy, way: Way, ask: Callable[[], Told]) -> list[Told]:
    """Ask while a dependency fails; in a flap it fails and heals between any two requests."""
    told = []
    with failing(proxy, way) as turn:
        for number in range(REQUESTS):
            turn(number)
            told.append(ask())
            company.clock.ahead += 1.0  # the breaker lets a call through now and then
    return told


@contextmanager
def failing(proxy: Proxy, way: Way) -> Iterator[Callable[[int], None]]:
    def turn(number: int) -> None:
        if way == "flap":
            proxy.heal() if number % 2 else proxy.fail("refuse")

    if way != "flap":
        proxy.fail(way)
    yield turn
    proxy.heal()


def recovers(company: Company, rungs: list[str | None], *ids: str) -> None:
    """Ask until the best rungs answer again."""
    until_whole(company, lambda: company.ask(*ids).rungs == rungs)


def until_whole(company: Company, whole: Callable[[], bool]) -> None:
    """Ask until it is as it was: the breaker rests in the app's time, dead calls end in ours."""
    until, ahead = time.monotonic() + RECOVERED_WITHIN, company.clock.ahead + RECOVERED_WITHIN
    while not whole():
        assert time.monotonic() < until, "not recovered in time"
        company.clock.ahead = min(company.clock.ahead + 1.0, ahead)


def matched_as_before(company: Company) -> bool:
    """Tell whether the model ranks the candidates that the record store names now."""
    match = company.ask_match().match()
    return (match["rung"], match["age_s"]) == ("model", None)


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_answered_by_the_model_while_the_record_store_fails(
    on_servers: Company, store_proxy: Proxy, way: Way
) -> None:
    recovers(on_servers, ["model", "rules_records"], SEEN, NEW)
    told = during(on_servers, store_proxy, way, lambda: on_servers.ask(SEEN))
    assert {one.score()["rung"] for one in told} == {"model"}
    assert {one.score()["as_of"] for one in told} == {"2026-03-01T07:00:00Z"}
    assert p99(told) <= LIMIT
    recovers(on_servers, ["model", "rules_records"], SEEN, NEW)


@pytest.mark.parametrize("way", WAYS)
def test_a_match_is_made_among_the_last_candidates_while_the_record_store_fails(
    on_servers: Company, store_proxy: Proxy, way: Way
) -> None:
    told = during(on_servers, store_proxy, way, on_servers.ask_match)
    assert {one.match()["rung"] for one in told} == {"model"}
    assert {one.match()["reps"][0]["rep_id"] for one in told} == {REP}
    ages = [one.match()["age_s"] for one in told]
    assert None not in ages or way == "flap"
    assert max((age for age in ages if age is not None), default=0) <= 30
    assert p99(told) <= LIMIT
    until_whole(on_servers, lambda: matched_as_before(on_servers))


@pytest.mark.parametrize("way", WAYS)
def test_a_match_is_made_by_rules_while_the_online_features_fail(
    on_servers: Company, online_proxy: Proxy, way: Way
) -> None:
    told = during(on_servers, online_proxy, way, on_servers.ask_match)
    made = {(one.match()["rung"], one.match()["why"] and one.match()["why"]["code"]) for one in told}
    assert ("rules", "no_online_features") in made
    assert made <= {("rules", "no_online_features"), ("model", None)}
    assert {one.match()["age_s"] for one in told} == {None}
    assert p99(told) <= LIMIT
    until_whole(on_servers, lambda: matched_as_before(on_servers))


@pytest.mark.parametrize("way", WAYS)
def test_scores_are_answered_by_rules_while_the_online_features_fail(
    on_servers: Company, online_proxy: Proxy, way: Way
) -> None:
    told = during(on_servers, online_proxy, way, lambda: on_servers.ask(SEEN))
    rungs = {one.score()["rung"] for one in told}
    assert rungs <= {"rules_records", "last", "model"}
    assert "rules_records" in rungs
    assert all((one.score()["rung"] == "model") == (one.score()["why"] is None) for one in told)
    if way not in ("flap", "slow"):
        assert {one.score()["why"]["code"] for one in told} == {"no_online_features"}
    assert p99(told) <= LIMIT
    recovers(on_servers, ["model"], SEEN)


@pytest.mark.parametrize("way", ["refuse", "blackhole"])
def test_with_both_stores_away_the_last_score_answers_and_says_how_old_it_is(
    on_servers: Company, store_proxy: Proxy, online_proxy: Proxy, way: Fault
) -> None:
    online_proxy.fail(way)
    told = during(on_servers, store_proxy, way, lambda: on_servers.ask(SEEN))
    assert {(one.score()["rung"], one.score()["age_s"]) for one in told} == {("last", 3600)}
    online_proxy.heal()
    recovers(on_servers, ["model"], SEEN)
