"""Records meet by keys; the keys also hold all that comparing needs."""

from typing import Any

import pytest

from crm_store.intake.duplicates.keys import MEETING_KINDS, Key, keys_of, meeting_keys, profile_of
from crm_store.intake.duplicates.profile import read_profile
from crm_store.intake.duplicates.scoring import judge
from tests.data_makers.duplicates import make_leads
from tests.sizes import full

FULL: dict[str, Any] = {
    "company": "苏州恒瑞医疗器械有限公司",
    "contact_name": "张伟",
    "phone": "13851234567",
    "email": "zhang@hengrui.cn",
    "credit_code": "91320594MA1MK0P16X",
    "city": "苏州",
}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("mobile", {"phone": "+86 138-5123-4567"}),
        ("email", {"email": "Zhang@Hengrui.CN"}),
        ("code", {"credit_code": "91320594ma1mk0p16x"}),
        ("start", {"company": "恒锐医疗"}),
        ("syllables", {"company": "恒瑞疗医器械有限公司"}),
        ("brand", {"company": "恒瑞物流", "city": "苏州市"}),
        ("person", {"contact_name": "张 伟", "city": "无锡"}),
    ],
)
def test_a_record_meets_another_by_each_kind_of_key(kind: str, fields: dict[str, str]) -> None:
    assert kind in {shared for shared, _ in keys(fields) & keys(FULL)}


def test_a_landline_is_a_key_of_its_own_kind() -> None:
    assert [kind for kind, _ in keys({"phone": "0512-62872075"})] == ["landline"]


def test_strangers_share_no_key() -> None:
    assert not keys(FULL) & keys({"company": "成都美迪电子有限公司", "contact_name": "李娜", "city": "成都"})


def test_a_surname_with_a_title_is_no_key() -> None:
    assert keys({"contact_name": "王经理"}) == frozenset()


def test_meeting_keys_are_digests_and_keep_no_telephone() -> None:
    assert all(len(key) == 16 and kind in MEETING_KINDS for kind, key in keys(FULL))
    assert "13851234567" not in str(keys_of(read_profile(FULL)))


def test_keys_fit_their_column_and_are_compared_by_their_beginning_when_long() -> None:
    endless = {"company": "恒瑞" * 60 + "有限公司" + "苏州" * 20 + "分公司", "contact_name": "张" * 90}
    kept = keys_of(read_profile(endless))
    assert all(len(key) <= 80 for _, key in kept)
    assert judge(profile_of(kept), profile_of(kept)).score > 0.5


def test_what_is_read_back_from_keys_is_judged_as_the_record_itself() -> None:
    leads = list(make_leads(full(600, 20_000), seed=5))
    read = [read_profile(lead.fields) for lead in leads]
    kept = [profile_of(keys_of(profile)) for profile in read]
    for at in range(len(leads) - 3):
        for other in range(at + 1, at + 4):
            assert judge(read[at], read[other]) == judge(kept[at], kept[other])


def keys(fields: dict[str, Any]) -> frozenset[Key]:
    return meeting_keys(read_profile(fields))
