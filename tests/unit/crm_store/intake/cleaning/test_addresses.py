"""Every division of the country is found by its names, and doubt is told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.cleaning.addresses import leading_place, parse_address
from crm_store.intake.cleaning.divisions import DISTRICT, Division, gazetteer, short_name
from tests.sizes import full

DIVISIONS = list(gazetteer().by_code.values())


def test_there_is_the_whole_country() -> None:
    names = {division.name for division in DIVISIONS if division.parent is None}

    assert len(names) == 34
    assert {"北京市", "台湾省", "香港特别行政区", "澳门特别行政区"} <= names
    assert sum(division.level == DISTRICT for division in DIVISIONS) > 2800


def test_codes_are_six_digits_and_lie_in_their_province() -> None:
    for division in DIVISIONS:
        assert len(division.code) == 6
        assert division.code.isdigit()
        assert division.code[:2] == division.line[0].code[:2]


@pytest.mark.parametrize("street", ["", "人民路12号"])
def test_every_division_is_found_by_its_full_name(street: str) -> None:
    wrong = [
        division.full_name
        for division in DIVISIONS
        if (found := parse_address(division.full_name + street)).adcode != division.code or found.problem
    ]

    assert wrong == []


def test_short_names_lead_to_the_division_or_to_what_is_certain_of_it() -> None:
    """恩施恩施 may be the prefecture or its city: then the answer is the prefecture."""
    exact = 0
    for division in DIVISIONS:
        found = parse_address("".join(short_name(part.name) for part in division.line))
        exact += found.adcode == division.code
        assert found.adcode is not None
        assert division.within(gazetteer().by_code[found.adcode])

    assert exact / len(DIVISIONS) > 0.97


@settings(max_examples=full(100, 3000), deadline=None)
@given(
    st.sampled_from(DIVISIONS),
    st.sampled_from(["", " ", "-", "，", " / "]),
    st.sampled_from(["", "地址：", "中国"]),
)
def test_what_stands_between_the_names_does_not_matter(division: Division, gap: str, before: str) -> None:
    written = before + gap.join(part.name for part in division.line)

    assert parse_address(written).adcode == division.code


@pytest.mark.parametrize("text", ["朝阳", "鼓楼区", "南山", "市中区"])
def test_a_name_of_several_places_is_not_guessed(text: str) -> None:
    found = parse_address(text)

    assert (found.adcode, found.problem) == (None, "address_ambiguous")
    assert len(found.candidates) > 1
    assert {parse_address(candidate).problem for candidate in found.candidates} == {None}


def test_what_is_certain_is_told_beside_the_doubt() -> None:
    found = parse_address("江苏鼓楼")

    assert (found.province, found.city, found.adcode) == ("江苏省", None, "320000")
    assert found.candidates == ("江苏省南京市鼓楼区", "江苏省徐州市鼓楼区")


def test_confidence_falls_with_the_evidence() -> None:
    texts = ["浙江省杭州市萧山区", "杭州萧山", "杭州萧山市", "萧山", "我们在萧山这边", "朝阳", "广东省萧山区"]

    trust = [parse_address(text).confidence for text in texts]

    assert trust == sorted(trust, reverse=True)
    assert len(set(trust)) == len(trust)


def test_the_rest_of_the_address_is_kept() -> None:
    assert parse_address("浙江省杭州市萧山区市心路1号 3幢").detail == "市心路1号 3幢"
    assert parse_address("没人知道").detail == "没人知道"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("杭州永盛机械", "浙江省杭州市"),
        ("昆山恒源电子", "江苏省苏州市昆山市"),
        ("萧山区永盛螺丝厂", "浙江省杭州市萧山区"),
        ("杭州萧山永盛螺丝厂", "浙江省杭州市萧山区"),
        ("南山集团", None),
        ("阿里巴巴", None),
        ("朝阳轮胎", None),
        ("永兴特钢", None),
    ],
)
def test_a_company_s_place_is_told_from_its_trade_name(name: str, place: str | None) -> None:
    found = leading_place(name)

    assert (found[0].full_name if found else None) == place


@settings(max_examples=full(200, 4000), deadline=None)
@given(st.text(max_size=80) | st.text("浙江杭州市萧山区北京朝阳省县路 ,0", max_size=40))
def test_any_text_gives_a_known_place_or_a_problem(text: str) -> None:
    found = parse_address(text)

    assert found.adcode is None or found.adcode in gazetteer().by_code
    assert found.adcode is not None or found.problem is not None
    assert 0 <= found.confidence <= 1
