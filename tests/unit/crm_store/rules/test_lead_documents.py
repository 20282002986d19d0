"""C1 and C2 as tables: signals in, score out."""

from datetime import UTC, datetime

import pytest

from crm_store.rules.engine import RuleBook

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BOOK = RuleBook.shipped()
MISSING = None

# dwell s, downloads, competitor searches, has company, hours since last interaction → value, band
HEALTH = {
    "engaged": (181, 1, 0, 1, 1, 95, "green"),
    "engaged wins over phone only and silence": (181, 1, 0, 0, 500, 95, "green"),
    "dwell of exactly 180 s is not over 180": (180, 1, 0, 1, 1, 65, "yellow"),
    "a fraction over 180 s is": (180.001, 1, 0, 1, 1, 95, "green"),
    "no download": (600, 0, 0, 1, 1, 65, "yellow"),
    "a competitor search": (600, 3, 1, 1, 1, 65, "yellow"),
    "searches not known: neutral": (600, 3, MISSING, 1, 1, 95, "green"),
    "dwell not known": (MISSING, 3, 0, 1, 1, 65, "yellow"),
    "downloads not known": (600, MISSING, 0, 1, 1, 65, "yellow"),
    "phone only": (0, 0, 0, 0, 1, 30, "red"),
    "phone only, as a truth value": (0, 0, 0, False, 1, 30, "red"),
    "company not known: neutral": (0, 0, 0, MISSING, 1, 65, "yellow"),
    "silent for exactly 72 h is not over 72": (0, 0, 0, 1, 72, 65, "yellow"),
    "a fraction over 72 h is": (0, 0, 0, 1, 72.01, 30, "red"),
    "never any interaction counts as over 72 h": (0, 0, 0, 1, MISSING, 30, "red"),
    "everything missing": (MISSING, MISSING, MISSING, MISSING, MISSING, 30, "red"),
    "not a number is missing": (float("nan"), float("inf"), 0, 1, 1, 65, "yellow"),
}


@pytest.mark.parametrize("case", HEALTH.values(), ids=HEALTH)
def test_lead_health(case):
    *signals, value, band = case

    score = BOOK.scorer("lead_health").score([_lead(*signals)], NOW)[0]

    assert (score.value, score.band, score.probability) == (value, band, value / 100)
    assert (score.source, score.version, score.as_of, score.why) == (
        "rules",
        "rules:lead_health@1",
        NOW,
        None,
    )


@pytest.mark.parametrize("case", HEALTH.values(), ids=HEALTH)
def test_lead_health_is_its_base_and_the_effects_of_its_reasons(case):
    result = BOOK.evaluate("lead_health", _lead(*case[:5]))

    assert result.base + sum(reason.effect for reason in result.reasons) == pytest.approx(result.value)


def test_an_engaged_lead_is_explained_by_each_condition_in_equal_parts():
    reasons = BOOK.evaluate("lead_health", _lead(240, 2, 0, 1, 5)).reasons

    assert [(r.feature, r.value, r.effect) for r in reasons] == [
        ("lead_dwell_max_30d_s", 240, 10),
        ("lead_downloads_30d", 2, 10),
        ("lead_competitor_searches_30d", 0, 10),
    ]
    assert reasons[0].sentence == ("近30天最长停留 240 秒", "longest visit in 30 days: 240 s")


def test_a_lead_with_two_faults_is_told_both():
    reasons = BOOK.evaluate("lead_health", _lead(0, 0, 0, 0, MISSING)).reasons

    assert [(r.feature, r.value, r.effect, r.sentence[0]) for r in reasons] == [
        ("lead_has_company", 0, -17.5, "只留了电话，没有公司"),
        ("lead_last_interaction_h", None, -17.5, "从未有过互动"),
    ]


def test_an_ordinary_lead_is_told_what_it_lacks_for_green_at_no_effect():
    reasons = BOOK.evaluate("lead_health", _lead(90, MISSING, 2, 1, 5)).reasons

    assert [(r.feature, r.effect, r.sentence[1]) for r in reasons] == [
        ("lead_dwell_max_30d_s", 0, "longest visit in 30 days only 90 s"),
        ("lead_downloads_30d", 0, "no download in 30 days"),
        ("lead_competitor_searches_30d", 0, "competitor searches in 30 days: 2"),
    ]


# chats, long visits, downloads → activity score, pool
ACTIVITY = {
    "nothing": (0, 0, 0, 0, "nurture"),
    "everything missing": (MISSING, MISSING, MISSING, 0, "nurture"),
    "just below 2.5": (0, 0, 2, 2.4, "nurture"),
    "exactly 2.5 is not below": (1, 2, 1, 2.5, "queue"),
    "just below 5": (3, 8, 0, 4.9, "queue"),
    "exactly 5 is direct sales": (1, 7, 1, 5.0, "direct"),
    "one signal missing": (10, MISSING, 0, 3.0, "queue"),
    "far above": (100, 100, 100, 200, "direct"),
}


@pytest.mark.parametrize("case", ACTIVITY.values(), ids=ACTIVITY)
def test_activity_pool(case):
    chats, visits, downloads, value, pool = case
    noise = {"lead_chats_all": 900, "lead_downloads_all": 900, "lead_long_visits_all": 900}

    result = BOOK.evaluate(
        "activity_pool",
        {"lead_chats_30d": chats, "lead_long_visits_30d": visits, "lead_downloads_30d": downloads, **noise},
    )

    assert (result.value, result.outputs["pool"]) == (value, pool)
    assert sum(reason.effect for reason in result.reasons) == pytest.approx(value)


def _lead(dwell, downloads, searches, company, hours):
    return {
        "lead_dwell_max_30d_s": dwell,
        "lead_downloads_30d": downloads,
        "lead_competitor_searches_30d": searches,
        "lead_has_company": company,
        "lead_last_interaction_h": hours,
        "lead_downloads_all": 99,
    }
