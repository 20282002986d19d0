"""Features that say the same thing in several ways, gathered under one name that people use.

Chats in 7, 30 and 90 days, and days since the last one, are one reason to a salesperson, not four. A feature
that no meaning names stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from features.catalog import CATALOG
from features.declare import Words

_ACTS = (
    ("chats", "chats", "chat", "聊天互动", "Chats"),
    ("calls", "calls", "call", "通话", "Calls"),
    ("emails", "emails", "email", "邮件往来", "E-mails"),
    ("meetings", "meetings", "meeting", "会议", "Meetings"),
    ("visits", "(?:long_)?visits|dwell_max", "visit", "网站访问", "Site visits"),
    ("downloads", "downloads", "download", "资料下载", "Downloads"),
    ("searches", "searches", "search", "搜索", "Searches"),
)


@dataclass(frozen=True)
class Meaning:
    """What some features have in common; ``features`` is a pattern that their whole names match."""

    name: str
    title: Words
    features: re.Pattern[str]


def _meaning(name: str, title: Words, features: str) -> Meaning:
    return Meaning(name, title, re.compile(features))


MEANINGS: tuple[Meaning, ...] = (
    *(
        _meaning(name, (zh, en), rf"(?:lead|account)_(?:(?:{many})_.*|days_since_{one})")
        for name, many, one, zh, en in _ACTS
    ),
    _meaning(
        "contact_recency",
        ("最近互动", "Recent interaction"),
        "lead_interactions_7d|lead_last_interaction_h|account_days_since_contact",
    ),
    _meaning("our_response", ("我方响应速度", "How soon we reacted"), "lead_first_(?:view|touch)_h"),
    _meaning("our_contacts", ("我方主动联系", "Our outbound contacts"), "lead_touches_.*|lead_last_touch_h"),
    _meaning("replies", ("客户回复", "Replies"), ".*_reply_ratio_90d|lead_replies_30d|lead_last_reply_h"),
    _meaning(
        "ownership",
        ("负责人与分配", "Owners and assignments"),
        "lead_assignments_all|lead_owner_h|.*_owners_all",
    ),
    _meaning("campaign", ("来源活动", "Campaign"), "lead_campaign.*"),
    _meaning("channel", ("来源渠道", "Channel"), "lead_channel.*"),
    _meaning("market", ("市场与时节", "Market and season"), "lead_market_.*|lead_weekday|lead_month"),
    _meaning(
        "profile",
        ("资料完整度", "Completeness of the record"),
        "lead_has_(?:company|phone|contact_name)|lead_updates_all",
    ),
    _meaning("place", ("地区", "Region"), "(?:lead|account)_(?:region|city)"),
    _meaning(
        "orders", ("下单节奏", "Rhythm of orders"), "account_orders?_(?!mean).*|account_days_since_.*order"
    ),
    _meaning(
        "amounts",
        ("采购金额", "Amounts bought"),
        "account_amount_.*|account_order_mean_all|account_annual_amount",
    ),
    _meaning("products", ("产品种类", "Range of products"), "account_products_.*"),
    _meaning(
        "tickets",
        ("工单", "Tickets"),
        "account_tickets_.*|account_days_since_ticket|account_first_response_.*",
    ),
    _meaning("satisfaction", ("满意度", "Satisfaction"), "account_satisfaction_.*"),
    _meaning(
        "risk_words",
        ("预算、招标或更换供应商", "Budget, tender or changing supplier"),
        "account_.*_words_.*|account_days_since_risk_word",
    ),
    _meaning(
        "contract",
        ("合同", "Contract"),
        "account_contract.*|account_days_to_expiry|account_renewals_all|account_lapses_all",
    ),
)
_TITLES = {meaning.name: meaning.title for meaning in MEANINGS}
# No feature, but a reason all the same: what the hazard makes of a risk (``serving.when``).
_TITLES["weekly_curve"] = ("逐周流失曲线", "Weekly curve of losses")


@cache
def meaning_of(feature: str) -> str:
    """Return the name of a feature's meaning: its own name where it shares none."""
    return next((meaning.name for meaning in MEANINGS if meaning.features.fullmatch(feature)), feature)


def title_of(meaning: str) -> Words:
    """Return what people call a meaning: (Chinese, English)."""
    if meaning in _TITLES:
        return _TITLES[meaning]
    return CATALOG[meaning].title if meaning in CATALOG else (meaning, meaning)


def gathered(features: Iterable[str]) -> dict[str, list[int]]:
    """Return for each meaning the positions of its features, in the order in which they first occur."""
    found: dict[str, list[int]] = {}
    for at, feature in enumerate(features):
        found.setdefault(meaning_of(feature), []).append(at)
    return found
