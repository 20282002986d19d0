"""What two leads have in common gives a score in 0–1, and sentences that say why."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.duplicates.profile import Profile, read_profile
from crm_store.intake.duplicates.reasons import reasons_of
from crm_store.intake.duplicates.scoring import THRESHOLD, judge
from crm_store.intake.duplicates.signs import SIGNS

Fields = dict[str, Any]
LEAD: Fields = {
    "company": "苏州恒瑞医疗器械有限公司",
    "contact_name": "张伟",
    "phone": "13851234567",
    "email": "zhang@hengrui.cn",
    "city": "苏州",
}

COLLEAGUE: Fields = {"contact_name": "李娜", "phone": "13900001111"}
ELSEWHERE: Fields = {"contact_name": "张伟", "phone": "13900001111"}

ONE_CUSTOMER = {
    "entered twice": LEAD,
    "phone with spaces and country code": {"phone": "+86 138 5123 4567"},
    "only the e-mail, in capitals": {"email": "ZHANG@HENGRUI.CN "},
    "a colleague, the name without suffix": COLLEAGUE | {"company": "苏州恒瑞医疗器械"},
    "a colleague, traditional characters": COLLEAGUE | {"company": "蘇州恒瑞醫療器械有限公司"},
    "a colleague, a homophone": COLLEAGUE | {"company": "苏州恒锐医疗器械有限公司"},
    "a colleague, a character twice": COLLEAGUE | {"company": "苏州恒瑞医疗器械械有限公司"},
    "the same person by another phone, short name": ELSEWHERE | {"company": "恒瑞医疗"},
}
TWO_CUSTOMERS = {
    "the same name in another city": {"company": "青岛恒瑞医疗器械有限公司", "phone": "13900001111"},
    "a branch": {"company": "苏州恒瑞医疗器械有限公司无锡分公司", "phone": "13900001111"},
    "the same brand in another trade": {"company": "苏州恒瑞物流有限公司", "phone": "13900001111"},
    "a competitor one character apart": {"company": "苏州恒康医疗器械有限公司", "phone": "13900001111"},
    "a namesake of the contact": {
        "contact_name": "张伟",
        "company": "苏州美迪电子有限公司",
        "phone": "13900001111",
    },
    "nothing in common": {"company": "成都美迪电子有限公司", "phone": "13900001111"},
}


@pytest.mark.parametrize("fields", ONE_CUSTOMER.values(), ids=ONE_CUSTOMER)
def test_one_customer_is_recognised(fields: Fields) -> None:
    assert judge(read_profile(LEAD), read_profile(fields)).score >= THRESHOLD


@pytest.mark.parametrize("fields", TWO_CUSTOMERS.values(), ids=TWO_CUSTOMERS)
def test_two_customers_are_kept_apart(fields: Fields) -> None:
    assert judge(read_profile(LEAD), read_profile(fields)).score < THRESHOLD


def test_the_telephone_of_a_front_desk_makes_no_customer() -> None:
    desk = {"phone": "0512-62872075"}
    left = read_profile(desk | {"company": "苏州恒瑞医疗器械有限公司"})
    right = read_profile(desk | {"company": "苏州美迪电子有限公司"})
    assert judge(left, right).score < THRESHOLD


def test_a_renamed_company_is_known_by_its_credit_code() -> None:
    left = read_profile({"company": "苏州恒瑞医疗器械有限公司", "credit_code": "91320594MA1MK0P16X"})
    right = read_profile({"company": "苏州康达医疗器械有限公司", "credit_code": "91320594ma1mk0p16x "})
    assert judge(left, right).score > 0.99


def test_different_credit_codes_speak_against_it() -> None:
    left = {"company": "恒瑞医疗", "city": "苏州"}
    alone = judge(read_profile(left), read_profile(left))
    both = judge(
        read_profile(left | {"credit_code": "91320594MA1MK0P16X"}),
        read_profile(left | {"credit_code": "91310000MA1K35RL0N"}),
    )
    assert both.score < alone.score


def test_accounts_are_compared_like_leads() -> None:
    left = read_profile({"name": "苏州恒瑞医疗器械有限公司", "phone": "0512-62872075", "city": "苏州"})
    right = read_profile({"name": "恒瑞医疗器械（苏州）有限公司", "phone": "(0512)62872075", "city": "苏州"})
    assert judge(left, right).score >= THRESHOLD


def test_a_surname_with_a_title_is_a_weak_name() -> None:
    vague = read_profile({"contact_name": "王经理"})
    assert vague.is_vague
    assert judge(vague, vague).signs == ("same_title",)
    assert not read_profile({"contact_name": "王建国"}).is_vague


def test_reasons_name_both_values_the_weightiest_first() -> None:
    other = LEAD | {"company": "恒瑞医疗", "contact_name": "李娜"}
    found = reasons_of(judge(read_profile(LEAD), read_profile(other)), LEAD, other)
    weights = [abs(SIGNS[reason["code"]].weight) for reason in found]
    assert weights == sorted(weights, reverse=True)
    name = next(reason for reason in found if reason["code"] == "short_name")
    assert name["zh"] == "一方是另一方公司名称的简称：“苏州恒瑞医疗器械有限公司”与“恒瑞医疗”"
    assert name["en"] == "one company name is short for the other: “苏州恒瑞医疗器械有限公司” and “恒瑞医疗”"


def test_reasons_give_no_telephone_and_no_e_mail_away() -> None:
    told = str(reasons_of(judge(read_profile(LEAD), read_profile(LEAD)), LEAD, LEAD))
    assert "尾号 4567" in told
    assert "z***@hengrui.cn" in told
    assert "5123" not in told
    assert "zhang" not in told


def test_every_sign_has_a_sentence_in_both_languages() -> None:
    for sign in SIGNS.values():
        assert "{left}" in sign.zh
        assert "{left}" in sign.en


texts = st.text(alphabet="恒瑞康苏州市有限公司医疗器械分 第一AB1（）@.", max_size=12)
leads = st.fixed_dictionaries({}, optional=dict.fromkeys((*LEAD, "credit_code"), texts))


@settings(max_examples=150, deadline=None)
@given(leads, leads)
def test_any_two_leads_get_one_score_in_either_order(left: Fields, right: Fields) -> None:
    one, other = judge(*profiles(left, right)), judge(*profiles(right, left))
    assert one.score == other.score
    assert 0 <= one.score <= 1
    assert reasons_of(one, left, right) is not None


def profiles(left: Fields, right: Fields) -> tuple[Profile, Profile]:
    return read_profile(left), read_profile(right)
