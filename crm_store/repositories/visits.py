"""What a senior visit is prepared from: an account's service, what is still open, what was said of rivals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from crm_store.models import Activity, Ticket
from crm_store.repositories.duplicates.merges import with_merged
from crm_store.repositories.sight.sight import SightSession, shown_rows, whole_store

MOST = 50
_CONVERSATIONS = ("chat", "call", "email", "meeting")


def shown_visit_records(
    session: SightSession, account_id: str, since: datetime, until: datetime, words: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return ``service``, ``open_issues`` and ``notes``, newest first, at most 50 each, as one may see.

    Service is the tickets opened since then, open issues are those not resolved by ``until`` whenever they
    were opened, and notes the communications that hold one of ``words``, but for those that were corrected.
    What happened with accounts that were merged into this one is among it.
    """
    ids = with_merged(session, "account", account_id)
    tickets = (
        select(Ticket)
        .where(Ticket.account_id.in_(ids), Ticket.deleted_at.is_(None), Ticket.opened_at <= until)
        .order_by(Ticket.opened_at.desc(), Ticket.id.desc())
        .limit(MOST)
    )
    still_open = or_(Ticket.resolved_at.is_(None), Ticket.resolved_at > until)
    # Found by their words in the whole store: a text is shown but for the phones in it, so the words are no
    # secret of it. Which of them are the viewer's to see, their session decides.
    said = list(whole_store(session).scalars(_said(ids, since, until, words)))
    notes = (
        select(Activity)
        .where(Activity.id.in_(said))
        .order_by(Activity.occurred_at.desc(), Activity.id.desc())
    )
    return {
        "service": shown_rows(
            session, "ticket", list(session.scalars(tickets.where(Ticket.opened_at > since)))
        ),
        "open_issues": shown_rows(session, "ticket", list(session.scalars(tickets.where(still_open)))),
        "notes": shown_rows(session, "activity", list(session.scalars(notes))),
    }


def _said(ids: Sequence[str], since: datetime, until: datetime, words: Sequence[str]) -> Select[str]:
    corrected = select(Activity.corrects_id).where(Activity.corrects_id.is_not(None))
    return (
        select(Activity.id)
        .where(
            Activity.account_id.in_(ids),
            Activity.channel.in_(_CONVERSATIONS),
            Activity.occurred_at > since,
            Activity.occurred_at <= until,
            Activity.recorded_at <= until,
            or_(*(Activity.text.contains(word, autoescape=True) for word in words)),
            Activity.id.not_in(corrected),
        )
        .order_by(Activity.occurred_at.desc(), Activity.id.desc())
        .limit(MOST)
    )
