"""The three parts of an account's standing: purchase, service, risk; more points are better in each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.rules.engine import RuleBook

BOOK = RuleBook.shipped()
BASE = {"account_purchase": 60, "account_service": 75, "account_stability": 90}
# More of these never raises the part, up to this much …
WORSE = {
    "account_purchase": {"account_order_recency_ratio": 6.0, "account_days_since_order": 400.0},
    "account_service": {"account_tickets_open": 9.0, "account_first_response_mean_90d_h": 60.0},
    "account_stability": {
        "account_risk_words_last3": 3.0,
        "account_switch_words_90d": 9.0,
        "account_tender_words_90d": 9.0,
        "account_days_since_contact": 200.0,
    },
}
# … and more of these never lowers it.
BETTER = {
    "account_purchase": {"account_orders_90d": 20.0},
    "account_service": {"account_satisfaction_mean_180d": 5.0, "account_satisfaction_min_180d": 5.0},
    "account_stability": {"account_days_to_expiry": 400.0},
}


@pytest.mark.parametrize("name", BASE)
def test_nothing_known_is_the_base(name: str) -> None:
    result = BOOK.evaluate(name, {})
    assert (result.value, result.reasons) == (BASE[name], ())


@pytest.mark.parametrize(
    ("name", "row", "effect"),
    [
        ("account_purchase", {"account_order_recency_ratio": 3.01}, -40),
        ("account_purchase", {"account_days_since_order": 30}, 10),
        ("account_service", {"account_tickets_open": 3}, -15),
        ("account_service", {"account_satisfaction_mean_180d": 1.9}, -30),
        ("account_stability", {"account_risk_words_last3": 3}, -30),
        ("account_stability", {"account_days_to_expiry": 30}, -20),
    ],
)
def test_a_signal_moves_its_part_and_says_so(name: str, row: dict[str, float], effect: float) -> None:
    result = BOOK.evaluate(name, row)
    assert result.value == min(100, BASE[name] + effect)
    (reason,) = result.reasons
    assert (reason.feature, reason.effect) == (next(iter(row)), effect)
    assert reason.sentence is not None
    assert all(reason.sentence)


@pytest.mark.parametrize("name", BASE)
@given(data=st.data())
def test_a_part_moves_in_one_direction_and_stays_within_its_scale(name: str, data: st.DataObject) -> None:
    largest = WORSE[name] | BETTER[name]
    row = {signal: data.draw(st.none() | st.floats(0, top)) for signal, top in largest.items()}
    signal = data.draw(st.sampled_from(sorted(largest)))
    low, high = sorted(data.draw(st.tuples(*[st.floats(0, largest[signal])] * 2)))
    less, more = (BOOK.evaluate(name, row | {signal: value}) for value in (low, high))
    assert (less.value >= more.value) if signal in WORSE[name] else (less.value <= more.value)
    assert 0 <= min(less.value, more.value) <= max(less.value, more.value) <= 100
