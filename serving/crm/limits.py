"""How much each address takes and how long it may: by its shape, before any route is looked up."""

from __future__ import annotations

from typing import Final

from serving.crm.deps import CrmLimits
from serving.crm.resources import PREFIX
from serving.errors import Limit

IMPORTS: Final = f"{PREFIX}/imports"
_UPLOADS: Final = (IMPORTS, f"{IMPORTS}/preview")


def limit_of(method: str, path: str, limits: CrmLimits) -> Limit:
    """Return the limit of a request to ``/crm/v1``."""
    if method == "POST" and path in _UPLOADS:
        return Limit(limits.upload_body, limits.bulk_seconds)
    if path.endswith("/bulk"):
        return Limit(limits.bulk_body, limits.bulk_seconds)
    patient = path.endswith(("/export", "/rejects"))
    return Limit(limits.ordinary_body, limits.export_seconds if patient else limits.ordinary_seconds)
