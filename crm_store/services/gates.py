"""Stage gates: what a deal still lacks for a stage, and the refusal to enter it before.

The checklists are a rule document. The store's own copy counts once somebody saved one; every version stays.
People and programs pass the gates; imports bring history from outside and do not, which completeness shows.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.stages import LOST, ORDER, Missing, count_evidence, gates_to_pass, signals_of
from crm_store.repositories import definitions, evidence, problems
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.records import get_record
from crm_store.rules.errors import RuleFailed, RuleRefused
from crm_store.rules.gates import NAME, StageGate, shipped_document, validate_gate

RULE = "rule"
"""The kind under which edited rule documents are kept."""

# Compiled documents kept at hand: one is in force, and requests may still be at the one before.
_KEPT = 4


@dataclass(frozen=True)
class GateAnswer:
    """Whether a deal may enter a stage now; ``missing`` says what is not there, by ``rule``'s version."""

    opportunity_id: str
    stage: str
    target_stage: str
    passed: bool
    missing: tuple[Missing, ...]
    rule: str


class GateClosed(StoreError):
    """A deal may not enter the stage yet; ``missing`` lists why."""

    def __init__(self, target_stage: str, missing: tuple[Missing, ...]) -> None:
        zh = "；".join(item.zh for item in missing)
        en = "; ".join(item.en for item in missing)
        super().__init__(
            Problem(
                "stage_gate",
                "stage",
                f"还不能进入阶段 {target_stage}：{zh}",
                f"the deal cannot enter {target_stage} yet: {en}",
            )
        )
        self.missing = missing


def check_stage(session: Session, opportunity_id: str, target_stage: str, now: datetime) -> GateAnswer:
    """Return what a deal lacks for a stage, as it stands; for its own stage, what that one's checklist lacks.

    Raises StoreError: ``unknown_reference`` for a deal that is not there, ``not_allowed`` for a stage.
    """
    _check_known(target_stage)
    deal: Any = get_record(session, "opportunity", opportunity_id)
    if deal is None or deal.deleted_at is not None:
        raise StoreError(problems.unknown_reference("opportunity_id", "opportunity"))
    state = {"id": deal.id} | {name: getattr(deal, name) for name in FIELDS["opportunity"]}
    gates = gates_to_pass(deal.stage, target_stage) if target_stage != deal.stage else (target_stage,)
    gate = _in_force(session)
    missing = _missing(session, gate, gates, state, now)
    return GateAnswer(deal.id, deal.stage, target_stage, not missing, missing, gate.version)


def require(
    session: Session, before: Mapping[str, Any] | None, values: Mapping[str, Any], now: datetime
) -> None:
    """Raise GateClosed when a write would take a deal through a gate it does not pass.

    ``before`` is the stored deal with its ``id``, None for a new one; ``values`` what is written over it.
    """
    target = values.get("stage")
    if target is None:
        return
    _check_known(target)
    gates = gates_to_pass(None if before is None else before["stage"], target)
    missing = _missing(session, _in_force(session), gates, {**(before or {}), **values}, now) if gates else ()
    if missing:
        raise GateClosed(target, missing)


def gate_document(session: Session) -> dict[str, Any]:
    """Return the checklists in force as a rule document, to be read or edited."""
    stored = definitions.latest(session, RULE, NAME)
    return shipped_document() if stored is None else _numbered(stored.content, stored.version)


def save_gate(
    session: Session, document: Mapping[str, Any], *, actor: str, reason: str | None, now: datetime
) -> str:
    """Put edited checklists in force and return their version, ``stage_gate@2`` for the first edit.

    The number is the store's: the document's own is left aside, so that saving what is in force adds nothing.
    Raises StoreError (``rule_`` and why it is refused, ``unknown_way``); the old ones then stay in force.
    """
    _compiled(json.dumps(_numbered(document, 0), default=str))
    metadata = {key: value for key, value in document["metadata"].items() if key != "version"}
    content = {**document, "metadata": metadata}
    version = definitions.put(session, RULE, NAME, content, actor=actor, reason=reason, now=now)
    return f"{NAME}@{version + 1}"


def _missing(
    session: Session, gate: StageGate, gates: Sequence[str], state: Mapping[str, Any], now: datetime
) -> tuple[Missing, ...]:
    deal_id = state.get("id")
    pieces = evidence.pieces_of(session, [deal_id], now).get(deal_id, []) if deal_id else []
    try:
        return gate.missing(gates, signals_of(state, count_evidence(pieces)))
    except RuleFailed as error:
        raise StoreError(Problem(error.code, "stage", error.zh, error.en)) from None


def _in_force(session: Session) -> StageGate:
    return _compiled(json.dumps(gate_document(session), sort_keys=True))


@lru_cache(maxsize=_KEPT)
def _compiled(text: str) -> StageGate:
    try:
        return StageGate(validate_gate(text))
    except RuleRefused as error:
        raise StoreError(Problem(f"rule_{error.code}", error.field, error.zh, error.en)) from None


def _numbered(document: Mapping[str, Any], stored_version: int) -> dict[str, Any]:
    """Give a document its number: the shipped one is the first, the first stored one the second."""
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping):
        return dict(document)
    return {**document, "metadata": {**metadata, "version": f"{NAME}@{stored_version + 1}"}}


def _check_known(stage: object) -> None:
    if stage not in (*ORDER, LOST):
        raise StoreError(problems.not_allowed("stage", (*ORDER, LOST)))
