"""Tables, as SQLAlchemy 2 typed models. Only ``repositories`` and ``migrations`` read them."""

from crm_store.models.access import ApiKey, User, WebSession
from crm_store.models.base import Base
from crm_store.models.logs import ChangeLog, CurrentScore, ImportJob, ScoreLog
from crm_store.models.records import (
    Account,
    Activity,
    Contact,
    Contract,
    Lead,
    Opportunity,
    OrderSnapshot,
    Rep,
    Team,
    Ticket,
)

__all__ = [
    "Account",
    "Activity",
    "ApiKey",
    "Base",
    "ChangeLog",
    "Contact",
    "Contract",
    "CurrentScore",
    "ImportJob",
    "Lead",
    "Opportunity",
    "OrderSnapshot",
    "Rep",
    "ScoreLog",
    "Team",
    "Ticket",
    "User",
    "WebSession",
]
