"""The written sentences about role changes, and how many of them are read rightly.

``sentences.csv`` is what the rules were made with; ``held_out.csv`` was written after they were finished, and
they have not been changed for it. A change is ``person|kind|new role``; a sentence without any is a trap.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm_store.intake.role_changes.circle import Circle, KnownContact
from crm_store.intake.role_changes.finder import RoleChangeFound, find_role_changes

FOLDER = Path(__file__).parent.parent / "data" / "role_changes"
SAID_AT = datetime(2026, 3, 10, tzinfo=UTC)
Change = tuple[str, str, str]


@dataclass(frozen=True)
class Sentence:
    circle: Circle
    text: str
    wanted: frozenset[Change]

    def found(self) -> list[RoleChangeFound]:
        return find_role_changes(self.text, self.circle, SAID_AT)


def circles() -> dict[str, Circle]:
    people: dict[str, list[KnownContact]] = {}
    with (FOLDER / "people.csv").open(encoding="utf-8", newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            known = KnownContact(f"con_{index}", row["name"], row["role"] or None, row["department"] or None)
            people.setdefault(row["account"], []).append(known)
    return {account: Circle(account, tuple(known)) for account, known in people.items()}


def sentences(name: str) -> list[Sentence]:
    known = circles()
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Sentence(known[row["account"]], row["sentence"], _changes(row["changes"]))
            for row in csv.DictReader(file)
        ]


def score(read: list[Sentence]) -> dict[str, float]:
    """Return precision and recall by (person, kind), traps that fired, and sentences right in every part."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    fired = whole = named = 0
    for sentence in read:
        found = {(one.person, one.kind): one.new_role or "" for one in sentence.found()}
        wanted = {change[:2]: change[2] for change in sentence.wanted}
        right.update(kind for _, kind in wanted.keys() & found.keys())
        wrong.update(kind for _, kind in found.keys() - wanted.keys())
        missed.update(kind for _, kind in wanted.keys() - found.keys())
        named += sum(found[key] == wanted[key] for key in wanted.keys() & found.keys())
        fired += bool(found) and not wanted
        whole += found == wanted
    total = right.total()
    kinds = sorted(set(right) | set(wrong) | set(missed))
    return {
        "sentences": len(read),
        "traps": sum(not sentence.wanted for sentence in read),
        "traps_fired": fired,
        "precision": _share(total, total + wrong.total()),
        "recall": _share(total, total + missed.total()),
        "new_role_right": _share(named, total),
        "sentences_right": _share(whole, len(read)),
        **{f"{kind}_precision": _share(right[kind], right[kind] + wrong[kind]) for kind in kinds},
        **{f"{kind}_recall": _share(right[kind], right[kind] + missed[kind]) for kind in kinds},
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 1.0


def _changes(cell: str) -> frozenset[Change]:
    parts = (change.split("|") for change in cell.split(";") if change)
    return frozenset((person, kind, new) for person, kind, new in parts)
