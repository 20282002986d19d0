"""The words by which role changes are found, read once from ``data/role_changes.json``.

Every word of a class becomes a token with the class's one-letter tag, so that the grammar can state
sentence shapes as regular expressions over tags.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

PERSON, ROLE, DEPARTMENT, OTHER_ORG, OWN_ORG = "P", "R", "D", "O", "q"
OUR_SIDE, FIRST_PERSON, THIRD_PERSON, RANK, GAP, ANNOUNCING, WE = "0", "9", "8", "6", "x", "!", ","

TAGS: Mapping[str, str] = {
    "promote_to": "U",
    "promoted": "u",
    "raise": "r",
    "appoint": "X",
    "transfer_to": "T",
    "transferred": "t",
    "leave": "L",
    "offer_to_leave": "l",
    "leave_place": "b",
    "gone": "g",
    "retire": "E",
    "retired_end": "e",
    "take_over": "K",
    "take_post": "k",
    "replace": "Q",
    "dismiss": "4",
    "step_down": "S",
    "act": "G",
    "hold": "V",
    "as": "w",
    "swap": "C",
    "swapped": "c",
    "merge_into": "M",
    "merge_as": "m",
    "rename": "2",
    "merge": "1",
    "dissolve": "3",
    "negation": "N",
    "possibility": "W",
    "intention": "I",
    "condition": "i",
    "hearsay": "H",
    "history": "Y",
    "months_ago": "d",
    "temporary": "p",
    "change": "h",
    "future": "f",
    "passive": "Z",
    "by": "B",
    "from": "F",
    "former": "o",
    "fresh": "n",
    "of": "J",
    "job": "j",
    "and": "&",
    "say": "s",
    "is": "y",
    "incoming": "v",
    "successor": "5",
    "go": ">",
    "arrive": "<",
    "not_in": "=",
    "hand_over": "+",
    "move": "^",
    "done": "z",
    "remove": "%",
    "in_charge": "@",
    "serve_as": "#",
    "handed_to": "~",
    "announcing": "!",
    "filler": "a",
}
VERBS = "UurXTtLlbgEekK4QSGVCcMm213n5<=+^>%@#~"
"""Tags of words that can make a change."""

# A given name never holds these: they belong to the sentence around it.
_NO_GIVEN_NAME = set(
    "的了是在不没有就都也将已被把由和与跟等这那我你他她它们吗呢吧个为从到给对说要会能很还又去来上下前后时"
)
_MOST_GIVEN = 2
# 设备科长 is written with one 科.
_HEADS = ("科长", "副科长", "处长", "副处长", "部长", "副部长")
_LISTS = (
    ("department_words", DEPARTMENT),
    ("cities", DEPARTMENT),
    ("meeting_words", GAP),
    ("other_organisation_words", OTHER_ORG),
    ("vendors", OTHER_ORG),
    ("relatives", OTHER_ORG),
    ("own_organisation_words", OWN_ORG),
    ("our_side_words", OUR_SIDE),
    ("first_person", FIRST_PERSON),
    ("we", WE),
    ("third_person", THIRD_PERSON),
    ("benign", "a"),
    ("titles", ROLE),
    ("professional_ranks", RANK),
)
_TIMES = (
    (r"(?P<years>[\d一二两三四五六七八九十百几好多]{1,4})(?:多|来)?年(?:以)?前", "years_ago"),
    (r"[\d一二两三四五六七八九十几好半]{1,4}(?:多)?(?:个)?(?:月|周|星期|天|日|礼拜)(?:之)?(?:以)?前", "a"),
    (r"(?:再过|还有|还差|再干|还得)[\d一二两三四五六七八九十几半]{1,3}(?:多)?(?:个)?(?:年|月)", "I"),
    (r"[\d一二两三四五六七八九十几]{1,3}年(?:以)?后", "I"),
    (r"(?P<year>(?:19|20)\d\d)年(?:\d{1,2}月)?(?:\d{1,2}[日号])?(?:底|初|春|夏|秋|冬)?", "year"),
    (
        r"(?:今年|本月|上个?月|这个?月)?(?:\d{1,2}|[一二三四五六七八九十]{1,2})月(?:份)?"
        r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})?[日号]?(?:初|底|末|中旬|上旬|下旬|中)?",
        "d",
    ),
    (r"(?:上个?月|本月|这个?月)?\d{1,2}[日号]", "d"),
    (r"(?:上|这|本)个?月(?:底|初|末|中旬|上旬|下旬)", "d"),
    (
        r"(?:从|自)(?:即日|今天|今日|明天|本周|下周[一二三四五]?|本月|这个?月|下个?月|今年|\d{1,2}月\d{0,2}[日号]?)(?:开始|起)",
        "h",
    ),
    (r"(?:递|提|交|递交|提交|打|写)了?(?:一份)?(?:辞呈|辞职报告|辞职信|离职申请|辞职申请|离职报告)", "l"),
    (r"(?:上|这|本)?(?:周|星期|礼拜)[一二三四五六日天末]", "a"),
    (r"(?:明年|下个?月)(?:\d{1,2}|[一二三四五六七八九十]{1,2})?(?:月|[日号])?(?:份)?(?:底|初)?", "f"),
    (r"(?:\d{1,2}|[一二三四五六七八九十]{1,2})?月?底(?:前|之前)?就?(?:要|会|将)", "f"),
    (
        r"因(?:为|工作|身体|个人|家庭|年龄|到龄|公|病|故)?[\u4e00-\u9fff]{0,5}?(?:原因|关系|问题|需要|调整|缘故|变动|到了)",
        "a",
    ),
    (r"(?:满|年满|到了|刚满)?[五六]?十?[\d一二三四五六七八九]{0,2}岁", "a"),
    (r"(?<![\u4e00-\u9fff])(?:若|倘|待|如(?!期|愿|约|实|下|上|今))", "i"),
    (r"人(?=已|都|就|早|现在|刚|上个?月|上周)", "8"),
    (r"[（(][^）)]{0,30}[）)]", "a"),
    (r"[“”\"'「」『』《》【】\s·]+", "a"),
)


@dataclass(frozen=True)
class Vocabulary:
    """The lexicon, first character → (word, tag) with the longest word first, and the lists of its kinds."""

    lexicon: Mapping[str, tuple[tuple[str, str], ...]]
    lists: Mapping[str, frozenset[str]]
    confidence: Mapping[str, float]
    history_years: int
    surnames: frozenset[str]
    wordlike_surnames: frozenset[str]
    titles: tuple[str, ...]
    times: re.Pattern[str]
    time_tags: tuple[str, ...]
    hint: re.Pattern[str]
    open_department: re.Pattern[str]

    def word_at(self, text: str, at: int) -> tuple[str, str] | None:
        """Return the longest known word that starts there, and its tag."""
        for word, tag in self.lexicon.get(text[at], ()):
            if text.startswith(word, at):
                return word, tag
        return None

    def title_at(self, text: str, at: int) -> str | None:
        """Return the longest title or form of address that starts there."""
        return next((title for title in self.titles if text.startswith(title, at)), None)

    def is_name(self, text: str) -> bool:
        """Tell whether a text can be a person's full name: a surname and one or two more characters."""
        for length in (2, 1):
            surname, given = text[:length], text[length:]
            known = surname in (self.lists["compound_surnames"] if length == 2 else self.surnames)
            if known and 1 <= len(given) <= _MOST_GIVEN:
                plain = all("\u4e00" <= char <= "\u9fff" and char not in _NO_GIVEN_NAME for char in given)
                return plain and not self._wordlike(text)
        return False

    def _wordlike(self, text: str) -> bool:
        words = self.lists["not_names"]
        return text in words or text[:2] in words


@cache
def vocabulary() -> Vocabulary:
    """Return the shipped vocabulary."""
    raw = json.loads((files("crm_store") / "data" / "role_changes.json").read_text("utf-8"))
    words = dict(_words(raw))
    lists = {name: frozenset(value.split()) for name, value in raw.items() if isinstance(value, str)}
    titles = sorted(lists["titles"] | lists["address_titles"], key=len, reverse=True)
    hints = [word for word, tag in words.items() if tag in VERBS and tag != ">"]
    hints += [word for word in raw["words"]["change"].split() if len(word) > 1]
    suffixes = "|".join(sorted(lists["department_suffixes"], key=len, reverse=True))
    return Vocabulary(
        lexicon=_by_first_character(words),
        lists=lists,
        confidence=raw["confidence"],
        history_years=raw["history_years"],
        surnames=frozenset(raw["surnames"]),
        wordlike_surnames=frozenset(raw["surnames_that_are_words"]),
        titles=tuple(titles),
        times=re.compile("|".join(f"(?P<t{index}>{shape})" for index, (shape, _) in enumerate(_TIMES))),
        time_tags=tuple(tag for _, tag in _TIMES),
        hint=re.compile("|".join(_shortest(hints + raw["words"]["hold"].split()))),
        open_department=re.compile(f"[\u4e00-\u9fff]{{2,10}}?(?:{suffixes})"),
    )


def is_department(words: str) -> bool:
    """Tell whether words name a department (医务科) rather than a role in one (医务科主任)."""
    known = vocabulary().lists
    return not words.endswith(tuple(known["titles"])) and (
        words in known["cities"]
        or words.endswith(tuple(known["department_suffixes"] | known["department_words"]))
    )


def department_of(role: str) -> str | None:
    """Return 设备科 of 设备科主任; None when the title stands alone, and for what is no role."""
    known = vocabulary().lists
    fronts = [role[: -len(title)] for title in known["titles"] if role.endswith(title) and role != title]
    # 科主任 is a title too: where the front can end as departments do, it does.
    whole = [front for front in fronts if front.endswith(tuple(known["department_suffixes"]))]
    return min(whole or fronts, key=len, default=None)


def _words(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield word → tag; what comes later wins: a title is a title even where a verb is written alike."""
    for name in ("not_names", "other_words"):
        yield from ((word, GAP) for word in raw[name].split())
    for name, words in raw["words"].items():
        yield from ((word, TAGS[name]) for word in words.split())
    for stem in raw["department_stems"].split():
        yield from ((stem + suffix, DEPARTMENT) for suffix in raw["department_suffixes"].split())
        yield from ((stem + head, ROLE) for head in _HEADS)
    for function in raw["title_functions"].split():
        yield from ((function + head, ROLE) for head in raw["title_heads"].split())
    for name, tag in _LISTS:
        yield from ((word, tag) for word in raw[name].split())


def _by_first_character(words: Mapping[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    grouped: dict[str, list[tuple[str, str]]] = {}
    for word, tag in words.items():
        grouped.setdefault(word[0], []).append((word, tag))
    return {first: tuple(sorted(found, key=lambda pair: -len(pair[0]))) for first, found in grouped.items()}


def _shortest(words: list[str]) -> list[str]:
    """Return the words that hold no other of them: finding one of these finds them all."""
    return [re.escape(word) for word in sorted(set(words)) if not any(o in word for o in words if o != word)]
