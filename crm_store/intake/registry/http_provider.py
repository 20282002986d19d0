"""A registry behind HTTP: one GET with the company's name, one JSON object back.

The registry is somebody else's computer. It is asked at the configured address only, for a limited time,
for a limited number of bytes, and what it says is checked before anyone sees it.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from crm_store.intake.cleaning.companies import parse_company
from crm_store.intake.registry.provider import RegistryFacts, RegistryFailure
from crm_store.repositories.problems import Problem

if TYPE_CHECKING:
    import httpx

_HERE = ("127.0.0.1", "::1", "localhost")
_FOUND, _NOT_FOUND = 200, (204, 404)
_REDIRECTS = range(300, 400)
_DENIED, _BUSY = (401, 402, 403), 429
_FACTS = tuple(RegistryFacts.model_fields)

_MESSAGES = {
    "registry_timeout": ("工商信息接口超时，稍后会重试", "the company registry did not answer in time"),
    "registry_down": ("工商信息接口暂不可用，稍后会重试", "the company registry is down"),
    "registry_busy": ("工商信息接口限流，稍后会重试", "the company registry asks to be asked less often"),
    "registry_denied": (
        "工商信息接口拒绝了我们的密钥，请检查配置或余额",
        "the company registry refuses our key: check the settings and the balance",
    ),
    "registry_redirect": (
        "工商信息接口要求跳转到别处，已拒绝，请检查配置的地址",
        "the company registry sends us elsewhere, which is refused: check its address in the settings",
    ),
    "registry_too_large": (
        "工商信息接口返回的内容过大，已拒绝",
        "the company registry's answer is too large",
    ),
    "registry_bad_answer": (
        "工商信息接口返回的内容无法识别，已拒绝",
        "the company registry's answer is not what was agreed, and is refused",
    ),
}


class HttpRegistrySettings(BaseModel):
    """Where and how to ask. ``timeout_s`` is for the whole call, from connecting to the last byte.

    ``paths`` says where in the answer each fact lies, as dotted names from the top: with
    ``{"registered_capital": "result.regCapital"}`` any registry that speaks JSON can be read. A fact without
    a path is looked for at the top under its own name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    url: str = Field(pattern=r"^https?://[^\s?#@]+$")
    token: SecretStr | None = None
    parameter: str = "name"
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    max_bytes: int = Field(default=256 * 1024, gt=0)
    paths: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        from httpx import URL

        address = URL(self.url)
        if address.scheme != "https" and address.host not in _HERE:
            raise ValueError("a registry elsewhere is asked over https only")
        unknown = set(self.paths) - set(_FACTS)
        if unknown:
            raise ValueError(f"no such facts: {', '.join(sorted(unknown))}")
        return self


class HttpRegistry:
    """A ``RegistryProvider`` over HTTP."""

    def __init__(self, settings: HttpRegistrySettings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        """The provider's name in the settings."""
        return self._settings.name

    def look_up(self, company: str) -> RegistryFacts | None:
        """Ask for a company by its full name. Not to be called from a coroutine: it waits for the answer.

        An answer about another company counts as not found. Raises RegistryFailure.
        """
        body = asyncio.run(self._fetch(company))
        if body is None:
            return None
        facts = self._read(body)
        return facts if parse_company(facts.name).core == parse_company(company).core else None

    async def _fetch(self, company: str) -> bytes | None:
        import httpx

        try:
            # The client's own timeouts are for single reads: a registry that drips would never run into them.
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._get(company)
        except TimeoutError as late:
            raise _failure("registry_timeout") from late
        except httpx.TimeoutException as late:
            raise _failure("registry_timeout") from late
        except (httpx.HTTPError, httpx.InvalidURL) as down:
            raise _failure("registry_down") from down

    async def _get(self, company: str) -> bytes | None:
        import httpx

        # No proxy or netrc from the environment, no redirects: the configured host and no other.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self._settings.token is not None:
            headers["Authorization"] = f"Bearer {self._settings.token.get_secret_value()}"
        async with (
            httpx.AsyncClient(
                follow_redirects=False, trust_env=False, timeout=self._settings.timeout_s
            ) as client,
            client.stream(
                "GET", self._settings.url, params={self._settings.parameter: company}, headers=headers
            ) as response,
        ):
            if _is_answer(response):
                return await self._bounded(response)
        return None

    async def _bounded(self, response: "httpx.Response") -> bytes:
        body = bytearray()
        # Raw: compressed bytes could be small here and fill the memory once unpacked.
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._settings.max_bytes:
                raise _failure("registry_too_large")
        return bytes(body)

    def _read(self, body: bytes) -> RegistryFacts:
        try:
            answer = json.loads(body)
            told = {fact: _at(answer, self._settings.paths.get(fact, fact)) for fact in _FACTS}
            return RegistryFacts.model_validate(
                {fact: value for fact, value in told.items() if value is not None}
            )
        except (ValueError, RecursionError):
            # What was wrong is the registry's text: it belongs in no log of ours.
            raise _failure("registry_bad_answer") from None


def _is_answer(response: "httpx.Response") -> bool:
    """Tell whether there is an answer to read; False: no such company. Raises RegistryFailure otherwise."""
    status = response.status_code
    if status in _NOT_FOUND:
        return False
    if status in _REDIRECTS:
        raise _failure("registry_redirect")
    if status in _DENIED:
        raise _failure("registry_denied")
    if status == _BUSY:
        raise _failure("registry_busy")
    if status >= 500:
        raise _failure("registry_down")
    if status != _FOUND or response.headers.get("Content-Encoding", "identity") != "identity":
        raise _failure("registry_bad_answer")
    return True


def _at(answer: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(answer, dict):
            raise ValueError(f"nothing at {path}")
        answer = answer.get(name)
        if answer is None:
            return None
    return answer


def _failure(code: str) -> RegistryFailure:
    zh, en = _MESSAGES[code]
    return RegistryFailure(Problem(code, None, zh, en))
