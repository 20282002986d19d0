"""Every text exists in both languages and says the same; numbers and moments read as people write them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

import serving.workbench
from crm_store.models.choices import CHANNELS, CONTRACT_STATUSES, DIRECTIONS, LEAD_STATUSES, TICKET_STATUSES
from serving.errors import WHY
from serving.workbench import formats
from serving.workbench.detail_page import RECORD_FIELDS
from serving.workbench.plain import PROBLEMS
from serving.workbench.translations import TEXTS, field_word, say, value_word
from serving.workbench.translations.codes import CODES
from serving.workbench.translations.interface import INTERFACE

PACKAGE = Path(serving.workbench.__file__).parent
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Signs and names are the same in both languages.
UNTRANSLATED = {
    "brand",
    "list.place.open",
    "phrase.filled",
    "phrase.change",
    "phrase.order",
    "detail.moved.reason",
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_a_text_is_there_in_both_languages_with_the_same_placeholders(key: str) -> None:
    zh, en = TEXTS[key]
    assert zh.strip()
    assert en.strip()
    assert placeholders(zh) == placeholders(en)
    if key not in UNTRANSLATED | {"separator", "separator.strong", "language.switch", "phrase.satisfaction"}:
        assert zh != en
        assert CHINESE.search(zh)
        assert not CHINESE.search(en)


def test_no_key_is_used_for_two_texts() -> None:
    assert not INTERFACE.keys() & CODES.keys()


def test_every_text_that_a_page_asks_for_by_name_exists() -> None:
    asked = {
        key
        for file in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html")]
        for key in re.findall(r"""\bsay\(\s*["']([a-z_.]*[a-z_])["']""", file.read_text())
    }
    assert len(asked) > 50
    assert asked <= TEXTS.keys()


def test_every_problem_page_and_every_why_has_words() -> None:
    for name in PROBLEMS:
        assert say(f"problem.{name}", "zh") != say(f"problem.{name}.hint", "zh")
    assert all(zh and en for zh, en in WHY.values())


@pytest.mark.parametrize(
    ("field", "codes"),
    [
        ("channel", CHANNELS),
        ("direction", DIRECTIONS),
        ("status", (*LEAD_STATUSES, *TICKET_STATUSES, *CONTRACT_STATUSES)),
    ],
)
def test_every_stored_code_has_a_word(field: str, codes: tuple[str, ...]) -> None:
    assert all(value_word(field, code, "zh") for code in codes)


def test_every_field_of_a_record_has_a_name_and_an_unknown_one_keeps_its_own() -> None:
    for fields in RECORD_FIELDS.values():
        assert all(field_word(name, "en") != name for name in fields)
    assert field_word("invented_field", "zh") == "invented_field"


def test_a_missing_text_is_an_error_not_a_blank() -> None:
    with pytest.raises(KeyError):
        say("no.such.text", "zh")


@pytest.mark.parametrize(
    ("yuan", "zh", "en"),
    [
        (None, "—", "—"),
        (0, "¥0", "¥0"),
        (9_999, "¥9,999", "¥9,999"),
        (10_000, "¥1.0 万", "¥10k"),
        (865_000, "¥86.5 万", "¥865k"),
        (1_234_567, "¥123.5 万", "¥1.23m"),
        (250_000_000, "¥2.50 亿", "¥250.00m"),
        (-20_000, "¥-2.0 万", "¥-20k"),
    ],
)
def test_money_is_said_as_a_manager_says_it(yuan: float | None, zh: str, en: str) -> None:
    assert formats.money(yuan, "zh") == zh
    assert formats.money(yuan, "en") == en


def test_moments_are_shown_in_shanghai_time() -> None:
    late = datetime(2026, 3, 4, 16, 30, tzinfo=UTC)
    assert formats.moment(late) == "2026-03-05 00:30"
    assert formats.day(late) == "2026-03-05"
    assert formats.moment(None) == formats.NOTHING


def test_shares_signs_and_plain_values() -> None:
    assert [formats.percent(share) for share in (None, 0.0, 0.1234, 0.996, 1.0)] == [
        "—", "0.0%", "12.3%", "100%", "100%"
    ]  # fmt: skip
    assert formats.signed(12.34) == "+12.3"
    assert formats.signed(-4) == "−4.0"
    assert [formats.plain(value) for value in (None, "", 3.0, 3.14159, 12_000, True, "x")] == [
        "—", "—", "3", "3.14", "12,000", "True", "x"
    ]  # fmt: skip
