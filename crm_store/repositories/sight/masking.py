"""How a value is shown to who may not read it: enough to recognise it by, too little to use it.

Numbers that are masked are shown as nothing at all. What a text says besides phones, addresses of e-mail and
the like stays readable.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from crm_store.domain.field_classes import CLASSES, PLAIN

_SHOWN_FIRST = 3
_SHOWN_LAST = 4
# Of an address as much as names the province and the city.
_SHOWN_OF_ADDRESS = 6

_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
# Seven digits or more, however they are set apart: phones, and numbers of people and accounts.
_DIGITS = re.compile(r"[+(（]?\d(?:[\d\-－—·.() （）　]*\d)?")
_FEWEST_DIGITS = 7
# A moment or an amount is no phone, though it has as many digits.
_HARMLESS = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\+\d{2}:\d{2}|Z)?)?")
_ACCOUNT = re.compile(
    r"((?:微信|wechat|weixin|wx|qq|电邮|邮箱)\s*(?:号|id)?\s*[:：是]?\s*)([\w.\-]{4,})", re.I
)


def mask_phone(phone: str | None) -> str | None:
    """Return a phone with its middle starred out, ``138****1234``; all stars when that hides too little."""
    if not phone:
        return phone
    hidden = len(phone) - _SHOWN_FIRST - _SHOWN_LAST
    if hidden < _SHOWN_LAST:
        return "*" * len(phone)
    return f"{phone[:_SHOWN_FIRST]}{'*' * hidden}{phone[-_SHOWN_LAST:]}"


def mask_email(email: str | None) -> str | None:
    """Return an e-mail address with its first letter and its host, ``w***@example.com``."""
    if not email:
        return email
    name, at, host = email.rpartition("@")
    return f"{name[:1]}***@{host}" if at and len(name) > 1 else "***"


def mask_word(word: str | None) -> str | None:
    """Return a name or an account with its first character only, ``王**``."""
    return f"{word[:1]}**" if word and len(word) > 1 else "**" if word else word


def mask_address(address: str | None) -> str | None:
    """Return the first characters of an address, which name its city; stars for a short one."""
    if not address:
        return address
    return f"{address[:_SHOWN_OF_ADDRESS]}****" if len(address) > 2 * _SHOWN_OF_ADDRESS else "****"


def mask_text(text: str | None) -> str | None:
    """Return a text with its long numbers, e-mail addresses and messenger accounts starred out."""
    if not text:
        return text
    text = _EMAIL.sub(lambda found: mask_email(found[0]) or "", text)
    text = _ACCOUNT.sub(lambda found: found[1] + (mask_word(found[2]) or ""), text)
    harmless = [found.span() for found in _HARMLESS.finditer(text)]

    def star(found: re.Match[str]) -> str:
        if any(start <= found.start() and found.end() <= end for start, end in harmless):
            return found[0]
        digits = sum(character.isdigit() for character in found[0])
        return found[0] if digits < _FEWEST_DIGITS else mask_phone(found[0]) or ""

    return _DIGITS.sub(star, text)


def mask_told(told: Any) -> Any:
    """Return what was told with values (nested lists, mappings, texts) with every sensitive one masked.

    A mapping's value is masked as the field that its key names; a change names its field and holds values.
    """
    if isinstance(told, str):
        return mask_text(told)
    if isinstance(told, list):
        return [mask_told(part) for part in told]
    if isinstance(told, Mapping):
        return {name: _as_field(name, value) for name, value in told.items()}
    return told


def mask_changes(changes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return field → [old, new] with every sensitive value masked, as for somebody who may see none."""
    return {
        name: [masked(_KINDS[name], value) for value in pair] if name in _KINDS else list(pair)
        for name, pair in changes.items()
    }


def masked(kind: str, value: Any) -> Any:
    """Return a value of a class of fields as it is shown when masked; None where nothing may be shown."""
    mask = _MASKS.get(kind)
    return None if mask is None or value is None else mask(value)


def _as_field(name: str, value: Any) -> Any:
    kind = _KINDS.get(name)
    if kind is None:
        return mask_told(value)
    if isinstance(value, list):
        return [masked(kind, part) for part in value]
    return masked(kind, value)


def _only_text(mask: Callable[[str | None], str | None]) -> Callable[[Any], Any]:
    return lambda value: mask(value) if isinstance(value, str) else None


_MASKS: Mapping[str, Callable[[Any], Any]] = {
    "phone": _only_text(mask_phone),
    "email": _only_text(mask_email),
    "wechat": _only_text(mask_word),
    "name": _only_text(mask_word),
    "address": _only_text(mask_address),
    "text": _only_text(mask_text),
    "told": mask_told,
}
# Field → class, for names that mean the same wherever they stand.
_KINDS = {
    name: kind
    for fields in CLASSES.values()
    for name, kind in fields.items()
    if kind not in (PLAIN, "name", "told", "text", "absence", "account", "raw")
}
