"""An OpenID Connect provider on this machine, which can lie, hang, rotate its keys and be down."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from crm_store.services.single_sign_on import Provider
from crm_store.services.vault import Vault

NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
VAULT = Vault.from_key(b"k" * 32)
CLIENT, SECRET = "leadpulse", "s3cret/of:ours"
BACK = "https://crm.example/sign-in/sso/callback"
DISCOVERY = "/.well-known/openid-configuration"
Misbehaviour = Callable[["Asked"], None]


@cache
def key_named(kid: str | None, number: int = 0) -> RSAKey:
    """Return the key of this name and number, the same each time: making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"} if kid else None)


def sign(claims: dict[str, Any], key: RSAKey, kid: str | None, alg: str = "RS256") -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims, key, algorithms=[alg])


class Asked(BaseHTTPRequestHandler):
    """One request to the provider."""

    server: LocalProvider

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(_flat(self.rfile.read(int(self.headers["content-length"])).decode()))

    def _serve(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(parts.path)
        try:
            misbehave = self.server.misbehaviour.get(parts.path)
            if misbehave is not None:
                misbehave(self)
            else:
                status, content = self.server.answer(parts.path, _flat(parts.query), form, self.headers)
                self.send(status, content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has hung up

    def send(self, status: int, content: dict[str, Any] | bytes, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if status == 302 and not isinstance(content, bytes):
            headers = {"Location": content["to"]}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class LocalProvider(ThreadingHTTPServer):
    """``person`` is who signs in there; ``lies`` are claims in place of the true ones (None: left out)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.now = NOW
        self.person: dict[str, Any] = {"sub": "p-1", "email": "wang@crm.example", "email_verified": True}
        self.lies: dict[str, Any] = {}
        self.keys = [key_named("k1")]
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: sign(claims, self.keys[-1], "k1")
        self.misbehaviour: dict[str, Misbehaviour] = {}
        self.patience = threading.Event()
        self.asked: list[str] = []
        self.discovery: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def provider(self, secret: str | None = SECRET) -> Provider:
        return Provider(self.issuer, CLIENT, BACK, secret)

    def hang(self, asked: Asked) -> None:
        """Say nothing until the test ends."""
        self.patience.wait(30)

    def answer(
        self, path: str, query: dict[str, str], form: dict[str, str], headers: Any
    ) -> tuple[int, dict[str, Any]]:
        if path == DISCOVERY:
            named = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found = {name: f"{self.issuer}/{rest}" for name, rest in named.items()}
            return 200, {"issuer": self.issuer} | found | self.discovery
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/authorize":
            return 302, {"to": self._authorized(query)}
        if path == "/token":
            return self._token(form, headers)
        return 404, {}

    def _authorized(self, query: dict[str, str]) -> str:
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert (query["client_id"], query["redirect_uri"]) == (CLIENT, BACK)
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{BACK}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def _token(self, form: dict[str, str], headers: Any) -> tuple[int, dict[str, Any]]:
        begun = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if begun is None or begun["code_challenge"] != challenge.decode().rstrip("="):
            return 400, {"error": "invalid_grant"}
        if headers["authorization"] != _basic(CLIENT, SECRET) or form["redirect_uri"] != BACK:
            return 401, {"error": "invalid_client"}
        at = int(self.now.timestamp())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": begun["nonce"]}
        told = {k: v for k, v in (claims | self.person | self.lies).items() if v is not None}
        return 200, {"id_token": self.sign(told), "token_type": "Bearer", "access_token": "unused"}


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749 2.3.1: each is form-encoded first.
    pair = urlencode({client_id: secret}).replace("=", ":", 1)
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
