"""Bodies that are no records, read by their pydantic schema; every fault is told in both languages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, RootModel, ValidationError, WithJsonSchema, create_model

from crm_store.domain import moments
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem
from serving.crm.operation import Call
from serving.crm.refusals import refused_all

_T = TypeVar("_T", bound=BaseModel)
_CODES = {"missing": "required", "extra_forbidden": "unknown_field"}


def parsed(call: Call, model: type[_T]) -> _T:
    """Return a body as its schema. Raises CrmError with everything that is wrong."""
    try:
        return model.model_validate_json(call.raw or b"{}", strict=True)
    except ValidationError as error:
        raise refused_all([_problem(fault) for fault in error.errors(include_url=False)]) from None


def told_as(name: str, told: Any) -> type[BaseModel]:
    """Return the schema of an answer that is a dataclass, or a list of them."""
    # Not the name of the dataclass itself: two schemas of one name would both get long ones.
    model: type[BaseModel] = create_model(f"{name}Answer", __base__=RootModel[told])
    return model


def _moment(given: Any) -> Any:
    found = moments.read(given) if isinstance(given, str) else None
    if found is None:
        raise ValueError("a date and time with a time zone")
    return found


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A moment with a time zone, as bodies give it."""


def _problem(fault: Any) -> Problem:
    where = ".".join(str(part) for part in fault["loc"]) or None
    if fault["type"] == "missing" and where is not None:
        return problems.required(where)
    code = _CODES.get(fault["type"], "value_invalid")
    return Problem(
        code, where, f"{where or '请求体'} 不正确：{fault['msg']}", f"{where or 'body'}: {fault['msg']}"
    )
