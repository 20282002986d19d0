"""How a note is read: who is meant, which sentence shows it, how sure it is, and what is passed over."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.role_changes.circle import Circle, KnownContact
from crm_store.intake.role_changes.finder import RoleChangeFound, find_role_changes
from tests.sizes import full

SAID_AT = datetime(2026, 3, 10, tzinfo=UTC)
WANG = KnownContact("con_wang", "王建国", "设备科主任", "设备科")
LI = KnownContact("con_li", "李强", "设备科副主任", "设备科")
LIU_FANG = KnownContact("con_fang", "刘芳", "检验科主任", "检验科")
LIU_YUAN = KnownContact("con_yuan", "刘志远", "骨科主任", "骨科")
GAO = KnownContact("con_gao", "高兴", "财务科科长", "财务科")
HOSPITAL = Circle("杭州市萧山第一人民医院", (WANG, LI, LIU_FANG, LIU_YUAN, GAO), frozenset({"孙小明"}))


def test_a_finding_shows_the_exact_sentence_and_its_place() -> None:
    text = "上午谈了报价。\n王主任上个月退休了！下周再约。"
    (change,) = read(text)
    assert change.sentence == "王主任上个月退休了！"
    assert text[change.start : change.end] == change.sentence
    assert (change.kind, change.contact_id, change.old_role) == ("retirement", WANG.id, "设备科主任")


def test_one_sentence_may_change_two_people() -> None:
    changes = {change.contact_id: change for change in read("李强接替王建国担任设备科主任。")}
    assert (changes[LI.id].kind, changes[LI.id].new_role) == ("taking_over", "设备科主任")
    assert changes[WANG.id].kind == "replaced"


def test_the_same_fact_told_twice_is_found_once() -> None:
    (change,) = read("王主任退休了。午饭时又说起，王建国主任上个月正式退休。")
    assert change.person == "王建国"


def test_of_two_tellings_the_one_with_the_new_role_stays() -> None:
    (change,) = read("李强高升了，去当副院长。")
    assert (change.kind, change.new_role) == ("promotion", "副院长")


def test_a_surname_with_a_title_is_matched_only_when_one_contact_fits() -> None:
    (ambiguous,) = read("刘主任退休了。")
    assert (ambiguous.person, ambiguous.contact_id) == ("刘主任", None)
    (clear,) = read("骨科刘主任退休了。")
    assert clear.contact_id == LIU_YUAN.id
    assert clear.confidence > ambiguous.confidence


def test_a_name_that_is_a_word_needs_more_than_the_word() -> None:
    assert read("高兴调到新科室的设备终于能用了。") == []
    (change,) = read("高兴科长退休了。")
    assert change.contact_id == GAO.id


def test_a_pronoun_means_the_person_spoken_of() -> None:
    (change,) = read("今天见了李强。他下个月调到医务科。")
    assert (change.contact_id, change.kind, change.new_role) == (LI.id, "transfer", "医务科")


def test_who_says_i_is_the_contact_at_the_head_of_the_line() -> None:
    (change,) = read("王主任：我下周退休，后面找李强。")
    assert change.contact_id == WANG.id
    assert read("我下周调到华东大区了。") == []


def test_our_own_people_are_nobody_of_the_customer() -> None:
    assert read("孙小明离职了。") == []
    (change,) = find_role_changes("孙小明离职了。", Circle(HOSPITAL.account, HOSPITAL.contacts), SAID_AT)
    assert change.person == "孙小明"


def test_an_organisation_short_for_the_account_is_the_account() -> None:
    assert [change.contact_id for change in read("萧山一院的王主任退休了。")] == [WANG.id]
    assert read("萧山二院的王主任退休了。") == []


def test_what_is_done_is_surer_than_what_is_announced_and_that_than_hearsay() -> None:
    (done,), (announced,), (heard,) = (
        read("王主任退休了。"),
        read("王主任下个月退休。"),
        read("听说王主任退休了。"),
    )
    assert done.confidence > announced.confidence > heard.confidence > 0
    assert read("听说王主任可能退休。") == []
    assert read("听说王主任下个月退休。") == []


@pytest.mark.parametrize(
    ("text", "found"), [("2026年1月，", True), ("2025年，", True), ("2024年，", False), ("三年前，", False)]
)
def test_what_lies_two_years_back_is_history(text: str, found: bool) -> None:
    assert bool(read(f"{text}李强升任设备科主任。")) is found


def test_the_record_knows_it_already() -> None:
    assert read("现在设备科主任是王建国。") == []
    gone = Circle(HOSPITAL.account, (KnownContact("con_wang", "王建国", "设备科主任", "设备科", "left"),))
    assert find_role_changes("王建国退休了。", gone, SAID_AT) == []


def test_a_merged_department_names_both_names() -> None:
    changes = read("设备科与采购中心合并为医学装备部。")
    assert [(one.kind, one.person, one.new_role) for one in changes] == [
        ("department_merge", "设备科", "医学装备部"),
        ("department_merge", "采购中心", "医学装备部"),
    ]


def test_a_later_denial_takes_it_back() -> None:
    assert read("李强要调到医务科。") == []
    assert read("院里发文李强调到医务科，后来没去成。") == []
    assert read("李强调到医务科了。后来才知道是误传。") == []


def test_a_question_states_nothing_unless_it_only_asks_who_knew() -> None:
    assert read("王主任退休了吗？") == []
    assert len(read("王主任退休了，你们还不知道吧？")) == 1


@settings(max_examples=full(60, 3_000), deadline=None)
@given(st.text(alphabet="王主任李强设备科的了由调到升任退休换成，。？\n：（没听说年前ABc12 ", max_size=300))
def test_any_text_is_read_and_every_finding_lies_in_it(text: str) -> None:
    for change in read(text):
        assert text[change.start : change.end] == change.sentence
        assert change.sentence.strip() == change.sentence != ""
        assert 0 < change.confidence <= 1


@pytest.mark.parametrize("piece", ["王主任退休", "由李强接任", "（", "年前", "设备科和", "调到", "李强"])
def test_reading_time_grows_with_the_text_and_not_faster(piece: str) -> None:
    """Clauses have a largest length, so that no text without a comma can be read for minutes."""
    read(piece * 20_000)


def test_reading_twice_gives_the_same() -> None:
    text = "王主任退休了，由李强接任。听说刘芳主任离职了。"
    assert read(text) == read(text)


def read(text: str) -> list[RoleChangeFound]:
    return find_role_changes(text, HOSPITAL, SAID_AT)
