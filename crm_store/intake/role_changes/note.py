"""Reads one note: its lines, sentences and clauses, and who was spoken of when a clause does not say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_store.intake.role_changes import guards
from crm_store.intake.role_changes import vocabulary as v
from crm_store.intake.role_changes.circle import Circle, KnownContact, Mention
from crm_store.intake.role_changes.findings import RoleChangeFound, confidence_of, is_news
from crm_store.intake.role_changes.grammar import Kind, Reading, read
from crm_store.intake.role_changes.guards import Setting
from crm_store.intake.role_changes.people import Scene, cast, scene_after
from crm_store.intake.role_changes.roles import new_role_of, old_role_of, with_department
from crm_store.intake.role_changes.tokens import Tagger, Token
from crm_store.intake.role_changes.vocabulary import is_department, vocabulary

_SENTENCE = re.compile(r"[^。！？!?；;\n\r]+[。！？!?；;]*")
# 新主任，叫李强 is one thought: a comma before the name does not part it; 休假并已辞职 is two.
_CLAUSES = re.compile(
    "[，,](?!叫|名叫|就是|姓|并入|划归|并到|合并到)|(?<![合归整一兼撤])并(?=已|且|将|于|被|接任|担任|升任|出任|兼任|接手)"
)
_SPEAKER = re.compile(r"^\s*(?:\[[^\]]{0,30}\]|【[^】]{0,30}】)?\s*([^\s，,：:]{2,12})\s*[：:]")
# Longer clauses are pasted tables or broken text; nobody tells a change in one breath of this length.
LONGEST_CLAUSE = 120
# A clause that opens with one of these lacks its subject; 任命 or 免去 has an object instead.
_NEEDS_A_SUBJECT = frozenset(v.VERBS + "FyB") - frozenset("nXr^4%v5")
_GONE: frozenset[Kind] = frozenset({"leaving", "retirement", "replaced", "transfer"})


@dataclass
class Note:
    """One note about an account, read once from its beginning to its end."""

    text: str
    circle: Circle
    said_at: datetime
    full_names: dict[str, str] = field(default_factory=dict)
    # Who a clause without a subject is about; which role and which department were spoken of last.
    topic: Token | None = None
    vacated: str | None = None
    posted: str | None = None

    def changes(self) -> Iterator[RoleChangeFound]:
        """Yield every change that the note tells, in its order; a person may come more than once."""
        for line in re.finditer(r"[^\n\r]+", self.text):
            speaker = self._speaker(line[0])
            tagger = Tagger(self.circle, self.said_at, speaker)
            sentences = list(_SENTENCE.finditer(self.text, line.start(), line.end()))
            self.topic = None
            for index, sentence in enumerate(sentences):
                following = sentences[index + 1][0] if index + 1 < len(sentences) else ""
                yield from self._sentence(sentence, tagger, following)

    def _speaker(self, line: str) -> str | None:
        """Return the contact who speaks, when the line begins with one: 王主任：我下周调去信息科."""
        found = _SPEAKER.match(line)
        if found is None:
            return None
        for token in Tagger(self.circle, self.said_at).tag(found[1]):
            if token.mention is not None and (contact := self.circle.find(token.mention)) is not None:
                return contact.name
        return None

    def _sentence(self, sentence: re.Match[str], tagger: Tagger, following: str) -> Iterator[RoleChangeFound]:
        body = sentence[0].rstrip("。！？!?；; ")
        mark = sentence[0][len(body) :].strip() or "。"
        clauses = [clause.strip() for clause in _CLAUSES.split(body)]
        earlier: list[list[Token]] = []
        scene: Scene = "here"
        self.posted = None
        waiting: list[RoleChangeFound] = []
        for index, clause in enumerate(clauses):
            if not clause or len(clause) > LONGEST_CLAUSE:
                continue
            tokens = cast(tagger.tag(clause), self.circle, scene)
            scene = scene_after(tokens, scene)
            tokens = _cues(earlier) + self._with_subject(tokens)
            setting = Setting(
                clause, tokens, earlier, tuple(clauses[index + 1 :]), mark[0], following.strip()
            )
            for reading in read(tokens):
                for change in self._told(reading, setting, sentence):
                    if guards.is_only_after(reading, setting):
                        waiting.append(change)
                    else:
                        yield from waiting
                        waiting = []
                        yield change
            self._remember(tokens)
            earlier.append(tokens)

    def _with_subject(self, tokens: list[Token]) -> list[Token]:
        """Give a clause without a subject the one spoken of before, and 他 or 她 the same."""
        tokens = self._with_pronouns_read(tokens)
        if self.topic is None:
            return tokens
        for token in tokens:
            if token.tag in _NEEDS_A_SUBJECT:
                return [replace(self.topic, start=0, end=0), *tokens]
            if token.tag not in "ahpfHZdzq":
                break
        return tokens

    def _with_pronouns_read(self, tokens: list[Token]) -> list[Token]:
        """Read 他 as the person named before it in the clause, else as the one spoken of."""
        read_tokens = []
        last = self.topic
        for token in tokens:
            if token.tag == v.THIRD_PERSON and last is not None:
                token = replace(last, start=token.start, end=token.end)
            elif token.tag == v.PERSON:
                last = token
            read_tokens.append(token)
        return read_tokens

    def _remember(self, tokens: list[Token]) -> None:
        """Keep who a clause was about: the one person in it, else nobody."""
        people = {token.text: token for token in tokens if token.tag == v.PERSON}
        for token in people.values():
            if token.mention is not None and token.mention.name is not None:
                self.full_names.setdefault(token.mention.name[0], token.mention.name)
        if len(people) == 1:
            self.topic = next(iter(people.values()))
        elif people or any(token.tag in "790" for token in tokens):
            self.topic = None

    def _told(self, reading: Reading, setting: Setting, sentence: re.Match[str]) -> Iterator[RoleChangeFound]:
        factor = guards.believe(reading, setting)
        if not factor:
            return
        start, end = _trimmed(sentence)
        for kind, token, mention, contact in self._who(reading):
            old = old_role_of(reading, mention, contact)
            before = None if self._lost_only_a_part(reading.before) else self._role_of(reading.before)
            new = new_role_of(kind, reading, mention, contact, before, self.vacated)
            new = self._with_post(kind, token, new, reading.new)
            confidence = confidence_of(factor, token, new, contact is None and bool(self.circle.contacts))
            if kind in _GONE:
                partly = reading.verb.text.endswith(tuple(vocabulary().lists["partly"]))
                self.vacated = None if partly or reading.job is not None else old
            change = RoleChangeFound(
                kind, _called(mention, contact), contact.id if contact else None, old, new,
                self.text[start:end], start, end, confidence,
            )  # fmt: skip
            if confidence >= vocabulary().confidence["least"] and is_news(change, reading, token, contact):
                yield change

    def _who(self, reading: Reading) -> Iterator[tuple[Kind, Token, Mention, KnownContact | None]]:
        """Yield everyone whose role a reading changes: those it is about, and the one who made room."""
        if reading.kind == "department_merge":
            for token in reading.old:
                yield reading.kind, token, Mention(token.text, department=token.text), None
            return
        for token in reading.people:
            if token.mention is not None:
                mention = self._in_full(token.mention)
                yield reading.kind, token, mention, self.circle.find(mention)
        before = reading.before
        if reading.kind == "taking_over" and before is not None and before.mention is not None:
            mention = self._in_full(before.mention)
            contact = self.circle.find(mention)
            if before.tag == v.PERSON or contact is not None:
                yield "replaced", before, mention, contact

    def _in_full(self, mention: Mention) -> Mention:
        """Read 王主任 as 王建国 when the note has named him in full and no contact fits better."""
        if mention.surname is None or self.circle.find(mention) is not None:
            return mention
        name = self.full_names.get(mention.surname[0])
        return mention if name is None else replace(mention, name=name)

    def _lost_only_a_part(self, token: Token | None) -> bool:
        """After 不再分管设备，改由何静分管 the role itself is not what goes to 何静."""
        return token is not None and token.start == token.end and self.vacated is None

    def _with_post(self, kind: Kind, token: Token, new: str | None, said: Token | None) -> str | None:
        """Join 调入总装车间，任副主任 into one role."""
        if (kind == "transfer" and new is not None and is_department(new)) or kind == "department_merge":
            self.posted = new
        elif self.posted and said is not None and said.text in vocabulary().lists["titles"]:
            return with_department(said.text, self.posted)
        return new

    def _role_of(self, token: Token | None) -> str | None:
        if token is None or token.mention is None:
            return None
        contact = self.circle.find(self._in_full(token.mention))
        return token.mention.role or (contact.role if contact else None)


def _cues(earlier: list[list[Token]]) -> list[Token]:
    """Carry over what makes a plain 何静任副院长 news: an announcement, or a time from which (下周起，…)."""
    announced = any(token.tag == v.ANNOUNCING for clause in earlier for token in clause)
    cues = [Token(v.ANNOUNCING, "", 0, 0)] if announced else []
    last = "".join(token.tag for token in earlier[-1]) if earlier else ""
    if last and set(last) <= set("hfdaz") and set(last) & set("hf"):
        cues += [Token("h", "", 0, 0)] + [Token("f", "", 0, 0)] * ("f" in last)
    return cues


def _called(mention: Mention, contact: KnownContact | None) -> str:
    return contact.name if contact else mention.name or mention.text


def _trimmed(sentence: re.Match[str]) -> tuple[int, int]:
    found = sentence[0]
    return sentence.start() + len(found) - len(found.lstrip()), sentence.start() + len(found.rstrip())
