"""Who the account is to us, and how close we are."""

from features.declare import (
    ACCOUNT,
    ACCOUNT_STATES,
    ACTIVITIES,
    CONVERSATIONS,
    Group,
    count,
    days,
    days_between,
    distinct,
    latest,
    ratio,
)

_relation = Group(ACCOUNT, "account_relationship", "sales managers")

_CATEGORIES = (("industry", "行业", "Industry"), ("region", "地区", "Region"), ("tier", "客户等级", "Tier"))
# channel, name, Chinese, English
_CHANNELS = (
    ("chat", "chats", "聊天互动", "chat interactions"),
    ("call", "calls", "通话", "calls"),
    ("email", "emails", "邮件往来", "e-mails"),
    ("meeting", "meetings", "会议", "meetings"),
    ("site", "visits", "网站访问", "site visits"),
    ("download", "downloads", "资料下载", "downloads"),
)

_talks = ACTIVITIES.where(channel=CONVERSATIONS)
_chats = ACTIVITIES.where(channel="chat")

FEATURES = (
    *(
        _relation.word(
            field, latest(ACCOUNT_STATES, field), (zh, en), (f"{zh}为 {{value}}", f"{en}: {{value}}")
        )
        for field, zh, en in _CATEGORIES
    ),
    _relation.feature(
        "employees",
        latest(ACCOUNT_STATES, "employees"),
        "count",
        ("员工人数", "Employees"),
        ("员工 {value} 人", "{value} employees"),
    ),
    _relation.feature(
        "annual_amount",
        latest(ACCOUNT_STATES, "annual_amount"),
        "money",
        ("年采购额", "Annual amount"),
        ("年采购额 {value} 元", "Buys for {value} a year"),
    ),
    _relation.feature(
        "age_days",
        days_between(latest(ACCOUNT_STATES, "created_at")),
        "days",
        ("建档天数", "Days as a customer"),
        ("建档已 {value} 天", "A customer for {value} days"),
    ),
    _relation.feature(
        "owners_all",
        distinct(ACCOUNT_STATES, "owner_id"),
        "count",
        ("历任负责人数", "Owners so far"),
        ("先后由 {value} 位销售负责", "{value} reps have owned it"),
    ),
    *(
        _relation.times(name, ACTIVITIES.where(channel=channel), window, (zh, en))
        for channel, name, zh, en in _CHANNELS
        for window in (30, 90)
    ),
    _relation.feature(
        "chats_trend_30d",
        count(_chats, days(30)) * 2 - count(_chats, days(60)),
        "count",
        ("近30天聊天较前30天变化", "Change in chats against the 30 days before"),
        ("近30天聊天较前30天变化 {value} 次", "Chats changed by {value} against the 30 days before"),
    ),
    _relation.feature(
        "reply_ratio_90d",
        ratio(count(_talks.where(direction="in"), days(90)), count(_talks.where(direction="out"), days(90))),
        "ratio",
        ("近90天回复比", "Replies per contact, 90 days"),
        ("近90天每次主动联系得到 {value} 次回复", "{value} replies for each outbound contact in 90 days"),
        absent=("近90天没有主动联系", "We did not reach out in 90 days"),
    ),
    _relation.since("contact", _talks, ("沟通", "contact")),
    _relation.since("meeting", ACTIVITIES.where(channel="meeting"), ("会议", "meeting")),
)
