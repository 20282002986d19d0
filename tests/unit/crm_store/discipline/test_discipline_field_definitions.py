"""Every field has a meaning in business words, every meaning a field, and the tier follows the margin."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crm_store
from crm_store.domain.field_definitions import (
    FILLED_BY_STORE,
    DefinitionRefused,
    check_edit,
    meaning_of,
    overridden,
    shipped_meanings,
    tier_of,
    tiers_of,
)
from crm_store.models.choices import ROLES
from crm_store.repositories.fields import FIELDS

DATA = Path(crm_store.__file__).parent / "data"
CONTENT = json.loads((DATA / "field_definitions.json").read_text(encoding="utf-8"))
MEANINGS = shipped_meanings(CONTENT)
EVERY_FIELD = [(entity, field) for entity, fields in FIELDS.items() for field in fields]


@pytest.mark.parametrize("entity", FIELDS)
def test_every_field_has_its_definition(entity):
    assert set(FIELDS[entity]) <= set(MEANINGS[entity])


def test_every_definition_has_its_field():
    assert set(CONTENT["entities"]) == set(FIELDS)
    for entity, part in CONTENT["entities"].items():
        assert set(part["fields"]) <= set(FIELDS[entity]), entity
    for name in CONTENT["common"]:
        assert any(name in fields for fields in FIELDS.values()), name


@pytest.mark.parametrize("language", [0, 1])
def test_names_tell_the_fields_of_a_record_apart(language):
    for entity, fields in FIELDS.items():
        names = [MEANINGS[entity][field].name[language] for field in fields]
        assert len(set(names)) == len(names), entity


def test_chinese_is_chinese_and_english_is_english():
    for entity, field in EVERY_FIELD:
        meaning = MEANINGS[entity][field]
        for zh, en in (meaning.name, meaning.meaning, *meaning.values.values()):
            assert en.isascii(), (entity, field, en)
            assert any("\u4e00" <= char <= "\u9fff" for char in zh), (entity, field, zh)


def test_a_definition_says_more_than_the_name():
    for entity, field in EVERY_FIELD:
        meaning = MEANINGS[entity][field]
        assert meaning.meaning[1].lower().rstrip(".") != meaning.name[1].lower(), (entity, field)


def test_the_words_of_a_fixed_list_are_all_explained():
    for entity, field in EVERY_FIELD:
        allowed = FIELDS[entity][field].allowed or ()
        assert set(MEANINGS[entity][field].values) == set(allowed), (entity, field)


def test_examples_are_values_that_the_field_takes():
    for entity, name in EVERY_FIELD:
        example, field = MEANINGS[entity][name].example, FIELDS[entity][name]
        if field.kind == "moment":
            assert example is None or str(example).endswith("+00:00"), (entity, name)
        else:
            field.check(example)


def test_it_is_said_who_fills_a_field_in():
    for entity, field in EVERY_FIELD:
        filled_by = MEANINGS[entity][field].filled_by
        assert filled_by, (entity, field)
        assert set(filled_by) <= {*ROLES, FILLED_BY_STORE}, (entity, field)


TIERS = tiers_of(CONTENT["tiers"])


@pytest.mark.parametrize(
    ("margin", "tier"),
    [
        (None, None),
        (500_000, "S"),
        (2e9, "S"),
        (499_999.99, "A"),
        (490_000, "A"),
        (100_000, "A"),
        (99_999.99, "B"),
        (0, "B"),
        (-1, "B"),
    ],
)
def test_a_customer_tier_is_the_margin_expected_in_twelve_months(margin, tier):
    assert tier_of(margin, TIERS) == tier


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_more_margin_never_gives_a_worse_tier(margin, more):
    order = [tier for tier, _ in TIERS]
    assert order.index(tier_of(margin + more, TIERS)) <= order.index(tier_of(margin, TIERS))


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [["S", 1]],  # the last has no floor
        [["S", 1], ["A", 2], ["B", None]],  # floors fall
        [["S", 1], ["S", None]],
        [["S", None], ["A", None]],
        [["S", "viel"], ["B", None]],
        "S",
        [["S"]],
    ],
)
def test_tiers_that_leave_a_margin_without_one_are_refused(raw):
    with pytest.raises(DefinitionRefused, match="tiers"):
        tiers_of(raw)


def test_an_edit_replaces_the_parts_that_it_names():
    old = MEANINGS["account"]["tier"]
    new = overridden(old, {"name": ["等级", "Grade"], "values": {"S": ["战略", "strategic"]}})
    assert (new.name, new.meaning) == (("等级", "Grade"), old.meaning)
    assert (new.values["S"], new.values["A"]) == (("战略", "strategic"), old.values["A"])


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"fields": {"mood": {}}}, "fields.mood"),
        ({"fields": {"tier": []}}, "fields.tier"),
        ({"fields": {"tier": {"name": ["等级"]}}}, "fields.tier.name"),
        ({"fields": {"tier": {"name": ["等级", " "]}}}, "fields.tier.name"),
        ({"fields": {"tier": {"filled_by": ["nobody"]}}}, "fields.tier.filled_by"),
        ({"fields": {"tier": {"filled_by": []}}}, "fields.tier.filled_by"),
        ({"fields": {"tier": {"values": {"C": ["丙", "third"]}}}}, "fields.tier.values"),
        ({"fields": {"tier": {"colour": "red"}}}, "fields.tier.colour"),
        ({"fields": {"tier": {"unit": "元"}}}, "fields.tier.unit"),
        ({"fields": {"tier": {"example": ["A"]}}}, "fields.tier.example"),
        ({"fields": []}, "fields"),
        ({"columns": {}}, "fields"),
        ({"tiers": [["S", 1], ["B", None]]}, "tiers"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_and_says_where(content, place):
    with pytest.raises(DefinitionRefused) as refused:
        check_edit(content, MEANINGS["account"], ROLES)
    assert refused.value.place == place


def test_only_accounts_have_tiers():
    with pytest.raises(DefinitionRefused, match="tiers"):
        check_edit({"tiers": CONTENT["tiers"]}, MEANINGS["lead"], ROLES)


def test_what_an_edit_may_say_fits_what_ships():
    for entity, part in CONTENT["entities"].items():
        check_edit({"fields": part["fields"]}, MEANINGS[entity], ROLES)
    assert meaning_of(CONTENT["common"]["source"]) == MEANINGS["lead"]["source"]
