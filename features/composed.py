"""Features of a lead and a rep together, and of the request: composed of others' values, in one place.

They are declared like the others and worked out when they are asked for, because neither the pair nor the
request is kept anywhere. ``value_of`` is the only interpreter, for one pair and for a frame of them alike. A
pair's inputs are features of the lead, of the rep, and of the rep's leads of the same kind (``need_leads``
is fit_leads_all of the lead's need; see features/pairs.py).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from features.declare import PAIR, REQUEST, Feature, Group, Value, ratio, smoothed
from features.expressions import (
    BUSINESS_OFFSET,
    Arithmetic,
    Clock,
    Constant,
    Expr,
    Input,
    Same,
    arithmetic,
)

PAIR_NAME = PAIR.name
KINDS = {
    "need": ("产品需求", "product need"),
    "channel": ("渠道", "channel"),
    "industry": ("行业", "industry"),
    "region": ("地区", "region"),
}
# How many leads' worth of the rep's own rate a kind starts with.
_PRIOR_LEADS = 20.0
_OPENS_H, _CLOSES_H = 8.5, 18.5

_pair = Group(PAIR, "pair", "data science")
_request = Group(REQUEST, "request", "data science")


def _win_rates() -> Iterator[Feature]:
    for kind, (zh, en) in KINDS.items():
        yield _pair.feature(
            f"{kind}_win_rate",
            smoothed(Input(f"{kind}_wins"), Input(f"{kind}_leads"), Input("rep_win_rate"), _PRIOR_LEADS),
            "share",
            (f"该销售在同{zh}线索的赢单率", f"Rep's win rate, same {en}"),
            (f"该销售在同{zh}线索上的赢单率 {{value}}", f"The rep won {{value}} of leads of the same {en}"),
        )


COMPOSED: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        _pair.feature(
            "same_region",
            Same(Input("lead_region"), Input("rep_region")),
            "flag",
            ("线索在销售负责的地区", "Lead in the rep's region"),
            ("线索在该销售负责的地区：{value}", "The lead is in the rep's region: {value}"),
        ),
        *_win_rates(),
        _pair.feature(
            "region_leads",
            Input("region_leads") * 1.0,
            "count",
            ("该销售接手过的本地区线索", "Rep's leads of the region so far"),
            ("该销售接手过 {value} 条本地区线索", "The rep has had {value} leads of the region"),
        ),
        _pair.feature(
            "earlier_contacts",
            Input("lead_contacts") + Input("account_contacts"),
            "count",
            ("该销售此前联系过该客户的次数", "Rep's earlier contacts with this customer"),
            (
                "该销售此前联系过该客户 {value} 次",
                "The rep was in touch with this customer {value} times",
            ),
        ),
        _pair.feature(
            "load_ratio",
            ratio(Input("rep_open_leads"), Input("team_open_leads")),
            "ratio",
            ("在跟线索与团队平均之比", "Open leads against the team's mean"),
            ("在跟线索是团队平均的 {value} 倍", "Open leads are {value} times the team's mean"),
        ),
        _request.feature(
            "hour",
            Clock("hour"),
            "hours",
            ("请求时刻", "Hour of the request"),
            ("请求时刻为 {value} 点", "Asked at {value} o'clock"),
        ),
        _request.feature(
            "weekday",
            Clock("weekday"),
            "count",
            ("请求日为星期几", "Weekday of the request"),
            ("请求日为星期 {value}（1 为周一）", "Asked on day {value} of the week (1 is Monday)"),
        ),
        _request.feature(
            "working",
            Clock("working"),
            "flag",
            ("工作时间内", "Within working hours"),
            ("工作时间内：{value}", "Within working hours: {value}"),
        ),
        _request.feature(
            "wait_h",
            Input("lead_age_h") * 1.0,
            "hours",
            ("提交后等待时长", "Time since submission"),
            ("提交已 {value} 小时", "Submitted {value} hours ago"),
        ),
    )
}


def value_of(feature: Feature, inputs: Mapping[str, Any], now: datetime) -> Value:
    """Return a composed feature's value from its inputs by name; ``now`` is the request's moment."""
    found: Value = _value(feature.value, inputs, now)
    return found


def _value(expr: Expr, inputs: Mapping[str, Any], now: datetime) -> Any:
    match expr:
        case Input(name):
            given = inputs.get(name)
            return None if given is None or given != given else given
        case Constant(value):
            return value
        case Arithmetic(op, left, right):
            return arithmetic(op, _value(left, inputs, now), _value(right, inputs, now))
        case Same(left, right):
            one, other = _value(left, inputs, now), _value(right, inputs, now)
            return None if one is None or other is None else float(one == other)
        case Clock(part):
            return _clock(part, now)
    raise TypeError(f"no part of a composed feature: {expr!r}")


def _clock(part: str, now: datetime) -> float:
    there = now + BUSINESS_OFFSET
    hour = there.hour + there.minute / 60 + there.second / 3600
    if part == "hour":
        return hour
    if part == "weekday":
        return float(there.isoweekday())
    return float(there.isoweekday() <= 5 and _OPENS_H <= hour < _CLOSES_H)
