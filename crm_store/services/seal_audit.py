"""The audit: every record's chain against its record, and every row against the seals outside the database.

The chains find what was changed by someone who did not trouble to make the log fit. The seals find the rest:
whoever rewrites every hash, drops the triggers and cuts the log cannot sign what they made of it. Only what
came after the newest seal rests on the chains alone.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm_store.domain.seals import GENESIS, Line, Seal, StreamSeal, run
from crm_store.repositories.history.sealed import STREAMS, Stream, is_re_chained
from crm_store.repositories.writes import changelog
from crm_store.services.seal_book import KeptSeal, SealBook, seals_of
from crm_store.services.seal_findings import Finding
from crm_store.services.seal_keys import SealChecker

Progress = Callable[[int, int], None]
"""Called with (rows checked, rows in all)."""

_TOLD_EVERY = 1_000


@dataclass(frozen=True)
class AuditReport:
    """What the audit found, and what it looked at. ``unsealed`` rows came after the newest seal."""

    findings: list[Finding]
    seals: int
    sealed: int
    unsealed: int
    last_sealed_at: str | None
    fingerprint: str | None

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


def audit(
    session: Session, book: SealBook | None, progress: Progress = lambda done, total: None
) -> AuditReport:
    """Check every chain and, with a book of seals, every sealed row; one pass over each table, streamed.

    While others write, the session must see one moment: ``repeatable read`` on PostgreSQL, any transaction on
    SQLite. Raises StoreError ``no_seal_key`` when the book has no public key.
    """
    count = _Counter(progress, changelog.entries(session))
    checks = [_StreamCheck(stream) for stream in STREAMS]
    findings: list[Finding] = []
    seals, last, fingerprint = 0, None, None
    if book is not None:
        checker = SealChecker(book.public_key)
        fingerprint = checker.fingerprint
        for number, kept in seals_of(book):
            seals += 1
            problem = _seal_problem(number, kept, last, checker)
            if problem is not None or kept is None:
                findings.append(problem or Finding("seal_missing", seal=number))
                for check in checks:
                    check.lost_one()
                continue
            last = kept.seal
            if not all(kept.agrees(check.stream.name) for check in checks):
                findings.append(Finding("seal_altered", seal=number))  # the rows beside what is signed
            for check in checks:
                findings += check.window(session, kept, count)
    unsealed = 0
    for check in checks:
        rest = check.rest(session)
        unsealed += rest
        if not rest:
            findings = check.with_cut_tail(findings)
    findings = _with_moves(findings) + _chain_findings(session, count)
    sealed = sum(check.rows for check in checks)
    return AuditReport(findings, seals, sealed, unsealed, last.sealed_at if last else None, fingerprint)


@dataclass
class _Counter:
    progress: Progress
    total: int
    done: int = 0

    def add(self, rows: int = 1) -> None:
        before, self.done = self.done, self.done + rows
        if self.done // _TOLD_EVERY > before // _TOLD_EVERY:
            self.progress(self.done, max(self.total, self.done))


@dataclass
class _StreamCheck:
    """How far one table has been held against the seals."""

    stream: Stream
    place: Any = None
    digest: str = GENESIS
    rows: int = 0
    has_gap: bool = False
    tail: set[Finding] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.place = self.stream.start

    def lost_one(self) -> None:
        """Note that a seal could not be read: what it added is only known from the next one's digest."""
        self.has_gap = True

    def window(self, session: Session, kept: KeptSeal, count: _Counter) -> list[Finding]:
        """Return what differs between the rows that this seal added and those that are there now."""
        sealed = kept.seal.streams[self.stream.name]
        found: list[Finding] = []
        if sealed.until != self.place or sealed.digest != self.digest:
            try:
                there = [row.line for row in self.stream.rows(session, self.place, sealed.until)]
            except (DBAPIError, ValueError, TypeError, OverflowError):
                there, found = [], [_Told(self.stream.name, kept.seal).finding("unreadable", None)]
            count.add(len(there))
            if not found and run(self.digest, there) != sealed.digest:
                found = self._differences(session, kept, sealed, there)
            self._note_tail(kept.lines.get(self.stream.name, []), there, found)
        self.place, self.digest, self.rows, self.has_gap = sealed.until, sealed.digest, sealed.rows, False
        return found

    def rest(self, session: Session) -> int:
        """Return how many rows came after the newest seal."""
        try:
            return sum(1 for _ in self.stream.rows(session, self.place))
        except (DBAPIError, ValueError, TypeError, OverflowError):
            return 1  # something is there; the chains say what is wrong with it

    def with_cut_tail(self, findings: list[Finding]) -> list[Finding]:
        """Call what is missing behind the last row a cut tail."""
        return [replace(one, code="tail_cut") if one in self.tail else one for one in findings]

    def _note_tail(self, sealed: Sequence[Line], there: Sequence[Line], found: list[Finding]) -> None:
        keys = {_key(line) for line in there}
        behind = len(sealed)
        while behind and _key(sealed[behind - 1]) not in keys:
            behind -= 1
        if there:
            self.tail.clear()
        missing = {_key(line) for line in sealed[behind:]}
        self.tail |= {one for one in found if one.code == "removed" and one.key in missing}

    def _differences(
        self, session: Session, kept: KeptSeal, sealed: StreamSeal, there: Sequence[Line]
    ) -> list[Finding]:
        told = _Told(self.stream.name, kept.seal)
        if not kept.agrees(self.stream.name):
            return [told.finding("window_differs", None)]
        expected = kept.lines.get(self.stream.name, [])
        missed = self.has_gap and sealed.start != self.digest
        found = list(_compared(session, told, expected, there, ignore_new=missed))
        return found or [told.finding("window_differs", None)]


@dataclass(frozen=True)
class _Told:
    """What every finding of one seal and table has in common."""

    table: str
    seal: Seal

    def finding(self, code: str, key: tuple[Any, ...] | None) -> Finding:
        return Finding(code, self.table, key, self.seal.number, self.seal.sealed_at)


def _compared(
    session: Session, told: _Told, expected: Sequence[Line], there: Sequence[Line], *, ignore_new: bool
) -> list[Finding]:
    """Return what was done to the expected lines to get those that are there."""
    was = {_key(line): line[-1] for line in expected}
    now = {_key(line): line[-1] for line in there}
    common_was = [key for key in was if key in now]
    common_now = [key for key in now if key in was]
    moved = {one for one, other in zip(common_was, common_now, strict=True) if one != other}
    found = [told.finding("removed", key) for key in was if key not in now]
    if not ignore_new:
        found += [told.finding("inserted", key) for key in now if key not in was]
        found += [told.finding("inserted", key) for key in _repeated(there)]
    for key in common_was:
        if key in moved:
            found.append(told.finding("reordered", key))
        elif was[key] != now[key]:
            found.append(told.finding(_how_altered(session, told.table, key), key))
    return found


def _with_moves(findings: list[Finding]) -> list[Finding]:
    """Call a row that is missing from one seal and turned up in another moved."""
    turned_up = {(one.table, one.key) for one in findings if one.code == "inserted"}
    gone = {(one.table, one.key) for one in findings if one.code in ("removed", "tail_cut")}
    moved = turned_up & gone
    kept = [one for one in findings if one.code != "inserted" or (one.table, one.key) not in moved]
    return [replace(one, code="reordered") if (one.table, one.key) in moved else one for one in kept]


def _repeated(lines: Sequence[Line]) -> list[tuple[Any, ...]]:
    return [key for key, times in Counter(map(_key, lines)).items() if times > 1]


def _how_altered(session: Session, table: str, key: tuple[Any, ...]) -> str:
    if table == "change_log" and is_re_chained(session, *key):
        return "re_chained"
    return "altered"


def _key(line: Line) -> tuple[Any, ...]:
    return tuple(line[:-1])


def _seal_problem(
    number: int, kept: KeptSeal | None, last: Seal | None, checker: SealChecker
) -> Finding | None:
    """Return what is wrong with a seal itself, None when it can be relied on."""
    if kept is None:
        return None
    seal = kept.seal
    if seal.key != checker.fingerprint or not checker.is_signed(seal.text(), kept.signature):
        return Finding("seal_altered", seal=number)
    before = last.number if last is not None else 0
    follows = last.hash() if last is not None else GENESIS
    if before == number - 1 and seal.previous != follows:
        return Finding("seal_altered", seal=number)
    return None


def _chain_findings(session: Session, count: _Counter) -> list[Finding]:
    problems = changelog.verify(session, count.add)
    return [Finding(one.code, "change_log", (one.entity, one.entity_id, one.version)) for one in problems]
