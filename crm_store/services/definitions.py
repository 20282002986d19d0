"""What fields mean and which are key: as shipped, with what people saved over it. Edits are checked here."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain import field_definitions as meanings
from crm_store.domain.completeness import KeyFields, key_fields_of
from crm_store.domain.field_definitions import DefinitionRefused, FieldDefinition, Language, Meaning, Words
from crm_store.models.choices import ROLES
from crm_store.repositories import definitions, problems
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import Problem, StoreError

FIELD_DEFINITIONS = "field_definitions"
KEY_FIELDS = "key_fields"

_DATA = Path(__file__).parent.parent / "data"


def field_definitions(session: Session, entity: str, language: Language) -> list[FieldDefinition]:
    """Return what every field of a record kind means, in the order of the record.

    Raises StoreError ``not_allowed`` for a kind that there is not.
    """
    found = _meanings_of(session, entity)
    return [
        meanings.in_language(entity, name, found[name], field.required, language)
        for name, field in FIELDS[entity].items()
    ]


def save_field_definitions(
    session: Session,
    entity: str,
    content: Mapping[str, Any],
    *,
    actor: str,
    reason: str | None,
    now: datetime,
) -> int:
    """Save words over those of a record kind and return the version.

    ``content`` is {"fields": {field: {"name": [zh, en], "meaning", "unit", "example", "filled_by",
    "values"}}}, any part of it, and for accounts {"tiers": [[tier, lowest margin], …]}; what it leaves out is
    as shipped. Raises StoreError ``bad_definition`` (its field says where), ``not_allowed``, ``unknown_way``.
    """
    _check_kind(entity)
    try:
        meanings.check_edit(content, _shipped_meanings()[entity], ROLES)
    except DefinitionRefused as error:
        raise StoreError(_bad_definition(error.place)) from None
    return definitions.put(session, FIELD_DEFINITIONS, entity, content, actor=actor, reason=reason, now=now)


def tier_for(session: Session, expected_margin: float | None) -> str | None:
    """Return the customer tier of a gross margin (yuan) expected in the next 12 months; None when unknown."""
    stored = definitions.latest(session, FIELD_DEFINITIONS, "account")
    raw = stored.content.get("tiers") if stored is not None else None
    tiers = meanings.tiers_of(_shipped(FIELD_DEFINITIONS)["tiers"] if raw is None else raw)
    return meanings.tier_of(expected_margin, tiers)


def names(session: Session) -> dict[tuple[str, str | None], Words]:
    """Return the name of every field, by (kind, field), and of every kind, by (kind, None)."""
    edits = _edits(session)
    found: dict[tuple[str, str | None], Words] = {}
    for entity, fields in _shipped_meanings().items():
        zh, en = _shipped(FIELD_DEFINITIONS)["entities"][entity]["name"]
        found[entity, None] = (zh, en)
        for field, meaning in fields.items():
            found[entity, field] = _edited(meaning, edits.get(entity, {}), field).name
    return found


def key_fields(session: Session) -> KeyFields:
    """Return the key fields in force."""
    stored = definitions.latest(session, KEY_FIELDS, KEY_FIELDS)
    return key_fields_of(_shipped(KEY_FIELDS) if stored is None else stored.content, FIELDS)


def key_fields_document(session: Session) -> dict[str, Any]:
    """Return the key fields in force as they are edited and saved."""
    stored = definitions.latest(session, KEY_FIELDS, KEY_FIELDS)
    return dict(_shipped(KEY_FIELDS) if stored is None else stored.content)


def save_key_fields(
    session: Session, content: Mapping[str, Any], *, actor: str, reason: str | None, now: datetime
) -> int:
    """Put key fields in force, all of them, and return the version.

    Raises StoreError ``bad_definition`` (its field says where), ``unknown_way``.
    """
    try:
        key_fields_of(content, FIELDS)
    except DefinitionRefused as error:
        raise StoreError(_bad_definition(error.place)) from None
    return definitions.put(session, KEY_FIELDS, KEY_FIELDS, content, actor=actor, reason=reason, now=now)


def _meanings_of(session: Session, entity: str) -> dict[str, Meaning]:
    _check_kind(entity)
    stored = definitions.latest(session, FIELD_DEFINITIONS, entity)
    edits = {} if stored is None else stored.content.get("fields", {})
    shipped = _shipped_meanings()[entity]
    return {field: _edited(meaning, edits, field) for field, meaning in shipped.items()}


def _edits(session: Session) -> dict[str, dict[str, Any]]:
    stored = definitions.newest_of_kind(session, FIELD_DEFINITIONS)
    return {one.name: one.content.get("fields", {}) for one in stored}


def _edited(meaning: Meaning, edits: Mapping[str, Any], field: str) -> Meaning:
    return meanings.overridden(meaning, edits[field]) if field in edits else meaning


@cache
def _shipped(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    return content


@cache
def _shipped_meanings() -> dict[str, dict[str, Meaning]]:
    """Return every shipped meaning; the common fields only where the record has them."""
    found = meanings.shipped_meanings(_shipped(FIELD_DEFINITIONS))
    return {
        entity: {name: meaning for name, meaning in fields.items() if name in FIELDS[entity]}
        for entity, fields in found.items()
    }


def _check_kind(entity: str) -> None:
    if entity not in FIELDS:
        raise StoreError(problems.not_allowed("entity", tuple(FIELDS)))


def _bad_definition(place: str) -> Problem:
    return Problem("bad_definition", place, f"定义不正确：{place}", f"the definition does not fit at {place}")
