"""The weekly brief of a manager: the worst key fields, who owns the gaps, and how they moved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from crm_store.domain.completeness import Counted, KeyFields, field_shares
from crm_store.domain.field_definitions import Language, Words

WORST = 3
"""Fields told in a brief, and owners and changes told of each."""

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9900, 1, 1, tzinfo=UTC)

# A field that loses a point of completeness in a week is as bad as one that stands three points lower: the
# drop is this week's doing, and is the easier to mend.
_DROP_WEIGHT = 3
# From this drop on a week's loss is news; below, a few new records explain it.
_DROP = 0.05
# A kind with under a hundredth of the largest kind's records would fill the brief with trifles.
_SMALLEST_KIND = 0.01


@dataclass(frozen=True)
class Moved:
    """What happened to an industry's records from a moment on: new ones, and per field filled − emptied."""

    industry: str
    created: int
    net: Mapping[str, int]


@dataclass(frozen=True)
class KindCounts:
    """What a brief knows of one kind of record: as it stands, and what moved since the week's end and start.

    ``by_rep`` is grouped by owner.
    """

    entity: str
    by_rep: Sequence[Counted]
    since_end: Sequence[Moved]
    since_start: Sequence[Moved]


@dataclass(frozen=True)
class Gap:
    """How many of an owner's records lack a field; ``owner_id`` is None for records that nobody owns."""

    owner_id: str | None
    owner: str | None
    missing: int


@dataclass(frozen=True)
class Change:
    """One change of a field: when (ISO 8601, UTC), by whom, old and new value, masked where sensitive."""

    record_id: str
    recorded_at: str
    actor: str
    old: Any
    new: Any


@dataclass(frozen=True)
class WorstField:
    """A key field in trouble: its share at the week's end and start (None: no records then), and why told.

    ``owners`` hold the most gaps as of now; ``changes`` are the latest ones up to the week's end.
    """

    entity: str
    field: str
    kind_name: Words
    name: Words
    records: int
    missing: int
    share: float
    share_before: float | None
    why: Literal["low", "drop"]
    owners: tuple[Gap, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class WeeklyBrief:
    """A week's brief. ``week_start`` and ``week_end`` are ISO 8601 in UTC, Monday 00:00 in Shanghai."""

    week_start: str
    week_end: str
    records: int
    fields: tuple[WorstField, ...]


Names = Mapping[tuple[str, str | None], Words]
"""(record kind, field) → its name; (record kind, None) → the kind's."""


def week_start_of(moment: datetime) -> datetime:
    """Return the beginning of a moment's week: Monday 00:00 in Shanghai, in UTC.

    A moment at either end of the calendar has no week around it, and is returned as it is.
    """
    if not _FIRST <= moment <= _LAST:
        return moment
    local = moment.astimezone(ZONE)
    monday = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=local.weekday())
    return monday.astimezone(UTC)


def worst_fields(
    kinds: Iterable[KindCounts], key_fields: KeyFields, names: Names, reps: Mapping[str, str]
) -> list[WorstField]:
    """Return the worst fields, worst first: the lowest completeness or the worst drop over the week.

    A field's drop compares the records that are in scope now, as they were. Complete fields are not told.
    """
    listed = list(kinds)
    largest = max((_records(kind) for kind in listed), default=0)
    found = [
        field
        for kind in listed
        if _records(kind) >= _SMALLEST_KIND * largest
        for field in _of_kind(kind, key_fields, names, reps)
        if field.missing
    ]
    return sorted(found, key=_badness)[:WORST]


def _records(kind: KindCounts) -> int:
    return sum(row.records for row in kind.by_rep)


def _badness(field: WorstField) -> tuple[float, int, str, str]:
    drop = max(0.0, (field.share_before or 0.0) - field.share)
    return (-(1 - field.share + _DROP_WEIGHT * drop), -field.missing, field.entity, field.field)


def _of_kind(
    kind: KindCounts, key_fields: KeyFields, names: Names, reps: Mapping[str, str]
) -> Iterable[WorstField]:
    industries = _by_industry(kind.by_rep)
    at_end = {
        share.field: share
        for share in field_shares(kind.entity, _rolled_back(industries, kind.since_end), key_fields)
    }
    before = field_shares(kind.entity, _rolled_back(industries, kind.since_start), key_fields)
    shares_before = {share.field: share.share for share in before}
    gaps = _gaps(kind, key_fields, reps)
    for name, now in at_end.items():
        was = shares_before.get(name)
        yield WorstField(
            entity=kind.entity,
            field=name,
            kind_name=names[kind.entity, None],
            name=names[kind.entity, name],
            records=now.records,
            missing=now.records - now.filled,
            share=now.share,
            share_before=was,
            why="drop" if was is not None and was - now.share >= _DROP else "low",
            owners=tuple(gaps.get(name, ())[:WORST]),
        )


def _by_industry(rows: Iterable[Counted]) -> dict[str, Counted]:
    found: dict[str, Counted] = {}
    for row in rows:
        so_far = found.get(row.industry, Counted(None, row.industry, 0, {}))
        filled = {name: count + so_far.filled.get(name, 0) for name, count in row.filled.items()}
        found[row.industry] = Counted(None, row.industry, so_far.records + row.records, filled)
    return found


def _rolled_back(industries: Mapping[str, Counted], moved: Iterable[Moved]) -> list[Counted]:
    """Return the counts as they were before what moved since."""
    net = {one.industry: one for one in moved}
    rows = []
    for name, row in industries.items():
        undone = net.get(name, Moved(name, 0, {}))
        records = max(0, row.records - undone.created)
        filled = {
            field: min(records, max(0, count - undone.net.get(field, 0)))
            for field, count in row.filled.items()
        }
        rows.append(Counted(None, name, records, filled))
    return rows


def _gaps(kind: KindCounts, key_fields: KeyFields, reps: Mapping[str, str]) -> dict[str, list[Gap]]:
    """Return who lacks what: field → owners with gaps, the most first."""
    missing: dict[tuple[str, str | None], int] = {}
    for row in kind.by_rep:
        for share in field_shares(kind.entity, [row], key_fields):
            key = (share.field, row.group)
            missing[key] = missing.get(key, 0) + share.records - share.filled
    found: dict[str, list[Gap]] = {}
    for (name, owner), count in sorted(missing.items(), key=lambda one: (-one[1], one[0][1] or "")):
        if count:
            found.setdefault(name, []).append(Gap(owner, reps.get(owner or ""), count))
    return found


def brief_text(brief: WeeklyBrief, language: Language) -> str:
    """Return the brief as a message in one language, times in Shanghai."""
    first = datetime.fromisoformat(brief.week_start).astimezone(ZONE).date()
    last = first + WEEK - timedelta(days=1)
    words = _WORDS[language]
    if not brief.fields:
        return words["none"].format(first=first, last=last, records=brief.records)
    lines = [words["head"].format(first=first, last=last, records=brief.records)]
    for place, field in enumerate(brief.fields, start=1):
        lines += _field_lines(place, field, language)
    return "\n".join(lines)


def _field_lines(place: int, field: WorstField, language: Language) -> list[str]:
    words, at = _WORDS[language], 0 if language == "zh" else 1
    owners = words["and"].join(
        f"{gap.owner or gap.owner_id or words['nobody']} {gap.missing}" for gap in field.owners
    )
    lines = [
        words["field"].format(
            place=place,
            kind=field.kind_name[at],
            name=field.name[at],
            share=field.share,
            moved=_moved_words(field, language),
            missing=field.missing,
            records=field.records,
        )
    ]
    if owners:
        lines.append(words["owners"].format(owners=owners))
    lines += [
        words["change"].format(
            when=datetime.fromisoformat(change.recorded_at).astimezone(ZONE).strftime("%m-%d %H:%M"),
            actor=change.actor,
            record=change.record_id,
            old=words["empty"] if change.old is None else change.old,
            new=words["empty"] if change.new is None else change.new,
        )
        for change in field.changes
    ]
    return lines


def _moved_words(field: WorstField, language: Language) -> str:
    words = _WORDS[language]
    if field.share_before is None:
        return words["new"]
    points = 100 * (field.share - field.share_before)
    if abs(points) < 0.05:  # not shown at one decimal
        return words["same"]
    return words["up" if points > 0 else "down"].format(points=abs(points))


_WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "head": "【数据周报】{first} 至 {last}，共 {records} 条在办记录。最需要补的字段：",
        "none": "【数据周报】{first} 至 {last}，共 {records} 条在办记录，关键字段都已填写。",
        "field": "{place}. {kind}·{name}：完整度 {share:.1%}（{moved}），{records} 条中缺 {missing} 条",
        "owners": "   缺得最多：{owners}",
        "change": "   {when} {actor}：{old} → {new}（{record}）",
        "new": "上周没有记录",
        "same": "与上周持平",
        "up": "比上周升 {points:.1f} 个百分点",
        "down": "比上周降 {points:.1f} 个百分点",
        "and": "、",
        "nobody": "无负责人",
        "empty": "空",
    },
    "en": {
        "head": "Data brief, {first} to {last}, {records} open records. Fields that need filling most:",
        "none": "Data brief, {first} to {last}, {records} open records: every key field is filled.",
        "field": "{place}. {kind}, {name}: {share:.1%} complete ({moved}), missing in {missing} of {records}",
        "owners": "   most gaps: {owners}",
        "change": "   {when} {actor}: {old} → {new} ({record})",
        "new": "no records the week before",
        "same": "as the week before",
        "up": "up {points:.1f} points on the week before",
        "down": "down {points:.1f} points on the week before",
        "and": ", ",
        "nobody": "nobody",
        "empty": "empty",
    },
}
