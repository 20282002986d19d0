"""Shapes of clauses that tell a role change, as regular expressions over the tokens' tags.

Adding a way of saying it is adding a row. ``who`` is the person (or several) whose role changes, ``new``
the role or department they come to, ``old`` what they leave, and ``before`` the person they follow.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crm_store.intake.role_changes.tokens import Token
from crm_store.intake.role_changes.vocabulary import VERBS

Kind = Literal[
    "promotion", "transfer", "leaving", "retirement", "taking_over", "acting", "replaced", "department_merge"
]

_S = "[ahpfHZdzq]*"
_WHO = f"(?P<who>[PR](?:{_S}&[PR])*)"
_ONE = "(?P<who>P)"
_NEW = "(?P<new>R)(?:J?j)?"
_POST = "(?:(?P<post>D)J?j?j?|(?P<job>j)j?)"
_IN_ITS_PLACE = "(?P<before>[PR])(?:J?j+|J)?"
_CHANGED = "(?=[apfHZdzq]*h)" + _S
_FOR_NOW = "(?=[ahfHZdzq]*p)" + _S


_CAN_TELL = frozenset(VERBS + "Vwyv")


@dataclass(frozen=True)
class Shape:
    """One way of saying a change. ``verb`` in the pattern marks where the change is said."""

    kind: Kind
    pattern: re.Pattern[str]


def _shapes(kind: Kind, *patterns: str) -> list[Shape]:
    return [Shape(kind, re.compile(pattern)) for pattern in patterns]


SHAPES: tuple[Shape, ...] = (
    *_shapes(
        "promotion",
        f"{_WHO}{_S}(?:[FB](?P<old>[RD]){_S})?(?P<verb>U){_S}{_NEW}",
        f"{_WHO}{_S}(?P<verb>u){_S}(?:{_NEW})?",
        f"(?P<verb>r){_S}{_ONE}{_S}[wVKkG#]?{_S}{_NEW}",
        f"{_WHO}{_S}(?P<verb>r){_S}[wVKkG#]?{_S}{_NEW}",
    ),
    *_shapes(
        "acting",
        f"{_ONE}{_FOR_NOW}(?P<verb>[VwKkQG#]){_S}(?:{_NEW}|{_POST})",
        f"{_IN_ITS_PLACE}{_FOR_NOW}B{_S}{_ONE}{_S}(?P<verb>[VGkQ#])",
        f"{_IN_ITS_PLACE}{_S}B{_S}{_ONE}{_FOR_NOW}(?P<verb>[VGkQ#])",
        f"{_IN_ITS_PLACE}{_S}B{_S}{_ONE}{_S}(?P<verb>G)(?:{_S}j)?",
        f"(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_S}(?P<verb>G)(?:{_S}j)?",
        f"(?:{_NEW}|{_POST})J?j?{_FOR_NOW}B{_S}{_ONE}{_S}(?P<verb>[VGkQw#])",
        f"(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_FOR_NOW}(?P<verb>[VGkQw#])",
        f"{_ONE}{_S}(?P<verb>G){_S}(?:{_NEW}|{_POST})j?",
        f"B{_S}{_ONE}{_FOR_NOW}(?P<verb>[VG#])$",
        f"{_ONE}{_FOR_NOW}(?P<verb>k)",
    ),
    *_shapes(
        "taking_over",
        f"(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_S}(?P<verb>Q){_S}(?P<before>P)",
        f"{_IN_ITS_PLACE}{_S}[BZ]{_S}{_ONE}{_S}(?P<verb>[Qk])(?:{_S}(?:{_NEW}|{_POST}))?",
        f"{_IN_ITS_PLACE}{_CHANGED}B{_S}{_ONE}{_S}(?P<verb>[V#])",
        f"{_NEW}{_S}B{_S}(?P<before>P){_S}(?P<verb>C){_S}{_ONE}",
        f"(?P<before>P){_S}(?P<verb>S)Z{_S}{_ONE}",
        f"(?P<before>P){_S}(?P<verb>~){_S}{_ONE}",
        f"{_IN_ITS_PLACE}{_S}(?P<verb>C){_S}B?{_S}{_ONE}",
        f"{_ONE}{_S}(?P<verb>[Qk]){_S}(?P<before>P){_S}J?j?{_S}(?:[wVKk#]{_S}{_NEW})?",
        f"{_ONE}{_S}(?P<verb>[Qk]){_S}(?:{_NEW}|{_POST})j?",
        f"{_ONE}{_S}(?P<verb>K){_S}{_NEW}",
        f"{_ONE}{_S}(?P<verb>k)",
        f"(?P<verb>X){_S}{_ONE}{_S}[wVKk#]{_S}{_NEW}",
        f"{_ONE}{_S}(?P<verb>X){_S}[wVKk#]?{_S}{_NEW}",
        f"{_ONE}{_CHANGED}(?P<verb>[Vw#]){_S}(?:{_NEW}|{_POST})",
        f"{_ONE}{_CHANGED}(?P<verb>y){_S}{_NEW}",
        f"{_ONE}{_S}(?P<verb>[Vw#]){_S}{_NEW}z",
        f"[h!]{_S}{_ONE}{_S}(?P<verb>y){_S}{_NEW}",
        f"(?:(?P<before>P)J?)?{_S}(?P<verb>5){_S}[yXC]?{_S}(?P<who>P)",
        f"{_NEW}{_S}B{_S}{_ONE}{_S}(?P<verb>#)",
        f"{_ONE}{_S}(?P<verb>#){_S}{_NEW}",
        f"[h!]{_S}{_ONE}{_S}(?P<verb>@)",
        f"{_ONE}{_CHANGED}(?P<verb>@)",
        f"(?:{_NEW}|{_POST})J?j?{_S}(?P<verb>[+]){_S}(?P<who>P)",
        f"(?P<post>D){_S}(?P<verb>C){_S}n?{_S}{_NEW}x?y?{_S}(?P<who>P)",
        f"[h!]{_S}(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_S}(?P<verb>[Vw#])",
        f"[h!]{_S}B?{_S}{_ONE}{_S}(?P<verb>[Vw#]){_S}(?:{_NEW}|{_POST})",
        f"(?:{_NEW}|{_POST})J?j?{_S}(?P<verb>C){_S}B?{_S}{_ONE}",
        f"(?:{_NEW}|{_POST})J?j?{_CHANGED}[By]{_S}{_ONE}{_S}(?P<verb>[VwKkQ#@])",
        f"(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_S}(?P<verb>[kQK])",
        f"(?:{_NEW}|{_POST})J?j?{_S}B{_S}{_ONE}{_S}(?P<verb>[V#])z",
        f"(?P<verb>n){_S}J?{_S}{_NEW}{_S}(?:yx)?y{_S}{_ONE}",
        f"(?P<verb>h)J?{_NEW}{_S}y{_S}{_ONE}",
        f"(?P<verb>n){_S}J?{_S}(?P<who>P)",
        f"(?P<verb>v){_S}J?{_S}(?P<who>P)",
    ),
    *_shapes("leaving", f"{_WHO}{_S}(?:u{_S})?(?:F(?:[DqRO]){_S})?(?P<verb>T){_S}(?:D{_S})?x?O"),
    *_shapes(
        "transfer",
        f"{_WHO}{_S}(?:F(?P<old>[DR]){_S})?(?P<verb>T){_S}J?{_S}(?:(?P<post>D){_S}[wVKkG#]{_S}(?P<new2>R)|{_NEW}|(?P<post2>D))",
        f"{_WHO}{_S}(?P<verb>t)(?P<old>D)?",
        f"{_WHO}{_S}>{_S}(?P<post>D){_S}(?P<verb><)",
        f"{_WHO}{_S}>{_S}(?P<post>D){_S}(?P<verb>[wVK#]){_S}{_NEW}",
        f"(?P<verb>\\^){_S}{_ONE}{_S}>{_S}(?:(?P<post>D){_S}[wVKkG#]{_S}(?P<new2>R)|(?P<post2>D))",
        f"{_WHO}{_S}(?P<verb>=){_S}(?P<old>D)[az]*z$",
    ),
    *_shapes(
        "leaving",
        f"{_WHO}{_S}>{_S}O{_S}(?P<verb><)",
        f"{_WHO}{_S}>{_S}O{_S}(?P<verb>[wVK#]){_S}R",
        f"{_WHO}{_S}(?P<verb>=){_S}q[az]*z$",
        f"{_WHO}{_S}(?:F?[Dqj]{_S})?(?P<verb>L)",
        f"{_WHO}{_S}Z{_S}q?{_S}(?P<verb>4)",
        f"(?P<verb>4){_S}(?P<who>P)",
        f"{_WHO}{_S}!?{_S}(?P<verb>l)",
        f"{_WHO}{_S}!{_S}(?P<verb>L)",
        f"{_WHO}{_S}(?P<verb>b){_S}q",
        f"{_WHO}{_S}d{_S}(?P<verb>g)$",
    ),
    *_shapes(
        "retirement",
        f"{_WHO}{_S}(?:F?[Dq]{_S})?(?P<verb>E)",
        f"{_WHO}{_S}!{_S}(?P<verb>E)",
        f"{_WHO}{_S}(?P<verb>e)[adz]*$",
        f"{_WHO}{_S}(?P<verb>e)(?=h)",
    ),
    *_shapes(
        "replaced",
        f"{_WHO}{_S}(?P<verb>S){_S}(?:(?P<old>R)|(?P<post>D)?(?P<job>j))?",
        f"(?P<verb>%){_S}{_ONE}J?{_S}(?P<old>R)?",
        f"{_WHO}{_S}(?P<verb>%)[az]*$",
        f"(?P<who>R){_S}(?P<verb>c)",
        f"(?P<who>R){_S}(?P<verb>C)[az]*n?[az]*$",
    ),
    *_shapes(
        "department_merge",
        f"(?P<old>D(?:{_S}&{_S}D)+){_S}(?P<verb>m){_S}n?{_S}(?P<new>D)",
        f"(?P<old>D(?:{_S}&{_S}D)+){_S}(?P<verb>1)[az]*$",
        f"(?P<old>D(?:{_S}&{_S}D)*){_S}(?P<verb>M){_S}(?P<new>D)",
        f"(?P<old>D){_S}(?P<verb>2){_S}(?P<new>D)",
        f"(?P<old>D){_S}(?P<verb>1){_S}[mM]?{_S}(?P<new>D)",
        f"(?P<old>D){_S}3{_S}x?{_S}(?P<verb>M){_S}(?P<new>D)",
        f"3{_S}(?P<old>D){_S}x?{_S}(?P<verb>M){_S}(?P<new>D)",
    ),
)


@dataclass(frozen=True)
class Reading:
    """A shape found in a clause: tokens by the names of the pattern's groups."""

    kind: Kind
    people: tuple[Token, ...]
    verb: Token
    new: Token | None
    old: tuple[Token, ...]
    before: Token | None
    post: Token | None
    job: Token | None
    first: int
    last: int


def read(tokens: Sequence[Token]) -> list[Reading]:
    """Return every change that a clause tells; a verb is read once, in the first shape that fits."""
    tags = "".join(token.tag for token in tokens)
    if _CAN_TELL.isdisjoint(tags):
        return []
    found: dict[int, Reading] = {}
    for shape in SHAPES:
        for match in shape.pattern.finditer(tags):
            at = match.start("verb")
            if at not in found:
                found[at] = _reading(shape.kind, match, tokens)
    return [found[at] for at in sorted(found)]


def _reading(kind: Kind, match: re.Match[str], tokens: Sequence[Token]) -> Reading:
    groups = match.re.groupindex

    def one(name: str) -> Token | None:
        return tokens[match.start(name)] if name in groups and match[name] else None

    def several(name: str, tags: str) -> tuple[Token, ...]:
        if name not in groups or not match[name]:
            return ()
        return tuple(token for token in tokens[match.start(name) : match.end(name)] if token.tag in tags)

    return Reading(
        kind=kind,
        people=several("who", "PR"),
        verb=tokens[match.start("verb")],
        new=one("new") or one("new2"),
        old=several("old", "RD"),
        before=one("before"),
        post=one("post") or one("post2"),
        job=one("job"),
        first=match.start(),
        last=match.end() - 1,
    )
