"""Duplicates of leads and accounts: found when a record arrives, proposed as pairs, dismissed by a person.

Whoever writes a lead or an account calls ``check_record`` in the same transaction. A scan of all records is
in ``duplicate_scan``; merging is in ``merging``.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.likeness import most_sharing
from crm_store.intake.duplicates.keys import keys_of, meeting_keys, profile_of
from crm_store.intake.duplicates.profile import Profile, read_profile
from crm_store.intake.duplicates.reasons import reasons_of
from crm_store.intake.duplicates.scoring import THRESHOLD, judge
from crm_store.models import DuplicatePair
from crm_store.repositories.duplicates import keys as dedupe_keys
from crm_store.repositories.duplicates import pairs
from crm_store.repositories.duplicates.pairs import FoundPair, Reason
from crm_store.repositories.problems import Problem, StoreError

MOST_COMPARED = 50
"""How many records are looked at closely when one arrives: those that share the rarest keys with it.

What is the same customer stands far ahead of the fiftieth; a scan has no such limit.
"""

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A record that may be the same customer: a score in 0–1 and the reasons, weightiest first."""

    record_id: str
    score: float
    reasons: list[Reason]


def find_duplicates(
    session: Session, entity: str, fields: Fields, *, record_id: str | None = None
) -> list[Candidate]:
    """Return which leads (or accounts) a lead with these fields may be the same as, likeliest first.

    Nothing is written. ``record_id`` is the record's own id, if it is stored already.
    """
    profile = read_profile(fields)
    near = [one for one in _sharing_most(session, entity, profile) if one != record_id]
    return _compare(session, entity, fields, profile, near[:MOST_COMPARED])


def index_record(session: Session, entity: str, record_id: str, fields: Fields) -> None:
    """Bring the keys of a record up to date with its fields, all of them; a deleted record loses its keys.

    Can be repeated. Loads in bulk need not call it: a scan does the same for every record.
    """
    keys = keys_of(read_profile(fields)) if fields.get("deleted_at") is None else frozenset()
    wanted = {(record_id, key) for key in keys}
    stored = dedupe_keys.keys_of(session, entity, record_id)
    dedupe_keys.remove_keys(session, entity, stored - wanted)
    dedupe_keys.add_keys(session, entity, wanted - stored)


def check_record(
    session: Session, entity: str, record_id: str, fields: Fields, now: datetime
) -> list[Candidate]:
    """Index a record that was just written, find its duplicates, and bring its open pairs up to date.

    ``fields`` are all of the record's. Can be repeated. A deleted record is in no open pair.
    """
    index_record(session, entity, record_id, fields)
    proposed = pairs.open_pairs_of(session, entity, record_id)
    found: list[Candidate] = []
    if fields.get("deleted_at") is None:
        profile = read_profile(fields)
        near = [one for one in _sharing_most(session, entity, profile) if one != record_id]
        partners = [pair.left_id if pair.right_id == record_id else pair.right_id for pair in proposed]
        found = _compare(session, entity, fields, profile, {*near[:MOST_COMPARED], *partners})
    pairs.save_pairs(session, entity, [_pair(record_id, candidate) for candidate in found], now)
    held = {pairs.pair_id(entity, record_id, candidate.record_id) for candidate in found}
    pairs.drop_open_pairs(session, {pair.id for pair in proposed} - held)
    return found


def dismiss(session: Session, pair_id: str, *, actor: str, now: datetime) -> DuplicatePair:
    """Note that a person has seen that the two are not one customer; they are not proposed again.

    Can be repeated. Raises StoreError for a pair that is not there or was merged.
    """
    pair = pairs.locked_pair(session, pair_id)
    if pair is None:
        raise StoreError(_no_pair(pair_id))
    if pair.status == "merged":
        raise StoreError(_pair_is_merged(pair_id))
    if pair.status == "open":
        pair.status, pair.decided_at, pair.decided_by = "dismissed", now, actor
        session.flush()
    return pair


def _sharing_most(session: Session, entity: str, profile: Profile) -> list[str]:
    """Return the records that share keys, those with the rarest ones first; what all share says nothing."""
    weight: dict[str, float] = defaultdict(float)
    for (kind, _), members in dedupe_keys.sharing(session, entity, meeting_keys(profile)).items():
        if len(members) <= most_sharing(kind):
            for one in members:
                weight[one] += 1 / len(members)
    return sorted(weight, key=lambda one: (-weight[one], one))


def _compare(
    session: Session, entity: str, fields: Fields, profile: Profile, others: Collection[str]
) -> list[Candidate]:
    """Compare by the keys that are stored, and read only those records that turn out to be alike."""
    kept = profile_of(keys_of(profile))
    judged = {
        other_id: judge(kept, profile_of(keys))
        for other_id, keys in dedupe_keys.keys_of_all(session, entity, others).items()
    }
    alike = {one: judgement for one, judgement in judged.items() if judgement.score >= THRESHOLD}
    found = [
        Candidate(one, alike[one].score, reasons_of(alike[one], fields, other))
        for one, other in dedupe_keys.live_fields(session, entity, alike).items()
    ]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.record_id))


def _pair(record_id: str, candidate: Candidate) -> FoundPair:
    left, right = sorted((record_id, candidate.record_id))
    return FoundPair(left, right, candidate.score, candidate.reasons)


def _no_pair(pair_id: str) -> Problem:
    return Problem("unknown_pair", "pair_id", f"没有疑似重复 {pair_id}", f"there is no pair {pair_id}")


def _pair_is_merged(pair_id: str) -> Problem:
    return Problem(
        "pair_merged",
        "pair_id",
        f"{pair_id} 已经合并，请先撤销合并",
        f"{pair_id} has been merged: undo the merge first",
    )
