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
        raise ValueError("应为带时区的时间", "must be a date and time with a time zone")
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
    zh, en = _words(fault)
    return Problem(code, where, f"{where or '请求体'}：{zh}", f"{where or 'body'}: {en}")


def _words(fault: Any) -> tuple[str, str]:
    """Return what is wrong with a value, in Chinese and in English."""
    if fault["type"] == "value_error" and len(words := fault["ctx"]["error"].args) == 2:
        return words[0], words[1]
    if fault["type"] not in _WORDS:
        return f"值不正确（{fault['msg']}）", fault["msg"]
    zh, en = _WORDS[fault["type"]]
    known = {name: str(told).replace(" or ", ", ") for name, told in fault.get("ctx", {}).items()}
    return zh.format_map(known), en.format_map(known)


# Fault of pydantic → words; in braces what it tells of the fault.
_WORDS = {
    "extra_forbidden": ("没有这个字段", "there is no such field"),
    "string_type": ("应为文本", "must be text"),
    "int_type": ("应为整数", "must be a whole number"),
    "float_type": ("应为数字", "must be a number"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "list_type": ("应为数组", "must be an array"),
    "dict_type": ("应为对象", "must be an object"),
    "model_type": ("应为对象", "must be an object"),
    "model_attributes_type": ("应为对象", "must be an object"),
    "json_invalid": ("不是有效的 JSON", "is not valid JSON"),
    "literal_error": ("只能是：{expected}", "must be one of: {expected}"),
    "string_too_short": ("至少 {min_length} 个字符", "must have at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "must have at most {max_length} characters"),
    "string_pattern_mismatch": ("格式应为 {pattern}", "must look like {pattern}"),
    "too_short": ("至少 {min_length} 项", "must have at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "must have at most {max_length} items"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than": ("应小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
}
