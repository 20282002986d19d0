"""Source rows told as happenings: when, since when known, who, and what. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm_store.repositories.views import TimelineItem
from serving.language import Language
from serving.workbench import formats
from serving.workbench.translations import field_word, say, value_word

Row = Mapping[str, Any]
Names = Mapping[str, str]
# Parts of a state row that say where it comes from, not what it says.
_BOOKKEEPING: Final = frozenset(
    {"record_id", "occurred_at", "recorded_at", "version", "lead_id", "created_at"}
)
_PRESENCE: Final = "has_"
_MINUTE_S: Final = 60


@dataclass(frozen=True)
class Happening:
    """One thing in words. ``kind`` names its source; a timeline does not say when it was recorded."""

    kind: str
    occurred_at: datetime
    recorded_at: datetime | None
    record_id: str
    who: str
    what: str


def tell(kind: str, row: Row, language: Language, names: Names, before: Row | None = None) -> Happening:
    """Tell one row; ``names`` are reps' names by id, ``before`` the record's state before this one."""
    what = _TELLERS[kind](row, language) if kind in _TELLERS else _state(row, before, names, language)
    return Happening(
        kind,
        row["occurred_at"],
        row["recorded_at"],
        str(row["record_id"]),
        _who(kind, row, language, names),
        what,
    )


def tell_item(item: TimelineItem, language: Language, names: Names) -> Happening:
    """Tell one item of a record's timeline."""
    what = _ITEMS[item.kind](item.details, language)
    who = _who(item.source, item.details, language, names)
    return Happening(item.source, item.occurred_at, None, item.record_id, who, what)


def changes_told(kind: str, rows: Sequence[Row], language: Language, names: Names) -> list[Happening]:
    """Tell how a record's states, given in order of time, changed; leave out what is not worth telling."""
    pairs = zip((None, *rows), rows, strict=False)
    told = [tell(kind, row, language, names, before) for before, row in pairs]
    return [happening for happening in told if happening.what]


def _who(kind: str, row: Row, language: Language, names: Names) -> str:
    if kind != "activities":
        return formats.NOTHING
    rep = row.get("rep_id")
    if row.get("direction") == "in" or not rep:
        return say(f"direction.{row['direction']}", language)
    return names.get(rep, str(rep))


def _activity(row: Row, language: Language) -> str:
    parts = [value_word("channel", row["channel"], language) or str(row["channel"])]
    if row.get("duration_s"):
        parts.append(say("phrase.duration", language, minutes=f"{row['duration_s'] / _MINUTE_S:.1f}"))
    told = say("separator", language).join(parts)
    return f"{told} · {row['text']}" if row.get("text") else told


def _order(row: Row, language: Language) -> str:
    parts = [str(row["product"])] if row.get("product") else []
    parts.append(say("phrase.order", language, amount=formats.money(row["amount"], language)))
    if row.get("quantity"):
        parts.append(say("phrase.quantity", language, quantity=formats.plain(row["quantity"])))
    if row.get("freight"):
        parts.append(say("phrase.freight", language, freight=formats.money(row["freight"], language)))
    return say("separator", language).join(parts)


def _ticket(row: Row, language: Language) -> str:
    parts = [say(f"event.{row['event']}", language)]
    if row.get("category"):
        parts.append(str(row["category"]))
    if row.get("response_h") is not None:
        parts.append(say("phrase.response", language, hours=f"{row['response_h']:.1f}"))
    if row.get("satisfaction") is not None:
        parts.append(say("phrase.satisfaction", language, points=f"{row['satisfaction']:.0f}"))
    return say("separator", language).join(parts)


def _ticket_item(details: Row, language: Language) -> str:
    parts = [str(details["title"])]
    parts += [str(details["category"])] if details.get("category") else []
    parts.append(value_word("status", details["status"], language) or str(details["status"]))
    if details.get("satisfaction") is not None:
        parts.append(say("phrase.satisfaction", language, points=details["satisfaction"]))
    return say("separator", language).join(parts)


def _contract_item(details: Row, language: Language) -> str:
    amount, end = formats.money(details.get("amount"), language), formats.day(details.get("end_at"))
    parts = [str(details["title"]), say("phrase.contract", language, amount=amount, end=end)]
    parts.append(value_word("status", details["status"], language) or str(details["status"]))
    return say("separator", language).join(parts)


def _contract(row: Row, language: Language) -> str:
    parts = [say(f"event.{row['event']}", language)]
    if row.get("product_line"):
        parts.append(str(row["product_line"]))
    amount, end = formats.money(row.get("amount"), language), formats.day(row.get("end_at"))
    parts.append(say("phrase.contract", language, amount=amount, end=end))
    return say("separator", language).join(parts)


def _flow(row: Row, language: Language) -> str:
    parts = [say(f"event.{row['event']}", language), str(row.get("lead_id") or formats.NOTHING)]
    if row.get("days_to_win") is not None:
        parts.append(say("phrase.days_to_win", language, days=f"{row['days_to_win']:.1f}"))
    return say("separator", language).join(parts)


def _state(row: Row, before: Row | None, names: Names, language: Language) -> str:
    changed = [
        name for name in row if name not in _BOOKKEEPING and (before is None or row[name] != before.get(name))
    ]
    if before is None:
        return say("phrase.created", language)
    return say("separator.strong", language).join(_changes(row, before, changed, names, language))


def _changes(
    row: Row, before: Row, changed: Iterable[str], names: Names, language: Language
) -> Iterable[str]:
    for name in changed:
        field = field_word(name, language)
        if name.startswith(_PRESENCE):
            yield say("phrase.now_known" if row[name] else "phrase.now_unknown", language, field=field)
        else:
            yield change(name, before.get(name), row[name], language, names)


def state_says(row: Row, columns: Iterable[str], language: Language, names: Names) -> str:
    """Tell which version of a record this is, and what it said in some columns."""
    told = [say("phrase.version", language, version=f"{row['version']:.0f}")]
    for name in sorted(set(columns) & row.keys() - _BOOKKEEPING):
        value = row[name]
        if name.startswith(_PRESENCE):
            shown_value = say("yes" if value else "no", language)
        else:
            shown_value = shown(name, value, language, names)
        told.append(say("phrase.filled", language, field=field_word(name, language), new=shown_value))
    return say("separator", language).join(told)


def change(name: str, old: Any, new: Any, language: Language, names: Names) -> str:
    """Tell one field's change: its name, the old value and the new, or only the new where there was none."""
    field = field_word(name, language)
    told_new = shown(name, new, language, names)
    if old is None:
        return say("phrase.filled", language, field=field, new=told_new)
    return say("phrase.change", language, field=field, old=shown(name, old, language, names), new=told_new)


def shown(name: str, value: Any, language: Language, names: Names) -> str:
    """Return a stored value as people read it: codes as words, ids as names, moments in Shanghai time."""
    if not isinstance(value, str):
        return formats.plain(value)
    if name == "owner_id":
        return names.get(value, value)
    if name.endswith("_at"):
        return _moment(value)
    return value_word(name, value, language) or value


def _moment(text: str) -> str:
    try:
        return formats.moment(datetime.fromisoformat(text))
    except ValueError:
        return text


_TELLERS: Final[dict[str, Callable[[Row, Language], str]]] = {
    "activities": _activity,
    "orders": _order,
    "ticket_events": _ticket,
    "contract_events": _contract,
    "lead_flow": _flow,
}
_ITEMS: Final[dict[str, Callable[[Row, Language], str]]] = {
    "activity": _activity,
    "order": _order,
    "ticket": _ticket_item,
    "contract": _contract_item,
}
