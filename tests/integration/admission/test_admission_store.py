"""Admission checklists on both stores: filed papers, the list of all, and the tasks that follow."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.admission import day_begins
from crm_store.domain.policy import Viewer
from crm_store.models import Document, Task
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import viewer_session
from crm_store.repositories.writes.records import write_record
from crm_store.services.admission import (
    OverviewItem,
    check_asked_for,
    checklist,
    checklists_overview,
    file_document,
)
from crm_store.services.admission_lists import definition_of, save_checklist
from crm_store.services.expiry_tasks import expiry_tasks
from tests.sizes import full

NOW = datetime(2026, 3, 10, 1, tzinfo=UTC)
TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)
ACTOR = "user:li"
LINE = "骨科耗材"
SHORT_LIST = {
    "warn_days": 30,
    "items": [
        {"kind": "licence", "zh": "许可证", "en": "Licence", "validity_months": 12, "sealed": True},
        {"kind": "manual", "zh": "说明书", "en": "Manual", "validity_months": None, "sealed": False},
    ],
}


@pytest.fixture(autouse=True)
def accounts(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for one, name in (("rep_1", "孙小明"), ("rep_2", "钱多多")):
            write(session, "rep", one, name=name)
        for one, owner in (("acc_a", "rep_1"), ("acc_b", "rep_2"), ("acc_c", "rep_1")):
            write(session, "account", one, name=f"医院{one[-1]}", owner_id=owner)


def test_there_are_twenty_one_kinds_by_default(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        shipped = definition_of(session, LINE)
        assert (len(shipped.items), shipped.warn_days, shipped.version) == (21, 30, 0)
        assert len({item.kind for item in shipped.items}) == 21
        empty = checklist(session, "acc_a", LINE, NOW)
        assert (empty.colour, empty.progress, empty.red) == ("red", 0.0, 19)
        assert refused(lambda: checklist(session, "nobody", LINE, NOW)) == "not_found"


def test_a_product_line_may_have_a_list_of_its_own(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert save(session, LINE, SHORT_LIST) == 1
        assert save(session, LINE, SHORT_LIST) == 1  # saving what is in force adds nothing
        assert len(checklist(session, "acc_a", LINE, NOW).items) == 2
        assert len(checklist(session, "acc_a", "检验试剂", NOW).items) == 19
        save(session, None, {**SHORT_LIST, "items": SHORT_LIST["items"][:1]})
        assert len(checklist(session, "acc_a", "检验试剂", NOW).items) == 1


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"items": []}, "items"),
        ({"items": [SHORT_LIST["items"][0]] * 2}, "items"),
        ({"warn_days": -1}, "warn_days"),
        ({"items": [{**SHORT_LIST["items"][0], "validity_months": 0}]}, "items.0.validity_months"),
        ({"items": [{**SHORT_LIST["items"][0], "kind": "Not A Code"}]}, "items.0.kind"),
    ],
)
def test_a_list_that_cannot_work_is_refused(
    sessions: sessionmaker[Session], broken: dict[str, Any], where: str
) -> None:
    with transaction(sessions) as session, pytest.raises(StoreError) as caught:
        save(session, LINE, SHORT_LIST | broken)
    assert caught.value.problem.code == "bad_checklist"
    assert caught.value.problem.field == where


def test_filing_a_paper_makes_it_the_next_revision(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        first = file(session, "quality_agreement", issued=TODAY - 300 * DAY)
        second = file(session, "quality_agreement", issued=TODAY)
        elsewhere = file(session, "quality_agreement", issued=TODAY, account_id="acc_b")
    with sessions() as session:
        assert stored(session, first) == (1, "superseded", day_begins(date(2026, 5, 13)))
        assert stored(session, second) == (2, "valid", day_begins(date(2027, 3, 9)))
        assert stored(session, elsewhere)[:2] == (1, "valid")
        (agreement,) = [
            one for one in checklist(session, "acc_a", LINE, NOW).items if one.kind == "quality_agreement"
        ]
        assert (agreement.document_id, agreement.colour, agreement.expires_on) == (
            second,
            "green",
            date(2027, 3, 9),
        )


def test_a_paper_needs_a_kind(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert refused(lambda: file_document(session, {"title": "x"}, actor=ACTOR, now=NOW)) == "required"


def test_a_mistyped_kind_is_told_from_one_that_a_list_asks_for(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert refused(lambda: check_asked_for(session, "business_license")) == "not_allowed"
        check_asked_for(session, "business_licence")


def test_all_checklists_come_worst_first_and_page_by_page(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        save(session, None, SHORT_LIST)
        file(session, "licence", issued=TODAY, account_id="acc_a")  # one of two
        file(session, "licence", issued=TODAY, account_id="acc_b")  # both, one about to run out
        file(session, "manual", account_id="acc_b")
        of_line = {"account_id": "acc_c", "product_line": LINE, "title": "x"}
        write(session, "document", "rejected", kind="manual", status="rejected", **of_line)
        term = {"amount": 1.0, "status": "active", "start_at": NOW, "end_at": NOW + DAY}
        of_line = {"account_id": "acc_b", "product_line": "手术器械", "title": "x"}
        write(session, "contract", "con", **(term | of_line))
        file(session, "licence", issued=TODAY - 350 * DAY, account_id="acc_b")
    with sessions() as session:
        whole = checklists_overview(session, NOW, 10)
        assert whole.next_cursor is None
        assert [short(item) for item in whole.items] == [
            ("acc_b", "手术器械", "red", 0.0, 2, 0),
            ("acc_c", LINE, "red", 0.0, 2, 0),
            ("acc_a", LINE, "red", 50.0, 1, 0),
            ("acc_b", LINE, "yellow", 100.0, 0, 1),
        ]
        paged, cursor = [], None
        for _ in range(4):
            page = checklists_overview(session, NOW, 1, cursor)
            paged += page.items
            cursor = page.next_cursor
        assert (tuple(paged), cursor) == (whole.items, None)
        assert refused(lambda: checklists_overview(session, NOW, 1, "made up")) == "bad_cursor"
        assert refused(lambda: checklists_overview(session, NOW, 0)) == "out_of_range"


def test_the_list_of_all_is_one_query_for_any_number_of_accounts(
    sessions: sessionmaker[Session], store_engine: Engine
) -> None:
    asked: list[str] = []
    event.listen(store_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    counts = []
    for accounts in (("acc_a",), ("acc_b", "acc_c")):
        with transaction(sessions) as session:
            for one in accounts:
                file(session, "product_manual", account_id=one)
        asked.clear()
        with sessions() as session:
            checklists_overview(session, NOW)
        counts.append(len([statement for statement in asked if "document" in statement]))
    assert counts == [1, 1]


def test_a_rep_sees_the_checklists_of_their_own_accounts(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for one in ("acc_a", "acc_b"):
            file(session, "product_manual", account_id=one)
    viewer = Viewer(user_id="usr_1", name="sun", role="rep", rep_id="rep_1")
    with viewer_session(sessions, viewer) as session:
        assert [item.account_id for item in checklists_overview(session, NOW).items] == ["acc_a"]
        assert checklist(session, "acc_a", LINE, NOW).green == 1
        assert refused(lambda: checklist(session, "acc_b", LINE, NOW)) == "not_found"


papers = st.lists(
    st.fixed_dictionaries(
        {
            "account_id": st.sampled_from(["acc_a", "acc_b", None]),
            "product_line": st.sampled_from([LINE, "检验试剂", None]),
            "kind": st.sampled_from(["licence", "manual"]),
            "revision": st.integers(1, 2),
            "sealed": st.booleans(),
            "status": st.sampled_from(["valid", "valid", "valid", "superseded", "rejected"]),
            "issued_at": st.one_of(st.none(), st.sampled_from([-400, -366, -365, -340, -335, -334, -10])),
            "expires_at": st.one_of(st.none(), st.sampled_from([-1, 0, 1, 30, 31, 200])),
        }
    ),
    max_size=10,
)


@settings(
    max_examples=full(25, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(papers=papers, own_list=st.booleans())
def test_the_database_judges_as_the_rules_do(
    sessions: sessionmaker[Session], papers: list[dict[str, Any]], own_list: bool
) -> None:
    with sessions() as session:  # rolled back at the end
        save(session, None, SHORT_LIST)
        if own_list:
            save(session, LINE, {"warn_days": 0, "items": [{**SHORT_LIST["items"][0], "sealed": False}]})
        for index, paper in enumerate(papers):
            moments = {
                name: None if paper[name] is None else day_begins(TODAY + paper[name] * DAY)
                for name in ("issued_at", "expires_at")
            }
            write(session, "document", f"d{index}", title="x", **(paper | moments))
        for item in checklists_overview(session, NOW).items:
            single = checklist(session, item.account_id, item.product_line, NOW)
            assert (item.colour, item.progress, item.red, item.yellow, item.green) == (
                single.colour,
                single.progress,
                single.red,
                single.yellow,
                single.green,
            )


def test_what_runs_out_within_thirty_days_becomes_one_task(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        soon = file(session, "licence_x", expires=TODAY + 30 * DAY, title="注册证")
        file(session, "licence_y", expires=TODAY + 31 * DAY)
        file(session, "licence_z")
        over = file(session, "licence_o", expires=TODAY - DAY, title="授权书")
        general = file(session, "licence_g", expires=TODAY + DAY, account_id=None, owner_id="rep_2")
    with transaction(sessions) as session:
        assert expiry_tasks(session, NOW) == 3
        assert expiry_tasks(session, NOW + timedelta(hours=3)) == 0
    with sessions() as session:
        tasks = {task.document_id: task for task in session.scalars(select(Task))}
    assert set(tasks) == {soon, over, general}
    assert tasks[soon].title == "《注册证》将于 2026-04-09 到期，请更新"
    assert tasks[over].title == "《授权书》已于 2026-03-09 到期，请更新"
    assert tasks[soon].due_at == day_begins(date(2026, 4, 10))
    assert (tasks[soon].owner_id, tasks[soon].account_id, tasks[soon].status) == ("rep_1", "acc_a", "open")
    assert (tasks[general].owner_id, tasks[general].account_id) == ("rep_2", None)


def test_a_paper_whose_kind_sets_its_term_runs_out_by_it(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        save(session, LINE, SHORT_LIST)
        for one, issued in (("soon", -340), ("later", -100)):
            write(session, "document", one, account_id="acc_a", product_line=LINE, kind="licence", title=one,
                  issued_at=day_begins(TODAY + issued * DAY), revision=1 + (one == "soon"))  # fmt: skip
        assert expiry_tasks(session, NOW) == 1
        assert session.scalars(select(Task.document_id)).one() == "soon"


def test_a_renewed_paper_completes_its_task(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        file(session, "licence_x", expires=TODAY + 5 * DAY)
        assert expiry_tasks(session, NOW) == 1
        file(session, "licence_x", expires=TODAY + 400 * DAY)
        assert expiry_tasks(session, NOW + DAY) == 1
        task = session.scalars(select(Task)).one()
        assert (task.status, task.completed_at) == ("done", NOW + DAY)
        assert expiry_tasks(session, NOW + 2 * DAY) == 0


def test_a_paper_given_a_later_day_completes_its_task(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        paper = file(session, "licence_x", expires=TODAY + 5 * DAY)
        expiry_tasks(session, NOW)
        change(session, paper, expires_at=day_begins(TODAY + 300 * DAY))
        assert expiry_tasks(session, NOW + DAY) == 1
        assert session.scalars(select(Task.status)).one() == "done"


@pytest.mark.parametrize("how", [{"status": "rejected"}, {"deleted_at": NOW}])
def test_a_paper_that_is_gone_cancels_its_task(sessions: sessionmaker[Session], how: dict[str, Any]) -> None:
    with transaction(sessions) as session:
        paper = file(session, "licence_x", expires=TODAY + 5 * DAY)
        expiry_tasks(session, NOW)
        change(session, paper, **how)
        assert expiry_tasks(session, NOW + DAY) == 1
        assert session.scalars(select(Task.status)).one() == "cancelled"


def test_a_task_that_somebody_closed_stays_closed(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        file(session, "licence_x", expires=TODAY + 5 * DAY)
        expiry_tasks(session, NOW)
        task = session.scalars(select(Task)).one()
        write_record(
            session,
            "task",
            task.id,
            {"status": "done", "completed_at": NOW},
            actor=ACTOR,
            recorded_at=NOW,
            now=NOW,
        )
        assert expiry_tasks(session, NOW + DAY) == 0


def test_papers_of_deleted_accounts_make_no_work(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        file(session, "licence_x", expires=TODAY + 5 * DAY, account_id="acc_c")
        write_record(session, "account", "acc_c", {"deleted_at": NOW}, actor=ACTOR, recorded_at=NOW, now=NOW)
        assert expiry_tasks(session, NOW) == 0
        assert checklists_overview(session, NOW).items == ()


def write(session: Session, entity: str, record_id: str, **values: Any) -> None:
    values = {"source": "crm", "external_id": record_id} | values
    write_record(session, entity, record_id, values, actor=ACTOR, recorded_at=NOW, now=NOW)


def file(
    session: Session, kind: str, *, issued: date | None = None, expires: date | None = None, **values: Any
) -> str:
    given = {"account_id": "acc_a", "product_line": LINE, "title": kind, "sealed": True} | values
    given |= {"kind": kind, "issued_at": None if issued is None else day_begins(issued)}
    given["expires_at"] = None if expires is None else day_begins(expires)
    return file_document(session, given, actor=ACTOR, now=NOW)


def change(session: Session, document_id: str, **values: Any) -> None:
    write_record(session, "document", document_id, values, actor=ACTOR, recorded_at=NOW, now=NOW)


def save(session: Session, line: str | None, content: dict[str, Any]) -> int:
    return save_checklist(session, line, content, actor=ACTOR, reason="测试", now=NOW)


def stored(session: Session, document_id: str) -> tuple[int, str, datetime | None]:
    row = session.get_one(Document, document_id)
    return row.revision, row.status, row.expires_at


def short(item: OverviewItem) -> tuple[str, str, str, float, int, int]:
    return item.account_id, item.product_line, item.colour, item.progress, item.red, item.yellow


def refused(step: Callable[[], Any]) -> str:
    with pytest.raises(StoreError) as caught:
        step()
    return caught.value.problem.code
