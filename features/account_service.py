"""How the account is served: tickets, how soon we answer, how satisfied they are."""

from features.declare import ACCOUNT, TICKET_EVENTS, Group, count, days, mean, smallest

_service = Group(ACCOUNT, "account_service", "customer service")

_opened = TICKET_EVENTS.where(event="opened")

FEATURES = (
    _service.times("tickets", _opened, 30, ("报修或咨询", "tickets")),
    _service.times("tickets", _opened, 90, ("报修或咨询", "tickets")),
    _service.feature(
        "tickets_open",
        count(_opened.unless_closed("ticket_id", event="resolved")),
        "count",
        ("未解决工单", "Open tickets"),
        ("有 {value} 张工单未解决", "{value} tickets are open"),
    ),
    _service.feature(
        "first_response_mean_90d_h",
        mean(TICKET_EVENTS.where(event="answered"), "response_h", days(90)),
        "hours",
        ("近90天平均首次响应", "Mean first response, 90 days"),
        (
            "近90天平均 {value} 小时首次响应",
            "Tickets were first answered after {value} hours on average in 90 days",
        ),
        absent=("近90天没有已响应的工单", "No ticket was answered in 90 days"),
    ),
    _service.feature(
        "satisfaction_mean_180d",
        mean(TICKET_EVENTS.where(event="rated"), "satisfaction", days(180)),
        "points",
        ("近180天平均满意度", "Mean satisfaction, 180 days"),
        ("近180天平均满意度 {value} 分（满分5分）", "Satisfaction averaged {value} of 5 in 180 days"),
        absent=("近180天没有满意度评分", "No rating in 180 days"),
    ),
    _service.feature(
        "satisfaction_min_180d",
        smallest(TICKET_EVENTS.where(event="rated"), "satisfaction", days(180)),
        "points",
        ("近180天最低满意度", "Lowest satisfaction, 180 days"),
        ("近180天最低满意度 {value} 分（满分5分）", "The lowest rating in 180 days was {value} of 5"),
        absent=("近180天没有满意度评分", "No rating in 180 days"),
    ),
    _service.since("ticket", _opened, ("报修或咨询", "ticket")),
)
