"""Completeness over key fields: bounded, never lowered by filling one in, the same counted or one by one."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crm_store
from crm_store.domain.completeness import (
    OTHER,
    Counted,
    fold_groups,
    key_fields_of,
    record_share,
)
from crm_store.domain.field_definitions import DefinitionRefused
from crm_store.repositories.fields import FIELDS

CONTENT = json.loads((Path(crm_store.__file__).parent / "data/key_fields.json").read_text(encoding="utf-8"))
KEYS = key_fields_of(CONTENT, FIELDS)
LISTS = [(entity, industry) for entity, lists in KEYS.weights.items() for industry in lists]

SMALL = {
    "industries": {"medical": {"words": ["医院"], "codes": ["Q84"]}, "making": {"words": [], "codes": ["C"]}},
    "key_fields": {"lead": {"default": {"phone": 1, "need": 3}, "medical": {"title": 2, "need": 2}}},
}
SMALL_KEYS = key_fields_of(SMALL, FIELDS)


def test_the_shipped_lists_fit_the_records_and_name_admission_and_tender():
    assert {"lead", "account", "contact", "opportunity", "document"} == set(KEYS.weights)
    assert "expected_close_at" in KEYS.of("opportunity", "medical")
    assert "expires_at" in KEYS.of("document", "medical")


@pytest.mark.parametrize(
    ("name", "code", "industry"),
    [
        ("三级医院", None, "medical"),
        (None, "Q8411", "medical"),
        ("Q84", None, OTHER),
        (None, "C3581", "making"),
        ("医院设备", "C35", "medical"),  # the first that fits
        (None, None, OTHER),
        ("", "", OTHER),
    ],
)
def test_an_industry_is_told_by_a_word_or_a_code(name, code, industry):
    assert SMALL_KEYS.industry_of(name, code) == industry


def test_an_industry_without_a_list_has_the_default_one():
    assert SMALL_KEYS.of("lead", "making") == SMALL_KEYS.of("lead", OTHER) == {"phone": 1, "need": 3}
    assert SMALL_KEYS.all_of("lead") == ["phone", "need", "title"]


@pytest.mark.parametrize(("entity", "industry"), LISTS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_filling_a_key_field_never_lowers_completeness(entity, industry, data):
    weights = KEYS.of(entity, industry)
    filled = data.draw(st.sets(st.sampled_from(sorted(weights))))
    one_more = filled | {data.draw(st.sampled_from(sorted(weights)))}
    before, after = record_share(filled, weights), record_share(one_more, weights)
    assert 0 <= before <= after <= 1
    assert (after == 1) == (one_more == set(weights))
    assert record_share(filled | {"city", "source"}, weights) == before  # other fields do not count


groups = st.lists(
    st.tuples(
        st.sampled_from([None, "rep_1", "rep_2"]),
        st.sampled_from([OTHER, "medical", "making"]),
        st.sets(st.sampled_from(["phone", "need", "title"])),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(groups)
def test_a_group_is_the_mean_of_its_records(records):
    rows = [
        Counted(
            group,
            industry,
            len(some),
            {name: sum(name in filled for filled in some) for name in ("phone", "need", "title")},
        )
        for group, industry in {(g, i) for g, i, _ in records}
        if (some := [filled for g, i, filled in records if (g, i) == (group, industry)])
    ]
    for found in fold_groups("lead", rows, SMALL_KEYS):
        shares = [
            record_share(filled, SMALL_KEYS.of("lead", industry))
            for group, industry, filled in records
            if group == found.group
        ]
        assert found.records == len(shares)
        assert found.share == pytest.approx(sum(shares) / len(shares))
        assert 0 <= found.share <= 1
        assert all(0 <= field.filled <= field.records <= found.records for field in found.fields)


def test_a_field_counts_only_where_it_is_key():
    rows = [
        Counted("rep_1", OTHER, 10, {"phone": 4, "need": 5, "title": 9}),
        Counted("rep_1", "medical", 5, {"phone": 5, "need": 5, "title": 1}, ungated=2),
    ]
    (found,) = fold_groups("lead", rows, SMALL_KEYS)
    assert {(f.field, f.records, f.filled, f.share) for f in found.fields} == {
        ("phone", 10, 4, 0.4),
        ("need", 15, 10, 10 / 15),
        ("title", 5, 1, 0.2),
    }
    # ten records at (4 × 1 + 5 × 3) / 4, five at (1 × 2 + 5 × 2) / 4
    assert found.share == pytest.approx((19 / 4 + 12 / 4) / 15)
    assert found.ungated == 2


def test_a_reader_is_told_of_the_fields_that_they_may_see():
    seen = [Counted(None, OTHER, 4, {"need": 2})]
    (found,) = fold_groups("lead", seen, SMALL_KEYS)
    assert (found.share, [field.field for field in found.fields]) == (0.5, ["need"])
    assert fold_groups("lead", [Counted(None, OTHER, 4, {})], SMALL_KEYS)[0].share == 1.0


def edited(**parts):
    return {**SMALL, **parts}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({}, "industries"),
        (edited(industries={"default": {"words": ["a"]}}), "industries.default"),
        (edited(industries={"x": {}}), "industries.x"),
        (edited(industries={"x": {"words": [""]}}), "industries.x"),
        (edited(industries={"x": {"words": "a"}}), "industries.x"),
        (edited(key_fields={}), "key_fields"),
        (edited(key_fields={"mood": {"default": {"a": 1}}}), "key_fields.mood"),
        (edited(key_fields={"team": {"default": {"name": 1}}}), "key_fields.team"),
        (edited(key_fields={"lead": {"medical": {"phone": 1}}}), "key_fields.lead"),
        (edited(key_fields={"lead": {"default": {"phone": 1}, "space": {"phone": 1}}}), "key_fields.lead"),
        (edited(key_fields={"lead": {"default": {}}}), "key_fields.lead.default"),
        (edited(key_fields={"lead": {"default": {"mood": 1}}}), "key_fields.lead.default.mood"),
        (edited(key_fields={"lead": {"default": {"phone": 0}}}), "key_fields.lead.default.phone"),
        (edited(key_fields={"lead": {"default": {"phone": True}}}), "key_fields.lead.default.phone"),
        (edited(key_fields={"lead": {"default": {"phone": 1e9}}}), "key_fields.lead.default.phone"),
        (edited(key_fields={"lead": {"default": {"industry": 1}}}), "key_fields.lead.default.industry"),
        (
            edited(key_fields={"contact": {"default": {"account_id": 1}}}),
            "key_fields.contact.default.account_id",
        ),
    ],
)
def test_lists_that_cannot_be_counted_are_refused_and_say_where(content, place):
    with pytest.raises(DefinitionRefused) as refused:
        key_fields_of(content, FIELDS)
    assert refused.value.place == place
