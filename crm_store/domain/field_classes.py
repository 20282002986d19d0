"""What each field of each resource says, as far as secrecy goes. Part of the policy: reviewers enter here.

A field that is not listed is shown to nobody, so a new column stays hidden until somebody has judged it.
``plain`` is for everyone who may see the row; every other class has a rule in ``policy.SENSITIVE``.
"""

from collections.abc import Mapping

PLAIN = "plain"

# Bookkeeping that every record carries.
_COMMON = (
    "id version source external_id owner_id owner_name created_at updated_at deleted_at recorded_at "
    "written_at"
)
_FACT = "id source external_id occurred_at recorded_at txid"

# Resource → class → its fields.
_LISTED: dict[str, dict[str, str]] = {
    "lead": {
        PLAIN: "account_id account_name company credit_code title phone_region phone_carrier need "
        "expected_volume channel campaign industry industry_code region city adcode ip_place submitted_at "
        "status intake_state closed_at merged_into",
        "name": "contact_name",
        "phone": "phone",
        "email": "email",
        "address": "address",
        "budget": "budget",
    },
    "account": {
        PLAIN: "name credit_code adcode industry industry_code region city tier employees annual_amount "
        "registered_capital insured_headcount parent_id merged_into",
        "phone": "phone",
        "address": "address",
        "budget": "expected_margin",
    },
    "contact": {
        PLAIN: "account_id title role department weight status",
        "name": "name",
        "phone": "phone",
        "email": "email",
        "wechat": "wechat",
    },
    "contact_relation": {PLAIN: "account_id from_id to_id kind strength"},
    "role_change": {
        PLAIN: "account_id contact_id activity_id kind old_role new_role confidence status decided_at "
        "decided_by",
        "name": "person",
        "text": "sentence",
    },
    "opportunity": {
        PLAIN: "account_id lead_id title product_line stage amount decision_maker_id decision_chain "
        "lost_reason expected_close_at closed_at",
        "budget": "budget",
    },
    "evidence": {PLAIN: "opportunity_id kind document_id activity_id", "text": "text"},
    "campaign": {PLAIN: "name channel status start_at end_at", "budget": "budget"},
    "product": {PLAIN: "name code product_line unit list_price need_weight"},
    "task": {
        PLAIN: "kind status due_at completed_at lead_id account_id contact_id opportunity_id document_id",
        "text": "title",
    },
    "ticket": {
        PLAIN: "account_id contact_id device_id category priority status opened_at first_response_at "
        "resolved_at satisfaction",
        "text": "title text",
    },
    "contract": {
        PLAIN: "account_id opportunity_id title product_line amount start_at end_at status closed_at"
    },
    "delivery": {PLAIN: "account_id contract_id order_number state promised_at shipped_at accepted_at"},
    "document": {
        PLAIN: "account_id product_line kind title issued_at expires_at revision sealed file_name sha256 "
        "status"
    },
    "device": {
        PLAIN: "account_id product_id name serial_number installed_at last_operated_at battery_health"
    },
    "activity": {
        PLAIN: "lead_id account_id contact_id opportunity_id rep_id channel direction scene duration_s "
        "corrects_id entered_by",
        "text": "text",
    },
    "order_snapshot": {PLAIN: "account_id amount quantity freight product delivery_state"},
    "team": {PLAIN: "name region"},
    "rep": {PLAIN: "name team_id region hired_at"},
    "territory": {PLAIN: "name region adcode team_id"},
    "leave": {PLAIN: "rep_id status start_at end_at", "absence": "kind"},
    "user": {PLAIN: "name role rep_id", "account": "email region disabled_at"},
    "change_log": {
        PLAIN: "entity entity_id version actor txid previous_hash hash who kind",
        "text": "reason why",
    },
    "score": {
        PLAIN: "model entity_id score_id value band probability version why as_of scored_at rank_value "
        "region title money reasons",
    },
    "duplicate_pair": {
        PLAIN: "entity left_id right_id score status found_at decided_at decided_by",
        "told": "reasons",
    },
    "merge_log": {
        PLAIN: "entity survivor_id merged_id actor merged_at undone_at undone_by",
        "told": "changes",
    },
    "submission": {
        PLAIN: "way received_at status lead_id corrected_at corrected_by",
        "told": "problems",
        "raw": "payload",
    },
    "import_job": {
        PLAIN: "preset entity file_name file_sha256 mapping status actor started_at finished_at position "
        "rows_read rows_added rows_rejected rejects_file",
        "text": "error",
    },
    "definition": {PLAIN: "kind name version content actor reason"},
    "api_key": {PLAIN: "name prefix scopes user_id created_by expires_at revoked_at"},
    "webhook_endpoint": {PLAIN: "name disabled_at"},
    "connector": {PLAIN: "name watermark last_run_at last_error rows"},
}


def _classes(resource: str) -> dict[str, str]:
    common = _FACT if resource in ("activity", "order_snapshot") else _COMMON
    found = dict.fromkeys(common.split(), PLAIN)
    for name, fields in _LISTED[resource].items():
        found |= dict.fromkeys(fields.split(), name)
    return found


CLASSES: Mapping[str, Mapping[str, str]] = {resource: _classes(resource) for resource in _LISTED}
"""Resource → field → class."""
