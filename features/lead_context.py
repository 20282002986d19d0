"""The stream this lead came with: how its campaign, its channel and the whole market have been doing.

Only what was known at the moment counts, and never the lead's own arrival or win.
"""

from collections.abc import Iterator
from typing import Literal

from features.declare import (
    LEAD,
    Feature,
    Group,
    count,
    days,
    days_between,
    first_at,
    lead_flow,
    mean,
    ratio,
    smoothed,
)
from features.expressions import Expr, Selection

_context = Group(LEAD, "lead_context", "data science")

Via = Literal["campaign", "channel", "market"]

# How many leads' worth of the market's rate a campaign starts with: with fewer wins than this it says little.
_PRIOR_LEADS = 20.0

# link, Chinese, English, windows of arrivals, windows of wins (days)
_LINKS: tuple[tuple[Via, str, str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("campaign", "本活动", "of its campaign", (30, 90), (30, 90)),
    ("channel", "本渠道", "of its channel", (30, 90), (30, 90)),
    ("market", "全部来源", "in the whole market", (30, 90), (30, 60, 90)),
)


def _flow(via: Via, zh: str, en: str, arrivals: tuple[int, ...], wins: tuple[int, ...]) -> Iterator[Feature]:
    arrived, won = lead_flow(via, "arrived"), lead_flow(via, "won")
    for window in arrivals:
        yield _context.times(f"{via}_arrivals", arrived, window, (f"{zh}新线索", f"other leads {en}"))
    for window in wins:
        yield _context.times(f"{via}_wins", won, window, (f"{zh}成交", f"wins {en}"))
    yield _context.feature(
        f"{via}_days_to_win",
        mean(won, "days_to_win"),
        "days",
        (f"{zh}平均成交周期", f"Mean days to win {en}"),
        (f"{zh}平均 {{value}} 天成交", f"Wins {en} took {{value}} days on average"),
    )


def _rates(via: Via, window: int | None) -> tuple[Expr, Expr]:
    """The win rate of a link, pulled towards the market's, and the market's own."""
    arrived, won = lead_flow("market", "arrived"), lead_flow("market", "won")
    within = days(window) if window else None
    market = ratio(count(won, within), count(arrived, within))
    wins, leads = count(lead_flow(via, "won"), within), count(lead_flow(via, "arrived"), within)
    return smoothed(wins, leads, market, _PRIOR_LEADS), market


def _win_rate(via: Via, zh: str, en: str) -> Iterator[Feature]:
    yield _context.feature(
        f"{via}_win_rate",
        _rates(via, None)[0],
        "share",
        (f"{zh}历史成交率", f"Win rate {en}"),
        (f"{zh}历史成交率 {{value}}", f"{{value}} of the leads {en} were won so far"),
    )
    # A rate moves with the whole market; how it compares with the market at the time lasts longer.
    for window, name, said in ((None, "", ("历史", "so far")), (90, "_90d", ("近90天", "in 90 days"))):
        yield _context.feature(
            f"{via}_win_lift{name}",
            ratio(*_rates(via, window)),
            "ratio",
            (f"{zh}{said[0]}成交率与全部来源之比", f"Win rate {en} against the market, {said[1]}"),
            (
                f"{zh}{said[0]}成交率是全部来源的 {{value}} 倍",
                f"The win rate {en} was {{value}} times the market's {said[1]}",
            ),
        )


def _first_seen(via: Literal["campaign", "channel"], zh: str, en: str) -> Feature:
    # Its own arrival counts here: a lead can be the first of its campaign, on day 0.
    rows = Selection("lead_flow", via=via).where(event="arrived")
    return _context.feature(
        f"{via}_age_days",
        days_between(first_at(rows)),
        "days",
        (f"{zh}开始以来天数", f"Age {en}"),
        (f"{zh}已有 {{value}} 天", f"The first lead {en} came {{value}} days ago"),
    )


FEATURES = (
    *(feature for link in _LINKS for feature in _flow(*link)),
    *(feature for via, zh, en, _, _ in _LINKS if via != "market" for feature in _win_rate(via, zh, en)),
    _context.feature(
        "campaign_share_30d",
        ratio(
            count(lead_flow("campaign", "arrived"), days(30)), count(lead_flow("market", "arrived"), days(30))
        ),
        "share",
        ("近30天本活动线索占比", "Share of its campaign, 30 days"),
        ("近30天 {value} 的新线索来自本活动", "Its campaign brought {value} of the other leads of 30 days"),
    ),
    _first_seen("campaign", "本活动", "of its campaign"),
    _context.feature(
        "market_win_rate",
        ratio(count(lead_flow("market", "won")), count(lead_flow("market", "arrived"))),
        "share",
        ("全部来源历史成交率", "Win rate in the whole market"),
        ("全部来源历史成交率 {value}", "{value} of all leads were won so far"),
    ),
)
