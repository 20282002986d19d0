"""The stages of a deal: which gates stand on the way to one, and what counts as evidence."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ORDER = ("need_confirmed", "proposal", "negotiation", "won")
"""The way forward: 需求确认, 方案报价, 商务谈判, 已签约."""
LOST = "lost"

_COUNTED = {
    "customer_quote": "customer_quotes",
    "requirement_document": "requirement_documents",
    "internal_review": "internal_reviews",
    "quotation": "quotations",
    "contract_draft": "contract_drafts",
    "signed_contract": "signed_contracts",
}
_ASKED = {
    "account_id": "has_account",
    "product_line": "has_product_line",
    "budget": "has_budget",
    "amount": "has_amount",
    "decision_maker_id": "has_decision_maker",
    "expected_close_at": "has_expected_close",
    "lost_reason": "has_lost_reason",
}
SIGNALS = frozenset({"target_stage", "decision_chain_people", *_COUNTED.values(), *_ASKED.values()})
"""What a checklist may ask about: the stage, pieces of evidence by kind, and fields (1 known, 0 not)."""

# What makes two pieces of one kind the same. Two sentences of one call are two quotes, but a document with
# two notes on it is one document.
_QUOTE_IS = ("text", "activity", "document")
_PAPER_IS = ("document", "activity", "text")


@dataclass(frozen=True)
class Piece:
    """One piece of evidence. ``document`` stands for the file: the same content is the same document."""

    kind: str
    text: str | None = None
    document: str | None = None
    activity: str | None = None


@dataclass(frozen=True)
class Missing:
    """An item of a checklist that is not there: how many are needed, how many of those are missing, why."""

    stage: str
    item: str
    needed: int
    missing: int
    zh: str
    en: str


def gates_to_pass(current: str | None, target: str) -> tuple[str, ...]:
    """Return the stages whose checklists a deal must meet to go from ``current`` to ``target``.

    A new deal (None) is born free in the first stage, where its evidence is gathered, and meets that stage's
    checklist on the way out of it. Going back is free, staying too; skipping ahead meets every gate in
    between; a lost deal that is taken up again proves itself from the start; losing asks for the reason.
    """
    if target == current or (current is None and target == ORDER[0]):
        return ()
    if target == LOST:
        return (LOST,)
    goal = ORDER.index(target)
    if current is None or current == LOST:
        return ORDER[: goal + 1]
    at = ORDER.index(current)
    if goal < at:
        return ()
    return ORDER[at + 1 if at else 0 : goal + 1]


def count_evidence(pieces: Iterable[Piece]) -> Counter[str]:
    """Return how many distinct pieces there are of each kind; the first use of a text or document counts."""
    seen: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for piece in pieces:
        identity = _identity(piece)
        if identity is not None and identity not in seen:
            seen.add(identity)
            counts[piece.kind] += 1
    return counts


def signals_of(state: Mapping[str, object], counts: Mapping[str, int]) -> dict[str, int]:
    """Return what a checklist is asked with, but for the stage: ``SIGNALS`` by name."""
    chain = str(state.get("decision_chain") or "")
    return {
        "decision_chain_people": len({one.strip() for one in chain.split(",")} - {""}),
        **{signal: counts.get(kind, 0) for kind, signal in _COUNTED.items()},
        **{signal: int(_known(state.get(field))) for field, signal in _ASKED.items()},
    }


def _known(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _identity(piece: Piece) -> tuple[str, str] | None:
    values = {"text": _bare(piece.text or ""), "document": piece.document, "activity": piece.activity}
    by = _QUOTE_IS if piece.kind == "customer_quote" else _PAPER_IS
    return next(((name, value) for name in by if (value := values[name])), None)


def _bare(text: str) -> str:
    """Return a text without what copies differ in: width, case, spaces, punctuation."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
