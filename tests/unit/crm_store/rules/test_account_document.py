"""C4's rule composite: what moves it, in which direction, and by how much."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.rules.engine import RuleBook

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BOOK = RuleBook.shipped()
BASE = 70

# More of these never raises the score …
WORSE = {
    "account_order_recency_ratio": 6.0,
    "account_days_since_order": 400.0,
    "account_tickets_open": 9.0,
    "account_first_response_mean_90d_h": 60.0,
    "account_risk_words_last3": 3.0,
    "account_risk_words_90d": 12.0,
    "account_days_since_contact": 200.0,
}
# … and more of these never lowers it.
BETTER = {
    "account_satisfaction_mean_180d": 5.0,
    "account_chats_30d": 12.0,
    "account_downloads_30d": 8.0,
    "account_days_to_expiry": 400.0,
}
LARGEST = WORSE | BETTER

accounts = st.fixed_dictionaries(
    {name: st.none() | st.floats(0, top) | st.integers(0, int(top)) for name, top in LARGEST.items()}
)

ONE_SIGNAL = {
    "nothing known": ({}, BASE),
    "orders on time": ({"account_order_recency_ratio": 1.0}, BASE + 10),
    "somewhat late": ({"account_order_recency_ratio": 1.5}, BASE),
    "twice the interval": ({"account_order_recency_ratio": 2.0}, BASE - 10),
    "three times the interval": ({"account_order_recency_ratio": 3.0}, BASE - 20),
    "rhythm broken": ({"account_order_recency_ratio": 3.01}, BASE - 30),
    "no order for 180 days": ({"account_days_since_order": 180}, BASE - 10),
    "no order for 181 days": ({"account_days_since_order": 181}, BASE - 20),
    "all of the last three communications": ({"account_risk_words_last3": 3}, BASE - 22),
    "expiry in 30 days": ({"account_days_to_expiry": 30}, BASE - 15),
    "expiry in 31 days": ({"account_days_to_expiry": 31}, BASE - 10),
    "already over": ({"account_days_to_expiry": -3}, BASE - 15),
    "no live contract is neutral": ({"account_days_to_expiry": None}, BASE),
    "first response within 15 minutes": ({"account_first_response_mean_90d_h": 0.25}, BASE + 4),
}


@pytest.mark.parametrize(("row", "value"), ONE_SIGNAL.values(), ids=ONE_SIGNAL)
def test_one_signal_moves_the_composite(row, value):
    assert BOOK.evaluate("account_risk", row).value == value


@given(accounts)
def test_the_score_is_base_and_effects_kept_within_0_and_100(row):
    result = BOOK.evaluate("account_risk", row)

    total = BASE + sum(reason.effect for reason in result.reasons)
    assert result.base == BASE
    assert result.value == min(100, max(0, total))


@pytest.mark.parametrize("signal", sorted(LARGEST))
@given(row=accounts, pair=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_each_signal_moves_the_score_one_way_only(signal, row, pair):
    less, more = (
        BOOK.evaluate("account_risk", row | {signal: share * LARGEST[signal]}).value for share in pair
    )

    assert (less >= more) if signal in WORSE else (less <= more)


@given(accounts)
def test_each_signal_gives_at_most_one_reason_and_a_missing_one_gives_none(row):
    features = [reason.feature for reason in BOOK.evaluate("account_risk", row).reasons]

    assert len(features) == len(set(features))
    assert all(row[feature] is not None for feature in features)


@given(accounts)
def test_the_banner_shows_below_60_and_the_loss_is_the_complement(row):
    result = BOOK.evaluate("account_risk", row)
    score = BOOK.scorer("account_risk").score([row], NOW)[0]

    assert result.outputs["warn"] is (result.value < 60)
    assert (result.outputs["advice"]["zh"] == "建议本周内安排高层拜访") is (result.value < 60)
    assert score.probability == (100 - result.value) / 100
    assert (score.band == "red") is (result.value < 60)


@given(accounts)
def test_the_answer_lists_each_fired_rule_with_effect_and_words(row):
    result = BOOK.evaluate("account_risk", row)

    listed = sorted((fired["effect"], fired["zh"], fired["en"]) for fired in result.outputs["fired"])
    assert listed == sorted((reason.effect, *reason.sentence) for reason in result.reasons)
    assert all(fired["rule"] for fired in result.outputs["fired"])


def test_reasons_come_strongest_first_with_the_value_in_words():
    reasons = BOOK.evaluate(
        "account_risk",
        {"account_chats_30d": 5, "account_order_recency_ratio": 4.26, "account_risk_words_last3": 2},
    ).reasons

    assert [(r.feature, r.effect) for r in reasons] == [
        ("account_order_recency_ratio", -30),
        ("account_risk_words_last3", -15),
        ("account_chats_30d", 5),
    ]
    assert reasons[0].sentence == (
        "距上次下单是平时间隔的 4.3 倍",
        "last order was 4.3 times the usual interval ago",
    )
