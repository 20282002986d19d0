"""The vocabulary is data: what must hold of it for the grammar to mean what it says."""

import json
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from crm_store.intake.role_changes.vocabulary import TAGS, department_of, is_department, vocabulary


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("crm_store") / "data" / "role_changes.json").read_text("utf-8"))
    return found


def test_every_class_has_a_tag_of_its_own(raw: dict[str, Any]) -> None:
    assert set(raw["words"]) == set(TAGS)
    assert len(set(TAGS.values())) == len(TAGS)


def test_no_word_is_in_two_classes(raw: dict[str, Any]) -> None:
    counts = Counter(word for words in raw["words"].values() for word in words.split())
    assert [word for word, count in counts.items() if count > 1] == []


def test_the_longest_word_is_read() -> None:
    assert vocabulary().word_at("不再担任主任", 0) == ("不再担任", TAGS["step_down"])
    assert vocabulary().word_at("甲", 0) is None


@pytest.mark.parametrize("name", ["李强", "王建国", "欧阳明", "欧阳志远", "马超"])
def test_names_look_like_names(name: str) -> None:
    assert vocabulary().is_name(name)


@pytest.mark.parametrize("word", ["高兴", "周末", "方案", "马上", "李的", "强", "王建国家", "时间", "张Li"])
def test_words_and_scraps_do_not(word: str) -> None:
    assert not vocabulary().is_name(word)


def test_a_department_is_told_from_a_role_in_it() -> None:
    assert (is_department("医务科"), is_department("医务科主任"), is_department("上海")) == (
        True,
        False,
        True,
    )
    assert (department_of("医务科主任"), department_of("主任"), department_of("医务科")) == (
        "医务科",
        None,
        None,
    )
