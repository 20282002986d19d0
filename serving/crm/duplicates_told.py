"""Who else a record might be, as far as the caller may see why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_store.domain.policy import Viewer
from crm_store.repositories.sight.sight import shown
from crm_store.services.duplicates import Candidate


def told_duplicates(viewer: Viewer, found: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return id, score and reasons of each. The other record may be anybody's, so its values are masked."""
    return [
        {"id": one.record_id}
        | shown(viewer, "duplicate_pair", {"score": one.score, "reasons": one.reasons}, "all")
        for one in found
    ]
