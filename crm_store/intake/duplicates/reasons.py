"""Why two records were taken for one customer, in sentences. Telephones and e-mails come masked.

A reason is stored with its pair and shown to whoever may see the pair, so it must not give away what a
person may not read in the records themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any

from crm_store.intake.duplicates.scoring import Judgement
from crm_store.intake.duplicates.signs import SIGNS

_PHONE_TAIL = 4
_MISSING = "—"


def reasons_of(
    judgement: Judgement, left: Mapping[str, Any], right: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return the signs for and against with code, zh and en, the weightiest first."""
    weighty = sorted((sign for sign in judgement.signs if SIGNS[sign].weight), key=_weight, reverse=True)
    return [_reason(sign, left, right) for sign in weighty]


def _weight(sign: str) -> float:
    return abs(SIGNS[sign].weight)


def _reason(code: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, str]:
    sign = SIGNS[code]
    show = _SHOWN[sign.about]
    values = {"left": show(left) or _MISSING, "right": show(right) or _MISSING}
    return {"code": code, "zh": sign.zh.format(**values), "en": sign.en.format(**values)}


def _company(fields: Mapping[str, Any]) -> str:
    return str(fields.get("company") or fields.get("name") or "").strip()


def _phone(fields: Mapping[str, Any]) -> str:
    return str(fields.get("phone") or "")[-_PHONE_TAIL:]


def _email(fields: Mapping[str, Any]) -> str:
    user, _, domain = str(fields.get("email") or "").strip().partition("@")
    return f"{user[:1]}***@{domain}"


def _place(fields: Mapping[str, Any]) -> str:
    return str(fields.get("city") or fields.get("region") or "") or _company(fields)


_SHOWN: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "company": _company,
    "credit_code": lambda fields: str(fields.get("credit_code") or "").strip().upper(),
    "email": _email,
    "person": lambda fields: str(fields.get("contact_name") or "").strip(),
    "phone": _phone,
    "place": _place,
}
"""What of a record a sentence shows, by what the sign is about."""
