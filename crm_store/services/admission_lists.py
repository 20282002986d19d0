"""Which papers a product line needs: the shipped checklist, or the copies that operations edit."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.orm import Session

from crm_store.domain.admission import ChecklistDefinition, Paper, Requirement
from crm_store.repositories import definitions
from crm_store.repositories.admission import ANY_LINE
from crm_store.repositories.problems import Problem, StoreError

CHECKLIST = "admission_checklist"
"""The kind under which edited checklists are kept: ``default``, or a product line's own."""

DEFAULT = "default"
Lists = Mapping[str, ChecklistDefinition]
"""Product line → its own list; under ANY_LINE the one of all others."""


def definition_of(session: Session, product_line: str) -> ChecklistDefinition:
    """Return what a product line needs: its own list if there is one, else the default, edited or shipped."""
    for name in (product_line, DEFAULT):
        stored = definitions.latest(session, CHECKLIST, name)
        if stored is not None:
            return _definition(stored.content, stored.version)
    return _shipped()


def save_checklist(
    session: Session,
    product_line: str | None,
    content: Mapping[str, Any],
    *,
    actor: str,
    reason: str | None,
    now: datetime,
) -> int:
    """Put an edited list in force, for one product line or (None) as the default; return its version.

    ``content`` is ``warn_days`` and ``items``, as shipped in ``data/admission_checklist.json``. Raises
    StoreError ``bad_checklist`` (what is wrong, and where).
    """
    try:
        checked = _Content.model_validate(content)
    except ValidationError as error:
        raise StoreError(_bad_checklist(error)) from None
    plain = checked.model_dump(mode="json")
    name = product_line or DEFAULT
    return definitions.put(session, CHECKLIST, name, plain, actor=actor, reason=reason, now=now)


def lists_in_force(session: Session) -> Lists:
    """Return every list in force."""
    stored = {found.name: found for found in definitions.newest_of_kind(session, CHECKLIST)}
    default = stored.pop(DEFAULT, None)
    own = {name: _definition(found.content, found.version) for name, found in stored.items()}
    return own | {ANY_LINE: _shipped() if default is None else _definition(default.content, default.version)}


def need_of(lists: Lists, paper: Paper) -> Requirement | None:
    """Return what is asked of a paper, or None for a kind that no list names."""
    definition = lists.get(paper.product_line or ANY_LINE, lists[ANY_LINE])
    return next((item for item in definition.items if item.kind == paper.kind), None)


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
    zh: Annotated[str, Field(min_length=1, max_length=80)]
    en: Annotated[str, Field(min_length=1, max_length=80)]
    # Fifty years: longer is a slip of the pen.
    validity_months: Annotated[int, Field(ge=1, le=600)] | None = None
    sealed: bool
    product_lines: list[Annotated[str, Field(min_length=1, max_length=80)]] | None = None


class _Content(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    warn_days: Annotated[int, Field(ge=0, le=366)] = 30
    items: Annotated[list[_Item], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _kinds_differ(self) -> "_Content":
        kinds = [item.kind for item in self.items]
        twice = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        return self


@cache
def _shipped() -> ChecklistDefinition:
    raw = json.loads((files("crm_store") / "data" / "admission_checklist.json").read_text("utf-8"))
    return _definition(raw, 0)


def _definition(content: Mapping[str, Any], version: int) -> ChecklistDefinition:
    checked = _Content.model_validate(content)
    items = []
    for item in checked.items:
        lines = None if item.product_lines is None else tuple(item.product_lines)
        items.append(Requirement(**(item.model_dump() | {"product_lines": lines})))
    return ChecklistDefinition(tuple(items), checked.warn_days, version)


def _bad_checklist(error: ValidationError) -> Problem:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "items"
    return Problem(
        "bad_checklist", where, f"准入清单有误（{where}）：{first['msg']}", f"{where}: {first['msg']}"
    )
