"""The industry that a company's name and need suggest, as codes of GB/T 4754-2017.

The words are data: ``data/industries.csv``, one row a section (C) or division (C34). A ``~`` marks a word
that says little (科技); the row ``-`` has words of trade that say nothing of which. The code to store is the
section, in which 制造业, 机械加工 and 螺丝厂 meet; the division says what is finer.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from crm_store.intake.cleaning.text import tidy

# What a word says: all that there is to say, or a little.
_TELLING, _VAGUE = 1.0, 0.35
# What is said outright counts most. What someone needs may be what they buy, not what they do.
_GIVEN, _NAME, _NEED = 2.0, 1.0, 0.45
# A Chinese name says at its end what the thing is: 机械贸易 trades.
_LAST_WORD = 1.6
# Long words say more than short ones, up to this length.
_FULL_LENGTH = 4
# The score of one vague word alone stays low: as if this much spoke for something else.
_DOUBT = 0.4
_MOST_SUGGESTIONS = 5
_ANY = "-"


@dataclass(frozen=True)
class Suggestion:
    """An industry: section code and name, the division where the words say one, ``score`` in 0–1 and why.

    ``words`` are those of the text that spoke for it.
    """

    code: str
    name: str
    score: float
    words: tuple[str, ...]
    division: str | None = None
    division_name: str | None = None


@dataclass(frozen=True)
class _Meaning:
    code: str
    weight: float


@dataclass(frozen=True)
class _Vocabulary:
    names: dict[str, tuple[str, str]]
    words: dict[str, tuple[_Meaning, ...]]
    longest: int


def suggest_industry(
    company: str | None, need: str | None = None, given: str | None = None
) -> tuple[Suggestion, ...]:
    """Return up to five sections, likeliest first; empty when no word says anything.

    ``given`` is what someone wrote in a field for the industry: a code (C, C34), its name, or any words.
    """
    known = _known(tidy(given))
    if known:
        return (known,)
    votes: dict[str, float] = defaultdict(float)
    words: dict[str, list[str]] = defaultdict(list)
    for text, trust in ((given, _GIVEN), (company, _NAME), (need, _NEED)):
        for word, meaning, weight in _votes(tidy(text)):
            votes[meaning] += weight * trust
            words[meaning].append(word)
    return _ranked(votes, words)


def industry_name(code: str) -> tuple[str, str] | None:
    """Return the Chinese and English name of a section or division; None for a code that there is not."""
    return _vocabulary().names.get(code)


def trade_words_start(text: str) -> int:
    """Return where the words of the trade at the end of a name begin: 永盛机械制造 gives 2."""
    vocabulary = _vocabulary()
    begin = len(text)
    while begin:
        # From the end on: 华光电子 ends in 电子, though there is a 光电 in it.
        words = (text[begin - length : begin] for length in range(min(vocabulary.longest, begin), 0, -1))
        word = next((word for word in words if word.upper() in vocabulary.words), None)
        if word is None:
            break
        begin -= len(word)
    return begin


def says_nothing(text: str) -> bool:
    """Tell whether the text has only words that half of all companies have in their names: 科技, 贸易."""
    found = list(_found(text, _vocabulary()))
    words = _vocabulary().words
    return sum(len(word) for _, word in found) == len(text) and all(
        any(meaning.code == _ANY for meaning in words[word.upper()]) for _, word in found
    )


def _known(given: str) -> Suggestion | None:
    vocabulary = _vocabulary()
    for code, names in vocabulary.names.items():
        if given and given.casefold() in (code.casefold(), *(name.casefold() for name in names)):
            return _suggestion(code[0], 1.0, [given], code if len(code) > 1 else None)
    return None


def _votes(text: str) -> Iterator[tuple[str, str, float]]:
    """Give word, code and weight for each word of a text."""
    vocabulary = _vocabulary()
    found = list(_found(text, vocabulary))
    telling = [at for at, (_, word) in enumerate(found) if _is_telling(word, vocabulary)]
    for at, (_, word) in enumerate(found):
        weight = min(len(word), _FULL_LENGTH) / _FULL_LENGTH + 0.5
        if telling and at == telling[-1]:
            weight *= _LAST_WORD
        for meaning in vocabulary.words[word.upper()]:
            if meaning.code != _ANY:
                yield word, meaning.code, weight * meaning.weight


def _is_telling(word: str, vocabulary: _Vocabulary) -> bool:
    meanings = vocabulary.words[word.upper()]
    return any(meaning.weight == _TELLING and meaning.code != _ANY for meaning in meanings)


def _found(text: str, vocabulary: _Vocabulary) -> Iterator[tuple[int, str]]:
    """Give start and text of each word, the longest at each place, none inside another."""
    at, upper = 0, text.upper()
    while at < len(text):
        for length in range(min(vocabulary.longest, len(text) - at), 0, -1):
            if upper[at : at + length] in vocabulary.words and _stands_alone(upper, at, at + length):
                yield at, text[at : at + length]
                at += length
                break
        else:
            at += 1


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a Latin word is not a part of another: IT is, in UNIT, not."""
    if not text[start].isascii():
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isascii() and before.isalpha()) and not (after.isascii() and after.isalpha())


def _ranked(votes: dict[str, float], words: dict[str, list[str]]) -> tuple[Suggestion, ...]:
    sections: dict[str, float] = defaultdict(float)
    for code, weight in votes.items():
        sections[code[0]] += weight
    total = sum(votes.values()) + _DOUBT
    suggestions = []
    for section, weight in sorted(sections.items(), key=lambda item: -item[1])[:_MOST_SUGGESTIONS]:
        codes = sorted((code for code in votes if code[0] == section), key=lambda code: -votes[code])
        divisions = [code for code in codes if len(code) > 1]
        said = [word for code in codes for word in words[code]]
        suggestions.append(_suggestion(section, weight / total, said, divisions[0] if divisions else None))
    return tuple(suggestions)


def _suggestion(section: str, score: float, words: list[str], division: str | None) -> Suggestion:
    names = _vocabulary().names
    return Suggestion(
        code=section,
        name=names[section][0],
        score=round(score, 2),
        words=tuple(dict.fromkeys(words)),
        division=division,
        division_name=names[division][0] if division else None,
    )


@cache
def _vocabulary() -> _Vocabulary:
    names: dict[str, tuple[str, str]] = {}
    words: dict[str, list[_Meaning]] = {}
    table = files(__package__).joinpath("data/industries.csv").read_text("utf-8")
    for row in csv.DictReader(table.splitlines()):
        if row["code"] != _ANY:
            names[row["code"]] = (row["zh"], row["en"])
        for word in row["words"].split():
            weight = _VAGUE if word.startswith("~") else _TELLING
            words.setdefault(word.lstrip("~").upper(), []).append(_Meaning(row["code"], weight))
    return _Vocabulary(
        names, {word: tuple(meanings) for word, meanings in words.items()}, max(map(len, words))
    )
