"""When a registry that fails is left alone, and when it is tried again."""

from concurrent.futures import ThreadPoolExecutor

from crm_store.intake.registry.breaker import CircuitBreaker
from tests.integration.registry.local_registry import Clock


def test_single_failures_do_not_open_it(clock: Clock) -> None:
    breaker = CircuitBreaker(clock, failures=3)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()

    assert breaker.allows()


def test_failures_in_a_row_open_it_for_the_wait(clock: Clock) -> None:
    breaker = _open(clock)

    clock.seconds = 59.9
    assert not breaker.allows()
    clock.seconds = 60.0
    assert breaker.allows()


def test_one_call_alone_tries_again(clock: Clock) -> None:
    breaker = _open(clock)
    clock.seconds = 60.0

    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: breaker.allows(), range(64)))

    assert allowed.count(True) == 1


def test_a_trial_that_succeeds_closes_it(clock: Clock) -> None:
    breaker = _open(clock)
    clock.seconds = 60.0
    breaker.allows()
    breaker.succeeded()

    assert breaker.allows()
    assert breaker.allows()


def test_a_trial_that_fails_opens_it_for_another_wait(clock: Clock) -> None:
    breaker = _open(clock)
    clock.seconds = 60.0
    breaker.allows()
    clock.seconds = 65.0
    breaker.failed()

    clock.seconds = 124.9
    assert not breaker.allows()
    clock.seconds = 125.0
    assert breaker.allows()


def test_a_trial_that_never_reports_does_not_keep_it_open_for_ever(clock: Clock) -> None:
    breaker = _open(clock)
    clock.seconds = 60.0
    breaker.allows()

    clock.seconds = 120.0
    assert breaker.allows()


def _open(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock, failures=3, wait_s=60.0)
    for _ in range(3):
        assert breaker.allows()
        breaker.failed()
    return breaker
