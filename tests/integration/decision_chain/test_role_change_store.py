"""Role-change proposals on both stores: proposed once, decided by a person, and what accepting writes."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.policy import Viewer
from crm_store.models import Activity, ChangeLog, Contact, RoleChange
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import viewer_transaction
from crm_store.repositories.writes.changelog import verify
from crm_store.services.role_changes import Proposal, decide, proposals, propose_from_text
from tests.integration.decision_chain.chain_store import ACTOR, DAY, T0, hospital, write

BOSS = "user:zhou"


@pytest.fixture(autouse=True)
def account(sessions: sessionmaker[Session]) -> None:
    hospital(sessions)
    with transaction(sessions) as session:
        session.add(
            Activity(
                id="act_1",
                source="crm",
                external_id="act_1",
                account_id="acc",
                channel="meeting",
                scene="care",
                direction="out",
                occurred_at=T0,
                recorded_at=T0,
            )
        )


def test_a_text_proposes_and_changes_nothing(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "谈了报价。王主任上个月退休了。")
    assert (one.contact_id, one.kind, one.sentence, one.status) == (
        "wang",
        "retirement",
        "王主任上个月退休了。",
        "proposed",
    )
    with sessions() as session:
        assert [found.id for found in proposals(session, "acc")] == [one.id]
        assert contact(session, "wang").status == "active"


def test_the_same_activity_proposes_a_change_once(sessions: sessionmaker[Session]) -> None:
    first = propose(sessions, "王主任退休了。", "act_1")
    again = propose(sessions, "王主任退休了。", "act_1", days=1)
    elsewhere = propose(sessions, "院办说王建国已经退休了。", None, days=2)
    assert [one.id for one in first] == [one.id for one in again] == [one.id for one in elsewhere]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(RoleChange)) == 1


def test_a_fact_told_anew_after_it_was_rejected_is_proposed_anew(sessions: sessionmaker[Session]) -> None:
    (first,) = propose(sessions, "王主任退休了。", "act_1")
    settle(sessions, first.id, accept=False)
    (again,) = propose(sessions, "王主任退休了。", "act_1")
    assert (again.id, again.status) == (first.id, "rejected")
    (elsewhere,) = propose(sessions, "王建国主任正式退休，欢送会开过了。", None)
    assert (elsewhere.id != first.id, elsewhere.status) == (True, "proposed")


def test_accepting_a_new_role_writes_the_contact_and_cites_the_sentence(
    sessions: sessionmaker[Session],
) -> None:
    (one,) = propose(sessions, "李强升任设备科主任了。")
    done = settle(sessions, one.id, accept=True)
    assert (done.status, done.decided_by, done.decided_at) == ("accepted", BOSS, T0 + DAY)
    with sessions() as session:
        assert contact(session, "li").role == "设备科主任"
        entry = session.scalars(
            select(ChangeLog).where(ChangeLog.entity_id == "li", ChangeLog.version == 2)
        ).one()
        assert entry.changes == {"role": ["设备科副主任", "设备科主任"]}
        assert (entry.actor, entry.reason) == (BOSS, "采纳岗位变动建议：“李强升任设备科主任了。”")
        assert verify(session) == []


@pytest.mark.parametrize(
    ("text", "who", "expected"),
    [
        ("王主任退休了。", "wang", ("left", "设备科主任", "设备科")),
        ("王主任辞职了。", "wang", ("left", "设备科主任", "设备科")),
        ("王建国调到医务科了。", "wang", ("active", None, "医务科")),
        ("王建国调任医务科科长。", "wang", ("active", "医务科科长", "医务科")),
        ("王建国不再担任设备科主任。", "wang", ("active", None, "设备科")),
        ("李强代理设备科主任。", "li", ("active", "代理设备科主任", "设备科")),
    ],
)
def test_what_accepting_makes_of_a_contact(
    sessions: sessionmaker[Session], text: str, who: str, expected: tuple[str, str | None, str]
) -> None:
    (one,) = propose(sessions, text)
    settle(sessions, one.id, accept=True)
    with sessions() as session:
        found = contact(session, who)
        assert (found.status, found.role, found.department) == expected


def test_a_merged_department_is_proposed_for_each_of_its_people(sessions: sessionmaker[Session]) -> None:
    found = propose(sessions, "设备科并入医学装备部。")
    assert {one.contact_id for one in found} == {"wang", "li"}
    settle(sessions, found[0].id, accept=True)
    with sessions() as session:
        assert contact(session, str(found[0].contact_id)).department == "医学装备部"


def test_someone_new_becomes_a_contact(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "新任设备科主任林志峰上周到岗。")
    done = settle(sessions, one.id, accept=True)
    with sessions() as session:
        found = contact(session, str(done.contact_id))
        assert (found.name, found.role, found.department, found.account_id) == (
            "林志峰",
            "设备科主任",
            "设备科",
            "acc",
        )


def test_a_person_nobody_can_name_needs_a_contact(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "周主任退休了。")
    assert one.contact_id is None
    assert refused(lambda: settle(sessions, one.id, accept=True)) == "contact_needed"
    assert refused(lambda: settle(sessions, one.id, accept=True, contact_id="noise")) == "other_account"
    settle(sessions, one.id, accept=True, contact_id="zhao")
    with sessions() as session:
        assert contact(session, "zhao").status == "left"


def test_who_decides_may_correct_the_role(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "李强升职了。")
    done = settle(sessions, one.id, accept=True, new_role="设备科主任")
    assert done.new_role == "设备科主任"
    with sessions() as session:
        assert contact(session, "li").role == "设备科主任"


def test_rejecting_changes_nothing_but_the_proposal(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "王主任退休了。")
    assert settle(sessions, one.id, accept=False).status == "rejected"
    with sessions() as session:
        assert contact(session, "wang").status == "active"
        assert proposals(session, "acc") == []


def test_deciding_twice_is_the_same_or_refused(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "王主任退休了。")
    first = settle(sessions, one.id, accept=True)
    assert settle(sessions, one.id, accept=True, days=9) == first
    assert refused(lambda: settle(sessions, one.id, accept=False)) == "already_decided"
    assert refused(lambda: settle(sessions, "nobody", accept=True)) == "not_found"


def test_what_the_record_says_already_is_not_proposed(sessions: sessionmaker[Session]) -> None:
    (one,) = propose(sessions, "李强升任设备科主任了。")
    settle(sessions, one.id, accept=True)
    assert propose(sessions, "现在设备科主任是李强。") == []


def test_our_own_people_propose_nothing(sessions: sessionmaker[Session]) -> None:
    assert propose(sessions, "孙小明离职了，以后钱多多跟进。") == []


def test_an_unknown_account_is_refused(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert (
            refused(lambda: propose_from_text(session, "nobody", "王主任退休了。", None, T0, ACTOR))
            == "not_found"
        )


def test_a_long_sentence_is_cut_in_the_reason_and_kept_in_the_proposal(
    sessions: sessionmaker[Session],
) -> None:
    tail = "，" + "，".join(["后续所有与设备采购有关的事项均按新的流程办理"] * 10)
    (one,) = propose(sessions, f"李强升任设备科主任{tail}。")
    settle(sessions, one.id, accept=True)
    with sessions() as session:
        entry = session.scalars(
            select(ChangeLog).where(ChangeLog.entity_id == "li", ChangeLog.version == 2)
        ).one()
        assert entry.reason is not None
        assert len(entry.reason) == 200
        assert len(session.get_one(RoleChange, one.id).sentence) > 200


def test_two_contacts_may_be_settled_one_after_the_other(sessions: sessionmaker[Session]) -> None:
    found = propose(sessions, "王主任退休了，赵院长调到市卫健委了。")
    for one in found:
        settle(sessions, one.id, accept=True)
    with sessions() as session:
        assert {contact(session, who).status for who in ("wang", "zhao")} == {"left"}


def test_a_rep_decides_about_their_own_accounts_only(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        write(session, "contact", "theirs", account_id="other", name="陈敏", role="信息科主任")
    owner = Viewer(user_id="usr_1", name="sun", role="rep", rep_id="rep_1")
    with viewer_transaction(sessions, owner) as session:
        (one,) = propose_from_text(session, "acc", "王主任退休了。", None, T0, "user:sun")
        assert decide(session, one.id, True, "user:sun", T0 + DAY).status == "accepted"
        assert (
            refused(lambda: propose_from_text(session, "other", "陈敏离职了。", None, T0, "user:sun"))
            == "not_found"
        )


def propose(
    sessions: sessionmaker[Session], text: str, activity_id: str | None = None, days: int = 0
) -> list[Proposal]:
    with transaction(sessions) as session:
        return propose_from_text(session, "acc", text, activity_id, T0 + days * DAY, ACTOR)


def settle(
    sessions: sessionmaker[Session], proposal_id: str, *, accept: bool, days: int = 1, **corrected: Any
) -> Proposal:
    with transaction(sessions) as session:
        return decide(session, proposal_id, accept, BOSS, T0 + days * DAY, **corrected)


def contact(session: Session, contact_id: str) -> Contact:
    return session.get_one(Contact, contact_id)


def refused(step: Callable[[], Any]) -> str:
    with pytest.raises(StoreError) as caught:
        step()
    return caught.value.problem.code
