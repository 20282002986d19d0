"""Parameters of operations: declared once, read and refused by the declaration, and documented by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from crm_store.domain import moments
from serving.crm.refusals import CrmError

Where = Literal["path", "query", "header"]
ID_PATTERN: Final = r"^[A-Za-z0-9_.:\-]{1,40}$"
TEXT_PATTERN: Final = r"^[^\x00-\x1f\x7f]*$"
_WHOLE: Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_MAX_INTEGER: Final = 2**31 - 1
_MOST_IDS: Final = 100
_A_MOMENT: Final = "2026-03-01T00:00:00Z"


@dataclass(frozen=True)
class Param:
    """One parameter. ``read`` turns its text into a value.

    When it cannot, it raises ValueError with what is wanted: once, or in Chinese and in English.
    """

    name: str
    where: Where
    schema: Mapping[str, Any]
    read: Callable[[str], Any]
    about: str = ""
    required: bool = False
    example: Any = None

    def documented(self) -> dict[str, Any]:
        """Return the parameter as OpenAPI has it."""
        told: dict[str, Any] = {
            "name": self.name,
            "in": self.where,
            "required": self.required or self.where == "path",
            "schema": dict(self.schema),
        }
        if self.about:
            told["description"] = self.about
        if self.example is not None:
            told["example"] = self.example
        return told

    def value(self, given: str) -> Any:
        """Return the parameter's value. Raises CrmError ``parameter_invalid`` or ``header_invalid``."""
        try:
            return self.read(given)
        except ValueError as error:
            code = "header_invalid" if self.where == "header" else "parameter_invalid"
            zh, en = (f"{self.name}: {words}" for words in (error.args[0], error.args[-1]))
            raise CrmError.known(code, self.name, en, zh) from None


def text(
    name: str,
    where: Where = "query",
    *,
    pattern: str = TEXT_PATTERN,
    longest: int = 200,
    about: str = "",
    required: bool = False,
    example: str | None = None,
) -> Param:
    """Return a text parameter."""
    checked = re.compile(pattern)

    def read(given: str) -> str:
        if not 0 < len(given) <= longest or not checked.fullmatch(given):
            raise unlike(longest, pattern)
        return given

    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}
    return Param(name, where, schema, read, about, required, example)


def record_id(name: str = "id", where: Where = "path", about: str = "record id 记录编号") -> Param:
    """Return the parameter that names a record."""
    return text(name, where, pattern=ID_PATTERN, longest=40, about=about)


def choice(
    name: str,
    allowed: tuple[str, ...],
    about: str = "",
    default: str | None = None,
    *,
    required: bool = False,
) -> Param:
    """Return a parameter with a fixed list."""

    def read(given: str) -> str:
        if given not in allowed:
            raise ValueError(", ".join(allowed))
        return given

    schema: dict[str, Any] = {"type": "string", "enum": list(allowed)}
    if default is not None:
        schema["default"] = default
    return Param(name, "query", schema, read, about, required)


def whole(name: str, low: int, high: int, about: str = "", default: int | None = None) -> Param:
    """Return a parameter that is a whole number in [low, high]."""
    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        schema["default"] = default
    return Param(name, "query", schema, lambda given: read_whole(given, low, high), about)


def moment(name: str, about: str = "", *, required: bool = False) -> Param:
    """Return a parameter that is a moment with a time zone."""
    return Param(name, "query", {"type": "string", "format": "date-time"}, read_when, about, required)


def share(name: str, about: str) -> Param:
    """Return a parameter in [0, 1]."""

    def read(given: str) -> float:
        number = read_number(given)
        if not 0 <= number <= 1:
            raise ValueError("0–1")
        return number

    return Param(name, "query", {"type": "number", "minimum": 0, "maximum": 1}, read, about)


def flag(name: str, about: str = "") -> Param:
    """Return a parameter that is ``true`` or ``false``."""
    return Param(name, "query", {"type": "boolean"}, read_flag, about)


def ids(name: str, about: str) -> Param:
    """Return a parameter that lists ids, after a comma each."""
    each = re.compile(ID_PATTERN)

    def read(given: str) -> frozenset[str]:
        listed = frozenset(given.split(","))
        if len(listed) > _MOST_IDS or not all(each.fullmatch(one) for one in listed):
            raise ValueError(f"1–{_MOST_IDS} 个编号", f"1–{_MOST_IDS} ids")
        return listed

    schema = {"type": "string", "pattern": r"^[A-Za-z0-9_.:\-]{1,40}(,[A-Za-z0-9_.:\-]{1,40}){0,99}$"}
    return Param(name, "query", schema, read, about)


def names(name: str, known: tuple[str, ...], about: str) -> Param:
    """Return a parameter that lists some of a fixed list, after a comma each."""

    def read(given: str) -> frozenset[str]:
        listed = frozenset(given.split(","))
        if not listed <= set(known):
            raise ValueError(", ".join(known))
        return listed

    schema = {"type": "string", "pattern": r"^[a-z_0-9]+(,[a-z_0-9]+)*$"}
    return Param(name, "query", schema, read, about, example=",".join(known[:2]))


def unlike(longest: int, pattern: str) -> ValueError:
    """Return what is raised for a text of another length or kind."""
    return ValueError(f"1–{longest} 个字符，{pattern}", f"1–{longest} characters, {pattern}")


def read_whole(given: str, low: int = -_MAX_INTEGER, high: int = _MAX_INTEGER) -> int:
    """Return a whole number in [low, high]."""
    if not _WHOLE.fullmatch(given) or not low <= int(given) <= high:
        raise ValueError(f"{low}–{high}")
    return int(given)


def read_number(given: str) -> float:
    """Return a finite number."""
    if not _NUMBER.fullmatch(given):
        raise ValueError("应为数字", "a number")
    return float(given)


def read_flag(given: str) -> bool:
    """Return a boolean."""
    if given not in ("true", "false"):
        raise ValueError("true, false")
    return given == "true"


def read_when(given: str) -> datetime:
    """Return a moment in UTC."""
    # A plus sign in an address means a space: take +08:00 for what its writer meant.
    found = moments.read(given if "+" in given or given.count(" ") != 1 else given.replace(" ", "+"))
    if found is None:
        raise ValueError(f"应为带时区的时间，如 {_A_MOMENT}", f"RFC 3339 with a time zone, {_A_MOMENT}")
    return found


def values(declared: tuple[Param, ...], where: Where, given: list[tuple[str, str]]) -> dict[str, Any]:
    """Return name → value of the parameters that were sent; unknown and repeated ones are refused."""
    known = {param.name: param for param in declared if param.where == where}
    found: dict[str, Any] = {}
    for name, text_given in given:
        if name not in known:
            raise CrmError.known("parameter_unknown", name[:80], name[:80])
        if name in found:
            raise CrmError.known("parameter_invalid", name, f"{name}: once only")
        found[name] = known[name].value(text_given)
    for name, param in known.items():
        if param.required and name not in found:
            raise CrmError.known("parameter_missing", name, name)
    return found
