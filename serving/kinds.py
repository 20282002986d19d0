"""The two things that are scored, and what differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Entity = Literal["lead", "account"]


@dataclass(frozen=True)
class Kind:
    """A scored subject: its entity, its model, where it lives under ``/v1``, and its error code.

    ``timing`` is the hazard that says when, ``matching`` what says who should have it, where there is one.
    """

    entity: Entity
    model: str
    plural: str
    not_found: str
    timing: str | None = None
    matching: str | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that speaks of it, the one that scores it first."""
        return tuple(name for name in (self.model, self.timing, self.matching) if name)

    @property
    def path(self) -> str:
        """The address of the ranked list."""
        return f"/v1/{self.plural}"


LEAD: Final = Kind("lead", "lead_health", "leads", "lead_not_found", matching="lead_match")
ACCOUNT: Final = Kind("account", "account_churn", "accounts", "account_not_found", "account_renewal")
KINDS: Final = (LEAD, ACCOUNT)
