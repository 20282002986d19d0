"""Who the lead is, as its record stood at the moment: fields filled in later do not show."""

from features.declare import LEAD, LEAD_STATES, Group, count, hours, latest
from features.expressions import Calendar

_profile = Group(LEAD, "lead_profile", "sales operations")
_created = latest(LEAD_STATES, "created_at")

_STATUSES = (
    ("new", ("新线索", "new")),
    ("contacted", ("已联系", "contacted")),
    ("qualified", ("已确认", "qualified")),
    ("won", ("赢单", "won")),
    ("lost", ("输单", "lost")),
)
_CATEGORIES = (
    ("channel", "来源渠道", "Source channel"),
    ("campaign", "来源活动", "Campaign"),
    ("industry", "行业", "Industry"),
    ("region", "地区", "Region"),
    ("city", "城市", "City"),
    ("need", "产品需求", "Product need"),
    ("title", "联系人职务", "Contact's title"),
)
_FLAGS = (
    ("has_company", "已填写公司名称", "Company name on record"),
    ("has_phone", "已填写电话", "Phone on record"),
    ("has_contact_name", "已填写联系人姓名", "Contact name on record"),
)

FEATURES = (
    _profile.word(
        "status",
        latest(LEAD_STATES, "status"),
        ("状态", "Status"),
        ("状态为{value}", "Status: {value}"),
        _STATUSES,
    ),
    *(
        _profile.word(field, latest(LEAD_STATES, field), (zh, en), (f"{zh}为 {{value}}", f"{en}: {{value}}"))
        for field, zh, en in _CATEGORIES
    ),
    _profile.word(
        "account",
        latest(LEAD_STATES, "account_id"),
        ("所属客户", "Account"),
        ("所属客户为 {value}", "Account: {value}"),
    ),
    *(
        _profile.feature(
            field, latest(LEAD_STATES, field), "flag", (zh, en), (f"{zh}：{{value}}", f"{en}: {{value}}")
        )
        for field, zh, en in _FLAGS
    ),
    _profile.feature(
        "expected_volume",
        latest(LEAD_STATES, "expected_volume"),
        "count",
        ("预计采购量", "Expected volume"),
        ("预计采购量 {value}", "Expects to buy {value}"),
    ),
    _profile.feature(
        "updates_all",
        count(LEAD_STATES),
        "count",
        ("资料更新次数", "Record versions"),
        ("资料已有 {value} 个版本", "The record has {value} versions"),
    ),
    _profile.feature(
        "age_h",
        hours(_created),
        "hours",
        ("线索存在时长", "Age of the lead"),
        ("线索已存在 {value} 小时", "The lead is {value} hours old"),
    ),
    _profile.feature(
        "weekday",
        Calendar("weekday", _created),
        "count",
        ("星期几", "Day of the week"),
        ("当前为星期 {value}（1 为周一）", "It is day {value} of the week (1 is Monday)"),
    ),
    _profile.feature(
        "month",
        Calendar("month", _created),
        "count",
        ("月份", "Month"),
        ("当前为 {value} 月", "It is month {value} of the year"),
    ),
)
