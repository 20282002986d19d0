"""The list of all operations, and the few that need no caller."""

from __future__ import annotations

from typing import Final

from serving.crm.admission_routes import admission_operations
from serving.crm.bulk_routes import bulk_operations
from serving.crm.chain_routes import chain_operations
from serving.crm.discipline_routes import discipline_operations
from serving.crm.duplicate_routes import duplicate_operations
from serving.crm.export_routes import export_operations
from serving.crm.fact_routes import fact_operations
from serving.crm.history_routes import history_operations
from serving.crm.import_routes import import_operations
from serving.crm.intake_routes import intake_operations
from serving.crm.mapping_routes import mapping_operations
from serving.crm.operation import Operation
from serving.crm.people_routes import people_operations
from serving.crm.record_routes import record_operations
from serving.crm.second_factor_routes import second_factor_operations
from serving.crm.webhook_routes import webhook_operations

OPERATIONS: Final[tuple[Operation, ...]] = (
    *export_operations(),  # before the records: "export" is no id
    *record_operations(),
    *bulk_operations(),
    *fact_operations(),
    *history_operations(),
    *intake_operations(),
    *webhook_operations(),
    *duplicate_operations(),
    *chain_operations(),
    *admission_operations(),
    *discipline_operations(),
    *import_operations(),
    *mapping_operations(),
    *people_operations(),
    *second_factor_operations(),
)

PUBLIC_ROUTES: Final = frozenset(
    (operation.method, operation.path) for operation in OPERATIONS if operation.policy is None
)
"""(method, address) of the operations without a caller: signing in, and messages that sign themselves."""
