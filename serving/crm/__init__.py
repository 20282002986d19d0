"""The interface a CRM keeps the store in step through: ``/crm/v1``. Routes are thin; use cases are services.

``router.crm_router`` is the only way in. An operation is declared once (``operation.Operation``): its
address, who may call it, what it reads and answers. Checks, transactions, idempotency and documentation
follow from that.
"""
