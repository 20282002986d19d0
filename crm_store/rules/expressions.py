"""Which conditions and expressions a rule document may contain.

The engine is lenient where a rule editor must be strict: a condition that doesn't parse, or that meets a
type it can't compare, counts as "didn't fire" without a word, and an output cell that fails drops its
whole row. So conditions have a closed grammar here, and expressions a closed set of functions: none that
reads the clock, draws at random, or loops over a made-up range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import zen

from crm_store.rules.errors import RuleRefused

MAX_TEXT = 1_000
# One loop may run inside another, over lists no longer than a table: enough for sums, too few to spin.
MAX_LOOPS = 2
# Largest weight of a result: about how many times a cell's text can be repeated in it.
MAX_WEIGHT = 100_000

_NUMBER = r"-?\d+(?:\.\d+)?"
_STRING = r"'[^']*'|\"[^\"]*\""
# `!= 5` is left out: it is true of a missing value, which ought to be neutral.
_TEST = (
    rf"(?:(?:>=|<=|==|>|<)?\s*{_NUMBER}|(?:==)?\s*(?:{_STRING}|true|false)|[\[(]{_NUMBER}\.\.{_NUMBER}[\])])"
)
# null may only come first: after a comparison the engine has already given up on a missing value.
_CONDITION = re.compile(rf"\s*(?:!=\s*null|null(?:\s*,\s*{_TEST})*|{_TEST}(?:\s*,\s*{_TEST})*)?\s*")

_LOOPS = frozenset({"map", "filter", "all", "some", "none", "one", "count"})
_FUNCTIONS = _LOOPS | {
    *("abs", "floor", "ceil", "round", "trunc", "min", "max", "sum", "avg", "median"),
    *("len", "contains", "startsWith", "endsWith", "lower", "upper", "merge", "string", "number"),
}
_KEYWORDS = frozenset({"in", "not", "and", "or", "null", "true", "false"})
_CALL = re.compile(r"([.#$\w]*)\s*\(")
_MEMBERSHIP = re.compile(rf"\bin\s*[\[(]\s*{_NUMBER}\.\.{_NUMBER}\s*[\])]")
_NAME = re.compile(r"\$\.\w+|(?<![.\w#$])[^\W\d]\w*(?!\w*\s*\()")


def check_condition(text: str, field: str) -> None:
    """Raise RuleRefused unless an input cell is empty or a list of simple tests with null in front."""
    _check_length(text, field)
    if not _CONDITION.fullmatch(text):
        raise RuleRefused("condition", field, detail=text[:80])


def check_expression(text: str, field: str, known: Mapping[str, int]) -> int:
    """Return an expression's weight; raise RuleRefused unless it parses and is allowed.

    ``known`` maps each name it may use to that name's weight, an upper bound of how large the value can
    be: 1 for a signal, a table's rows for its output. Weights add up, and multiply where a loop runs, so
    that a chain of doublings is refused before it fills the memory.
    """
    _check_length(text, field)
    fault = zen.validate_expression(text) if text.strip() else {"source": "empty"}
    if fault is not None:
        raise RuleRefused("expression", field, detail=str(fault.get("source", "")))
    code = code_of(text)
    _check_calls(code, field)
    if ".." in _MEMBERSHIP.sub("", code):
        raise RuleRefused("range", field)
    # `;` assigns, and a bare `$` or `$nodes` reaches every value at once.
    if ";" in code or "$" in re.sub(r"\$\.\w", "", code):
        raise RuleRefused("expression", field, detail="; $")
    return _weight(code, field, known)


def code_of(text: str) -> str:
    """Return an expression with the text of its strings blanked; ``${…}`` in a template stays, in brackets.

    The engine's strings have no escapes: a quote ends at the next quote of its kind.
    """
    parts: list[str] = []
    at, in_template = 0, False
    while at < len(text):
        char = text[at]
        if char in "'\"":
            at = _end(text, char, at + 1)
            parts.append("''")
        elif char == "`" or (char == "}" and in_template):
            stop, hole = _end(text, "`", at + 1), _end(text, "${", at + 1)
            in_template = hole < stop
            at = hole + 1 if in_template else stop
            parts.append(" , " if in_template else "''")
        else:
            parts.append(char)
        at += 1
    return "".join(parts)


def _weight(code: str, field: str, known: Mapping[str, int]) -> int:
    names = [name for name in _NAME.findall(code) if name not in _KEYWORDS]
    for name in names:
        if name not in known:
            raise RuleRefused("unknown_signal", field, detail=name[:80])
    weights = [known[name] for name in names]
    loops = any(name in _LOOPS for name in _CALL.findall(code))
    weight = 1 + (math.prod(weights) if loops else sum(weights))
    if weight > MAX_WEIGHT:
        raise RuleRefused("growth", field)
    return weight


def _end(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found


def _check_length(text: str, field: str) -> None:
    if len(text) > MAX_TEXT:
        raise RuleRefused("too_long", field, limit=MAX_TEXT)


def _check_calls(code: str, field: str) -> None:
    called = [name for name in _CALL.findall(code) if name and name not in _KEYWORDS]
    for name in called:
        if name not in _FUNCTIONS:
            raise RuleRefused("function", field, detail=name)
    if sum(name in _LOOPS for name in called) > MAX_LOOPS:
        raise RuleRefused("loops", field, limit=MAX_LOOPS)
