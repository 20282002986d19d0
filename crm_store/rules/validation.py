"""The gate a rule document passes before it may run: refuse early, with the field and the reason."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import zen

from crm_store.domain.scores import Bands
from crm_store.rules.document import RuleDocument
from crm_store.rules.errors import RuleRefused, engine_words
from crm_store.rules.graph import check_graph, check_node

MAX_BYTES = 256_000
MAX_DEPTH = 16
MAX_SIGNALS = 100

_CONTENT_TYPE = "application/vnd.gorules.decision"
_SLUG = re.compile(r"[a-z][a-z0-9_]{0,59}")
# What the engine gets to see of a node or edge; everything else in the file is the editor's.
_NODE_KEYS = ("id", "type", "name", "content")
_EDGE_KEYS = ("id", "sourceId", "targetId", "sourceHandle", "type")
_BARE_NODES = frozenset({"inputNode", "outputNode"})


def validate_document(data: bytes | str | dict[str, Any]) -> RuleDocument:
    """Return the document if it may run; raise RuleRefused, naming the field at fault, if it may not.

    Refused are function and network nodes, sub-decisions, unknown node types, cycles, loose nodes,
    conditions outside the grammar, functions outside the list, undeclared signals, missing metadata,
    and anything over the limits of size, depth and number. The last check is a run with every signal
    missing, which must give a score.
    """
    document = _parse(data)
    if document.get("contentType", _CONTENT_TYPE) != _CONTENT_TYPE:
        raise RuleRefused("content_type", "contentType")
    checked = _with_metadata(document)
    _try_out(checked)
    return checked


def load_engine(contents: Mapping[str, Mapping[str, object]]) -> Any:
    """Return a zen engine holding these graphs, each compiled once; raise the engine's error if one isn't."""
    loader: Any = {"type": "static", "content": dict(contents)}
    return zen.ZenEngine({"loader": loader})


def _parse(data: bytes | str | dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(data, allow_nan=False) if isinstance(data, dict) else data
        size = len(text.encode() if isinstance(text, str) else text)
        if size > MAX_BYTES:
            raise RuleRefused("too_large", "", limit=MAX_BYTES)
        document = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise RuleRefused("too_deep", "", limit=MAX_DEPTH) from None
    except (ValueError, TypeError) as error:
        raise RuleRefused("invalid_json", "", detail=str(error)[:200]) from None
    if not isinstance(document, dict):
        raise RuleRefused("shape", "", detail="object")
    if _deeper_than(document, MAX_DEPTH):
        raise RuleRefused("too_deep", "", limit=MAX_DEPTH)
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _deeper_than(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    return any(
        _deeper_than(item, levels - 1) for item in (value.values() if isinstance(value, dict) else value)
    )


def _with_metadata(document: dict[str, Any]) -> RuleDocument:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise RuleRefused("metadata", "metadata", detail="metadata")
    name, entity = (_slug(metadata, key) for key in ("name", "entity"))
    version = metadata.get("version")
    if not isinstance(version, str) or not re.fullmatch(rf"{name}@[1-9]\d{{0,8}}", version):
        raise RuleRefused("metadata", "metadata.version", detail=f"{name}@1")
    title = metadata.get("title")
    if not isinstance(title, dict) or not all(
        isinstance(title.get(k), str) and title[k] for k in ("zh", "en")
    ):
        raise RuleRefused("metadata", "metadata.title", detail="title.zh, title.en")
    signals = _signals(metadata)
    known, nodes = dict.fromkeys(signals, 1), check_graph(document)
    tables = [check_node(node, known) for node in nodes]
    return RuleDocument(
        name=name,
        version=version,
        entity=entity,
        title=(title["zh"], title["en"]),
        signals=signals,
        scale=_one_of(metadata, "scale", "0-100", "points"),
        probability=_one_of(metadata, "probability", None, "value", "loss"),
        digest=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        content=_engine_content(document),
        tables=tuple(table for table in tables if table is not None),
        bands=_bands(metadata),
    )


def _slug(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise RuleRefused("metadata", f"metadata.{key}", detail=key)
    return value


def _signals(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    signals = metadata.get("signals")
    if not isinstance(signals, list) or not 0 < len(signals) <= MAX_SIGNALS:
        raise RuleRefused("metadata", "metadata.signals", detail="signals")
    if not all(isinstance(signal, str) and _SLUG.fullmatch(signal) for signal in signals):
        raise RuleRefused("metadata", "metadata.signals", detail="signals")
    return tuple(dict.fromkeys(signals))


def _one_of(metadata: Mapping[str, Any], key: str, *choices: str | None) -> Any:
    value = metadata.get(key)
    if value not in choices:
        raise RuleRefused("metadata", f"metadata.{key}", detail=" | ".join(map(str, choices)))
    return value


def _bands(metadata: Mapping[str, Any]) -> Bands:
    bands = metadata.get("bands", {})
    limits = (
        {key: bands.get(key, default) for key, default in vars(Bands()).items()}
        if isinstance(bands, dict)
        else {}
    )
    if not limits or any(isinstance(v, bool) or not isinstance(v, int | float) for v in limits.values()):
        raise RuleRefused("metadata", "metadata.bands", detail="green, yellow")
    if not 0 <= limits["yellow"] <= limits["green"] <= 100:
        raise RuleRefused("metadata", "metadata.bands", detail="0 ≤ yellow ≤ green ≤ 100")
    return Bands(**limits)


def _engine_content(document: Mapping[str, Any]) -> dict[str, object]:
    nodes = [{key: node[key] for key in _NODE_KEYS if key in node} for node in document["nodes"]]
    for node in nodes:
        node.setdefault("name", node["id"])
        if node["type"] in _BARE_NODES:
            node["content"] = {}
    edges = [{key: edge[key] for key in _EDGE_KEYS if edge.get(key)} for edge in document["edges"]]
    return {"contentType": _CONTENT_TYPE, "nodes": nodes, "edges": edges}


def _try_out(document: RuleDocument) -> None:
    try:
        engine = load_engine({document.version: document.content})
        answer = engine.evaluate(document.version, dict.fromkeys(document.signals))["result"]
    except Exception as error:
        raise RuleRefused("not_runnable", "", detail=engine_words(error)) from None
    score = answer.get("score") if isinstance(answer, dict) else None
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise RuleRefused("not_runnable", "", detail="score")
    if document.scale == "0-100" and not 0 <= score <= 100:
        raise RuleRefused("not_runnable", "", detail=f"score {score}")
