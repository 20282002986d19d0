"""Which columns an export has, and what stands above them."""

from collections.abc import Sequence

from crm_store.imports.headers import Language, names, title
from crm_store.repositories import problems
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import StoreError

_ALWAYS = ("id", "updated_at", "version")
_TITLES = {
    "id": ("系统编号", "LeadPulse ID"),
    "updated_at": ("更新时间", "Updated at"),
    "version": ("版本号", "Version"),
}


def columns_of(entity: str, fields: Sequence[str] | None) -> tuple[str, ...]:
    """Return the fields of an export, by default the outside id first and then all. Raises StoreError."""
    known = FIELDS.get(entity)
    if known is None:
        raise StoreError(problems.unknown_field(entity, "LeadPulse"))
    if fields is None:
        return ("external_id", *(name for name in known if name != "external_id"))
    for name in fields:
        if name not in known and name not in _ALWAYS:
            raise StoreError(problems.unknown_field(name, entity))
    return tuple(fields)


def headers(entity: str, fields: Sequence[str], language: Language) -> list[str]:
    """Return the header. Of two columns of one title the second keeps its field's name."""
    found: list[str] = []
    for name in fields:
        known = name in names(entity)
        above = title(entity, name, language) if known else _TITLES[name][0 if language == "zh" else 1]
        found.append(name if above in found else above)
    return found
