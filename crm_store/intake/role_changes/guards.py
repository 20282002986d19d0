"""Reasons not to believe what a clause seems to say: denied, asked, wished, rumoured, long ago, of others.

Every guard answers with a factor for the confidence: 1 lets the reading pass, 0 stops it. A new trap is a
new function in ``GUARDS``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm_store.intake.role_changes import vocabulary as v
from crm_store.intake.role_changes.grammar import Reading
from crm_store.intake.role_changes.tokens import Token
from crm_store.intake.role_changes.vocabulary import vocabulary

_TAG_QUESTION = re.compile(
    "(?:是|对|真|有这|是真|确定|属实|没错)[^，,]{0,4}[吗吧么]?$|^(?:是不是|真的假的|怎么回事)$"
)
_QUESTION_END = re.compile("(?:吗|么|呢|没有|没)$")
_LATER_SENTENCE = re.compile(
    "^(?:后来|结果|其实|不过|但|这|都是|纯属|目前|最后|最终|幸好|好在|事后|原来|今天才知道|现在又|他又|又)"
)
# What may follow a department or a person that was taken over; anything else makes it another errand.
_ENDS_A_POST = frozenset("ahdpfyvJzj")
_SAYS_LITTLE = frozenset("aqBsH&dz")
_GOES_ON = re.compile("^(?:后来|结果|最后|又|但|不过|可|还|现在|目前|最终|这事|此事|消息|文件|方案|事情)")
_NO_ROOM_FOR_A_SUBJECT = 2


@dataclass(frozen=True)
class Setting:
    """What stands around a reading: its clause, those before it in the sentence, and what follows."""

    clause: str
    tokens: Sequence[Token]
    earlier: Sequence[Sequence[Token]]
    later_clauses: tuple[str, ...]
    mark: str
    next_sentence: str


Guard = Callable[[Reading, Setting], float]


def believe(reading: Reading, setting: Setting) -> float:
    """Return how far a reading is to be believed, 0–1."""
    factor = 1.0
    for guard in GUARDS:
        factor *= guard(reading, setting)
        if not factor:
            break
    return factor


def is_only_after(reading: Reading, setting: Setting) -> bool:
    """Tell whether the change is only told as a time (王主任退休后…), which says not that it was."""
    return _behind(reading, setting).startswith(tuple(vocabulary().lists["after_the_fact"]))


def _denied(reading: Reading, setting: Setting) -> float:
    """不是王主任退休: a negation right before the person. Between person and verb no shape lets one pass."""
    for token in reversed(setting.tokens[: reading.first]):
        if token.tag == "N":
            return 0.0
        if token.tag not in _SAYS_LITTLE:
            return 1.0
    return 1.0


def _uncertain(reading: Reading, setting: Setting) -> float:
    """可能, 打算, 是否: said before the verb, the change is a thought. Conditions cover what follows."""
    before = [token for token in setting.tokens if token.start < reading.verb.start]
    if any(token.tag == "W" or (token.tag == "I" and len(token.text) > 1) for token in before):
        return 0.0
    if reading.first and setting.tokens[reading.first - 1].tag == "I":
        return 0.0
    clauses = [*setting.earlier, before]
    return 0.0 if any(_is_condition(clause, token) for clause in clauses for token in clause) else 1.0


def _is_condition(clause: Sequence[Token], token: Token) -> bool:
    """Tell 等王主任退休 from 骨科等科室: a condition of one character opens its clause."""
    return token.tag == "i" and (len(token.text) > 1 or token is clause[0])


def _long_ago(reading: Reading, setting: Setting) -> float:
    """五年前他当过科长: history, unless the sentence has come back to the present."""
    if any(token.tag == "Y" for token in setting.tokens):
        own = [token.tag for token in setting.tokens]
        return 1.0 if "h" in own[_last_index(own, "Y") : own.index(reading.verb.tag) + 1] else 0.0
    tags = [token.tag for clause in setting.earlier for token in clause]
    tags += [token.tag for token in setting.tokens if token.start < reading.verb.start]
    if "Y" not in tags:
        return 1.0
    since = tags[_last_index(tags, "Y") :]
    return 1.0 if {"h", "d"} & set(since) else 0.0


def _last_index(tags: list[str], tag: str) -> int:
    return len(tags) - 1 - tags[::-1].index(tag)


def _not_yet_or_other(reading: Reading, setting: Setting) -> float:
    """退休前, 离职的员工, 退休年龄: what follows shows that the words tell no change."""
    words = vocabulary().lists
    behind = _behind(reading, setting)
    if behind.startswith("的"):
        of_what = behind.lstrip("的")
        decided = of_what.startswith(("事", "消息")) and any(
            word in of_what for word in words["certain_after"]
        )
        return 1.0 if not of_what or decided or of_what.startswith(tuple(words["announcements"])) else 0.0
    return 0.0 if behind.startswith(tuple(words["before_the_fact"])) else 1.0


def _other_errand(reading: Reading, setting: Setting) -> float:
    """代替王主任参加会议, 主持设备科招标会: an errand, not a post."""
    if reading.post is None and reading.job is None and (reading.before is None or reading.verb.tag == "C"):
        return 1.0
    following = setting.tokens[reading.last + 1 :]
    if not following or following[0].tag in _ENDS_A_POST or following[0].tag in v.VERBS:
        return 1.0
    return 0.0


def _asked(reading: Reading, setting: Setting) -> float:
    """A question states nothing; 王主任调走了，你知道吗？ does."""
    known = vocabulary().lists["tag_questions"]
    last = setting.later_clauses[-1] if setting.later_clauses else None
    if last is None:
        return 0.0 if setting.mark in "？?" or _QUESTION_END.search(setting.clause) else 1.0
    if setting.mark not in "？?" and not _QUESTION_END.search(last):
        return 1.0
    return 0.0 if _TAG_QUESTION.search(last) and not any(words in last for words in known) else 1.0


def _taken_back(reading: Reading, setting: Setting) -> float:
    """Later words deny it: 后来没走成, 纯属谣言."""
    words = vocabulary().lists
    denials, others = words["denials"], words["other_subjects"]
    rest = [setting.clause[reading.verb.end :]]
    rest += [clause for clause in setting.later_clauses if not any(word in clause for word in others)]
    if _LATER_SENTENCE.search(setting.next_sentence):
        rest.append(setting.next_sentence)
    if any(denial in text for text in rest for denial in denials):
        return 0.0
    return 0.0 if any(_comes_to_nothing(text) for text in rest) else 1.0


def _comes_to_nothing(clause: str) -> bool:
    """Tell 后来没成 from 项目先暂停: a clause with a subject of its own takes nothing back."""
    at = min(
        (found for word in vocabulary().lists["weak_denials"] if (found := clause.find(word)) >= 0),
        default=None,
    )
    return at is not None and (at <= _NO_ROOM_FOR_A_SUBJECT or _GOES_ON.search(clause) is not None)


def _rumoured(reading: Reading, setting: Setting) -> float:
    """听说王主任已经调走了: worth a look, not worth much."""
    clauses = [*setting.earlier, setting.tokens]
    told = any(
        token.tag == "H" for clause in clauses for token in clause if _is_before(token, reading, setting)
    )
    return vocabulary().confidence["hearsay"] if told else 1.0


def _is_before(token: Token, reading: Reading, setting: Setting) -> bool:
    return token not in setting.tokens or token.start < reading.verb.start


def _announced(reading: Reading, setting: Setting) -> float:
    """下个月退休, 提了离职: decided, not yet so."""
    ahead = any(token.tag == "f" and token.start < reading.verb.start for token in setting.tokens)
    return (
        vocabulary().confidence["announced"]
        if ahead or reading.verb.tag == "l" or reading.verb.text.startswith("拟")
        else 1.0
    )


def _behind(reading: Reading, setting: Setting) -> str:
    return setting.clause[setting.tokens[reading.last].end :].lstrip("了 ")


GUARDS: tuple[Guard, ...] = (
    _denied,
    _uncertain,
    _long_ago,
    _not_yet_or_other,
    _other_errand,
    _asked,
    _taken_back,
    _rumoured,
    _announced,
)
