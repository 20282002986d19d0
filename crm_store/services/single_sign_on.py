"""Single sign-on by OpenID Connect: the authorization code flow with PKCE, state and nonce.

It lets existing people in, found by the subject they were linked to or by an e-mail address that the
provider has verified. It makes no accounts and gives no roles.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.models import Identity, User
from crm_store.repositories import access
from crm_store.repositories.problems import StoreError
from crm_store.services.id_tokens import check_claims, claims_of, refused
from crm_store.services.identity_provider import Provider, ProviderClient
from crm_store.services.sign_in import SecondFactorNeeded, SignInRefused, after_first_factor, is_open
from crm_store.services.vault import Vault

__all__ = ["NOT_LINKED", "Begun", "Person", "Provider", "SingleSignOn", "enter_as"]

_KEPT = {"state", "nonce", "verifier", "next", "until"}
# How long somebody may take to sign in at the provider.
STATE_FOR = timedelta(minutes=10)

NOT_LINKED = SignInRefused(
    "sso_unknown",
    "该身份没有对应的账号，或账号已停用；请联系管理员",
    "nobody here has this identity, or the account is disabled; ask your administrator",
)


@dataclass(frozen=True)
class Begun:
    """A sign-in under way: where the browser goes, and the sealed ``kept`` that it brings back."""

    address: str
    kept: str


@dataclass(frozen=True)
class Person:
    """Who the provider says somebody is; ``email`` only when it says that it has verified it."""

    issuer: str
    subject: str
    email: str | None
    back_to: str


class SingleSignOn:
    """Signs people in at one provider. Blocking; safe to use from several threads."""

    def __init__(self, provider: Provider, vault: Vault) -> None:
        self._provider = provider
        self._client = ProviderClient(provider)
        self._vault = vault
        self._lock = threading.Lock()
        self._used: dict[str, datetime] = {}

    def begin(self, back_to: str, now: datetime) -> Begun:
        """Start a sign-in that leads back to a page. Raises StoreError ``sso_unavailable``."""
        import httpx

        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": self._provider.redirect_uri,
            "scope": "openid email",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = httpx.URL(self._client.address("authorization_endpoint", now))
        until = (now + STATE_FOR).isoformat()
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "next": back_to, "until": until}
        return Begun(str(endpoint.copy_merge_params(asked)), self._vault.seal(json.dumps(kept)))

    def finish(self, kept: str, answer: Mapping[str, str], now: datetime) -> Person:
        """Return who the provider sent back to the browser that has ``kept``; it works once.

        Raises StoreError ``sso_refused`` (its field says what was wrong) or ``sso_unavailable``.
        """
        begun = self._begun(kept, now)
        if not secrets.compare_digest(answer.get("state", "").encode(), begun["state"].encode()):
            raise refused("state")
        self._use_up(begun, now)
        issuer, client_id = self._provider.issuer, self._provider.client_id
        if answer.get("iss", issuer) != issuer:
            raise refused("issuer")
        if "error" in answer or not answer.get("code"):
            raise refused("code")
        token = self._client.token(answer["code"], begun["verifier"], now)
        claims = claims_of(token, self._client.keys(now))
        if claims is None:
            claims = claims_of(token, self._client.keys(now, again=True))
        if claims is None:
            raise refused("signature")
        check_claims(claims, issuer=issuer, client_id=client_id, nonce=begun["nonce"], now=now)
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Person(issuer, claims["sub"], email if isinstance(email, str) else None, begun["next"])

    def _begun(self, kept: str, now: datetime) -> dict[str, str]:
        try:
            begun: dict[str, str] = json.loads(self._vault.open(kept))
        except (StoreError, ValueError) as error:
            raise refused("state") from error
        # The vault seals other things too, which somebody might bring here.
        if set(begun) != _KEPT or datetime.fromisoformat(begun["until"]) <= now:
            raise refused("state")
        return begun

    def _use_up(self, begun: Mapping[str, str], now: datetime) -> None:
        with self._lock:
            self._used = {state: end for state, end in self._used.items() if end > now}
            if begun["state"] in self._used:
                raise refused("state")
            self._used[begun["state"]] = datetime.fromisoformat(begun["until"])


def enter_as(session: Session, person: Person, now: datetime) -> str | SecondFactorNeeded | SignInRefused:
    """Let a person of the provider in as the one they are here; see ``sign_in`` for what comes back.

    A verified e-mail address links them the first time. Whoever is linked stays so: another subject with the
    same address, such as a successor's, is not let in.
    """
    user = access.identity_user(session, person.issuer, person.subject)
    if user is not None:
        return after_first_factor(session, user, now) if is_open(user) else NOT_LINKED
    user = _linkable(session, person)
    if user is None or not is_open(user):
        return NOT_LINKED
    session.add(Identity(issuer=person.issuer, subject=person.subject, user_id=user.id, created_at=now))
    session.flush()
    return after_first_factor(session, user, now)


def _linkable(session: Session, person: Person) -> User | None:
    found = access.users_with_email(session, person.email) if person.email else []
    if len(found) != 1 or access.is_linked(session, person.issuer, found[0].id):
        return None
    return found[0]
