"""How often one address may fail to sign in before it must wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.attempts import ALLOWED_FAILURES, WITHIN_SECONDS, Attempts


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(attempts: Attempts, address: str | None, times: int = ALLOWED_FAILURES) -> None:
    for _ in range(times):
        attempts.failed(address)


def test_an_address_waits_after_too_many_failures_until_the_first_is_old(ticks: Ticks) -> None:
    attempts = Attempts(ticks)
    fail(attempts, "192.0.2.1", ALLOWED_FAILURES - 1)
    assert attempts.wait_of("192.0.2.1") == 0
    ticks.now = 100
    attempts.failed("192.0.2.1")
    assert attempts.wait_of("192.0.2.1") == WITHIN_SECONDS - 100
    ticks.now = WITHIN_SECONDS
    assert attempts.wait_of("192.0.2.1") == 0


def test_others_do_not_wait_with_it(ticks: Ticks) -> None:
    attempts = Attempts(ticks)
    fail(attempts, "192.0.2.1")
    assert attempts.wait_of("192.0.2.2") == 0
    assert attempts.wait_of("2001:db8::1") == 0


@pytest.mark.parametrize(
    ("failed", "also"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (None, "no address"),
    ],
    ids=["one customer's IPv6", "IPv4 written as IPv6", "nobody knows from where"],
)
def test_one_place_by_several_names_is_one(ticks: Ticks, failed: str | None, also: str) -> None:
    attempts = Attempts(ticks)
    fail(attempts, failed)
    assert attempts.wait_of(also) > 0
    assert attempts.wait_of("2001:db8:0:2::1") == 0


@given(st.lists(st.floats(0, 200), max_size=120))
def test_whatever_the_pace_no_window_holds_more_failures_than_are_allowed(pauses: list[float]) -> None:
    ticks = Ticks()
    attempts, let_through = Attempts(ticks), []
    for pause in pauses:
        ticks.now += pause
        if not attempts.wait_of("192.0.2.1"):
            attempts.failed("192.0.2.1")
            let_through.append(ticks.now)
    for at in let_through:
        assert sum(at <= other < at + WITHIN_SECONDS for other in let_through) <= ALLOWED_FAILURES


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()
