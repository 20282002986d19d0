"""Rows told in words: what a timeline and the raw records say, and that none of it can become markup."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Reason
from crm_store.repositories.views import TimelineItem
from serving.kinds import ACCOUNT, LEAD
from serving.workbench.chart import history_options
from serving.workbench.frame import Reader
from serving.workbench.happenings import change, changes_told, state_says, tell, tell_item
from serving.workbench.ranked_page import rows_html
from serving.workbench.reading import Line, RankedList
from serving.workbench.visitors import Visitor

AT = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
NAMES = {"rep_1": "林远山"}


def row(**values: Any) -> dict[str, Any]:
    return {"record_id": "r1", "occurred_at": AT, "recorded_at": AT + timedelta(hours=1), **values}


ACTIVITY = row(channel="chat", direction="in", duration_s=None, text="请报价", rep_id=None)


@pytest.mark.parametrize(
    ("kind", "given", "zh", "en"),
    [
        ("activities", ACTIVITY, "聊天 · 请报价", "Chat · 请报价"),
        (
            "activities",
            row(channel="site", direction="in", duration_s=90.0, text=None),
            "访问网站，时长 1.5 分钟",
            "Site visit, 1.5 min",
        ),
        (
            "orders",
            row(amount=25_000.0, quantity=3.0, freight=None, product="检验试剂"),
            "检验试剂，金额 ¥2.5 万，数量 3",
            "检验试剂, ¥25k, quantity 3",
        ),
        (
            "ticket_events",
            row(event="answered", category="售后", response_h=2.5, satisfaction=None),
            "首次响应，售后，用时 2.5 小时",
            "First response, 售后, after 2.5 h",
        ),
        (
            "contract_events",
            row(event="signed", product_line="影像", amount=1e6, end_at=AT),
            "签订，影像，¥100.0 万，至 2026-03-05",
            "Signed, 影像, ¥1.00m, until 2026-03-05",
        ),
        ("lead_flow", row(event="won", lead_id="lea_2", days_to_win=12.0), "赢单，lea_2，历时 12.0 天", None),
    ],
)
def test_a_source_row_is_told_in_words(kind: str, given: dict[str, Any], zh: str, en: str | None) -> None:
    assert tell(kind, given, "zh", NAMES).what == zh
    if en:
        assert tell(kind, given, "en", NAMES).what == en


@pytest.mark.parametrize(
    ("direction", "rep", "who"),
    [
        ("in", "rep_1", "客户"),
        ("out", "rep_1", "林远山"),
        ("out", None, "我方"),
        ("internal", "rep_9", "rep_9"),
    ],
)
def test_who_did_it(direction: str, rep: str | None, who: str) -> None:
    given = ACTIVITY | {"direction": direction, "rep_id": rep}
    assert tell("activities", given, "zh", NAMES).who == who


def test_states_are_told_as_what_changed_and_silent_ones_are_left_out() -> None:
    states = [
        row(version=1.0, status="new", owner_id=None, has_phone=0.0),
        row(version=2.0, status="new", owner_id="rep_1", has_phone=1.0),
        row(version=3.0, status="new", owner_id="rep_1", has_phone=1.0),
        row(version=4.0, status="qualified", owner_id="rep_1", has_phone=0.0),
    ]
    told = [happening.what for happening in changes_told("lead_states", states, "zh", NAMES)]
    assert told == ["建立档案", "负责人：林远山；补充了电话", "状态：新线索 → 已确认；电话被清空"]


def test_a_state_says_its_version_and_the_columns_that_mattered() -> None:
    state = row(version=3.0, has_company=0.0, region="华东", status="new")
    assert state_says(state, {"has_company", "occurred_at"}, "zh", NAMES) == "第 3 版资料，公司：无"
    assert state_says(state, {"region"}, "en", NAMES) == "Version 3 of the record, Region: 华东"


def test_a_change_reads_codes_ids_and_moments() -> None:
    assert change("status", "new", "won", "en", NAMES) == "Status: New → Won"
    assert change("owner_id", None, "rep_1", "zh", NAMES) == "负责人：林远山"
    assert change("closed_at", None, "2026-03-04T16:30:00+00:00", "zh", NAMES) == "关闭时间：2026-03-05 00:30"
    assert change("closed_at", None, "not a moment", "zh", NAMES) == "关闭时间：not a moment"


def test_a_timeline_tells_tickets_and_contracts_by_their_titles() -> None:
    ticket = {"title": "无法开机", "category": "售后", "status": "resolved", "satisfaction": 4}
    contract = {"title": "年度合同", "amount": 50_000.0, "end_at": AT, "status": "active"}
    items = [
        TimelineItem("ticket", "t1", AT, "ticket_events", "t1@1#opened", ticket),
        TimelineItem("contract", "c1", AT, "contract_events", "c1@1#signed", contract),
    ]
    assert [tell_item(item, "zh", NAMES).what for item in items] == [
        "无法开机，售后，已解决，满意度 4/5",
        "年度合同，¥5.0 万，至 2026-03-05，生效",
    ]


def line(**values: Any) -> Line:
    given: dict[str, Any] = {
        "entity_id": "lea_0123456789",
        "value": 42.4,
        "band": "red",
        "probability": 0.031,
        "source": "model",
        "title": "云栎骨科医院",
        "region": "华东",
        "owner": "林远山",
        "money": None,
        "expected_loss": None,
        "main_reason": Reason("lead_chats_30d", 0.0, -7.25),
    }
    return Line(**given | values)


def reader(language: Any = "zh") -> Reader:
    return Reader(Visitor("token", Viewer("user_1", "周经理", "manager")), language, "/leads")


def page_of(*lines: Line) -> RankedList:
    return RankedList(list(lines), 51, None, {}, {}, [], None, None, None)


def test_a_row_says_colour_in_words_reason_and_effect() -> None:
    html = rows_html(LEAD, reader(), page_of(line()))
    for part in (
        "红",
        ">42<",
        "云栎骨科医院",
        "−7.2",
        "3.1%",
        "林远山",
        "模型",
        'href="/leads/lea_0123456789"',
        ">51<",
    ):
        assert part in html
    english = rows_html(LEAD, reader("en"), page_of(line()))
    assert "Red" in english
    assert "Model" in english


def test_an_account_row_shows_the_money() -> None:
    html = rows_html(ACCOUNT, reader(), page_of(line(money=1e6, expected_loss=310_000.0)))
    assert "¥100.0 万" in html
    assert "¥31.0 万" in html


@pytest.mark.parametrize("field", ["title", "region", "owner", "entity_id"])
def test_nothing_that_a_record_says_becomes_markup(field: str) -> None:
    hostile = """"><img src=x onerror='alert(1)'>{{7*7}}"""
    html = rows_html(LEAD, reader(), page_of(line(**{field: hostile})))
    assert "<img" not in html
    assert "onerror='" not in html
    assert "49" not in html


def test_a_reason_in_a_scorers_own_words_is_escaped_too() -> None:
    reason = Reason("rule", None, -1.0, ("<b>坏</b>", "<b>bad</b>"))
    assert "<b>坏" not in rows_html(LEAD, reader(), page_of(line(main_reason=reason)))


def test_someone_without_a_name_is_still_told_apart() -> None:
    html = rows_html(LEAD, reader(), page_of(line(title=None)))
    assert "未留公司名称 #456789" in html


def test_the_chart_shows_shanghai_time() -> None:
    options = history_options([(AT, 42.42)], "健康度")
    milliseconds, value = options["series"][0]["data"][0]
    assert datetime.fromtimestamp(milliseconds / 1000, UTC).hour == 8
    assert value == 42.4
    assert options["useUTC"] is True
