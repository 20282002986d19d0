"""The search for duplicates among all leads or accounts, as a list of small tasks.

Each task reads on its own (``look``) and then writes what it found in short transactions (``keep``), so any
number of processes can work through the list, and one that was stopped goes on where it was. Everything can
be repeated. Memory is bounded by the size of a task, whatever the number of records.

The steps go one after the other: first every record's keys are put right, then the records that share a key
are compared, and last the open pairs that no longer hold are taken back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from operator import itemgetter
from typing import Literal

from sqlalchemy.orm import Session

from crm_store.intake.duplicates.keys import MEETING_KINDS, keys_of, profile_of
from crm_store.intake.duplicates.profile import Profile, read_profile
from crm_store.intake.duplicates.reasons import reasons_of
from crm_store.intake.duplicates.scoring import THRESHOLD, Judgement, judge
from crm_store.repositories.duplicates import keys as dedupe_keys
from crm_store.repositories.duplicates import pairs
from crm_store.repositories.duplicates.keys import RecordKey
from crm_store.repositories.duplicates.pairs import FoundPair

Step = Literal["keys", "pairs", "recheck"]
STEPS: tuple[Step, ...] = ("keys", "pairs", "recheck")
"""What a scan does, in order."""

RECORDS_PER_TASK = 5_000
_KEYS_PER_WRITE = 5_000
# Keys are hex digests, so their first digits divide them evenly.
_PORTIONS = tuple(f"{number:02x}" for number in range(0, 256, 4))


@dataclass(frozen=True)
class ScanTask:
    """A portion of a scan: ids with low < id ≤ high, or keys with low ≤ key < high; None is the end."""

    entity: str
    step: Step
    kind: str
    low: str
    high: str | None


@dataclass(frozen=True)
class Findings:
    """What one task found: keys to add and remove, pairs to propose, and the ids of pairs to take back."""

    new_keys: frozenset[RecordKey] = frozenset()
    old_keys: frozenset[RecordKey] = frozenset()
    found: tuple[FoundPair, ...] = ()
    gone: frozenset[str] = frozenset()

    def parts(self) -> Iterator["Findings"]:
        """Yield these findings in parts small enough that other writers need not wait long for any.

        Keys come in the order in which they lie: in a large store each touches a page of its own.
        """
        if self.old_keys or self.found or self.gone:
            yield Findings(old_keys=self.old_keys, found=self.found, gone=self.gone)
        new = sorted(self.new_keys, key=itemgetter(1))
        for start in range(0, len(new), _KEYS_PER_WRITE):
            yield Findings(new_keys=frozenset(new[start : start + _KEYS_PER_WRITE]))


def tasks(session: Session, entity: str, step: Step) -> list[ScanTask]:
    """Return the portions of one step. They may be done in any order, but only after the step before."""
    if step == "pairs":
        return [
            ScanTask(entity, step, kind, low, high)
            for kind in MEETING_KINDS
            for low, high in _spans(_PORTIONS)
        ]
    marks = dedupe_keys.id_marks if step == "keys" else pairs.id_marks
    spans = _spans(["", *marks(session, entity, RECORDS_PER_TASK)])
    return [ScanTask(entity, step, "", low, high) for low, high in spans]


def look(session: Session, task: ScanTask) -> Findings:
    """Do the reading part of a task. Nothing is written."""
    return _LOOKS[task.step](session, task)


def keep(session: Session, entity: str, findings: Findings, now: datetime) -> None:
    """Write what a task found, or a part of it."""
    dedupe_keys.remove_keys(session, entity, findings.old_keys)
    dedupe_keys.add_keys(session, entity, findings.new_keys)
    pairs.save_pairs(session, entity, findings.found, now)
    pairs.drop_open_pairs(session, findings.gone)


def _look_at_keys(session: Session, task: ScanTask) -> Findings:
    # The keys are read first: one that a writer adds in the meantime must not be taken for a wrong one.
    stored = dedupe_keys.keys_in_range(session, task.entity, task.low, task.high)
    records = dedupe_keys.live_fields_in_range(session, task.entity, task.low, task.high)
    wanted = {(one, key) for one, fields in records.items() for key in keys_of(read_profile(fields))}
    return Findings(new_keys=frozenset(wanted - stored), old_keys=frozenset(stored - wanted))


def _look_at_pairs(session: Session, task: ScanTask) -> Findings:
    found: list[FoundPair] = []
    blocks = dedupe_keys.blocks(session, task.entity, task.kind, task.low, task.high)
    for some in _in_portions(blocks):
        profiles = _profiles(session, task.entity, {one for block in some for one in block})
        met = {pair for block in some for pair in combinations(sorted(block), 2)}
        found += _alike(session, task.entity, met, profiles)
    return Findings(found=tuple(found))


def _look_again(session: Session, task: ScanTask) -> Findings:
    """Find open pairs of records that are gone or have changed, so that they are no longer alike."""
    proposed = pairs.open_pairs_between(session, task.entity, task.low, task.high)
    profiles = _profiles(
        session, task.entity, {one for pair in proposed for one in (pair.left_id, pair.right_id)}
    )
    gone = {
        pair.id
        for pair in proposed
        if pair.left_id not in profiles
        or pair.right_id not in profiles
        or judge(profiles[pair.left_id], profiles[pair.right_id]).score < THRESHOLD
    }
    return Findings(gone=frozenset(gone))


_LOOKS = {"keys": _look_at_keys, "pairs": _look_at_pairs, "recheck": _look_again}


def _profiles(session: Session, entity: str, ids: Iterable[str]) -> dict[str, Profile]:
    keys = dedupe_keys.keys_of_all(session, entity, sorted(ids))
    return {one: profile_of(its_keys) for one, its_keys in keys.items()}


def _alike(
    session: Session, entity: str, met: Iterable[tuple[str, str]], profiles: dict[str, Profile]
) -> Iterator[FoundPair]:
    alike: dict[tuple[str, str], Judgement] = {}
    for left, right in met:
        if left in profiles and right in profiles:
            judgement = judge(profiles[left], profiles[right])
            if judgement.score >= THRESHOLD:
                alike[left, right] = judgement
    fields = dedupe_keys.live_fields(session, entity, {one for pair in alike for one in pair})
    for (left, right), judgement in alike.items():
        if left in fields and right in fields:
            reasons = reasons_of(judgement, fields[left], fields[right])
            yield FoundPair(left, right, judgement.score, reasons)


def _in_portions(blocks: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    """Yield blocks in lists of about ``RECORDS_PER_TASK`` records."""
    some: list[list[str]] = []
    size = 0
    for block in blocks:
        some.append(block)
        size += len(block)
        if size >= RECORDS_PER_TASK:
            yield some
            some, size = [], 0
    if some:
        yield some


def _spans(marks: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield (from, to) for each stretch between marks; the last has no end."""
    return zip(marks, [*marks[1:], None], strict=True)
