"""Merging two records that are one customer loses nothing, and undoing it puts everything back."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_store.models import MergeLog
from crm_store.repositories.duplicates.merges import survivor_of, with_merged
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.services.merging import KeptChange, Undone, merge, mergeable_fields, undo

ACTOR = "user:wang"
REFERRING = {
    "contact": ("con_1", {"name": "张伟", "account_id": "acc_b"}),
    "ticket": ("tic_1", {"title": "报修", "status": "open", "account_id": "acc_b"}),
    "opportunity": (
        "opp_1",
        {"title": "设备", "stage": "proposal", "account_id": "acc_b", "lead_id": "lea_b"},
    ),
    "task": ("tas_1", {"title": "回访", "kind": "call", "account_id": "acc_b", "lead_id": "lea_b"}),
}


@pytest.fixture(autouse=True)
def _two_of_each(store: Any) -> None:
    store.put("account", "acc_a", name="恒瑞医疗器械有限公司", city="苏州")
    store.put("account", "acc_b", name="苏州恒瑞医疗器械有限公司", phone="0512-62872075", city="昆山")
    store.put("lead", "lea_a", company="恒瑞医疗", phone="13851234567")
    store.put("lead", "lea_b", company="恒瑞医疗器械", phone="13851234567", need="试剂", account_id="acc_b")
    for entity, (record_id, fields) in REFERRING.items():
        if entity in ("ticket", "opportunity"):
            fields = fields | ({"opened_at": store.now} if entity == "ticket" else {})
        store.put(entity, record_id, **fields)


def test_the_survivor_keeps_its_values_and_fills_its_gaps(store: Any) -> None:
    merged(store, "lead", "lea_a", "lea_b")
    lead = store.fields("lead", "lea_a")
    assert (lead["company"], lead["need"], lead["account_id"]) == ("恒瑞医疗", "试剂", "acc_b")
    gone = store.fields("lead", "lea_b")
    assert gone["merged_into"] == "lea_a"
    assert gone["deleted_at"] is not None
    assert gone["company"] == "恒瑞医疗器械"


def test_a_choice_goes_before_the_rule(store: Any) -> None:
    merged(store, "account", "acc_a", "acc_b", choices={"name": "merged", "phone": "survivor"})
    account = store.fields("account", "acc_a")
    assert (account["name"], account["phone"], account["city"]) == ("苏州恒瑞医疗器械有限公司", None, "苏州")


@pytest.mark.parametrize("field", ["status", "external_id", "created_at", "merged_into", "colour"])
def test_what_is_a_records_own_cannot_be_chosen(store: Any, field: str) -> None:
    assert field not in mergeable_fields("lead")
    assert refusal(store, "lead", "lea_a", "lea_b", choices={field: "merged"}) == "unknown_field"


def test_everything_that_pointed_at_the_merged_account_points_at_the_survivor(store: Any) -> None:
    merged(store, "account", "acc_a", "acc_b")
    for entity, (record_id, _) in REFERRING.items():
        assert store.fields(entity, record_id)["account_id"] == "acc_a"
    assert store.fields("lead", "lea_b")["account_id"] == "acc_a"


def test_activities_stay_as_they_are_and_are_found_with_the_survivor(store: Any) -> None:
    store.put("rep", "rep_1", name="李")
    store.talk("1", "rep_1", store.now, lead_id="lea_b")
    merged(store, "lead", "lea_a", "lea_b")
    with store.sessions() as session:
        assert with_merged(session, "lead", "lea_a") == ("lea_a", "lea_b")
        assert with_merged(session, "lead", "lea_b") == ("lea_b",)
        assert survivor_of(session, "lead", "lea_b") == "lea_a"


def test_a_parent_is_never_its_own(store: Any) -> None:
    store.put("account", "acc_a", parent_id="acc_b")
    merged(store, "account", "acc_a", "acc_b")
    assert store.fields("account", "acc_a")["parent_id"] is None


def test_a_parent_under_the_survivor_is_not_taken(store: Any) -> None:
    store.put("account", "acc_b", parent_id="acc_a")
    merged(store, "account", "acc_a", "acc_b")
    assert store.fields("account", "acc_a")["parent_id"] is None


def test_the_pair_is_closed_by_the_merge_and_open_again_after_undoing_it(store: Any) -> None:
    assert store.pairs()["lea_a", "lea_b"] == "open"
    log = merged(store, "lead", "lea_a", "lea_b")
    assert store.pairs()["lea_a", "lea_b"] == "merged"
    undone(store, log.id)
    assert store.pairs()["lea_a", "lea_b"] == "open"


def test_undoing_restores_every_field_of_every_record(store: Any) -> None:
    for entity, one, other in (("account", "acc_a", "acc_b"), ("lead", "lea_a", "lea_b")):
        before = everything(store)
        log = merged(store, entity, one, other)
        assert everything(store) != before
        assert undone(store, log.id).kept == ()
        assert everything(store) == before
    with store.sessions() as session:
        assert verify(session) == []


def test_what_was_edited_since_is_kept_and_reported(store: Any) -> None:
    log = merged(store, "account", "acc_a", "acc_b")
    store.put("account", "acc_a", phone="0512-11112222")
    store.put("contact", "con_1", title="院长")
    found = undone(store, log.id)
    assert found.kept == (KeptChange("account", "acc_a", "phone", "0512-11112222", None),)
    assert store.fields("account", "acc_a")["phone"] == "0512-11112222"
    assert store.fields("contact", "con_1")["account_id"] == "acc_b"
    assert store.fields("contact", "con_1")["title"] == "院长"


def test_merges_form_chains_and_are_undone_from_the_last(store: Any) -> None:
    store.put("lead", "lea_c", company="恒瑞", phone="13851234567")
    first = merged(store, "lead", "lea_b", "lea_c")
    second = merged(store, "lead", "lea_a", "lea_b")
    with store.sessions() as session:
        assert with_merged(session, "lead", "lea_a") == ("lea_a", "lea_b", "lea_c")
        assert survivor_of(session, "lead", "lea_c") == "lea_a"
    assert code(lambda: undone(store, first.id)) == "later_merge"
    undone(store, second.id)
    undone(store, first.id)
    assert store.fields("lead", "lea_c")["merged_into"] is None


def test_no_merge_goes_in_a_circle_or_into_what_is_gone(store: Any) -> None:
    merged(store, "lead", "lea_a", "lea_b")
    assert refusal(store, "lead", "lea_a", "lea_b") == "already_merged"
    assert refusal(store, "lead", "lea_b", "lea_a") == "already_merged"
    assert refusal(store, "lead", "lea_a", "lea_a") == "same_record"
    assert refusal(store, "lead", "lea_a", "lea_none") == "not_found"
    assert refusal(store, "ticket", "tic_1", "tic_2") == "not_mergeable"


def test_a_merge_is_undone_once(store: Any) -> None:
    log = merged(store, "lead", "lea_a", "lea_b")
    undone(store, log.id)
    assert code(lambda: undone(store, log.id)) == "already_undone"
    assert code(lambda: undone(store, "mer_none")) == "unknown_merge"
    merged(store, "lead", "lea_b", "lea_a")
    assert store.fields("lead", "lea_a")["merged_into"] == "lea_b"


words = st.none() | st.sampled_from(["恒瑞医疗", "试剂", "苏州", "13851234567", "张伟"])
values = st.fixed_dictionaries(dict.fromkeys(("company", "contact_name", "phone", "need", "city"), words))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=values, right=values)
def test_whatever_they_hold_merging_and_undoing_is_as_if_nothing_happened(
    store: Any, left: dict[str, Any], right: dict[str, Any]
) -> None:
    store.put("lead", "lea_a", **left)
    store.put("lead", "lea_b", **right)
    before = everything(store)
    log = merged(store, "lead", "lea_a", "lea_b")
    survivor = store.fields("lead", "lea_a")
    assert {name: survivor[name] for name in left} == {
        name: right[name] if left[name] is None else left[name] for name in left
    }
    undone(store, log.id)
    assert everything(store) == before


def merged(store: Any, entity: str, one: str, other: str, **options: Any) -> MergeLog:
    log: MergeLog = store.write(
        lambda session: merge(session, entity, one, other, actor=ACTOR, now=store.now, **options)
    )
    return log


def undone(store: Any, merge_id: str) -> Undone:
    found: Undone = store.write(lambda session: undo(session, merge_id, actor=ACTOR, now=store.now))
    return found


def refusal(store: Any, entity: str, one: str, other: str, **options: Any) -> str:
    return code(lambda: merged(store, entity, one, other, **options))


def code(act: Any) -> str:
    with pytest.raises(StoreError) as caught:
        act()
    return caught.value.problem.code


def everything(store: Any) -> dict[str, Any]:
    ids = {"lead": ["lea_a", "lea_b"], "account": ["acc_a", "acc_b"]}
    ids |= {entity: [record_id] for entity, (record_id, _) in REFERRING.items()}
    return {one: store.fields(entity, one) for entity, some in ids.items() for one in some}
