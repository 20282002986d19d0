"""A deal enters a stage when its checklist is met, by evidence that counts, under the rules in force."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from discipline_records import DAY, HOUR, T0, put, said
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.stages import ORDER
from crm_store.repositories import definitions
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import get_record
from crm_store.services.gates import (
    RULE,
    GateClosed,
    check_stage,
    gate_document,
    require,
    save_gate,
)

Sessions = sessionmaker[Session]
NOW = T0 + 9 * DAY
EVIDENCE = {
    "q1": {"kind": "customer_quote", "text": "六月底前必须装完两台"},
    "q2": {"kind": "customer_quote", "text": "预算三十万以内"},
    "doc": {"kind": "requirement_document", "document_id": "doc_1"},
    "review": {"kind": "internal_review", "text": "评审通过：方案可行"},
}
PROPOSAL = {"budget": 3e5, "decision_maker_id": "con_1"}


@pytest.fixture
def store(sessions: Sessions) -> Sessions:
    """Two deals; the other one has all the evidence there is, which must not count for the first."""
    with transaction(sessions) as session:
        put(session, "account", "acc_1")
        for number in "123":
            put(session, "contact", f"con_{number}", account_id="acc_1")
            put(session, "document", f"doc_{number}", account_id="acc_1")
        session.add(said("act_1", T0, HOUR, lead_id=None, rep_id=None, account_id="acc_1"))
        session.flush()
        for deal in ("opp_1", "opp_2"):
            put(session, "opportunity", deal, account_id="acc_1")
        for name, piece in EVIDENCE.items():
            put(session, "evidence", f"other_{name}", opportunity_id="opp_2", **piece)
    return sessions


def prove(session: Session, *names: str, deal: str = "opp_1") -> None:
    for name in names:
        put(session, "evidence", f"{deal}_{name}", opportunity_id=deal, **EVIDENCE[name])


def lacks(session: Session, stage: str, deal: str = "opp_1") -> dict[str, int]:
    answer = check_stage(session, deal, stage, NOW)
    assert answer.passed == (not answer.missing)
    return {item.item: item.missing for item in answer.missing}


def enter(session: Session, stage: str, deal: str = "opp_1", **values: Any) -> None:
    """Do as the API does: ask the gate, then write."""
    record = get_record(session, "opportunity", deal)
    before = {"id": deal} | {name: getattr(record, name) for name in FIELDS["opportunity"]}
    require(session, before, {"stage": stage, **values}, NOW)
    put(session, "opportunity", deal, NOW, stage=stage, actor="job:test", **values)


def test_a_need_is_confirmed_by_quotes_a_document_and_a_review(store):
    with transaction(store) as session:
        whole = {"customer_quotes": 2, "requirement_documents": 1, "internal_reviews": 1}
        assert lacks(session, "need_confirmed") == whole
        prove(session, "q1", "doc")
        assert lacks(session, "need_confirmed") == {"customer_quotes": 1, "internal_reviews": 1}
        prove(session, "q2", "review")
        assert lacks(session, "need_confirmed") == {}
        answer = check_stage(session, "opp_1", "need_confirmed", NOW)
        assert (answer.passed, answer.rule, answer.stage) == (True, "stage_gate@1", "need_confirmed")


def test_a_new_deal_begins_freely_in_the_first_stage_and_in_no_other(store):
    with store() as session:
        require(session, None, {"stage": "need_confirmed", "title": "新"}, NOW)
        for stage in ORDER[1:]:
            with pytest.raises(GateClosed):
                require(session, None, {"stage": stage, "title": "新", **PROPOSAL}, NOW)


def test_leaving_the_first_stage_proves_the_need_and_meets_the_next_checklist(store):
    with transaction(store) as session:
        with pytest.raises(GateClosed) as closed:
            enter(session, "proposal", **PROPOSAL)
        assert [item.item for item in closed.value.missing] == [
            "customer_quotes",
            "requirement_documents",
            "internal_reviews",
            "quotations",
        ]
        assert "还差 2 条" in closed.value.problem.zh
        assert (closed.value.problem.code, closed.value.problem.field) == ("stage_gate", "stage")
        prove(session, *EVIDENCE)
        put(session, "evidence", "offer", opportunity_id="opp_1", kind="quotation", document_id="doc_2")
        with pytest.raises(GateClosed):
            enter(session, "proposal")
        enter(session, "proposal", **PROPOSAL)  # what the same write fills in counts


def test_skipping_ahead_meets_every_gate_in_between_and_going_back_none(store):
    with transaction(store) as session:
        put(session, "opportunity", "opp_1", NOW, stage="proposal", actor="import:crm")
        assert set(lacks(session, "won")) == {
            "has_amount",
            "has_expected_close",
            "decision_chain_people",
            "contract_drafts",
            "signed_contracts",
        }
        assert set(lacks(session, "negotiation")) == set(lacks(session, "won")) - {"signed_contracts"}
        put(session, "opportunity", "opp_1", NOW, stage="won", actor="import:crm")
        for stage in ORDER[:-1]:
            assert lacks(session, stage) == {}
            require(session, {"id": "opp_1", "stage": "won"}, {"stage": stage}, NOW)


def test_losing_is_always_allowed_with_a_reason(store):
    with transaction(store) as session:
        with pytest.raises(GateClosed) as closed:
            enter(session, "lost")
        assert [item.item for item in closed.value.missing] == ["has_lost_reason"]
        with pytest.raises(GateClosed):
            enter(session, "lost", lost_reason="  ")
        enter(session, "lost", lost_reason="预算取消")
        require(session, None, {"stage": "lost", "lost_reason": "预算取消"}, NOW)


def test_a_lost_deal_that_is_taken_up_again_proves_itself_from_the_start(store):
    with transaction(store) as session:
        put(session, "opportunity", "opp_1", NOW, stage="lost", actor="import:crm")
        assert "customer_quotes" in lacks(session, "need_confirmed")
        assert {"customer_quotes", "quotations", "contract_drafts"} <= set(lacks(session, "negotiation"))


def test_what_changes_no_stage_passes_no_gate(store):
    with store() as session:
        before = {"id": "opp_1", "stage": "proposal"}
        require(session, before, {"title": "改名"}, NOW)
        require(session, before, {"stage": "proposal", "title": "改名"}, NOW)


def test_the_same_evidence_counts_once(store):
    with transaction(store) as session:
        prove(session, "q1", "doc", "review")
        again = {"opportunity_id": "opp_1", "kind": "customer_quote", "text": "六月底前，必须装完两台。"}
        put(session, "evidence", "again", **again)
        assert lacks(session, "need_confirmed") == {"customer_quotes": 1}


def test_the_same_file_is_the_same_document_under_another_record(store):
    with transaction(store) as session:
        for number in "12":
            put(session, "document", f"doc_{number}", T0 + HOUR, sha256="f" * 64)
            put(
                session,
                "evidence",
                f"paper_{number}",
                opportunity_id="opp_1",
                kind="quotation" if number == "2" else "requirement_document",
                document_id=f"doc_{number}",
            )
        assert "requirement_documents" not in lacks(session, "need_confirmed")
        assert lacks(session, "proposal")["quotations"] == 1


def test_deleted_evidence_and_documents_that_do_not_hold_do_not_count(store):
    with transaction(store) as session:
        prove(session, *EVIDENCE)
        assert lacks(session, "need_confirmed") == {}
        put(session, "evidence", "opp_1_q2", T0 + HOUR, deleted_at=T0 + HOUR)
        assert lacks(session, "need_confirmed") == {"customer_quotes": 1}
        for change in (
            {"status": "rejected"},
            {"status": "valid", "deleted_at": T0 + HOUR},
            {"deleted_at": None, "expires_at": NOW},
        ):
            put(session, "document", "doc_1", T0 + HOUR, **change)
            assert "requirement_documents" in lacks(session, "need_confirmed"), change
        put(session, "document", "doc_1", T0 + HOUR, expires_at=NOW + timedelta(microseconds=1))
        assert "requirement_documents" not in lacks(session, "need_confirmed")


def test_evidence_may_be_a_conversation_on_record(store):
    with transaction(store) as session:
        prove(session, "q1", "doc")
        for kind in ("customer_quote", "internal_review"):
            put(session, "evidence", kind, opportunity_id="opp_1", kind=kind, activity_id="act_1")
        assert lacks(session, "need_confirmed") == {"internal_reviews": 1}  # one conversation, counted once


def test_a_check_asks_the_store_a_fixed_number_of_questions(store):
    with transaction(store) as session:
        for number in range(30):
            words = {"kind": "customer_quote", "text": f"第 {number} 句"}
            put(session, "evidence", f"e{number}", opportunity_id="opp_1", **words)
        session.expunge_all()
        asked: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *sent: asked.append(sent[2]))
        check_stage(session, "opp_1", "won", NOW)
        assert len(asked) <= 3


def test_an_edited_checklist_takes_effect_and_the_old_version_stays(store):
    with transaction(store) as session:
        shipped = gate_document(session)
        assert save(session, with_quotes(shipped, 1)) == "stage_gate@2"
    with transaction(store) as session:
        prove(session, "q1", "doc", "review")
        answer = check_stage(session, "opp_1", "need_confirmed", NOW)
        assert (answer.passed, answer.rule) == (True, "stage_gate@2")
        assert save(session, with_quotes(shipped, 3)) == "stage_gate@3"
        assert lacks(session, "need_confirmed") == {"customer_quotes": 2}
        contents = [stored.content for stored in definitions.versions(session, RULE, "stage_gate")]
        assert [len(contents), contents[0] != contents[1]] == [2, True]


def test_saving_what_is_in_force_adds_no_version(store):
    with transaction(store) as session:
        assert save(session, with_quotes(gate_document(session), 1)) == "stage_gate@2"
        assert save(session, gate_document(session)) == "stage_gate@2"
        renumbered = gate_document(session)
        renumbered["metadata"]["version"] = "stage_gate@77"
        assert save(session, renumbered) == "stage_gate@2"


def broken(**metadata: Any) -> Any:
    def make(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "metadata": {**document["metadata"], **metadata}}

    return make


SPOILED = [
    (broken(signals=["mood", "target_stage"]), "rule_unknown_signal"),
    (broken(name="other"), "rule_metadata"),
    (broken(title=None), "rule_metadata"),
    (lambda document: {"metadata": document["metadata"]}, "rule_shape"),
    (lambda document: {}, "rule_metadata"),
    (lambda document: {**document, "metadata": "x"}, "rule_metadata"),
    (lambda document: {**document, "extra": float("nan")}, "rule_invalid_json"),
]


def test_a_checklist_that_fails_validation_is_refused_and_the_old_one_stays(store):
    with transaction(store) as session:
        for spoil, code in SPOILED:
            with pytest.raises(StoreError) as refused:
                save(session, spoil(gate_document(session)))
            assert refused.value.problem.code == code
        assert definitions.versions(session, RULE, "stage_gate") == []
        assert check_stage(session, "opp_1", "need_confirmed", NOW).rule == "stage_gate@1"


def test_a_deal_or_a_stage_that_is_not_there_is_told(store):
    with transaction(store) as session:
        with pytest.raises(StoreError, match="unknown_reference"):
            check_stage(session, "opp_9", "won", NOW)
        with pytest.raises(StoreError, match="not_allowed"):
            check_stage(session, "opp_1", "signed", NOW)
        with pytest.raises(StoreError, match="not_allowed"):
            require(session, None, {"stage": "signed"}, NOW)
        put(session, "opportunity", "opp_1", NOW, deleted_at=NOW)
        with pytest.raises(StoreError, match="unknown_reference"):
            check_stage(session, "opp_1", "won", NOW)


def save(session: Session, document: dict[str, Any]) -> str:
    return save_gate(session, document, actor="user:wang", reason="放宽", now=NOW)


def with_quotes(document: dict[str, Any], count: int) -> dict[str, Any]:
    edited = copy.deepcopy(document)
    row = edited["nodes"][1]["content"]["rules"][0]
    row |= {
        "in_customer_quotes": f"null, < {count}",
        "out_needed": f"{count}",
        "out_missing": f"{count} - (customer_quotes ?? 0)",
    }
    return edited
