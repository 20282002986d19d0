"""One OpenID Connect provider over HTTP: its addresses, its keys, and a code exchanged for a token.

Requests go to the issuer's own scheme, host and port and nowhere else, and follow no redirects.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.id_tokens import refused

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_DISCOVERY_FOR = timedelta(hours=1)
# An unknown key may be a new one, but nobody may make us ask for it all the time.
_KEYS_AGAIN_AFTER = timedelta(seconds=60)
_TIMEOUT_SECONDS = 5.0
# One that does not answer is left alone for a while: who comes next is told so without waiting.
_REST = timedelta(seconds=10)
_LARGEST_ANSWER = 1 << 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Provider:
    """An identity provider, and who we are to it. Without a secret we are a public client."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = None

    def __post_init__(self) -> None:
        """Refuse an issuer that is not reached by HTTPS, unless it is this machine (ValueError)."""
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError(f"the issuer must be an https address: {self.issuer}")


class ProviderClient:
    """Asks the provider, and remembers its addresses and keys for an hour. Blocking; for several threads."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._lock = threading.Lock()
        self._found: tuple[datetime, dict[str, Any]] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._failed_at: datetime | None = None

    def address(self, name: str, now: datetime) -> str:
        """Return one of the provider's addresses.

        Raises StoreError ``sso_unavailable``, or ``sso_refused`` when it speaks for another issuer or host.
        """
        with self._lock:
            if self._found is None or now >= self._found[0] + _DISCOVERY_FOR:
                self._found = (now, self._tried(self._discover, now))
            return str(self._found[1][name])

    def keys(self, now: datetime, *, again: bool = False) -> "KeySet":
        """Return the provider's keys; ``again`` asks anew unless that was done a moment ago."""
        address = self.address("jwks_uri", now)
        with self._lock:
            for_ = _KEYS_AGAIN_AFTER if again else _DISCOVERY_FOR
            if self._keys is None or now >= self._keys[0] + for_:
                self._keys = (now, self._tried(lambda: self._fetch_keys(address), now))
            return self._keys[1]

    def token(self, code: str, verifier: str, now: datetime) -> str:
        """Return the ID token that a code stands for. Raises StoreError ``sso_refused`` (code)."""
        ours = self.provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect_uri,
            "client_id": ours.client_id,
            "code_verifier": verifier,
        }
        secret = ours.client_secret
        auth = (quote(ours.client_id, safe=""), quote(secret, safe="")) if secret else None
        status, body = _ask("POST", self.address("token_endpoint", now), data=form, auth=auth)
        token = body.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise refused("code")
        return token

    def _tried(self, ask: Callable[[], _T], now: datetime) -> _T:
        if self._failed_at is not None and now < self._failed_at + _REST:
            raise unavailable()
        try:
            return ask()
        except StoreError:
            self._failed_at = now
            raise

    def _discover(self) -> dict[str, Any]:
        issuer = self.provider.issuer
        status, found = _ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200 or not all(isinstance(found.get(name), str) for name in _ADDRESSES):
            raise unavailable()
        if found.get("issuer") != issuer:
            raise refused("issuer")
        if any(_origin(found[name]) != _origin(issuer) for name in _ADDRESSES):
            raise refused("issuer")
        return found

    def _fetch_keys(self, address: str) -> "KeySet":
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        status, found = _ask("GET", address)
        listed = found.get("keys")
        if status != 200 or not isinstance(listed, list):
            raise unavailable()
        usable: Any = [key for key in listed if isinstance(key, dict) and key.get("kty") in ("RSA", "EC")]
        try:
            return KeySet.import_key_set({"keys": usable})
        except (JoseError, ValueError, TypeError) as error:
            raise unavailable() from error


def _ask(method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
    import httpx

    ends = time.monotonic() + _TIMEOUT_SECONDS
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream(method, address, **more) as response,
        ):
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER or time.monotonic() > ends:
                    raise unavailable()
            content = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise unavailable() from error
    if not isinstance(content, dict):
        raise unavailable()
    return response.status_code, content


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def unavailable() -> StoreError:
    """Return the failure of a provider that does not answer as one."""
    return StoreError(
        Problem(
            "sso_unavailable",
            None,
            "单点登录服务暂不可用；请稍后再试，或用密码登录",
            "single sign-on is not available at the moment; try again later, or use your password",
        )
    )
