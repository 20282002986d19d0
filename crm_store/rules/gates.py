"""The checklist of each opportunity stage, a rule document: asked for a stage, it lists what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from crm_store.domain.stages import LOST, ORDER, SIGNALS, Missing
from crm_store.rules.document import RuleDocument
from crm_store.rules.engine import DOCUMENTS, RuleBook
from crm_store.rules.errors import RuleFailed, RuleRefused
from crm_store.rules.validation import validate_document

NAME = "stage_gate"


class StageGate:
    """One version of the checklists, ready to be asked; safe to share between threads."""

    def __init__(self, document: RuleDocument) -> None:
        """Load a document that passed ``validate_gate``."""
        self.version = document.version
        self._book = RuleBook([document])

    def missing(self, stages: Sequence[str], signals: Mapping[str, int]) -> tuple[Missing, ...]:
        """Return what the checklists of these stages lack, an item once, as the strictest stage asks for it.

        Raises RuleFailed when the document has no answer.
        """
        worst: dict[str, Missing] = {}
        for stage in stages:
            for item in self._of_stage(stage, signals):
                if item.item not in worst or worst[item.item].missing < item.missing:
                    worst[item.item] = item
        return tuple(worst.values())

    def _of_stage(self, stage: str, signals: Mapping[str, int]) -> list[Missing]:
        outputs = self._book.evaluate(self.version, {**signals, "target_stage": stage}).outputs
        rows = outputs.get("missing")
        if not isinstance(rows, list):
            raise RuleFailed(self.version, "missing")
        return [self._item(stage, row) for row in rows]

    def _item(self, stage: str, row: Any) -> Missing:
        try:
            texts = [row[name] for name in ("item", "zh", "en")]
            needed, missing = int(row["needed"]), int(row["missing"])
        except (KeyError, TypeError, ValueError):
            raise RuleFailed(self.version, "item, needed, missing, zh, en") from None
        if not all(isinstance(text, str) and text for text in texts) or missing < 1:
            raise RuleFailed(self.version, "item, needed, missing, zh, en")
        return Missing(stage, texts[0], needed, missing, texts[1], texts[2])


@cache
def _shipped_text() -> str:
    return (DOCUMENTS / f"{NAME}.json").read_text(encoding="utf-8")


def shipped_document() -> dict[str, Any]:
    """Return the checklists that come with the package."""
    document: dict[str, Any] = json.loads(_shipped_text())
    return document


def validate_gate(data: bytes | str | dict[str, Any]) -> RuleDocument:
    """Return the document if it may stand at the stages; raise RuleRefused, naming what is at fault.

    Beyond what every rule document must pass, it is named ``stage_gate``, asks only what ``SIGNALS`` lists,
    and answers for every stage of a deal that has nothing and of one that has plenty.
    """
    document = validate_document(data)
    if document.name != NAME:
        raise RuleRefused("metadata", "metadata.name", detail=NAME)
    if document.entity != "opportunity":
        raise RuleRefused("metadata", "metadata.entity", detail="opportunity")
    unknown = sorted(set(document.signals) - SIGNALS)
    if unknown:
        raise RuleRefused("unknown_signal", "metadata.signals", detail=unknown[0])
    gate = StageGate(document)
    try:
        for plenty in (0, 1, 1_000):
            gate.missing((*ORDER, LOST), dict.fromkeys(SIGNALS, plenty))
    except RuleFailed as error:
        raise RuleRefused("not_runnable", "nodes", detail=error.detail) from None
    return document
