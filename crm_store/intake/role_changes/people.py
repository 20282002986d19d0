"""From tokens to a clause's cast: whole roles (设备科 + 主任), whole people, and who is none of ours."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from crm_store.intake.role_changes import vocabulary as v
from crm_store.intake.role_changes.circle import Circle, Mention
from crm_store.intake.role_changes.tokens import Token
from crm_store.intake.role_changes.vocabulary import department_of

Scene = Literal["here", "among_strangers", "elsewhere"]

SOMEONE_ELSE = "7"
"""The tag of a person whose changes are not the account's: ours, another company's, a relative."""

_LONGEST_MODIFIER = 4
_IN_CHARGE_OF = re.compile("V[Djx]J")
_LEADS_TO_A_ROLE = frozenset("UKTwVXk#")
# What may stand between an organisation and its person: 二院|设备科|的|王主任.
_BELONGING = frozenset("DJaohnRdz")


def cast(tokens: Sequence[Token], circle: Circle, scene: Scene = "here") -> list[Token]:
    """Join tokens into roles and people, and mark strangers; ``scene`` is where the clause plays."""
    joined: list[Token] = []
    for token in tokens:
        if token.tag == v.ROLE:
            _add_role(joined, token)
        elif token.tag == v.PERSON:
            _add_person(joined, token)
        elif token.tag == v.DEPARTMENT and joined and _adjoins(joined[-1], token):
            first = joined.pop()
            joined.append(Token(v.DEPARTMENT, first.text + token.text, first.start, token.end))
        elif token.tag == v.RANK and joined and joined[-1].tag == v.PERSON:
            joined[-1] = _merged(joined[-1], token, joined[-1].mention)
        else:
            joined.append(token)
    return _strangers(_agents_dropped(joined), circle, scene)


def scene_after(tokens: Sequence[Token], scene: Scene) -> Scene:
    """Return where the clauses after this one play.

    二院那边 sets the scene for everyone, 我们医院 brings it back, and after a clause about strangers only
    people on record are believed to be the account's.
    """
    tags = {token.tag for token in tokens}
    if SOMEONE_ELSE in tags and v.PERSON not in tags:
        return "among_strangers" if scene == "here" else scene
    if any(token.tag not in (v.OTHER_ORG, v.OWN_ORG, v.GAP, "a", "J", "z") for token in tokens):
        return scene
    places = [token.tag for token in tokens if token.tag in (v.OTHER_ORG, v.OWN_ORG)]
    return scene if not places else "elsewhere" if places[0] == v.OTHER_ORG else "here"


def _add_role(joined: list[Token], token: Token) -> None:
    behind = _pop_person_before(joined, token)
    if behind is not None:
        joined.append(behind)
        return
    start, text = token.start, token.text
    if len(joined) > 1 and _is_modifier(joined[-1], token) and joined[-2].tag in _LEADS_TO_A_ROLE:
        modifier = joined.pop()  # 升为制造副总经理
        text, start = modifier.text + text, modifier.start
    fresh = joined.pop() if joined and joined[-1].tag == "n" else None
    department = _department_at_end(joined)
    if department is not None:
        text, start = department.text + text, department.start
    if fresh is not None:
        joined.append(fresh)
    if _IN_CHARGE_OF.fullmatch("".join(part.tag for part in joined[-3:])):
        parts = joined[-3:]  # 分管设备的副院长 is one role
        del joined[-3:]
        text, start = "".join(part.text for part in parts) + text, parts[0].start
    mention = Mention(text, role=text, department=department_of(text))
    joined.append(Token(v.ROLE, text, start, token.end, mention))


def _pop_person_before(joined: list[Token], title: Token) -> Token | None:
    """Join 李强 and 主任; 王主任 has a title already."""
    last = joined[-1] if joined else None
    if last is None or last.tag != v.PERSON or last.end != title.start or last.mention is None:
        return None
    if last.mention.title is not None:
        return None
    joined.pop()
    return _merged(last, title, replace(last.mention, title=title.text))


def _add_person(joined: list[Token], token: Token) -> None:
    """Give a person the role or department that stands right before the name."""
    mention = token.mention
    last = joined[-1] if joined else None
    if last is not None and mention is not None:
        if last.tag == v.ROLE and last.end == token.start:
            joined.pop()
            department = last.mention.department if last.mention else None
            token = _merged(last, token, replace(mention, role=last.text, department=department))
        elif (department_token := _department_at_end(joined)) is not None:
            token = replace(token, mention=replace(mention, department=department_token.text))
    joined.append(token)


def _is_modifier(gap: Token, title: Token) -> bool:
    return gap.tag == v.GAP and gap.end == title.start and 1 < len(gap.text) <= _LONGEST_MODIFIER


def _adjoins(first: Token, second: Token) -> bool:
    return first.tag == second.tag and first.end == second.start


def _department_at_end(joined: list[Token]) -> Token | None:
    """Take a department, with or without 的 behind it, off the end."""
    if joined and joined[-1].tag == v.DEPARTMENT:
        return joined.pop()
    if len(joined) > 1 and joined[-1].tag == "J" and joined[-2].tag == v.DEPARTMENT:
        joined.pop()
        return joined.pop()
    return None


def _merged(first: Token, second: Token, mention: Mention | None) -> Token:
    return Token(v.PERSON, first.text + second.text, first.start, second.end, mention)


def _agents_dropped(tokens: list[Token]) -> list[Token]:
    """Read 被纪委带走 as 被带走: by whom does not matter, and must not pass for where to."""
    plain = list(tokens)
    for at in range(1, len(tokens) - 1):
        if tokens[at - 1].tag == "Z" and tokens[at].tag in "DqOx" and tokens[at + 1].tag in v.VERBS:
            plain[at] = replace(tokens[at], tag="a")
    return plain


def _strangers(tokens: list[Token], circle: Circle, scene: Scene) -> list[Token]:
    elsewhere = scene == "elsewhere"
    stranger = elsewhere
    marked: list[Token] = []
    for token in tokens:
        if token.tag == v.OWN_ORG:
            stranger = False
        elif token.tag in (v.OTHER_ORG, v.OUR_SIDE):
            stranger = True
        elif token.tag in (v.PERSON, v.ROLE) and (
            stranger or _is_of_somebody(marked, token) or _is_unknown(marked, token, circle, scene)
        ):
            token = replace(token, tag=SOMEONE_ELSE)
        elif token.tag not in _BELONGING and token.tag != "&":
            stranger = elsewhere
        marked.append(token)
    return marked


def _is_of_somebody(before: list[Token], token: Token) -> bool:
    """Tell whether a role is that of something unknown: 浙二的设备科主任."""
    tags = "".join(t.tag for t in before[-2:])
    return token.tag == v.ROLE and tags == "xJ"


def _is_unknown(before: list[Token], token: Token, circle: Circle, scene: Scene) -> bool:
    """Tell whether someone among strangers, or one of ours (我们王总), is nobody on record."""
    ours = bool(before) and before[-1].tag == v.WE
    if scene != "among_strangers" and not (ours and token.tag == v.PERSON):
        return False
    return token.mention is not None and circle.find(token.mention) is None
