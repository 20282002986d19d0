"""The admission checklist, judged paper by paper, and the days at its edges."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.admission import (
    Checklist,
    ChecklistDefinition,
    Item,
    Paper,
    Requirement,
    business_day,
    checklist_of,
    day_begins,
    issued_too_early,
    last_day,
    newest,
    overall_colour,
    progress_of,
)
from tests.sizes import full

LICENCE = Requirement("licence", "经营许可证", "Licence", 60, sealed=True)
MANUAL = Requirement("manual", "说明书", "Manual", None, sealed=False)
COLD = Requirement("cold", "冷链资料", "Cold chain", 12, sealed=False, product_lines=("检验试剂",))
DEFINITION = ChecklistDefinition((LICENCE, MANUAL, COLD), warn_days=30)
# The morning of 10 March in Shanghai, the evening of the 9th in London.
NOW = datetime(2026, 3, 9, 22, tzinfo=UTC)
TODAY = date(2026, 3, 10)


def test_what_is_not_there_is_red() -> None:
    found = judge([])
    assert (found.colour, found.progress, found.red) == ("red", 0.0, 2)
    assert item(found, "licence").reason == ("经营许可证缺失", "Licence: missing")


def test_a_line_needs_what_is_asked_of_it_and_of_every_line() -> None:
    assert {one.kind for one in judge([], line="骨科耗材").items} == {"licence", "manual"}
    assert {one.kind for one in judge([], line="检验试剂").items} == {"licence", "manual", "cold"}


def test_a_sealed_paper_that_holds_is_green() -> None:
    found = judge([licence(date(2027, 1, 1)), manual()])
    assert (found.colour, found.progress, found.green) == ("green", 100.0, 2)
    assert item(found, "manual").reason == ("说明书长期有效", "Manual: holds on")


def test_a_paper_without_its_seal_is_red() -> None:
    found = item(judge([licence(date(2027, 1, 1), sealed=False)]), "licence")
    assert (found.colour, found.problem, found.reason[0]) == ("red", "unsealed", "经营许可证未盖章")


def test_a_paper_that_must_say_until_when_and_does_not_is_red() -> None:
    found = item(judge([licence(None)]), "licence")
    assert (found.colour, found.problem) == ("red", "no_date")


@pytest.mark.parametrize(
    ("days", "colour", "problem"),
    [(-1, "red", "expired"), (0, "yellow", "expiring"), (30, "yellow", "expiring"), (31, "green", None)],
)
def test_colours_change_with_the_day_in_shanghai(days: int, colour: str, problem: str | None) -> None:
    found = item(judge([licence(TODAY + timedelta(days=days))]), "licence")
    assert (found.colour, found.problem, found.days_left) == (colour, problem, days)


def test_a_paper_holds_through_the_last_moment_of_its_last_day_in_shanghai() -> None:
    papers = [licence(TODAY)]
    before, after = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC), datetime(2026, 3, 10, 16, tzinfo=UTC)
    assert item(checklist_of("acc", "骨科耗材", DEFINITION, papers, before), "licence").colour == "yellow"
    assert item(checklist_of("acc", "骨科耗材", DEFINITION, papers, after), "licence").problem == "expired"


def test_without_a_stated_end_the_term_of_the_kind_counts_from_the_issue() -> None:
    issued = paper("licence", issued_at=day_begins(date(2021, 4, 1)), sealed=True)
    assert last_day(issued, LICENCE) == date(2026, 3, 31)
    assert item(judge([issued]), "licence").expires_on == date(2026, 3, 31)


def test_a_term_from_the_last_of_a_month_ends_within_the_shorter_month() -> None:
    year = Requirement("x", "x", "x", 12, sealed=False)
    assert year.ends_on(date(2024, 2, 29)) == date(2025, 2, 27)


def test_a_newer_revision_takes_the_place_of_the_older_even_when_it_is_worse() -> None:
    older, newer = licence(date(2027, 1, 1)), licence(date(2027, 1, 1), sealed=False, revision=2)
    found = item(judge([newer, older]), "licence")
    assert (found.revision, found.problem) == (2, "unsealed")


def test_a_rejected_revision_takes_no_place() -> None:
    older = licence(date(2027, 1, 1))
    assert item(judge([older, licence(None, revision=2, status="rejected")]), "licence").colour == "green"
    only = item(judge([licence(None, status="rejected")]), "licence")
    assert (only.problem, only.reason[0]) == ("rejected", "经营许可证已被驳回，请重新提交")


def test_a_general_paper_serves_where_the_hospital_has_none_that_holds() -> None:
    own = licence(date(2026, 1, 1), id="own", account_id="acc", product_line="骨科耗材")
    general = licence(date(2027, 1, 1), id="general")
    assert item(judge([own, general]), "licence").document_id == "general"
    renewed = licence(date(2028, 1, 1), id="renewed", account_id="acc", product_line="骨科耗材", revision=2)
    assert item(judge([own, renewed, general]), "licence").document_id == "renewed"


def test_the_worst_comes_first_and_gives_the_colour() -> None:
    found = judge([licence(TODAY + timedelta(days=3))])
    assert [one.colour for one in found.items] == ["red", "yellow"]
    assert (found.colour, found.progress) == ("red", 50.0)
    assert (overall_colour(0, 1), overall_colour(0, 0), progress_of(0, 0)) == ("yellow", "green", 100.0)


def test_days_turn_at_midnight_in_shanghai() -> None:
    assert business_day(datetime(2026, 3, 9, 15, 59, tzinfo=UTC)) == date(2026, 3, 9)
    assert business_day(datetime(2026, 3, 9, 16, tzinfo=UTC)) == date(2026, 3, 10)
    assert day_begins(date(2026, 3, 10)) == datetime(2026, 3, 9, 16, tzinfo=UTC)


days = st.dates(date(2000, 1, 1), date(2050, 12, 31))


@settings(max_examples=full(200, 20_000), deadline=None)
@given(issued=days, until=days, months=st.integers(1, 600))
def test_the_rule_turned_round_is_the_same_rule(issued: date, until: date, months: int) -> None:
    need = Requirement("x", "x", "x", months, sealed=False)
    end = need.ends_on(issued)
    assert end is not None
    assert (day_begins(issued) < issued_too_early(need, until)) == (end < until)


@settings(max_examples=full(50, 2_000), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.integers(-40, 400)), max_size=6), st.randoms())
def test_the_order_of_papers_does_not_matter(papers: list[tuple[int, bool, int]], chance: object) -> None:
    made = [
        licence(TODAY + timedelta(days=left), sealed=sealed, revision=revision, id=str(index))
        for index, (revision, sealed, left) in enumerate(papers)
    ]
    shuffled = list(made)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judge(made) == judge(shuffled)
    assert len(newest(made)) == bool(made)


def judge(papers: list[Paper], line: str = "骨科耗材") -> Checklist:
    return checklist_of("acc", line, DEFINITION, papers, NOW)


def item(found: Checklist, kind: str) -> Item:
    return next(one for one in found.items if one.kind == kind)


def paper(kind: str, **values: object) -> Paper:
    plain = {"id": "doc", "title": kind, "account_id": None, "product_line": None, "issued_at": None}
    plain |= {"expires_at": None, "revision": 1, "sealed": False, "status": "valid"}
    return Paper(kind=kind, **(plain | values))  # type: ignore[arg-type]


def licence(until: date | None, **values: object) -> Paper:
    expires_at = None if until is None else day_begins(until)
    return paper("licence", **({"expires_at": expires_at, "sealed": True} | values))


def manual() -> Paper:
    return paper("manual")
