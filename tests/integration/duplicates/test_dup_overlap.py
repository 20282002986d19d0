"""The share of customers that reps of different regions follow up side by side."""

from datetime import timedelta
from typing import Any

import pytest

from crm_store.repositories.duplicates.overlap import Overlap, overlap
from crm_store.services.merging import merge

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _team(store: Any) -> None:
    store.put("team", "tea_n", name="华北", region="华北")
    store.put("rep", "rep_e", name="东", region="华东")
    store.put("rep", "rep_e2", name="东二", region="华东")
    store.put("rep", "rep_n", name="北", team_id="tea_n")
    store.put("rep", "rep_x", name="无区域")


def test_two_records_of_one_customer_count_once_and_as_shared(store: Any) -> None:
    duplicates(store)
    others(store)
    start = store.now
    store.talk("1", "rep_e", start, lead_id="lea_a")
    store.talk("2", "rep_n", start, lead_id="lea_b")
    store.talk("3", "rep_e", start, lead_id="lea_c")
    store.talk("4", "rep_e2", start, lead_id="lea_c")  # two reps of one region
    store.talk("5", "rep_x", start, lead_id="lea_d")  # a rep of no region
    assert measure(store, start) == Overlap(customers=2, overlapping=1)
    assert measure(store, start).share == 0.5


def test_after_merging_the_next_window_has_no_overlap(store: Any) -> None:
    duplicates(store)
    start = store.now
    store.talk("1", "rep_e", start, lead_id="lea_a")
    store.talk("2", "rep_n", start, lead_id="lea_b")
    assert measure(store, start).share == 1.0
    store.write(lambda session: merge(session, "lead", "lea_a", "lea_b", actor="user:li", now=store.now))
    assert measure(store, start).share == 1.0  # what happened has happened
    store.talk("3", "rep_e", start + 30 * DAY, lead_id="lea_a")
    assert measure(store, start + 30 * DAY) == Overlap(customers=1, overlapping=0)


def test_leads_of_an_account_and_the_account_are_one_customer(store: Any) -> None:
    store.put("account", "acc_a", name="美迪电子有限公司")
    store.put("lead", "lea_c", contact_name="李娜", account_id="acc_a")
    store.talk("1", "rep_e", store.now, lead_id="lea_c")
    store.talk("2", "rep_n", store.now, account_id="acc_a")
    assert measure(store, store.now) == Overlap(customers=1, overlapping=1)


def test_only_outgoing_activities_within_the_window_count(store: Any) -> None:
    others(store)
    start = store.now
    store.talk("1", "rep_e", start, lead_id="lea_c")
    store.talk("2", "rep_n", start + DAY, lead_id="lea_c")
    assert measure(store, start) == Overlap(customers=1, overlapping=0)
    assert measure(store, start + 2 * DAY) == Overlap(customers=0, overlapping=0)
    assert measure(store, start + 2 * DAY).share == 0.0


def duplicates(store: Any) -> None:
    store.put("lead", "lea_a", company="恒瑞医疗", phone="13851234567")
    store.put("lead", "lea_b", company="恒瑞医疗器械", phone="13851234567")


def others(store: Any) -> None:
    store.put("lead", "lea_c", company="成都美迪电子有限公司", phone="13900000003")
    store.put("lead", "lea_d", company="西安广源软件有限公司", phone="13900000004")


def measure(store: Any, since: Any) -> Overlap:
    with store.sessions() as session:
        return overlap(session, since=since, until=since + DAY)
