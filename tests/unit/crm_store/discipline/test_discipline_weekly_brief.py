"""Which fields a weekly brief tells, who owns the gaps, how a share moved, and in what words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.completeness import OTHER, Counted, key_fields_of
from crm_store.domain.weekly_brief import (
    Change,
    Gap,
    KindCounts,
    Moved,
    WeeklyBrief,
    brief_text,
    week_start_of,
    worst_fields,
)
from crm_store.repositories.fields import FIELDS

MONDAY = datetime(2026, 3, 1, 16, tzinfo=UTC)  # Monday 2 March 2026, 00:00 in Shanghai
KEYS = key_fields_of(
    {
        "industries": {"medical": {"words": ["医院"]}},
        "key_fields": {
            "lead": {"default": {"phone": 1, "need": 1, "title": 1, "budget": 1}},
            "contact": {"default": {"role": 1}},
        },
    },
    FIELDS,
)
NAMES = {(entity, field): (f"{field}甲", field) for entity, fields in FIELDS.items() for field in fields}
NAMES |= {(entity, None): (f"{entity}甲", entity) for entity in FIELDS}


def counts(rep, records, **filled):
    everything = dict.fromkeys(("phone", "need", "title", "budget"), records)
    return Counted(rep, OTHER, records, everything | filled)


def worst(*by_rep, end=(), start=()):
    kinds = [KindCounts("lead", by_rep, end, start)]
    return worst_fields(kinds, KEYS, NAMES, {"rep_1": "李强", "rep_2": "周敏"})


@pytest.mark.parametrize("hours", [0, 1, 24 * 7 - 1])
def test_a_week_begins_on_monday_midnight_in_shanghai(hours):
    assert week_start_of(MONDAY + timedelta(hours=hours)) == MONDAY
    assert week_start_of(MONDAY + timedelta(days=7)) == MONDAY + timedelta(days=7)
    assert week_start_of(MONDAY - timedelta(microseconds=1)) == MONDAY - timedelta(days=7)


def test_the_three_worst_fields_come_worst_first():
    found = worst(counts("rep_1", 100, phone=90, need=10, title=50, budget=40))
    assert [(one.field, one.share, one.missing) for one in found] == [
        ("need", 0.1, 90),
        ("budget", 0.4, 60),
        ("title", 0.5, 50),
    ]
    assert {one.why for one in found} == {"low"}


def test_a_complete_field_is_no_trouble():
    assert [one.field for one in worst(counts("rep_1", 9, title=8))] == ["title"]
    assert worst(counts("rep_1", 9)) == []
    assert worst() == []


def test_a_field_that_fell_this_week_comes_before_one_that_stands_lower():
    now = counts("rep_1", 100, phone=80, need=70, title=71, budget=72)
    fell = [Moved(OTHER, 0, {"phone": -20})]
    first, *others = worst(now, start=fell)
    assert (first.field, first.why, first.share, first.share_before) == ("phone", "drop", 0.8, 1.0)
    assert [(one.field, one.why) for one in others] == [("need", "low"), ("title", "low")]


def test_a_week_is_told_as_it_ended_and_not_as_of_now():
    now = counts("rep_1", 100, need=50)
    (found,) = worst(now, end=[Moved(OTHER, 20, {"need": 10})], start=[Moved(OTHER, 60, {"need": 30})])
    # 80 records with 40 at the end, 40 records with 20 at the start
    assert (found.records, found.share, found.share_before) == (80, 0.5, 0.5)


def test_without_records_a_week_before_there_is_no_share_before():
    (found,) = worst(counts("rep_1", 10, need=5), start=[Moved(OTHER, 10, {"need": 5})])
    assert (found.share_before, found.why) == (None, "low")


def test_the_owners_of_the_most_gaps_are_named_also_nobody():
    found = worst(
        counts("rep_1", 10, need=8), counts("rep_2", 10, need=3), counts(None, 10, need=5), counts("rep_3", 9)
    )
    assert found[0].owners == (Gap("rep_2", "周敏", 7), Gap(None, None, 5), Gap("rep_1", "李强", 2))


def test_a_handful_of_records_of_another_kind_does_not_fill_the_brief():
    leads = KindCounts("lead", [counts("rep_1", 1_000, need=900)], (), ())
    few, enough = (KindCounts("contact", [Counted("rep_1", OTHER, n, {"role": 0})], (), ()) for n in (9, 10))
    assert [one.field for one in worst_fields([leads, few], KEYS, NAMES, {})] == ["need"]
    assert [one.field for one in worst_fields([leads, enough], KEYS, NAMES, {})] == ["role", "need"]


shares = st.integers(0, 20)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(("phone", "need", "title", "budget"), shares)), shares)
def test_a_brief_tells_no_more_than_three_fields_and_only_true_figures(filled, created):
    start = [Moved(OTHER, created, dict.fromkeys(filled, 3))]
    found = worst(counts("rep_1", 20, **filled), start=start)
    assert len(found) == min(3, sum(count < 20 for count in filled.values()))
    for one in found:
        assert one.share == filled[one.field] / 20
        assert one.share_before is None or 0 <= one.share_before <= 1
        assert sum(gap.missing for gap in one.owners) == one.missing


@pytest.fixture
def brief():
    fields = worst(counts("rep_1", 10, need=4, title=9), start=[Moved(OTHER, 0, {"need": -2})])
    change = Change("lea_1", "2026-03-03T16:30:00+00:00", "user:li", None, "骨科耗材")
    fields[0] = replace(fields[0], changes=(change,))
    end = MONDAY + timedelta(days=7)
    return WeeklyBrief(MONDAY.isoformat(), end.isoformat(), 10, tuple(fields))


def test_the_brief_in_chinese(brief):
    assert brief_text(brief, "zh").splitlines() == [
        "【数据周报】2026-03-02 至 2026-03-08，共 10 条在办记录。最需要补的字段：",
        "1. lead甲·need甲：完整度 40.0%（比上周降 20.0 个百分点），10 条中缺 6 条",
        "   缺得最多：李强 6",
        "   03-04 00:30 user:li：空 → 骨科耗材（lea_1）",
        "2. lead甲·title甲：完整度 90.0%（与上周持平），10 条中缺 1 条",
        "   缺得最多：李强 1",
    ]


def test_the_brief_in_english(brief):
    assert brief_text(brief, "en").splitlines()[:3] == [
        "Data brief, 2026-03-02 to 2026-03-08, 10 open records. Fields that need filling most:",
        "1. lead, need: 40.0% complete (down 20.0 points on the week before), missing in 6 of 10",
        "   most gaps: 李强 6",
    ]


def test_a_brief_without_trouble_says_so(brief):
    assert "every key field is filled" in brief_text(replace(brief, fields=()), "en")
    assert "关键字段都已填写" in brief_text(replace(brief, fields=()), "zh")
