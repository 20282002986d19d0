"""The rep as they are now: experience, what they have in hand, how they win, when they are away."""

from features.declare import (
    ACTIVITIES,
    CONVERSATIONS,
    LEAVE_EVENTS,
    NOW,
    REP,
    REP_EVENTS,
    REP_STATES,
    Group,
    count,
    days,
    days_between,
    latest,
    lead_flow,
    mean,
    ratio,
    smallest,
    smoothed,
)
from features.expressions import StillAhead

_rep = Group(REP, "rep_state", "sales managers")

# How many leads' worth of the market's rate a rep starts with.
_PRIOR_LEADS = 20.0
_reaching_out = ACTIVITIES.where(channel=CONVERSATIONS, direction="out")
_assigned = REP_EVENTS.where(event="assigned")
_won = REP_EVENTS.where(event="won")
_open = _assigned.unless_closed("stint_id", event=("released", "won", "lost"))
_booked = LEAVE_EVENTS.where(event="booked").unless_closed("booking_id", event="cancelled")
_not_over, _not_begun = _booked.where(StillAhead("end_at")), _booked.where(StillAhead("start_at"))
_market = ratio(count(lead_flow("market", "won")), count(lead_flow("market", "arrived")))

FEATURES = (
    _rep.word("team", latest(REP_STATES, "team_id"), ("团队", "Team"), ("团队为 {value}", "Team: {value}")),
    _rep.word(
        "region",
        latest(REP_STATES, "region"),
        ("负责地区", "Region"),
        ("负责地区为 {value}", "Region: {value}"),
    ),
    _rep.feature(
        "tenure_days",
        days_between(latest(REP_STATES, "hired_at")),
        "days",
        ("入职天数", "Tenure"),
        ("入职 {value} 天", "Hired {value} days ago"),
    ),
    _rep.feature(
        "open_leads",
        count(_open),
        "count",
        ("在跟线索数", "Open leads"),
        ("正在跟进 {value} 条线索", "{value} leads are open"),
    ),
    _rep.times("assignments", _assigned, 7, ("接手线索", "leads taken over")),
    _rep.times("assignments", _assigned, 30, ("接手线索", "leads taken over")),
    _rep.times("wins", _won, 90, ("赢单", "wins")),
    _rep.times("wins", _won, None, ("赢单", "wins")),
    _rep.feature(
        "win_rate",
        smoothed(count(_won), count(_assigned), _market, _PRIOR_LEADS),
        "share",
        ("历史赢单率", "Win rate"),
        ("历史赢单率 {value}", "Won {value} of the leads so far"),
        absent=("尚未接手线索", "Has had no lead yet"),
    ),
    _rep.feature(
        "first_contact_mean_90d_h",
        mean(REP_EVENTS.where(event="contacted"), "hours", days(90)),
        "hours",
        ("近90天平均首次联系用时", "Mean time to first contact, 90 days"),
        ("近90天平均 {value} 小时首次联系", "First contact after {value} hours on average in 90 days"),
        absent=("近90天没有首次联系", "No first contact in 90 days"),
    ),
    _rep.times("contacts", _reaching_out, 30, ("主动联系", "contacts")),
    _rep.since("win", _won, ("赢单", "win")),
    _rep.since("assignment", _assigned, ("接手线索", "assignment")),
    _rep.feature(
        "on_leave",
        # What has not ended less what has not begun: the engines know no "has begun".
        count(_not_over) - count(_not_begun),
        "flag",
        ("正在休假", "On leave now"),
        ("正在休假：{value}", "On leave now: {value}"),
    ),
    _rep.feature(
        "days_to_leave",
        days_between(NOW, smallest(_not_begun, "start_at")),
        "days",
        ("距下次休假天数", "Days to the next leave"),
        ("{value} 天后休假", "The next leave begins in {value} days"),
        absent=("没有安排休假", "No leave planned"),
    ),
)
