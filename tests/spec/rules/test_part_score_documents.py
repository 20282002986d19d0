"""C2, C3 and C5 as tables: signals in, points and label out, with reasons that add up."""

import pytest

from crm_store.rules.engine import RuleBook

BOOK = RuleBook.shipped()

# expected volume, technical exchanges in 90 days, enquiries in 90 days → points, fit
FIT = [
    (None, None, None, 0, "low"),
    (0, 0, 0, 0, "low"),
    (199, 0, 0, 0, "low"),
    (199, 0, 1, 1, "low"),
    (199, 1, 1, 2, "verify"),
    (200, 0, 0, 2, "verify"),
    (999, 1, 1, 4, "verify"),
    (999, 1, 2, 5, "high"),
    (1000, 0, 0, 3, "verify"),
    (1000, 2, 0, 5, "high"),
    (1000, 9, 9, 7, "high"),
    (None, 2, 2, 4, "verify"),
]
# expected gross margin in 12 months, yuan → tier
TIER = [
    (None, "unknown"),
    (0, "B"),
    (99_999.99, "B"),
    (100_000, "A"),
    (499_999, "A"),
    (500_000, "S"),
    (8_000_000, "S"),
]
# chats, visits of 3 minutes or more, downloads in 30 days → points, pool
POOL = [
    (0, 0, 0, 0.0, "nurture"),
    (8, 0, 0, 2.4, "nurture"),
    (0, 5, 0, 2.5, "queue"),
    (1, 1, 3, 4.4, "queue"),
    (0, 10, 0, 5.0, "direct"),
    (0, 0, 5, 6.0, "direct"),
]


@pytest.mark.parametrize(("volume", "exchanges", "enquiries", "points", "fit"), FIT)
def test_fit(
    volume: float | None, exchanges: float | None, enquiries: float | None, points: float, fit: str
) -> None:
    signals = {
        "lead_expected_volume": volume,
        "lead_technical_exchanges_90d": exchanges,
        "lead_enquiries_90d": enquiries,
    }
    result = BOOK.evaluate("lead_fit", signals)
    assert (result.value, result.outputs["fit"]) == (points, fit)
    assert result.base + sum(reason.effect for reason in result.reasons) == points


@pytest.mark.parametrize(("margin", "tier"), TIER)
def test_tier(margin: float | None, tier: str) -> None:
    result = BOOK.evaluate("customer_tier", {"account_expected_margin": margin})
    assert (result.value, result.outputs["tier"]) == (margin or 0, tier)


@pytest.mark.parametrize(("chats", "visits", "downloads", "points", "pool"), POOL)
def test_activity_and_pool(chats: float, visits: float, downloads: float, points: float, pool: str) -> None:
    signals = {"lead_chats_30d": chats, "lead_long_visits_30d": visits, "lead_downloads_30d": downloads}
    result = BOOK.evaluate("activity_pool", signals)
    assert result.value == pytest.approx(points)
    assert result.outputs["pool"] == pool


def test_reasons_say_the_value_with_its_unit_in_both_languages() -> None:
    fit = BOOK.evaluate("lead_fit", {"lead_expected_volume": 1200, "lead_enquiries_90d": 2})
    assert [reason.sentence for reason in fit.reasons] == [
        ("预计采购量 1200 件", "expected volume: 1200 pieces"),
        ("近90天询价 2 次", "enquiries in 90 days: 2"),
    ]
    (margin,) = BOOK.evaluate("customer_tier", {"account_expected_margin": 180_000}).reasons
    assert margin.sentence == (
        "未来12个月预期毛利 180000 元",
        "gross margin expected in 12 months: 180000 yuan",
    )
