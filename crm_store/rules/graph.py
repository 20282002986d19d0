"""The shape of a decision graph: nodes, edges, and what each node may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from crm_store.rules.document import ReasonTable
from crm_store.rules.errors import RuleRefused
from crm_store.rules.expressions import check_condition, check_expression

MAX_NODES = 40
MAX_EDGES = 120
MAX_ROWS = 300
MAX_COLUMNS = 40
MAX_EXPRESSIONS = 60

_NODE_TYPES = frozenset({"inputNode", "outputNode", "expressionNode", "decisionTableNode", "switchNode"})
_REFUSED_NODES = {"functionNode": "function_node", "httpNode": "http_node"}
_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
# Settings that only change how a node is drawn or reached are dropped; these change what it does.
_LOOPING_SETTINGS = ("inputField", "executionMode")

Node = Mapping[str, Any]


def check_graph(document: Mapping[str, Any]) -> list[Node]:
    """Return the nodes in the order they run; raise RuleRefused for a graph that may not run at all."""
    nodes = _items(document, "nodes", MAX_NODES)
    for index, node in enumerate(nodes):
        _check_node_type(node, f"nodes[{index}]")
    by_id = {_text(node, "id", f"nodes[{index}]"): node for index, node in enumerate(nodes)}
    if len(by_id) < len(nodes):
        raise RuleRefused("duplicate_id", "nodes", detail=_first_twice([node["id"] for node in nodes]))
    inputs = [node["id"] for node in nodes if node["type"] == "inputNode"]
    if len(inputs) != 1 or not any(node["type"] == "outputNode" for node in nodes):
        raise RuleRefused("shape", "nodes", detail="one inputNode and an outputNode")
    return [by_id[name] for name in _running_order(by_id, _edges(document, by_id), inputs[0])]


def check_node(node: Node, known: dict[str, int]) -> ReasonTable | None:
    """Check what a node holds, add the names it produces to ``known``, and return its table of reasons."""
    at, content = f"nodes.{node['id']}", _mapping(node.get("content") or {}, f"nodes.{node['id']}.content")
    if any(content.get(setting) not in (None, "", "single") for setting in _LOOPING_SETTINGS):
        raise RuleRefused("shape", at, detail="inputField, executionMode")
    path = content.get("outputPath") or ""
    if path:
        _check_field(path, f"{at}.outputPath")
    if node["type"] == "expressionNode":
        produced = _check_expressions(content, at, known)
    elif node["type"] == "decisionTableNode":
        produced = _check_table(content, at, known)
    else:
        produced = _check_switch(content, at, known) if node["type"] == "switchNode" else {}
    known |= {path.partition(".")[0]: sum(produced.values())} if path else produced
    return _reason_table(node["id"], path, content) if node["type"] == "decisionTableNode" else None


def _check_node_type(node: Node, at: str) -> None:
    kind = str(node.get("type"))
    if kind == "customNode" and "http" in str(node.get("content")).lower():
        raise RuleRefused("http_node", f"{at}.type")
    if kind not in _NODE_TYPES:
        raise RuleRefused(_REFUSED_NODES.get(kind, "node_type"), f"{at}.type", detail=kind[:80])


def _edges(document: Mapping[str, Any], by_id: Mapping[str, Node]) -> list[tuple[str, str]]:
    edges = []
    for index, edge in enumerate(_items(document, "edges", MAX_EDGES)):
        ends = tuple(_text(edge, end, f"edges[{index}]") for end in ("sourceId", "targetId"))
        for end in ends:
            if end not in by_id:
                raise RuleRefused("unknown_node", f"edges[{index}]", detail=end[:80])
        edges.append((ends[0], ends[1]))
    return edges


def _running_order(by_id: Mapping[str, Node], edges: Sequence[tuple[str, str]], start: str) -> list[str]:
    before: dict[str, set[str]] = {name: set() for name in by_id}
    for source, target in edges:
        before[target].add(source)
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        raise RuleRefused("cycle", "edges") from None
    reached = {start}
    for name in order:
        if before[name] & reached:
            reached.add(name)
        elif name != start:
            raise RuleRefused("unreachable", "edges", detail=name[:80])
    return order


def _check_expressions(content: Mapping[str, Any], at: str, known: Mapping[str, int]) -> dict[str, int]:
    produced: dict[str, int] = {}
    for index, item in enumerate(_items(content, "expressions", MAX_EXPRESSIONS, at)):
        field = f"{at}.expressions[{index}]"
        key = _text(item, "key", field)
        _check_field(key, f"{field}.key")
        earlier = {f"$.{name}": weight for name, weight in produced.items()}
        weight = check_expression(_text(item, "value", field), f"{field}.value", {**known, **earlier})
        produced[key.partition(".")[0]] = weight + produced.get(key.partition(".")[0], 0)
    return produced


def _check_switch(content: Mapping[str, Any], at: str, known: Mapping[str, int]) -> dict[str, int]:
    for index, item in enumerate(_items(content, "statements", MAX_EXPRESSIONS, at)):
        if item.get("condition"):
            field = f"{at}.statements[{index}]"
            check_expression(_text(item, "condition", field), f"{field}.condition", known)
    return {}


def _check_table(content: Mapping[str, Any], at: str, known: Mapping[str, int]) -> dict[str, int]:
    if content.get("hitPolicy") not in ("first", "collect"):
        raise RuleRefused("shape", f"{at}.hitPolicy", detail="first | collect")
    inputs, outputs = (_items(content, side, MAX_COLUMNS, at) for side in ("inputs", "outputs"))
    columns = [_text(column, "id", at) for column in (*inputs, *outputs)]
    if len(set(columns)) < len(columns):
        raise RuleRefused("duplicate_id", at, detail=_first_twice(columns))
    for column in inputs:
        field = _text(column, "field", f"{at}.inputs")
        if field.partition(".")[0] not in known:
            raise RuleRefused("unknown_signal", f"{at}.inputs", detail=field[:80])
    for column in outputs:
        _check_field(_text(column, "field", f"{at}.outputs"), f"{at}.outputs")
    rows = _items(content, "rules", MAX_ROWS, at)
    ids = [_text(row, "_id", f"{at}.rules[{index}]") for index, row in enumerate(rows)]
    if len(set(ids)) < len(ids):
        raise RuleRefused("duplicate_id", f"{at}.rules", detail=_first_twice(ids))
    weight = sum(_check_row(row, inputs, outputs, f"{at}.rules.{row['_id']}", known) for row in rows)
    return {column["field"].partition(".")[0]: weight for column in outputs}


def _check_row(row: Node, inputs: list[Node], outputs: list[Node], at: str, known: Mapping[str, int]) -> int:
    for column in inputs:
        check_condition(_cell(row, column, at), f"{at}.{column['field']}")
    return max((check_expression(_cell(row, c, at), f"{at}.{c['field']}", known) for c in outputs), default=1)


def _cell(row: Node, column: Node, at: str) -> str:
    cell = row.get(column["id"], "")
    if not isinstance(cell, str):
        raise RuleRefused("shape", f"{at}.{column['field']}", detail="text")
    return cell


def _reason_table(node: str, path: str, content: Mapping[str, Any]) -> ReasonTable | None:
    if not any(column["field"] == "effect" for column in content["outputs"]):
        return None
    conditions = {
        row["_id"]: tuple(c["field"] for c in content["inputs"] if row.get(c["id"], "").strip())
        for row in content["rules"]
    }
    return ReasonTable(node, path, conditions)


def _check_field(name: object, field: str) -> None:
    if not isinstance(name, str) or not _FIELD.fullmatch(name) or len(name) > 80:
        raise RuleRefused("shape", field, detail=str(name)[:80])


def _mapping(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RuleRefused("shape", field, detail="object")
    return value


def _items(owner: Mapping[str, Any], key: str, limit: int, at: str = "") -> list[Node]:
    field, items = f"{at}.{key}" if at else key, owner.get(key)
    if not isinstance(items, list):
        raise RuleRefused("shape", field, detail="list")
    if len(items) > limit:
        raise RuleRefused("too_many", field, limit=limit)
    return [_mapping(item, f"{field}[{index}]") for index, item in enumerate(items)]


def _text(owner: Mapping[str, Any], key: str, at: str) -> str:
    value = owner.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RuleRefused("shape", f"{at}.{key}", detail=key)
    return value


def _first_twice(names: Sequence[str]) -> str:
    return next(name for name in names if names.count(name) > 1)[:80]
