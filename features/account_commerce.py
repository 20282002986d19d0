"""The rhythm of buying: how much, how often, and whether the next order is overdue."""

from collections.abc import Iterator

from features.declare import (
    ACCOUNT,
    ORDERS,
    Feature,
    Group,
    count,
    days,
    days_between,
    distinct,
    first_at,
    last_at,
    mean,
    ratio,
    total,
)
from features.expressions import DAY, WEEK

_commerce = Group(ACCOUNT, "account_commerce", "sales operations")

_since_order = days_between(last_at(ORDERS))
# Orders of one day are one purchase: the interval runs between days with an order.
_interval = days_between(first_at(ORDERS), last_at(ORDERS)) / (distinct(ORDERS, DAY) - 1)


def _amounts() -> Iterator[Feature]:
    for window in (7, 30, 90, 180, 365, None):
        within = None if window is None else days(window)
        zh, en = ("累计", "ever") if window is None else (f"近{window}天", f"in {window} days")
        yield _commerce.times("orders", ORDERS, window, ("下单", "orders"))
        yield _commerce.feature(
            "amount_all" if window is None else f"amount_{window}d",
            total(ORDERS, "amount", within),
            "money",
            (f"{zh}订单金额", f"Order amount, {en}"),
            (f"{zh}订单金额 {{value}}", f"Ordered for {{value}} {en}"),
        )


FEATURES = (
    *_amounts(),
    _commerce.since("order", ORDERS, ("下单", "order")),
    _commerce.feature(
        "days_since_first_order",
        days_between(first_at(ORDERS)),
        "days",
        ("距首单天数", "Days since the first order"),
        ("距首单 {value} 天", "{value} days since the first order"),
        absent=("尚无订单", "No order yet"),
    ),
    _commerce.feature(
        "order_interval_days",
        _interval,
        "days",
        ("平均下单间隔", "Mean days between orders"),
        ("平均每 {value} 天下单", "Orders every {value} days on average"),
        absent=("下单不足两天，尚无间隔", "Ordered on fewer than two days so far"),
    ),
    _commerce.feature(
        "order_recency_ratio",
        ratio(_since_order, _interval),
        "ratio",
        ("下单间隔倍数", "Silence against the usual interval"),
        ("未下单时间是平均间隔的 {value} 倍", "Silent for {value} times the usual interval"),
        absent=("下单不足两天，尚无间隔", "Ordered on fewer than two days so far"),
    ),
    _commerce.feature(
        "orders_trend_30d",
        count(ORDERS, days(30)) * 2 - count(ORDERS, days(60)),
        "count",
        ("近30天订单数较前30天变化", "Change in orders against the 30 days before"),
        ("近30天订单数较前30天变化 {value} 单", "Orders changed by {value} against the 30 days before"),
    ),
    _commerce.feature(
        "amount_trend_30d",
        total(ORDERS, "amount", days(30)) * 2 - total(ORDERS, "amount", days(60)),
        "money",
        ("近30天订单金额较前30天变化", "Change in amount against the 30 days before"),
        ("近30天订单金额较前30天变化 {value}", "The amount changed by {value} against the 30 days before"),
    ),
    _commerce.feature(
        "order_days_all",
        distinct(ORDERS, DAY),
        "count",
        ("累计下单天数", "Days with an order, ever"),
        ("累计在 {value} 天有订单", "Ordered on {value} different days"),
    ),
    _commerce.feature(
        "order_weeks_90d",
        distinct(ORDERS, WEEK, days(90)),
        "count",
        ("近90天下单周数", "Weeks with an order, 90 days"),
        ("近90天有 {value} 周下单", "Ordered in {value} weeks of the last 90 days"),
    ),
    _commerce.feature(
        "products_90d",
        distinct(ORDERS, "product", days(90)),
        "count",
        ("近90天产品种类", "Different products, 90 days"),
        ("近90天购买 {value} 种产品", "Bought {value} different products in 90 days"),
    ),
    _commerce.feature(
        "products_all",
        distinct(ORDERS, "product"),
        "count",
        ("累计产品种类", "Different products, ever"),
        ("累计购买 {value} 种产品", "Bought {value} different products so far"),
    ),
    _commerce.feature(
        "order_mean_all",
        mean(ORDERS, "amount"),
        "money",
        ("平均订单金额", "Mean order amount"),
        ("平均订单金额 {value}", "An order is worth {value} on average"),
        absent=("尚无订单", "No order yet"),
    ),
    _commerce.feature(
        "freight_share_all",
        ratio(total(ORDERS, "freight"), total(ORDERS, "amount")),
        "share",
        ("运费占比", "Freight share"),
        ("运费占订单金额的 {value}", "Freight is {value} of the order amount"),
        absent=("尚无订单", "No order yet"),
    ),
)
