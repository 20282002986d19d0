"""The admission checklist: which papers a hospital asks for, and whether each still holds. Pure.

Per paper (product B3): **red** when it is missing, expired, unsealed though it needs a seal, or has no date
of expiry though its kind expires; **yellow** when it expires within ``warn_days``; **green** otherwise. A
checklist has the colour of its worst paper, and its progress is the share of papers that are not red.

Days are business days: a paper holds through its last day in Shanghai, wherever the clock stands.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

Colour = Literal["red", "yellow", "green"]
Problem = Literal["missing", "rejected", "expired", "unsealed", "no_date", "expiring"]

# Asia/Shanghai has had no summer time since 1991, before any paper that could still hold.
SHANGHAI = timezone(timedelta(hours=8))
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEVERITY: dict[Colour, int] = {"green": 0, "yellow": 1, "red": 2}


@dataclass(frozen=True)
class Requirement:
    """A kind of paper. ``validity_months`` counts from issue where no expiry is stated; None: it holds on.

    ``product_lines`` None asks for it in every line.
    """

    kind: str
    zh: str
    en: str
    validity_months: int | None
    sealed: bool
    product_lines: tuple[str, ...] | None = None

    def ends_on(self, issued: date) -> date | None:
        """Return the last day of a paper of this kind issued that day; None when the kind does not expire."""
        return None if self.validity_months is None else _term_end(issued, self.validity_months)


@dataclass(frozen=True)
class ChecklistDefinition:
    """What is asked for, and how many days before its end a paper turns yellow. ``version`` 0: as shipped."""

    items: tuple[Requirement, ...]
    warn_days: int
    version: int = 0

    def of_line(self, product_line: str) -> tuple[Requirement, ...]:
        """Return what a product line needs."""
        return tuple(
            item for item in self.items if item.product_lines is None or product_line in item.product_lines
        )


@dataclass(frozen=True)
class Paper:
    """A document as stored. Without an account or a product line it serves all of them."""

    id: str
    kind: str
    title: str
    account_id: str | None
    product_line: str | None
    issued_at: datetime | None
    expires_at: datetime | None
    revision: int
    sealed: bool
    status: str


@dataclass(frozen=True)
class Item:
    """One line of a checklist. ``days_left`` counts business days' dates: 0 on the last day that holds."""

    kind: str
    zh: str
    en: str
    colour: Colour
    problem: Problem | None
    reason: tuple[str, str]
    document_id: str | None
    title: str | None
    revision: int | None
    sealed: bool | None
    expires_on: date | None
    days_left: int | None


@dataclass(frozen=True)
class Checklist:
    """One hospital and product line: every paper needed, the worst first, and how far it is (0–100)."""

    account_id: str
    product_line: str
    colour: Colour
    progress: float
    red: int
    yellow: int
    green: int
    items: tuple[Item, ...]
    definition_version: int


def checklist_of(
    account_id: str,
    product_line: str,
    definition: ChecklistDefinition,
    papers: Sequence[Paper],
    now: datetime,
) -> Checklist:
    """Judge every required paper as of ``now``; ``papers`` are those that may serve this account and line."""
    today = business_day(now)
    items = [
        _judged(need, [paper for paper in papers if paper.kind == need.kind], definition.warn_days, today)
        for need in definition.of_line(product_line)
    ]
    items.sort(key=lambda item: -_SEVERITY[item.colour])
    counts = {colour: sum(item.colour == colour for item in items) for colour in _SEVERITY}
    return Checklist(
        account_id=account_id,
        product_line=product_line,
        colour=items[0].colour if items else "green",
        progress=progress_of(counts["red"], len(items)),
        red=counts["red"],
        yellow=counts["yellow"],
        green=counts["green"],
        items=tuple(items),
        definition_version=definition.version,
    )


def progress_of(red: int, total: int) -> float:
    """Return how far a checklist has come, 0–100; one that asks for nothing is complete."""
    return round(100 * (total - red) / total, 1) if total else 100.0


def overall_colour(red: int, yellow: int) -> Colour:
    """Return the colour of a checklist with so many papers of each."""
    return "red" if red else "yellow" if yellow else "green"


def business_day(moment: datetime) -> date:
    """Return the date in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def day_begins(day: date) -> datetime:
    """Return the moment, in UTC, at which a date begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def last_day(paper: Paper, need: Requirement | None) -> date | None:
    """Return the last date on which a paper holds: as stated, else by its kind from its issue, else None."""
    if paper.expires_at is not None:
        return business_day(paper.expires_at)
    if need is None or paper.issued_at is None:
        return None
    return need.ends_on(business_day(paper.issued_at))


def issued_too_early(need: Requirement, until: date) -> datetime:
    """Return the moment before which a paper of this kind was issued that no longer holds on ``until``.

    The same rule as ``last_day``, turned round so that a database can compare with it.
    """
    if need.validity_months is None:
        return day_begins(date.min + timedelta(days=365))
    issued = _months_later(until, -need.validity_months) - 3 * _DAY
    while _term_end(issued, need.validity_months) < until:
        issued += _DAY
    return day_begins(issued)


def newest(papers: Iterable[Paper]) -> list[Paper]:
    """Return the papers in force: of each scope (kind, account, line) the highest valid revision, of
    equals the one issued last.
    """
    found: dict[tuple[str, str | None, str | None], Paper] = {}
    for paper in papers:
        scope = (paper.kind, paper.account_id, paper.product_line)
        if paper.status == "valid" and (scope not in found or _newer(paper, found[scope])):
            found[scope] = paper
    return list(found.values())


def _newer(one: Paper, other: Paper) -> bool:
    return _age(one) > _age(other)


def _age(paper: Paper) -> tuple[int, datetime, str]:
    return paper.revision, paper.issued_at or _EPOCH, paper.id


def _judged(need: Requirement, papers: Sequence[Paper], warn_days: int, today: date) -> Item:
    """Return the line of one kind: the best of the papers in force, the hospital's own first among equals."""
    items = [
        (_SEVERITY[item.colour], paper.account_id is None, paper.product_line is None, paper.id, item)
        for paper in newest(papers)
        for item in [_of_paper(need, paper, warn_days, today)]
    ]
    if items:
        return min(items, key=lambda found: found[:4])[4]
    rejected = any(paper.status == "rejected" for paper in papers)
    missing = _blank(need, "rejected" if rejected else "missing")
    words = ("已被驳回，请重新提交", "rejected: hand it in again") if rejected else ("缺失", "missing")
    return replace(missing, reason=(f"{need.zh}{words[0]}", f"{need.en}: {words[1]}"))


def _blank(need: Requirement, problem: Problem) -> Item:
    return Item(need.kind, need.zh, need.en, "red", problem, ("", ""), None, None, None, None, None, None)


def _of_paper(need: Requirement, paper: Paper, warn_days: int, today: date) -> Item:
    end = last_day(paper, need)
    left = None if end is None else (end - today).days
    colour, problem, reason = _verdict(need, paper, end, left, warn_days)
    return Item(
        need.kind,
        need.zh,
        need.en,
        colour,
        problem,
        reason,
        paper.id,
        paper.title,
        paper.revision,
        paper.sealed,
        end,
        left,
    )


def _verdict(
    need: Requirement, paper: Paper, end: date | None, left: int | None, warn_days: int
) -> tuple[Colour, Problem | None, tuple[str, str]]:
    if left is not None and left < 0:
        return "red", "expired", (f"{need.zh}已于 {end} 到期", f"{need.en} expired on {end}")
    if need.sealed and not paper.sealed:
        return "red", "unsealed", (f"{need.zh}未盖章", f"{need.en} bears no seal")
    if left is None and need.validity_months is not None:
        return "red", "no_date", (f"{need.zh}缺少有效期", f"{need.en} states no date of expiry")
    if left is not None and left <= warn_days:
        return (
            "yellow",
            "expiring",
            (f"{need.zh}还有 {left} 天到期（{end}）", f"{need.en} expires in {left} days ({end})"),
        )
    until_zh, until_en = ("长期有效", "holds on") if end is None else (f"有效至 {end}", f"valid to {end}")
    return "green", None, (f"{need.zh}{until_zh}", f"{need.en}: {until_en}")


def _term_end(issued: date, months: int) -> date:
    """Return the last day of a term: twelve months from 10 March end on 9 March."""
    return _months_later(issued, months) - _DAY


def _months_later(day: date, months: int) -> date:
    """Return the same day of another month, or that month's last."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
