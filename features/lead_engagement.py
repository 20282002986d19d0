"""What the lead does: how much by each channel, how recently, and the acts that count most."""

from features.declare import ACTIVITIES, INTERACTIONS, LEAD, Group, days, hours, largest, last_at
from features.expressions import AtLeast, Mentions

_engagement = Group(LEAD, "lead_engagement", "marketing")

# product.md C2: a visit counts from three minutes on.
_LONG_VISIT_S = 180
# How people write that they are looking at somebody else's product.
COMPETITOR_WORDS = (
    *("竞品", "竞争对手", "对比", "比较", "替代", "哪家好", "其他品牌", "其他厂家"),
    *("competitor", "alternative"),
)

# channel, name, plural, Chinese, English, English plural
_CHANNELS = (
    ("chat", "chat", "chats", "聊天互动", "chat", "chat interactions"),
    ("call", "call", "calls", "通话", "call", "calls"),
    ("email", "email", "emails", "邮件往来", "e-mail", "e-mails"),
    ("meeting", "meeting", "meetings", "会议", "meeting", "meetings"),
    ("site", "visit", "visits", "网站访问", "site visit", "site visits"),
    ("download", "download", "downloads", "资料下载", "download", "downloads"),
    ("search", "search", "searches", "搜索", "search", "searches"),
)
_WINDOWS = (7, 30, 90)

_interactions = ACTIVITIES.where(channel=INTERACTIONS)
_visits = ACTIVITIES.where(channel="site")
_long_visits = _visits.where(AtLeast("duration_s", _LONG_VISIT_S))
_competitor = ACTIVITIES.where(Mentions("text", COMPETITOR_WORDS), channel="search")

FEATURES = (
    *(
        _engagement.times(plural, ACTIVITIES.where(channel=channel), window, (zh, en))
        for channel, _, plural, zh, _, en in _CHANNELS
        for window in _WINDOWS
    ),
    *(
        _engagement.since(name, ACTIVITIES.where(channel=channel), (zh, en))
        for channel, name, _, zh, en, _ in _CHANNELS
    ),
    _engagement.times("long_visits", _long_visits, 30, ("3分钟以上访问", "visits of 3 minutes or more")),
    _engagement.times("competitor_searches", _competitor, 30, ("搜索竞品", "competitor searches")),
    _engagement.times("chats", ACTIVITIES.where(channel="chat"), None, ("聊天互动", "chat interactions")),
    _engagement.times("downloads", ACTIVITIES.where(channel="download"), None, ("资料下载", "downloads")),
    _engagement.times("long_visits", _long_visits, None, ("3分钟以上访问", "visits of 3 minutes or more")),
    _engagement.times("interactions", _interactions, 7, ("互动", "interactions")),
    _engagement.feature(
        "dwell_max_30d_s",
        largest(_visits, "duration_s", days(30)),
        "seconds",
        ("近30天最长停留时间", "Longest visit, 30 days"),
        ("近30天单次访问最长停留 {value} 秒", "The longest visit in 30 days lasted {value} seconds"),
        absent=("近30天没有网站访问", "No site visit in 30 days"),
    ),
    _engagement.feature(
        "last_interaction_h",
        hours(last_at(_interactions)),
        "hours",
        ("距上次互动时长", "Time since the last interaction"),
        ("距上次互动 {value} 小时", "{value} hours since the last interaction"),
        absent=("尚无互动", "No interaction yet"),
    ),
)
