"""What has been gathered for deals: the pieces of evidence that count at a moment."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm_store.domain.stages import Piece
from crm_store.models import Document, Evidence


def pieces_of(session: Session, opportunity_ids: Collection[str], now: datetime) -> dict[str, list[Piece]]:
    """Return each deal's evidence, oldest first; a deal without any is left out.

    Deleted evidence does not count, nor does a document that was deleted, rejected or has run out.
    """
    standing = Evidence.document_id.is_(None) | (
        Document.deleted_at.is_(None)
        & (Document.status != "rejected")
        & or_(Document.expires_at.is_(None), Document.expires_at > now)
    )
    query = (
        select(
            Evidence.opportunity_id,
            Evidence.kind,
            Evidence.text,
            func.coalesce(Document.sha256, Evidence.document_id),
            Evidence.activity_id,
        )
        .outerjoin(Document, Document.id == Evidence.document_id)
        .where(Evidence.opportunity_id.in_(opportunity_ids), Evidence.deleted_at.is_(None), standing)
        .order_by(Evidence.created_at, Evidence.id)
    )
    found: dict[str, list[Piece]] = {}
    for opportunity_id, kind, text, document, activity in session.execute(query):
        found.setdefault(opportunity_id, []).append(Piece(kind, text, document, activity))
    return found
