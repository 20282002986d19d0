"""What was sent to intake, who may send webhooks, and which messages were taken already."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm_store.models import Submission, WebhookEndpoint, WebhookReceipt


def add_submission(session: Session, **columns: Any) -> Submission:
    """Keep a submission."""
    submission = Submission(**columns)
    session.add(submission)
    session.flush()
    return submission


def get_submission(session: Session, submission_id: str) -> Submission | None:
    """Return a submission and keep others from correcting it until this transaction ends."""
    query = select(Submission).where(Submission.id == submission_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def read_submission(session: Session, submission_id: str) -> Submission | None:
    """Return a submission as it stands."""
    return session.get(Submission, submission_id)


def list_submissions(
    session: Session, status: str | None, before: tuple[datetime, str] | None, limit: int
) -> Sequence[Submission]:
    """Return submissions, newest first, those older than ``before`` (received_at, id)."""
    query = select(Submission)
    if status is not None:
        query = query.where(Submission.status == status)
    if before is not None:
        received_at, submission_id = before
        older = Submission.received_at < received_at
        same = (Submission.received_at == received_at) & (Submission.id < submission_id)
        query = query.where(older | same)
    return session.scalars(
        query.order_by(Submission.received_at.desc(), Submission.id.desc()).limit(limit)
    ).all()


def add_endpoint(session: Session, **columns: Any) -> WebhookEndpoint:
    """Add a sender of webhooks."""
    endpoint = WebhookEndpoint(**columns)
    session.add(endpoint)
    session.flush()
    return endpoint


def endpoint_by_id(session: Session, endpoint_id: str) -> WebhookEndpoint | None:
    """Return a sender, a disabled one too."""
    return session.get(WebhookEndpoint, endpoint_id)


def endpoint_for_change(session: Session, endpoint_id: str) -> WebhookEndpoint | None:
    """Return a sender as last committed, and keep others from changing it until this transaction ends."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def endpoint_named(session: Session, name: str) -> WebhookEndpoint | None:
    """Return the sender with this name."""
    return session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.name == name)).one_or_none()


def endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    """Return every sender by name, the disabled too."""
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.name)).all()


def receipt_of(session: Session, endpoint_id: str, message_id: str) -> WebhookReceipt | None:
    """Return the receipt of a message that was taken."""
    return session.get(WebhookReceipt, (endpoint_id, message_id), populate_existing=True)


def add_receipt(session: Session, **columns: Any) -> None:
    """Write down that a message was taken."""
    session.add(WebhookReceipt(**columns))
    session.flush()
