"""What a company registry is asked and may answer. Any registry with ``look_up`` fits ``enrich``."""

import re
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from crm_store.intake.cleaning.credit_codes import parse_credit_code
from crm_store.repositories.problems import Problem

Status = Literal["active", "suspended", "revoked", "deregistered"]

# What the registries write, and what it means to a salesperson.
_STATUSES: dict[str, Status] = {
    "存续": "active",
    "在业": "active",
    "开业": "active",
    "正常": "active",
    "迁出": "active",
    "迁入": "active",
    "停业": "suspended",
    "歇业": "suspended",
    "清算": "suspended",
    "吊销": "revoked",
    "撤销": "revoked",
    "注销": "deregistered",
}
_YUAN = re.compile(r"([\d,]+(?:\.\d+)?)\s*(万|亿)?\s*(?:元|圆)?(?:整)?\s*(?:人民币|RMB|CNY)?\s*(?:元)?", re.I)
_UNITS = {"万": 10_000, "亿": 100_000_000}
# The largest registered capital in China is below 2 trillion yuan; more than ten is a fault.
_MOST_YUAN = 1e13


def yuan(value: Any) -> Any:
    """Return an amount in yuan of ``1000万元人民币``, ``5,000,000`` or a number.

    Anything else, other currencies too, comes back as it is, for validation to refuse.
    """
    if not isinstance(value, str):
        return value
    match = _YUAN.fullmatch(value.strip().removeprefix("人民币").strip())
    if not match:
        return value
    return float(match[1].replace(",", "")) * _UNITS.get(match[2] or "", 1)


def _status(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return next((code for word, code in _STATUSES.items() if word in value), value)


def _share(value: Any) -> Any:
    """Return 0.35 of ``35%``."""
    if isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+)?\s*%", value.strip()):
        return float(value.strip().rstrip("% ")) / 100
    return value


def _valid_code(value: str | None) -> str | None:
    if value is None:
        return None
    code = parse_credit_code(value).code
    if code is None:
        raise ValueError("the credit code is wrong")
    return code


class _Answer(BaseModel):
    # Strict: a headcount of "many" or true is no headcount. Registries add fields: those are passed over.
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Shareholder(_Answer):
    """Who owns a part of a company; ``share`` in 0–1."""

    name: str = Field(min_length=1, max_length=200)
    share: Annotated[float | None, BeforeValidator(_share), Field(ge=0, le=1)] = None


class RegistryFacts(_Answer):
    """What a registry says of a company. ``registered_capital`` in yuan. None: it does not say."""

    name: str = Field(min_length=2, max_length=200)
    credit_code: Annotated[str | None, AfterValidator(_valid_code)] = None
    status: Annotated[Status | None, BeforeValidator(_status)] = None
    registered_capital: Annotated[
        float | None, BeforeValidator(yuan), Field(ge=0, le=_MOST_YUAN, allow_inf_nan=False)
    ] = None
    insured_headcount: Annotated[int | None, Field(ge=0, le=10_000_000)] = None
    shareholders: Annotated[list[Shareholder], Field(max_length=1000)] = []


class RegistryFailure(Exception):
    """A registry gave no answer that can be used; ``problem`` says why, for people.

    Codes: ``registry_timeout``, ``registry_down``, ``registry_busy``, ``registry_denied``,
    ``registry_redirect``, ``registry_too_large`` and ``registry_bad_answer``.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.en}")
        self.problem = problem


class RegistryProvider(Protocol):
    """A registry: something with a name that looks companies up."""

    @property
    def name(self) -> str:
        """A stable name of up to 40 characters; answers and quota are kept under it."""

    def look_up(self, company: str) -> RegistryFacts | None:
        """Return what the registry says of the company of this full name, None if it knows none.

        Raises RegistryFailure, and nothing else, when there is no usable answer.
        """
