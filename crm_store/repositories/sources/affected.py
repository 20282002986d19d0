"""Whose features and scores an event may have changed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm_store.models import Activity, Contract, Ticket
from crm_store.repositories.history.events import Event
from crm_store.repositories.sources.aliases import survivors
from crm_store.repositories.sources.histories import EntityName

KINDS = ("lead", "account", "ticket", "contract", "activity", "order_snapshot")
"""The kinds of record and fact that features are computed from; no other event changes a feature."""

_BELONGING: dict[str, Any] = {"ticket": Ticket, "contract": Contract}


@dataclass
class Affected:
    """Ids of leads and accounts, and which (kind, account, record) were moved from or to an account."""

    ids: dict[EntityName, set[str]] = field(default_factory=lambda: {"lead": set(), "account": set()})
    moved: list[tuple[str, str, str]] = field(default_factory=list)


def affected_by(session: Session, events: Sequence[Event]) -> Affected:
    """Return whom these events concern, with everyone that they were merged into.

    A fact concerns whom it names, and a correction also whom the corrected entry named. A ticket or contract
    concerns the account that it has now and those that the entry names: an account that it had in between
    is named by another entry. Everyone whose record begins or ends to stand for another is concerned.
    """
    found = Affected()
    records: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event.entity in ("lead", "account"):
            found.ids[event.entity].update(  # type: ignore[index]
                {event.entity_id, *_named(event.changes.get("merged_into"))}
            )
        elif event.entity in _BELONGING:
            accounts = _named(event.changes.get("account_id"))
            found.ids["account"].update(accounts)
            if event.kind != "created":
                found.moved += [(event.entity, one, event.entity_id) for one in accounts]
            records[event.entity].append(event.entity_id)
        elif event.entity in ("activity", "order_snapshot"):
            found.ids["lead"].update(_named([event.fields.get("lead_id")]))
            found.ids["account"].update(_named([event.fields.get("account_id")]))
            records["activity"] += _named([event.fields.get("corrects_id")])
    _look_up(session, records, found)
    for entity, ids in found.ids.items():
        if ids:
            ids.update(survivors(session, entity, ids))
    return found


def _look_up(session: Session, records: dict[str, list[str]], found: Affected) -> None:
    for kind, model in _BELONGING.items():
        if records[kind]:
            accounts = session.scalars(select(model.account_id).where(model.id.in_(records[kind])))
            found.ids["account"].update(_named(accounts))
    if records["activity"]:
        query = select(Activity.lead_id, Activity.account_id).where(Activity.id.in_(records["activity"]))
        for lead_id, account_id in session.execute(query):
            found.ids["lead"].update(_named([lead_id]))
            found.ids["account"].update(_named([account_id]))


def _named(ids: Iterable[Any] | None) -> list[str]:
    return [one for one in ids or () if one is not None]
