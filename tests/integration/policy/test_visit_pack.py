"""The pack for a senior visit: what is in it, and that it shows nobody more than they may see."""

from datetime import timedelta

import pytest

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.sight.sight import viewer_session
from crm_store.repositories.visits import shown_visit_records
from features.account_voice import COMPETITOR_WORDS
from serving.assessment import shipped_assessor
from serving.errors import ServingError
from serving.records import StoreRecords
from serving.visit_pack import VisitPacks
from tests.integration.policy.company import NOW, VIEWERS, Company, write

LATER = NOW + timedelta(days=10)
SINCE = NOW - timedelta(days=182)
RIVAL = "另一家报价更低，科室想更换供应商，电话13900001111"


@pytest.fixture(scope="module", autouse=True)
def visited(company: Company) -> Company:
    """The rep's own account: two tickets, a communication about a rival, one that was corrected."""
    origin = {"source": "crm", "occurred_at": NOW, "recorded_at": NOW, "account_id": "acc_own"}
    with transaction(company.sessions) as session:
        for key, days, opened in (("new", 1, NOW), ("old", None, NOW - timedelta(days=300))):
            answered = None if days is None else opened + timedelta(hours=3)
            fields = {
                "title": f"漏液 {key}",
                "status": "open" if days is None else "resolved",
                "opened_at": opened,
                "first_response_at": answered,
                "resolved_at": None if days is None else opened + timedelta(days=days),
                "satisfaction": None if days is None else 2,
                "account_id": "acc_own",
            }
            write(session, "ticket", f"tic_{key}", fields)
        said = {"channel": "chat", "direction": "in", **origin}
        for key, text, corrects in (
            ("rival", RIVAL, None),
            ("wrong", "竞品在谈", None),
            ("right", "没有谈别家", "act_wrong"),
        ):
            session.add(Activity(id=f"act_{key}", external_id=key, text=text, corrects_id=corrects, **said))
            session.flush()
    return company


def packs(company: Company) -> VisitPacks:
    return VisitPacks(StoreRecords(company.sessions), shipped_assessor(), lambda: LATER)


def test_the_pack_holds_half_a_year_of_service_what_is_open_and_rivals(company: Company) -> None:
    pack = packs(company).pack(VIEWERS["rep"], "acc_own", "zh")
    assert "tic_new" in [ticket["id"] for ticket in pack["service"]["tickets"]]
    assert "tic_old" not in [ticket["id"] for ticket in pack["service"]["tickets"]]
    assert (pack["service"]["first_response_mean_h"], pack["service"]["satisfaction_mean"]) == (3.0, 2.0)
    assert "tic_old" in [ticket["id"] for ticket in pack["open_issues"]]
    assert [note["id"] for note in pack["competitor_notes"]] == ["act_rival"]
    assert [part["part"] for part in pack["parts"]] == ["purchase", "service", "risk"]
    assert pack["when"] is None


@pytest.mark.parametrize("who", ["rep", "manager", "scientist"])
def test_a_pack_is_seen_as_its_records_are(company: Company, who: str) -> None:
    with viewer_session(company.sessions, VIEWERS[who]) as session:
        found = shown_visit_records(session, "acc_own", SINCE, LATER, COMPETITOR_WORDS)
    texts = [note["text"] for note in found["notes"]]
    assert len(texts) == 1
    assert ("13900001111" in texts[0]) == (who == "rep")


def test_an_account_out_of_sight_has_no_pack(company: Company) -> None:
    with pytest.raises(ServingError) as caught:
        packs(company).pack(VIEWERS["rep"], "acc_far", "zh")
    assert caught.value.code == "account_not_found"
