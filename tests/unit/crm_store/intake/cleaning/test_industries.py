"""Industry suggestions: ranked, explained, and meeting in one code."""

import csv
from importlib.resources import files

import pytest

from crm_store.intake.cleaning.industries import industry_name, suggest_industry


def test_three_ways_to_say_it_meet_in_one_code() -> None:
    said = [
        suggest_industry(None, given="制造业"),
        suggest_industry(None, given="机械加工"),
        suggest_industry("螺丝厂"),
    ]

    assert {suggestions[0].code for suggestions in said} == {"C"}
    assert {suggestions[0].name for suggestions in said} == {"制造业"}


def test_a_suggestion_says_which_words_made_it_and_what_else_it_could_be() -> None:
    first, second = suggest_industry("杭州永盛机械贸易有限公司")

    assert (first.code, first.words) == ("F", ("贸易",))
    assert (second.code, second.division, second.words) == ("C", "C34", ("机械",))
    assert first.score > second.score > 0


def test_the_name_counts_for_more_than_the_need() -> None:
    """Who asks for machine tools need not make them; without another sign, it is the best there is."""
    assert suggest_industry("启明星幼儿园", "数控机床")[0].code == "P"
    assert suggest_industry(None, "数控机床")[0].code == "C"


@pytest.mark.parametrize("given", ["C34", "c34", "通用设备制造业", "General machinery"])
def test_a_code_or_its_name_is_taken_at_its_word(given: str) -> None:
    (found,) = suggest_industry("绿源蔬菜种植专业合作社", given=given)

    assert (found.code, found.division, found.score) == ("C", "C34", 1.0)


def test_words_that_say_nothing_suggest_nothing() -> None:
    assert suggest_industry("张三", "你好") == ()
    assert suggest_industry(None) == ()


def test_a_latin_word_counts_on_its_own_only() -> None:
    assert suggest_industry("BITUNIT") == ()
    assert suggest_industry("IT 公司")[0].code == "I"


def test_the_vocabulary_is_whole() -> None:
    """Sections A to T and their divisions, each with both names; a division belongs to its section."""
    table = files("crm_store.intake.cleaning").joinpath("data/industries.csv").read_text("utf-8")
    rows = [row for row in csv.DictReader(table.splitlines()) if row["code"] != "-"]
    codes = [row["code"] for row in rows]

    assert [code for code in codes if len(code) == 1] == list("ABCDEFGHIJKLMNOPQRST")
    assert len(codes) == len(set(codes))
    assert all(len(code) in (1, 3) and code[1:].isdigit() == (len(code) == 3) for code in codes)
    assert all(row["zh"] and row["en"] and row["words"] for row in rows)
    assert industry_name("C34") == ("通用设备制造业", "General machinery")
    assert industry_name("Z") is None
