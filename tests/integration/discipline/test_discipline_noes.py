"""The three noes and the locks hold in the store, however a write arrives."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from discipline_records import DAY, HOUR, T0, put, said
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Lead, Opportunity
from crm_store.models.choices import COMMUNICATION_CHANNELS
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.guards import check_activity
from crm_store.repositories.writes.records import get_record

Sessions = sessionmaker[Session]
Change = tuple[str, str, dict[str, Any]]
PEOPLE = ["user:li", "api:crm", "form:site"]


@pytest.fixture
def store(sessions: Sessions) -> Sessions:
    """Three of each kind that has a status, and what they belong to."""
    with transaction(sessions) as session:
        put(session, "account", "acc_1")
        for number in "123":
            put(session, "contact", f"con_{number}", account_id="acc_1")
            put(session, "lead", f"lea_{number}")
            put(session, "opportunity", f"opp_{number}", account_id="acc_1")
    return sessions


def refused(sessions: Sessions, code: str, *changes: Change, **how: Any) -> StoreError:
    with pytest.raises(StoreError) as caught:
        write_all(sessions, changes, **how)
    assert caught.value.problem.code == code
    assert caught.value.problem.zh != caught.value.problem.en
    return caught.value


def write_all(sessions: Sessions, changes: Iterable[Change], **how: Any) -> None:
    with transaction(sessions) as session:
        for entity, record_id, values in changes:
            put(session, entity, record_id, T0 + HOUR, **values, **how)


CHANGES = [
    ("contact", "con", {"status": "left"}),
    ("lead", "lea", {"status": "contacted"}),
    ("opportunity", "opp", {"stage": "proposal"}),
]


@pytest.mark.parametrize(("entity", "prefix", "change"), CHANGES, ids=lambda one: str(one))
def test_people_change_the_status_of_one_record_at_a_time(store, entity, prefix, change):
    for actor in PEOPLE:
        both = [(entity, f"{prefix}_{number}", change) for number in "12"]
        error = refused(store, "bulk_status_change", *both, actor=actor)
        assert error.problem.field == next(iter(change))
    with store() as session:
        for number in "12":
            record = get_record(session, entity, f"{prefix}_{number}")
            assert record is not None
            assert record.version == 1


def test_one_after_the_other_is_fine(store):
    for number in "123":
        with transaction(store) as session:
            put(session, "contact", f"con_{number}", T0 + HOUR, status="left")
            put(session, "contact", f"con_{number}", T0 + HOUR, status="active")


def test_one_session_may_do_one_transaction_after_the_other(store):
    with store() as session:
        for number in "123":
            with session.begin():
                put(session, "contact", f"con_{number}", T0 + HOUR, status="left")
    with store() as session:
        put(session, "contact", "con_1", T0 + 2 * HOUR, status="active")
        session.rollback()
        put(session, "contact", "con_2", T0 + 2 * HOUR, status="active")


def test_signing_a_deal_may_close_its_lead_and_note_that_the_buyer_left(store):
    with transaction(store) as session:
        put(session, "opportunity", "opp_1", T0 + HOUR, stage="won")
        put(session, "lead", "lea_1", T0 + HOUR, status="won")
        put(session, "contact", "con_1", T0 + HOUR, status="left")


def test_new_records_come_with_any_status_and_other_fields_change_in_bulk(store):
    with transaction(store) as session:
        put(session, "contact", "con_1", T0 + HOUR, status="left")
        for number in "456":
            put(session, "contact", f"con_{number}", T0 + HOUR, status="left")
        for number in "23":
            put(session, "contact", f"con_{number}", T0 + HOUR, title="科长")


def test_an_import_or_a_job_brings_many_states(store):
    for actor, status in (("import:crm", "lost"), ("job:closing", "contacted")):
        with transaction(store) as session:
            for number in "123":
                put(session, "lead", f"lea_{number}", T0 + HOUR, status=status, actor=actor)


def test_a_status_change_that_was_taken_back_does_not_count(store):
    with transaction(store) as session:
        savepoint = session.begin_nested()
        put(session, "lead", "lea_1", T0 + HOUR, status="lost")
        savepoint.rollback()
        with session.begin_nested():
            put(session, "lead", "lea_2", T0 + HOUR, status="lost")
        with pytest.raises(StoreError, match="bulk_status_change"):
            put(session, "lead", "lea_3", T0 + HOUR, status="lost")


def test_a_status_change_within_savepoints_that_were_kept_counts(store):
    with transaction(store) as session:
        with session.begin_nested(), session.begin_nested():
            put(session, "lead", "lea_1", T0 + HOUR, status="lost")
        with pytest.raises(StoreError, match="bulk_status_change"), session.begin_nested():
            put(session, "lead", "lea_2", T0 + HOUR, status="lost")
        put(session, "lead", "lea_1", T0 + HOUR, status="won")


def test_taking_back_an_outer_savepoint_takes_back_what_was_within(store):
    with transaction(store) as session:
        outer = session.begin_nested()
        with session.begin_nested():
            put(session, "lead", "lea_1", T0 + HOUR, status="lost")
        outer.rollback()
        put(session, "lead", "lea_2", T0 + HOUR, status="lost")


def test_a_moment_of_the_past_is_not_edited_by_any_way(store):
    for actor in (*PEOPLE, "import:crm", "job:closing", "webhook:shop"):
        for entity, record_id in (("lead", "lea_1"), ("contact", "con_1"), ("opportunity", "opp_1")):
            change = (entity, record_id, {"created_at": T0 - DAY})
            error = refused(store, "past_moment", change, actor=actor, as_role="admin", reason="更正")
            assert error.problem.field == "created_at"


def test_a_first_response_is_entered_late_and_then_stays(store):
    with transaction(store) as session:
        put(session, "ticket", "tic_1", account_id="acc_1")
        put(session, "ticket", "tic_1", T0 + DAY, first_response_at=T0 + HOUR)
    with pytest.raises(StoreError, match="past_moment"), transaction(store) as session:
        put(session, "ticket", "tic_1", T0 + 2 * DAY, first_response_at=T0 + timedelta(minutes=5))


def test_closing_follows_the_status(store):
    with transaction(store) as session:
        put(session, "lead", "lea_1", T0 + DAY, status="lost", closed_at=T0 + DAY)
    with pytest.raises(StoreError, match="past_moment"), transaction(store) as session:
        put(session, "lead", "lea_1", T0 + 2 * DAY, closed_at=T0 + HOUR)
    with transaction(store) as session:
        put(session, "lead", "lea_1", T0 + 3 * DAY, status="contacted", closed_at=None)
        put(session, "lead", "lea_1", T0 + 4 * DAY, status="won", closed_at=T0 + 4 * DAY)


def test_an_expected_signing_may_slip_and_a_deletion_be_undone(store):
    with transaction(store) as session:
        put(session, "opportunity", "opp_1", T0 + HOUR, expected_close_at=T0 + DAY)
        put(session, "opportunity", "opp_1", T0 + 2 * DAY, expected_close_at=T0 + 9 * DAY)
        put(session, "opportunity", "opp_2", T0 + DAY, deleted_at=T0 + DAY)
        put(session, "opportunity", "opp_2", T0 + 2 * DAY, deleted_at=None)


def test_data_comes_by_no_other_way_and_from_nobody(store):
    for actor in ("script:fix", "li", "user:", "user: ", ":li", "USER:li"):
        error = refused(store, "unknown_way", ("lead", "lea_9", {"company": "甲厂"}), actor=actor)
        assert "form" in error.problem.en


SIGNED = {"budget": 300_000.0, "decision_maker_id": "con_1", "decision_chain": "con_1,con_2", "amount": 1.0}


@pytest.fixture
def signed(store: Sessions) -> Sessions:
    with transaction(store) as session:
        put(session, "opportunity", "opp_1", T0 + HOUR, stage="won", **SIGNED)
    return store


CORRECTIONS = [
    {"budget": 1.0},
    {"budget": None},
    {"amount": 2.0},
    {"decision_maker_id": "con_2"},
    {"decision_chain": "con_2"},
    {"stage": "negotiation"},  # leaving the stage would take the lock off
    {"stage": "negotiation", "budget": 1.0},
]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"as_role": "rep", "reason": "客户改口"},
        {"as_role": "manager"},
        {"as_role": "manager", "reason": "  "},
        {"actor": "import:crm", "reason": "import crm"},
    ],
    ids=str,
)
def test_a_signed_deal_is_read_only(signed, how):
    for change in CORRECTIONS:
        refused(signed, "locked", ("opportunity", "opp_1", change), **how)


def test_a_manager_corrects_a_signed_deal_and_says_why(signed):
    with transaction(signed) as session:
        put(session, "opportunity", "opp_1", T0 + DAY, budget=1.0, as_role="manager", reason="合同附件更正")
        deal = get_record(session, "opportunity", "opp_1")
        assert isinstance(deal, Opportunity)
        assert deal.budget == 1.0


def test_the_rest_of_a_signed_deal_stays_open_and_so_do_other_deals(signed):
    with transaction(signed) as session:
        put(session, "opportunity", "opp_1", T0 + DAY, title="二期", budget=300_000.0)
        put(session, "opportunity", "opp_2", T0 + DAY, budget=5.0)


def entry(session: Session, actor: str, **more: Any) -> None:
    values = {"lead_id": "lea_1", "channel": "call", "occurred_at": T0, "scene": "care", **more}
    check_activity(session, values, actor, T0 + HOUR)


def test_a_person_names_the_scene_of_a_communication(store):
    with store() as session:
        for actor, channel in product(PEOPLE, COMMUNICATION_CHANNELS):
            entry(session, actor, channel=channel)
            with pytest.raises(StoreError, match="required: scene"):
                entry(session, actor, channel=channel, scene=None)


def test_what_is_no_communication_or_was_captured_needs_no_scene(store):
    with store() as session:
        entry(session, "user:li", channel="site", scene=None)
        for actor in ("webhook:wecom", "import:crm", "job:capture"):
            entry(session, actor, channel="chat", scene=None)


def test_every_entry_is_about_somebody(store):
    with store() as session:
        entry(session, "user:li", lead_id=None, account_id="acc_1")
        for actor in ("user:li", "import:crm"):
            with pytest.raises(StoreError, match="no_subject"):
                entry(session, actor, lead_id=None)


def test_a_person_enters_what_has_happened_and_enters_it_now(store):
    with store() as session:
        entry(session, "user:li", occurred_at=T0 + HOUR + timedelta(minutes=4))  # clocks differ
        entry(session, "user:li", recorded_at=T0 + HOUR)
        with pytest.raises(StoreError, match="in_the_future"):
            entry(session, "user:li", occurred_at=T0 + DAY)
        with pytest.raises(StoreError, match="backdated_entry"):
            entry(session, "user:li", recorded_at=T0)
        entry(session, "import:crm", recorded_at=T0 - DAY, occurred_at=T0 - DAY)


def test_a_correction_points_at_an_entry_about_the_same_one(store):
    with transaction(store) as session:
        session.add(said("act_1", T0, HOUR, rep_id=None))
        session.flush()
        entry(session, "user:li", corrects_id="act_1")
        with pytest.raises(StoreError, match="other_subject"):
            entry(session, "user:li", corrects_id="act_1", lead_id="lea_2")
        with pytest.raises(StoreError, match="unknown_reference"):
            entry(session, "user:li", corrects_id="act_9")


def test_an_entry_comes_by_a_known_way(store):
    with store() as session, pytest.raises(StoreError, match="unknown_way"):
        entry(session, "script:fix")


def test_nothing_of_a_refused_write_is_kept(store):
    refused(store, "past_moment", ("lead", "lea_1", {"company": "甲厂", "created_at": T0 - DAY}))
    with store() as session:
        lead = get_record(session, "lead", "lea_1")
        assert isinstance(lead, Lead)
        assert (lead.company, lead.version) == (None, 1)
