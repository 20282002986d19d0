"""What our side did with the lead: how soon it was seen and called, who had it, whether it answers."""

from features.declare import (
    ACTIVITIES,
    CONVERSATIONS,
    LEAD,
    LEAD_STATES,
    Group,
    count,
    days,
    distinct,
    first_at,
    hours,
    last_at,
    latest,
    ratio,
)

_handling = Group(LEAD, "lead_handling", "sales managers")

_created = latest(LEAD_STATES, "created_at")
_touches = ACTIVITIES.where(channel=CONVERSATIONS, direction="out")
_replies = ACTIVITIES.where(channel=CONVERSATIONS, direction="in")
_assignments = ACTIVITIES.where(channel="assign")

FEATURES = (
    _handling.feature(
        "first_view_h",
        hours(_created, first_at(ACTIVITIES.where(channel="view"))),
        "hours",
        ("首次查看用时", "Time to first view"),
        ("创建后 {value} 小时被销售查看", "A rep looked at it {value} hours after it came"),
        absent=("尚无销售查看", "No rep has looked at it yet"),
    ),
    _handling.feature(
        "first_touch_h",
        hours(_created, first_at(_touches)),
        "hours",
        ("首次联系用时", "Time to first contact"),
        ("创建后 {value} 小时首次联系", "First contacted {value} hours after it came"),
        absent=("尚未首次联系", "Not contacted yet"),
    ),
    _handling.times("assignments", _assignments, None, ("分配", "assignments")),
    _handling.feature(
        "owners_all",
        distinct(LEAD_STATES, "owner_id"),
        "count",
        ("历任负责人数", "Owners so far"),
        ("先后由 {value} 位销售负责", "{value} reps have owned it"),
    ),
    _handling.feature(
        "owner_h",
        hours(last_at(_assignments)),
        "hours",
        ("距上次分配时长", "Time since the last assignment"),
        ("距上次分配 {value} 小时", "{value} hours since it was last assigned"),
        absent=("尚未分配", "Not assigned yet"),
    ),
    _handling.times("touches", _touches, 7, ("主动联系", "outbound contacts")),
    _handling.times("touches", _touches, 30, ("主动联系", "outbound contacts")),
    _handling.times("replies", _replies, 30, ("客户回复", "replies")),
    _handling.feature(
        "last_touch_h",
        hours(last_at(_touches)),
        "hours",
        ("距上次主动联系时长", "Time since the last outbound contact"),
        ("距上次主动联系 {value} 小时", "{value} hours since we last reached out"),
        absent=("尚未主动联系", "We have not reached out yet"),
    ),
    _handling.feature(
        "last_reply_h",
        hours(last_at(_replies)),
        "hours",
        ("距上次客户回复时长", "Time since the last reply"),
        ("距客户上次回复 {value} 小时", "{value} hours since the lead last wrote or called"),
        absent=("客户尚未回复", "The lead has never written or called"),
    ),
    _handling.feature(
        "reply_ratio_90d",
        ratio(count(_replies, days(90)), count(_touches, days(90))),
        "ratio",
        ("近90天回复比", "Replies per contact, 90 days"),
        ("近90天每次主动联系得到 {value} 次回复", "{value} replies for each outbound contact in 90 days"),
        absent=("近90天没有主动联系", "We did not reach out in 90 days"),
    ),
)
