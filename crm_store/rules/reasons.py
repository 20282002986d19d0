"""From an engine's trace to the reasons of a score.

A row of a table with an ``effect`` column that fired is a reason. When it tests several signals, all were
needed and none suffices alone, so each gets an equal part of the effect (its Shapley value). The row's
``zh`` and ``en`` are its words: one sentence, or a list with one for each condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crm_store.domain.scores import Reason
from crm_store.rules.document import ReasonTable, RuleDocument


def reasons_from(document: RuleDocument, trace: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Return the reasons of one evaluation, strongest first; their effects and the base make the score."""
    signals = frozenset(document.signals)
    reasons = [
        reason
        for table in document.tables
        for fired, output in _fired(table, trace)
        for reason in _reasons_of(table, fired, output, signals)
    ]
    return tuple(sorted(reasons, key=lambda reason: -abs(reason.effect)))


def _fired(table: ReasonTable, trace: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield (trace of the row, output of the row) for each row of the table that fired."""
    step = trace.get(table.node)
    if step is None or step["traceData"] is None:
        return
    rows, outputs = step["traceData"], step["output"]
    for key in table.path.split(".") if table.path else ():
        outputs = outputs[key]
    yield from zip(rows, outputs, strict=True) if isinstance(rows, list) else [(rows, outputs)]


def _reasons_of(table: ReasonTable, fired: Any, output: Any, signals: frozenset[str]) -> Iterator[Reason]:
    rule, values = fired["rule"]["_id"], fired["reference_map"]
    features = [name for name in table.conditions[rule] if name in signals]
    effect = float(output["effect"])
    if not features:
        # A row without a condition on a signal is the "otherwise" row: a reason only if it moved the score.
        if effect:
            yield Reason(f"rule:{rule}", None, effect, _sentences(output, 1)[0])
        return
    for name, sentence in zip(features, _sentences(output, len(features)), strict=True):
        yield Reason(name, _value(values.get(name)), effect / len(features), sentence)


def _sentences(output: Mapping[str, Any], count: int) -> list[tuple[str, str] | None]:
    words = [_words(output.get(language), count) for language in ("zh", "en")]
    return [(zh, en) if zh and en else None for zh, en in zip(*words, strict=True)]


def _words(cell: object, count: int) -> list[str | None]:
    """One sentence for each condition; none where a row of several conditions has a single sentence."""
    sentences = cell if isinstance(cell, list) else [cell]
    if len(sentences) != count:
        return [None] * count
    return [sentence if isinstance(sentence, str) else None for sentence in sentences]


def _value(value: object) -> float | str | bool | None:
    if isinstance(value, bool | str) or value is None:
        return value
    return float(value) if isinstance(value, int | float) else str(value)
