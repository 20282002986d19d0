"""From a clause to tagged tokens: words, times, organisations, and people in all the ways they are named."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from crm_store.intake.role_changes import vocabulary as v
from crm_store.intake.role_changes.circle import Circle, Mention
from crm_store.intake.role_changes.vocabulary import Vocabulary, vocabulary

# 一院, 市中医院, 县医院: hospitals as people call them.
_HOSPITAL = re.compile(
    "[市省县区]?附?第?[一二三四五六七八九]院|[市省县区]?(?:中|妇幼保健|妇保|儿童|肿瘤|人民|中心|口腔|胸科|眼科)医?院|[市省县区]医院|卫生院"
)
_LATIN = re.compile("[A-Z][a-z]{2,}(?: [A-Z][a-z]+)?")
_NICKNAME = "老小阿"
# What follows these is about to do or become something, so a name may start right behind them.
_BEFORE_A_NAME = frozenset("BCQXrynDRJ&KFows")
_ONLY_PEOPLE_DO = frozenset("kKELu#")
# What follows is the name of a department, however new: 整合为医院运营中心.
_MAKES_A_DEPARTMENT = frozenset("mM2")
_LONGEST_NAME = 4
_LONGEST_ORGANISATION = 6
_REGIONS = "市省县区"
_ORGANISATION_ENDS = ("医院", "公司", "集团", "单位", "企业")


@dataclass(frozen=True)
class Token:
    """A piece of a clause; ``start`` and ``end`` are places in the clause."""

    tag: str
    text: str
    start: int
    end: int
    mention: Mention | None = None


@dataclass(frozen=True)
class Tagger:
    """Tags the clauses of one note. ``speaker`` is the contact who says "我", if the line names one."""

    circle: Circle
    said_at: datetime
    speaker: str | None = None

    def tag(self, clause: str) -> list[Token]:
        """Return the clause's tokens, people found and named."""
        words = vocabulary()
        tokens = self._organisations(self._lexed(clause, words))
        return list(_people_in_gaps(tokens, words))

    def _lexed(self, clause: str, words: Vocabulary) -> Iterator[Token]:
        at = gap = 0
        while at < len(clause):
            token = self._token_at(clause, at, words)
            if token is None or token.tag == v.GAP:
                at = at + 1 if token is None else token.end
                continue
            if gap < at:
                yield Token(v.GAP, clause[gap:at], gap, at)
            yield token
            at = gap = token.end
            if token.tag in _MAKES_A_DEPARTMENT and (made := words.open_department.match(clause, at)):
                yield Token(v.DEPARTMENT, made[0], at, made.end())
                at = gap = made.end()
        if gap < at:
            yield Token(v.GAP, clause[gap:at], gap, at)

    def _token_at(self, clause: str, at: int, words: Vocabulary) -> Token | None:
        person = self._person_at(clause, at, words)
        if person is not None and person.mention is not None and person.mention.name is not None:
            return person
        time = words.times.match(clause, at)
        if time is not None and time.end() > at:
            return Token(self._time_tag(time, words), time[0], at, time.end())
        hospital = _HOSPITAL.match(clause, at)
        if hospital is not None:
            tag = v.OWN_ORG if self.circle.is_same_organisation(hospital[0]) else v.OTHER_ORG
            return Token(tag, hospital[0], at, hospital.end())
        word = words.word_at(clause, at)
        if word is None and clause.startswith(self.circle.short_name or "\n", at):
            return Token(v.OWN_ORG, self.circle.short_name, at, at + len(self.circle.short_name))
        if person is not None and (word is None or person.end - at >= len(word[0])):
            return person
        if word is None:
            latin = _LATIN.match(clause, at)
            return None if latin is None else _named(latin[0], at)
        return self._spoken(Token(word[1], word[0], at, at + len(word[0])))

    def _spoken(self, token: Token) -> Token:
        """Read "我" and "我们公司" from the speaker's side: a customer's own, or ours."""
        if self.speaker is None:
            return token
        if token.tag == v.FIRST_PERSON:
            return replace(token, tag=v.PERSON, mention=Mention(self.speaker, name=self.speaker))
        return replace(token, tag=v.OWN_ORG) if token.tag == v.OUR_SIDE else token

    def _person_at(self, clause: str, at: int, words: Vocabulary) -> Token | None:
        """Return 李强 (a contact), 王主任, 老王 or 小李 if one starts there."""
        for name in self.circle.names.get(clause[at], ()):
            if clause.startswith(name, at) and _is_meant(name, clause, at, words):
                return _named(name, at)
        for name in self.circle.own_names.get(clause[at], ()):
            if clause.startswith(name, at):
                return Token(v.OUR_SIDE, name, at, at + len(name))
        behind = at + 1 if clause[at] in _NICKNAME else at
        surname = self._surname_at(clause, behind, words)
        if surname is None:
            return None
        end = behind + len(surname)
        title = words.title_at(clause, end)
        if title is not None and not _is_part_of_a_word(clause, end, title, words):
            end += len(title)
        elif behind == at:
            return None
        else:
            title = None
        text = clause[at:end]
        return Token(v.PERSON, text, at, end, Mention(text, surname=surname, title=title))

    def _surname_at(self, clause: str, at: int, words: Vocabulary) -> str | None:
        if clause[at : at + 2] in words.lists["compound_surnames"]:
            return clause[at : at + 2]
        surname = clause[at : at + 1]
        if surname in words.wordlike_surnames and surname not in self.circle.initials:
            return None
        return surname if surname in words.surnames else None

    def _time_tag(self, time: re.Match[str], words: Vocabulary) -> str:
        if time["years"] is not None:
            return "d" if time["years"] in ("1", "一") and words.history_years > 1 else "Y"
        if time["year"] is not None:
            age = self.said_at.year - int(time["year"])
            return "Y" if age >= words.history_years else "d" if age >= 0 else "I"
        return next(tag for index, tag in enumerate(words.time_tags) if time[f"t{index}"] is not None)

    def _organisations(self, tokens: Iterable[Token]) -> list[Token]:
        """Join 恒力 and 集团, or 市 and 卫健委, into one organisation: the account itself, or another."""
        joined: list[Token] = []
        for token in tokens:
            if joined and joined[-1].tag == v.GAP and _ends_a_name(token):
                name = _name_in(joined[-1].text, token)
                token = self._organisation(name, token) if name else token
                joined[-1:] = _split_rest(joined[-1], 0, len(name))
            joined.append(token)
        return joined

    def _organisation(self, name: str, end: Token) -> Token:
        own = any(self.circle.is_same_organisation(name[at:] + end.text) for at in range(len(name)))
        tag = v.OWN_ORG if own else v.OTHER_ORG
        return Token(tag, name + end.text, end.start - len(name), end.end)


def _name_in(gap: str, end: Token) -> str:
    """Return what a gap says of the organisation: 市 before 卫健委, else two characters and more."""
    if end.tag == v.OTHER_ORG and gap[-1] in _REGIONS:
        return gap[-1]
    return gap[-_LONGEST_ORGANISATION:] if len(gap) > 1 else ""


def _ends_a_name(token: Token) -> bool:
    return token.tag == v.OTHER_ORG or (
        token.tag == v.OWN_ORG
        and (token.text in _ORGANISATION_ENDS or _HOSPITAL.fullmatch(token.text) is not None)
    )


def _is_part_of_a_word(clause: str, at: int, title: str, words: Vocabulary) -> bool:
    """Tell 李工|负责 from 李|工作: a short title may be the beginning of an ordinary word."""
    word = words.word_at(clause, at)
    return word is not None and len(word[0]) > len(title) and word[1] not in (v.ROLE, v.RANK)


def _is_meant(name: str, clause: str, at: int, words: Vocabulary) -> bool:
    """Tell whether a contact called 高兴 is meant: a name that is a word needs a title beside it, or a verb
    that only people have.
    """
    if name not in words.lists["not_names"]:
        return True
    if clause[:at].endswith(tuple(words.lists["titles"])):
        return True
    end = at + len(name)
    following = words.word_at(clause, end) if end < len(clause) else None
    of_people = following is not None and (
        following[1] in _ONLY_PEOPLE_DO or (following[1] == "U" and following[0][-1] in "任为")
    )
    return of_people or words.title_at(clause, end) is not None


def _named(name: str, at: int) -> Token:
    return Token(v.PERSON, name, at, at + len(name), Mention(name, name=name))


def _people_in_gaps(tokens: list[Token], words: Vocabulary) -> Iterator[Token]:
    """Find names that no list knows: what is left between known words and looks like a name."""
    for index, token in enumerate(tokens):
        if token.tag != v.GAP:
            yield token
            continue
        before = tokens[index - 1].tag if index else ""
        after = tokens[index + 1].tag if index + 1 < len(tokens) else ""
        yield from _split(token, before, after, words)


def _split(gap: Token, before: str, after: str, words: Vocabulary) -> Iterator[Token]:
    text = gap.text
    if before in ("T", "M", "m", "F", "2", "&") and (found := words.open_department.match(text)):
        yield Token(v.DEPARTMENT, found[0], gap.start, gap.start + found.end())
        yield from _split_rest(gap, found.end())
        return
    for length in range(min(len(text), _LONGEST_NAME), 1, -1):
        if (len(text) == length or after) and words.is_name(text[-length:]):
            yield from _split_rest(gap, 0, length)
            yield _named(text[-length:], gap.end - length)
            return
    for length in range(min(len(text), _LONGEST_NAME), 1, -1):
        if before in _BEFORE_A_NAME and before and words.is_name(text[:length]):
            yield _named(text[:length], gap.start)
            yield from _split_rest(gap, length)
            return
    yield gap


def _split_rest(gap: Token, front: int, back: int = 0) -> list[Token]:
    """Return what a gap keeps without so many characters in front and at the back: one token or none."""
    rest = gap.text[front : len(gap.text) - back]
    return [Token(v.GAP, rest, gap.start + front, gap.end - back)] if rest else []
