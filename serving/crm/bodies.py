"""Reading bodies that strangers wrote: strict JSON and forms, and values as the store's fields hold them.

JSON is stricter than the standard library's: no duplicate keys, no NaN, no number that no store could hold,
no depth that would exhaust the stack.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from crm_store.domain import moments
from crm_store.repositories.fields import Field
from serving.crm.refusals import CrmError

_MAX_DEPTH: Final = 32
_MAX_FORM_FIELDS: Final = 100
_LONGEST_NUMBER: Final = 40
_TOO_DEEP: Final = (f"more than {_MAX_DEPTH} levels", f"嵌套超过 {_MAX_DEPTH} 层")


class _Fault(ValueError):
    """A text that is JSON to others and not to us: what of it, in English and in Chinese."""


def read_json(body: bytes) -> Any:
    """Return what a JSON body says. Raises CrmError ``body_empty`` or ``json_invalid``."""
    if not body.strip():
        raise CrmError.known("body_empty")
    try:
        content = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
        _check_depth(content)
    except RecursionError:
        raise CrmError.known("json_invalid", None, *_TOO_DEEP) from None
    except _Fault as error:
        raise CrmError.known("json_invalid", None, *error.args) from None
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        place = (f"line {line}, column {column}", f"第 {line} 行第 {column} 列")
        raise CrmError.known("json_invalid", None, *place) from None
    except ValueError:
        raise CrmError.known("json_invalid", None, "not UTF-8", "不是 UTF-8 编码") from None
    return content


def read_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object, without text that no store can keep."""
    content = read_json(body)
    if not isinstance(content, dict):
        raise CrmError.known("body_not_object")
    _check_text(content, "")
    return content


def read_form(body: bytes) -> dict[str, Any]:
    """Return the fields of an ``application/x-www-form-urlencoded`` body; an empty field counts as absent."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="strict"
        )
        fields = _object(pairs)
    except (_Fault, ValueError):
        raise CrmError.known("form_invalid") from None
    _check_text(fields, "")
    return {name: value for name, value in fields.items() if value.strip()}


def value_of(field: Field, given: Any) -> Any:
    """Return a JSON value as ``Field.check`` wants it; what cannot be read is left for it to refuse."""
    if field.kind == "moment" and isinstance(given, str):
        return moments.read(given) or given
    return given


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Fault(f"duplicate key {name[:40]!a}", f"重复的键 {name[:40]!a}")
        found[name] = value
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _Fault("a number that is too long", "数字过长")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Fault("a number that is too large", "数字过大")
    return number


def _constant(text: str) -> float:
    raise _Fault(text)


def _check_depth(content: Any) -> None:
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise _Fault(*_TOO_DEEP)
        level = [child for node in level for child in _children(node) if isinstance(child, (dict, list))]


def _children(node: Any) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()


def _check_text(node: Any, where: str) -> None:
    """Refuse NUL and half a surrogate pair, in names and values alike (CrmError ``bad_character``)."""
    if isinstance(node, str):
        if "\x00" in node or not _encodes(node):
            raise CrmError.known("bad_character", where or None)
    elif isinstance(node, dict):
        for name, value in node.items():
            _check_text(name, where)
            _check_text(value, f"{where}.{name}" if where else name)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_text(value, f"{where}[{index}]")


def _encodes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
