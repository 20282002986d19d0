"""What each function of the feature language means: a tiny table in, a value out, the same from both engines.

Times are days before the as-of moment; ``late`` is how many days after it happened a row was recorded.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from crm_store.domain.sources import SOURCES
from features import catalog
from features.declare import (
    ACTIVITIES,
    CONTRACT_EVENTS,
    LEAD_STATES,
    ORDERS,
    TICKET_EVENTS,
    Entity,
    Group,
    count,
    days,
    days_between,
    distinct,
    first_at,
    hours,
    largest,
    last_at,
    latest,
    lead_flow,
    mean,
    ratio,
    smallest,
    smoothed,
    total,
)
from features.engines import ibis_engine, python_engine
from features.expressions import (
    DAY,
    WEEK,
    AtLeast,
    Calendar,
    Expr,
    Mentions,
    Present,
    Selection,
    StillAhead,
    aggregates_of,
)
from tests.parity.histories import arrow_tables

NOW = datetime(2026, 3, 31, 23, 0, tzinfo=UTC)  # already Wednesday, 1 April in Shanghai
ARRIVED, WON = lead_flow("campaign", "arrived"), lead_flow("campaign", "won")


def row(source: str, ago: float, late: float = 0.0, **cells: Any) -> dict[str, Any]:
    happened = NOW - timedelta(days=ago)
    known = happened + timedelta(days=late)
    blank = dict.fromkeys(SOURCES[source].columns) | dict.fromkeys(SOURCES[source].keys, "X")
    return blank | {"record_id": "r", "occurred_at": happened, "recorded_at": known} | cells


def activity(ago: float, channel: str = "chat", late: float = 0.0, **cells: Any) -> dict[str, Any]:
    return row("activities", ago, late, channel=channel, **cells)


def order(ago: float, amount: float | None = None, **cells: Any) -> dict[str, Any]:
    return row("orders", ago, amount=amount, **cells)


def state(ago: float, version: int, **cells: Any) -> dict[str, Any]:
    return row("lead_states", ago, version=float(version), **cells)


def flow(ago: float, event: str, lead: str = "other", late: float = 0.0, **cells: Any) -> dict[str, Any]:
    return row("lead_flow", ago, late, event=event, lead_id=lead, market="all", **cells)


def contract(ago: float, event: str, contract_id: str, ends_in: float = 0.0, **cells: Any) -> dict[str, Any]:
    end_at = NOW + timedelta(days=ends_in)
    return row("contract_events", ago, event=event, contract_id=contract_id, end_at=end_at, **cells)


ACTS = "activities"
CASES: dict[str, tuple[Expr, dict[str, list[dict[str, Any]]], Any]] = {
    "count: the window is open at its start and closed at its end": (
        count(ACTIVITIES, days(30)),
        {ACTS: [activity(30), activity(29.999), activity(0), activity(-0.001)]},
        2.0,
    ),
    "count: of nothing is 0": (count(ACTIVITIES), {}, 0.0),
    "count: a row that was recorded later does not exist yet": (
        count(ACTIVITIES),
        {ACTS: [activity(5, late=5), activity(5, late=5.001)]},
        1.0,
    ),
    "count: other entities do not count": (
        count(ACTIVITIES),
        {
            ACTS: [
                activity(1),
                activity(1, lead_id="Y", account_id="Y"),
                activity(1, lead_id=None, account_id=None),
            ]
        },
        1.0,
    ),
    "where: one of several words; unknown is none of them": (
        count(ACTIVITIES.where(channel=("chat", "call"))),
        {ACTS: [activity(1), activity(1, "call"), activity(1, "site"), activity(1, None)]},
        2.0,
    ),
    "where: at least": (
        count(ACTIVITIES.where(AtLeast("duration_s", 180))),
        {ACTS: [activity(1, duration_s=180.0), activity(1, duration_s=179.0), activity(1)]},
        1.0,
    ),
    "where: mentions, in Chinese": (
        count(ACTIVITIES.where(Mentions("text", ("预算", "招标")))),
        {ACTS: [activity(1, text="今年预算不足"), activity(1, text="预 算"), activity(1, text=None)]},
        1.0,
    ),
    "where: known": (
        count(ACTIVITIES.where(Present("text"))),
        {ACTS: [activity(1, text=""), activity(1, text=None)]},
        1.0,
    ),
    "where: a moment still ahead": (
        count(CONTRACT_EVENTS.where(StillAhead("end_at"))),
        {"contract_events": [contract(9, "signed", "a", 1), contract(9, "signed", "b", 0)]},
        1.0,
    ),
    "unless closed: by a row of the same key that is known": (
        count(TICKET_EVENTS.where(event="opened").unless_closed("ticket_id", event="resolved")),
        {
            "ticket_events": [
                row("ticket_events", 9, event="opened", ticket_id="a"),
                row("ticket_events", 8, event="resolved", ticket_id="a"),
                row("ticket_events", 7, event="opened", ticket_id="b"),
                row("ticket_events", 6, late=7, event="resolved", ticket_id="b"),
                row("ticket_events", 5, event="opened", ticket_id=None),
                row("ticket_events", 5, event="resolved", ticket_id=None),
            ]
        },
        2.0,
    ),
    "last n: the newest first, then the words": (
        count(ACTIVITIES.last(3).where(Mentions("text", ("招标",)))),
        {ACTS: [activity(n, text="招标" if n != 2 else "好的") for n in (1, 2, 3, 4)]},
        2.0,
    ),
    "distinct: known values only": (
        distinct(ORDERS, "product"),
        {"orders": [order(1, product="手套"), order(2, product="手套"), order(3, product="口罩"), order(4)]},
        2.0,
    ),
    "distinct days: counted on a wall in Shanghai": (
        distinct(ORDERS, DAY),
        {"orders": [order(0), order(7 / 24), order(6.9 / 24), order(1)]},
        2.0,
    ),
    "distinct weeks: from Monday": (
        distinct(ORDERS, WEEK),
        {"orders": [order(2), order(2.3), order(2.4)]},
        2.0,
    ),
    "total: of nothing is 0, unknown adds nothing": (
        total(ORDERS, "amount", days(30)),
        {"orders": [order(1, 2.5), order(2, None), order(3, 4.0), order(31, 100.0)]},
        6.5,
    ),
    "mean: of the known values": (
        mean(ORDERS, "amount"),
        {"orders": [order(1, 2.0), order(2, None), order(3, 4.0)]},
        3.0,
    ),
    "mean: of nothing is unknown": (mean(ORDERS, "amount"), {"orders": [order(1)]}, None),
    "largest and smallest": (
        largest(ORDERS, "amount") - smallest(ORDERS, "amount"),
        {"orders": [order(1, 2.0), order(2, 9.0), order(3)]},
        7.0,
    ),
    "latest: the last version, also when it does not know": (
        latest(LEAD_STATES, "region"),
        {"lead_states": [state(2, 1, region="上海"), state(1, 3, region=None), state(1, 2, region="杭州")]},
        None,
    ),
    "latest: what was filled in later does not show": (
        latest(LEAD_STATES, "region"),
        {"lead_states": [state(2, 1, region="上海"), state(-1, 2, region="杭州")]},
        "上海",
    ),
    "hours since the last, days since the first": (
        hours(last_at(ACTIVITIES)) + days_between(first_at(ACTIVITIES)),
        {ACTS: [activity(10), activity(0.5)]},
        22.0,
    ),
    "hours from one moment to another, of which one is missing": (
        hours(latest(LEAD_STATES, "created_at"), first_at(ACTIVITIES)),
        {"lead_states": [state(3, 1, created_at=NOW - timedelta(days=3))]},
        None,
    ),
    "ratio: by nothing is unknown": (ratio(count(ACTIVITIES), count(ORDERS)), {ACTS: [activity(1)]}, None),
    "smoothed: few cases are pulled towards the prior": (
        smoothed(count(ORDERS), count(ACTIVITIES), ratio(count(ORDERS), count(ACTIVITIES)), 10.0),
        {ACTS: [activity(1), activity(2)], "orders": [order(1)]},
        0.5,
    ),
    "weekday: of the as-of moment in Shanghai": (
        Calendar("weekday", latest(LEAD_STATES, "version")),
        {"lead_states": [state(1, 1)]},
        3.0,
    ),
    "month: of the as-of moment in Shanghai": (
        Calendar("month", latest(LEAD_STATES, "version")),
        {"lead_states": [state(1, 1)]},
        4.0,
    ),
    "calendar: unknown before the record existed": (
        Calendar("month", latest(LEAD_STATES, "version")),
        {"lead_states": [state(-1, 1)]},
        None,
    ),
    "flow: others of the campaign that the lead has at the moment": (
        count(ARRIVED, days(30)),
        {
            "lead_states": [state(9, 1, campaign="web"), state(1, 2, campaign="展会")],
            "lead_flow": [
                flow(1, "arrived", campaign="展会"),
                flow(29.9, "arrived", campaign="展会"),
                flow(30, "arrived", campaign="展会"),
                flow(2, "arrived", "X", campaign="展会"),
                flow(3, "won", campaign="展会"),
                flow(4, "arrived", campaign="web"),
                flow(5, "arrived", campaign="展会", late=6),
                flow(6, "arrived", campaign="展会", late=6),
            ],
        },
        3.0,
    ),
    "flow: a row recorded after its window had passed never counts in it": (
        count(ARRIVED, days(30)),
        {
            "lead_states": [state(99, 1, campaign="a")],
            "lead_flow": [flow(50, "arrived", campaign="a", late=40)],
        },
        0.0,
    ),
    "flow: the mean over others": (
        mean(WON, "days_to_win"),
        {
            "lead_states": [state(9, 1, campaign="a")],
            "lead_flow": [
                flow(1, "won", campaign="a", days_to_win=4.0),
                flow(1, "won", campaign="a", days_to_win=6.0),
                flow(1, "won", campaign="a"),
                flow(1, "won", "X", campaign="a", days_to_win=90.0),
            ],
        },
        5.0,
    ),
    "flow: the first of the campaign, oneself included": (
        days_between(first_at(Selection("lead_flow", via="campaign").where(event="arrived"))),
        {
            "lead_states": [state(9, 1, campaign="a")],
            "lead_flow": [flow(7, "arrived", "X", campaign="a"), flow(8, "arrived", campaign="b")],
        },
        7.0,
    ),
    "flow: without a campaign there is none": (
        count(ARRIVED) + count(lead_flow("market", "arrived")),
        {"lead_states": [state(9, 1)], "lead_flow": [flow(1, "arrived", campaign=None)]},
        1.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_function(case, monkeypatch):
    value, history, expected = CASES[case]
    sources = {figure.selection.source for figure in aggregates_of(value)}
    entity = "lead" if all("lead_id" in SOURCES[name].columns for name in sources) else "account"
    _declare(monkeypatch, entity, value, "string" if isinstance(expected, str) else "float64")
    name = f"{entity}_probe"
    rows = pd.DataFrame({"entity_id": ["nobody", "X"], "as_of": [NOW, NOW]})

    frame = ibis_engine.compute(entity, rows, arrow_tables(history), [name])
    one = python_engine.evaluate(entity, history, "X", NOW, [name])

    assert one == {name: pytest.approx(expected) if isinstance(expected, float) else expected}
    found = frame[name].iloc[1]
    assert (found is None or found != found) if expected is None else found == one[name]


def _declare(monkeypatch: pytest.MonkeyPatch, entity: str, value: Expr, dtype: Any) -> None:
    """Put one feature into the catalog for the length of a test."""
    declared: Entity = catalog.entity_named(entity)
    probe = Group(declared, "spec", "tests").feature(
        "probe", value, "count", ("试", "Probe"), ("{value}", "{value}"), dtype
    )
    monkeypatch.setattr(catalog, "CATALOG", {probe.name: probe})
    ibis_engine.compiled.cache_clear()
