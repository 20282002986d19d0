"""What pages show of one record, on both stores."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.scores import Score
from crm_store.repositories.scores.log import ScoreRow, append_scores
from crm_store.repositories.sources.event_log import raw_record
from crm_store.repositories.views import (
    account_detail,
    lead_detail,
    owners,
    record,
    regions,
    timeline,
)
from tests.integration.read_store.clock import HOUR, T0

pytestmark = pytest.mark.usefixtures("company")


def test_a_lead_is_shown_with_names_and_its_phone_masked(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        lead = lead_detail(session, "lea_1")
        revealed = lead_detail(session, "lea_1", reveal=True)
    assert lead is not None
    assert revealed is not None
    assert (lead.company, lead.status, lead.closed_at, lead.version) == ("甲医院", "lost", T0 + 40 * HOUR, 4)
    assert (lead.owner_name, lead.account_name, lead.phone) == ("王芳", "甲医院", "138****1234")
    assert revealed.phone == "13812341234"


def test_a_lead_without_owner_account_or_phone_is_shown_too(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        lead = lead_detail(session, "lea_2")
    assert lead is not None
    assert (lead.owner_name, lead.account_name, lead.phone, lead.expected_volume) == (None, None, None, 7.25)


def test_an_account_is_shown_with_its_owner(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        account = account_detail(session, "acc_1")
    assert account is not None
    assert (account.name, account.tier, account.annual_amount, account.employees) == (
        "甲医院",
        "S",
        120_000.5,
        800,
    )
    assert account.owner_name == "王芳"


def test_a_deleted_or_unknown_record_is_not_shown(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert lead_detail(session, "lea_3") is None
        assert lead_detail(session, "acc_1") is None
        assert account_detail(session, "acc_3") is None
        assert account_detail(session, "lea_1") is None
        assert record(session, "lead", "lea_3") is None
        assert record(session, "account", "acc_none") is None


def test_a_record_is_its_detail_by_field(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        lead = record(session, "lead", "lea_1")
        account = record(session, "account", "acc_2")
    assert lead is not None
    assert account is not None
    assert (lead["phone"], lead["owner_name"]) == ("138****1234", "王芳")
    assert (account["name"], account["owner_name"]) == ("乙医院", "李强")


def test_a_timeline_is_newest_first_and_holds_one_record_only(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        of_lead = timeline(session, "lead", "lea_2")
        of_account = timeline(session, "account", "acc_1", limit=100)
    assert [item.record_id for item in of_lead] == ["act_6", "act_18", "act_10", "act_2", "act_14"]
    assert {item.kind for item in of_account} == {"activity", "order", "ticket", "contract"}
    assert [item.record_id for item in of_account if item.kind == "ticket"] == ["tic_1"]  # tic_3 is deleted
    assert of_account[-1].record_id == "con_1"
    assert len(of_account) == 10 + 3 + 1 + 1
    marks = [item.mark for item in of_account]
    assert marks == sorted(marks, reverse=True)


def test_a_timeline_is_read_on_without_gaps_or_repeats(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        whole = timeline(session, "account", "acc_1", limit=100)
        found = timeline(session, "account", "acc_1", limit=2)
        for _ in range(len(whole)):
            found += timeline(session, "account", "acc_1", limit=2, before=found[-1].mark)
    assert found == whole


def test_every_line_of_a_timeline_opens_its_raw_record(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        for item in timeline(session, "account", "acc_1", limit=100):
            raw = raw_record(session, item.source, item.source_row)
            assert raw is not None
            assert raw["id"] == item.record_id


def test_filters_offer_every_rep_by_name_and_the_regions_of_the_model(
    sessions: sessionmaker[Session],
) -> None:
    said = Score(50, "red", None, (), "rules", "v1", T0)
    with transaction(sessions) as session:
        for model, found in (("lead_health", ["华东", "华南", "华东", None]), ("account_churn", ["西北"])):
            rows = [ScoreRow(f"x_{number}", said, 1.0, region=region) for number, region in enumerate(found)]
            append_scores(session, model, rows, scored_at=T0)
    with sessions() as session:
        assert owners(session) == {"rep_1": "王芳", "rep_2": "李强"}
        assert sorted(regions(session, "lead_health")) == sorted(["华东", "华南"])
        assert regions(session, "no_such_model") == []
