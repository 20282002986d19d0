"""Tables, as SQLAlchemy 2 typed models. Only ``repositories`` and ``migrations`` read them."""

from crm_store.models.access import ApiKey, Identity, WebSession
from crm_store.models.base import Base
from crm_store.models.customers import Account, Contact, ContactRelation, Device, Document, RoleChange
from crm_store.models.definitions import Definition
from crm_store.models.facts import Activity, OrderSnapshot
from crm_store.models.fulfilment import Contract, Delivery, Ticket
from crm_store.models.intake import (
    DedupeKey,
    DuplicatePair,
    MergeLog,
    Submission,
    WebhookEndpoint,
    WebhookReceipt,
)
from crm_store.models.jobs import (
    ConnectorState,
    FeedConsumer,
    IdempotencyKey,
    ImportJob,
    RegistryAnswer,
    RegistryQuota,
)
from crm_store.models.logs import ChangeLog, CurrentScore, ScoreLog
from crm_store.models.people import Leave, Rep, Team, Territory, User
from crm_store.models.sales import Campaign, Evidence, Lead, Opportunity, Product, Task

__all__ = [
    "Account",
    "Activity",
    "ApiKey",
    "Base",
    "Campaign",
    "ChangeLog",
    "ConnectorState",
    "Contact",
    "ContactRelation",
    "Contract",
    "CurrentScore",
    "DedupeKey",
    "Definition",
    "Delivery",
    "Device",
    "Document",
    "DuplicatePair",
    "Evidence",
    "FeedConsumer",
    "IdempotencyKey",
    "Identity",
    "ImportJob",
    "Lead",
    "Leave",
    "MergeLog",
    "Opportunity",
    "OrderSnapshot",
    "Product",
    "RegistryAnswer",
    "RegistryQuota",
    "Rep",
    "RoleChange",
    "ScoreLog",
    "Submission",
    "Task",
    "Team",
    "Territory",
    "Ticket",
    "User",
    "WebSession",
    "WebhookEndpoint",
    "WebhookReceipt",
]
