"""The words that fields with a fixed list may hold, for constraints, checks and pages alike."""

LEAD_STATUSES = ("new", "contacted", "qualified", "won", "lost")
OPPORTUNITY_STAGES = ("need_confirmed", "proposal", "negotiation", "won", "lost")
CONTRACT_STATUSES = ("active", "renewed", "lapsed")
TICKET_STATUSES = ("open", "answered", "resolved")
TIERS = ("S", "A", "B")
CHANNELS = ("chat", "call", "email", "meeting", "site", "download", "search", "view", "assign")
DIRECTIONS = ("in", "out", "internal")
# What a customer communication was about: 报价异议, 交付延期, 付款方式协商, 需求确认, 技术交流, 招标进展,
# 合同条款, 售后问题, 回访关怀, 其他.
SCENES = (
    "price_objection",
    "delivery_delay",
    "payment_terms",
    "need_confirmation",
    "technical_exchange",
    "tender",
    "contract_terms",
    "after_sales",
    "care",
    "other",
)
COMMUNICATION_CHANNELS = ("chat", "call", "email", "meeting")
CONTACT_STATUSES = ("active", "left", "do_not_contact")
RELATION_KINDS = ("influence", "technical", "reports_to")
ROLE_CHANGE_STATUSES = ("proposed", "accepted", "rejected")
DOCUMENT_STATUSES = ("valid", "superseded", "rejected")
DELIVERY_STATES = ("to_schedule", "in_production", "shipped", "accepted")
CAMPAIGN_STATUSES = ("planned", "running", "ended")
TASK_STATUSES = ("open", "done", "cancelled")
EVIDENCE_KINDS = (
    "customer_quote",
    "requirement_document",
    "internal_review",
    "quotation",
    "contract_draft",
    "signed_contract",
)
LEAVE_KINDS = ("annual", "sick", "travel", "training", "other")
LEAVE_STATUSES = ("planned", "approved", "cancelled")
INTAKE_STATES = ("complete", "phone_only")
PRIORITIES = ("low", "normal", "high", "urgent")
ROLES = ("rep", "lead", "manager", "operations", "scientist", "service", "admin")
