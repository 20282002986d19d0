"""Single sign-on against a provider that really answers: who is let in, and every way to be refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.repositories.problems import StoreError
from crm_store.services import identity_provider, second_factor
from crm_store.services.access import create_user, disable_user, viewer_of_session
from crm_store.services.identity_provider import Provider
from crm_store.services.single_sign_on import NOT_LINKED, STATE_FOR, Begun, Person, SingleSignOn, enter_as
from crm_store.services.vault import Vault
from tests.integration.sign_in.local_provider import (
    CLIENT,
    DISCOVERY,
    NOW,
    VAULT,
    LocalProvider,
    key_named,
    sign,
)

LATER = timedelta(seconds=61)


def test_who_signs_in_there_comes_back_as_who_they_are(sso: SingleSignOn) -> None:
    begun, answer = away(sso, "/leads?band=red")
    person = sso.finish(begun.kept, answer, NOW)
    assert (person.subject, person.email, person.back_to) == ("p-1", "wang@crm.example", "/leads?band=red")


def test_what_the_browser_brings_back_says_nothing_to_it(sso: SingleSignOn) -> None:
    begun, answer = away(sso)
    for secret in (answer["state"], "verifier", "nonce"):
        assert secret not in begun.kept


@pytest.mark.parametrize(
    ("lie", "field"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another-client"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": [CLIENT, "another"]}, "audience"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "audience"),
        ({"iss": "https://another.example"}, "issuer"),
        ({"exp": NOW.timestamp() - 61}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "tomorrow"}, "expired"),
        ({"iat": NOW.timestamp() - 3600}, "expired"),
        ({"iat": NOW.timestamp() + 120}, "expired"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
    ],
)
def test_a_token_that_is_not_for_us_and_for_now_is_refused(
    provider: LocalProvider, sso: SingleSignOn, lie: dict[str, Any], field: str
) -> None:
    provider.lies = lie
    assert refusal(sso) == ("sso_refused", field)


def test_an_address_that_the_provider_has_not_verified_is_none(
    provider: LocalProvider, sso: SingleSignOn
) -> None:
    for verified in (False, None, "true", 1):
        provider.lies = {"email_verified": verified}
        assert arrived(sso).email is None


def forgeries(provider: LocalProvider) -> dict[str, Callable[[dict[str, Any]], str]]:
    public = json.dumps(provider.keys[0].as_dict(private=False))

    def none(claims: dict[str, Any]) -> str:
        return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."

    def by_our_secret(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(public), ["HS256"])

    def by_another_key(claims: dict[str, Any]) -> str:
        return sign(claims, key_named("k1", 7), "k1")

    def with_its_own_key(claims: dict[str, Any]) -> str:
        own = key_named("mine")
        header = {"alg": "RS256", "kid": "mine", "jwk": own.as_dict(private=False)}
        return jwt.encode(header, claims, own, ["RS256"])

    def changed_after(claims: dict[str, Any]) -> str:
        head, _, tail = sign(claims, provider.keys[0], "k1").split(".")
        return f"{head}.{_encoded(claims | {'sub': 'another'})}.{tail}"

    made = (none, by_our_secret, by_another_key, with_its_own_key, changed_after)
    return {forge.__name__: forge for forge in made} | {"no token at all": lambda claims: "x.y.z"}


@pytest.mark.parametrize(
    "name",
    ["none", "by_our_secret", "by_another_key", "with_its_own_key", "changed_after", "no token at all"],
)
def test_a_forged_token_is_refused(provider: LocalProvider, sso: SingleSignOn, name: str) -> None:
    provider.sign = forgeries(provider)[name]
    assert refusal(sso) == ("sso_refused", "signature")


def test_a_sign_in_ends_where_it_began_in_time_and_once(sso: SingleSignOn) -> None:
    begun, answer = away(sso)
    other, _ = away(sso)
    for kept, given, now in (
        (other.kept, answer, NOW),
        (begun.kept, answer | {"state": "another"}, NOW),
        (begun.kept, {"code": answer["code"]}, NOW),
        ("", answer, NOW),
        (VAULT.seal("no sign-in"), answer, NOW),
        (second_factor.offer("use_1", "wang", NOW, VAULT).sealed, answer, NOW),
        (Vault.from_key(b"x" * 32).seal(VAULT.open(begun.kept)), answer, NOW),
        (begun.kept, answer, NOW + STATE_FOR),
    ):
        assert refused(lambda k=kept, g=given, n=now: sso.finish(k, g, n)) == ("sso_refused", "state")
    assert sso.finish(begun.kept, answer, NOW).subject == "p-1"
    assert refused(lambda: sso.finish(begun.kept, answer, NOW)) == ("sso_refused", "state")


def test_a_code_of_another_sign_in_does_not_pass(sso: SingleSignOn) -> None:
    """Somebody's stolen code, brought by a browser with a sign-in of its own: PKCE refuses it."""
    _, stolen = away(sso)
    begun, answer = away(sso)
    swapped = answer | {"code": stolen["code"]}
    assert refused(lambda: sso.finish(begun.kept, swapped, NOW)) == ("sso_refused", "code")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"iss": "https://another.example"}, "issuer"),
        ({"error": "access_denied"}, "code"),
        ({"code": ""}, "code"),
    ],
)
def test_an_answer_that_is_none_is_refused(sso: SingleSignOn, change: dict[str, str], field: str) -> None:
    begun, answer = away(sso)
    assert refused(lambda: sso.finish(begun.kept, answer | change, NOW)) == ("sso_refused", field)


def test_a_provider_asks_for_our_secret(provider: LocalProvider) -> None:
    public = SingleSignOn(provider.provider(secret=None), VAULT)
    wrong = SingleSignOn(provider.provider(secret="another"), VAULT)
    for one in (public, wrong):
        assert refusal(one) == ("sso_refused", "code")


@pytest.mark.parametrize("kid", ["k2", "k1", None], ids=["a new name", "the same name", "no name"])
def test_a_new_key_of_the_provider_is_fetched_and_no_more_than_once_a_minute(
    provider: LocalProvider, sso: SingleSignOn, kid: str | None
) -> None:
    arrived(sso)
    provider.keys = [key_named(kid, 1)]
    provider.sign = lambda claims: sign(claims, provider.keys[0], kid)
    assert refusal(sso) == ("sso_refused", "signature")  # it was asked a moment ago
    provider.now = NOW + LATER
    assert arrived(sso, NOW + LATER).subject == "p-1"
    provider.sign = forgeries(provider)["by_another_key"]
    before = provider.asked.count("/keys")
    for _ in range(3):
        assert refusal(sso, NOW + LATER) == ("sso_refused", "signature")
    assert provider.asked.count("/keys") == before


@pytest.mark.parametrize("path", [DISCOVERY, "/keys", "/token"])
@pytest.mark.parametrize("fault", ["hangs", "breaks", "babbles", "redirects", "floods"])
def test_a_provider_that_fails_is_told_as_such(
    provider: LocalProvider, sso: SingleSignOn, path: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_provider, "_TIMEOUT_SECONDS", 0.2)
    elsewhere = f"{provider.issuer}/elsewhere"
    provider.misbehaviour[path] = {
        "hangs": provider.hang,
        "breaks": lambda asked: asked.send(503, {}),
        "babbles": lambda asked: asked.send(200, b"<html>"),
        "redirects": lambda asked: asked.send(307, b"", Location=elsewhere),
        "floods": lambda asked: asked.send(200, b" " * (2 << 20)),
    }[fault]
    code, field = refusal(sso)
    told_as_wrong_code = path == "/token" and fault == "breaks"
    assert (code, field) == (("sso_refused", "code") if told_as_wrong_code else ("sso_unavailable", None))
    assert "/elsewhere" not in provider.asked


def test_one_that_is_down_is_left_alone_for_a_while_and_then_asked_again(
    provider: LocalProvider, sso: SingleSignOn
) -> None:
    provider.misbehaviour[DISCOVERY] = lambda asked: asked.send(503, {})
    for _ in range(5):
        assert refused(lambda: sso.begin("/", NOW)) == ("sso_unavailable", None)
    assert provider.asked == [DISCOVERY]
    provider.misbehaviour.clear()
    provider.now = NOW + timedelta(seconds=10)
    assert arrived(sso, provider.now).subject == "p-1"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", ["http://169.254.169.254/x", "https://127.0.0.1/x", "//127.0.0.1/x", ""])
def test_no_host_but_the_issuers_is_ever_asked(
    provider: LocalProvider, sso: SingleSignOn, name: str, address: str
) -> None:
    provider.discovery = {name: address}
    assert refused(lambda: sso.begin("/", NOW)) == ("sso_refused", "issuer")
    assert provider.asked == [DISCOVERY]


def test_a_provider_that_speaks_for_another_issuer_is_refused(
    provider: LocalProvider, sso: SingleSignOn
) -> None:
    provider.discovery = {"issuer": "https://another.example"}
    assert refused(lambda: sso.begin("/", NOW)) == ("sso_refused", "issuer")


@pytest.mark.parametrize("issuer", ["http://id.example", "ftp://id.example", "id.example", "file:///etc"])
def test_an_issuer_is_reached_by_https(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Provider(issuer, CLIENT, "https://crm.example/back")


def test_a_verified_address_links_a_person_once_and_for_good(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        create_user(session, "noise", None, "rep", NOW, email="li@crm.example")
        user_id = create_user(session, "wang", None, "manager", NOW, email="wang@crm.example")
        token = enter_as(session, someone("p-1", "wang@crm.example"), NOW)
        assert isinstance(token, str)
        viewer = viewer_of_session(session, token, NOW)
        assert viewer is not None
        assert (viewer.user_id, viewer.role) == (user_id, "manager")
        assert isinstance(enter_as(session, someone("p-1", None), NOW), str)
        assert isinstance(enter_as(session, someone("p-1", "li@crm.example"), NOW), str)
        assert enter_as(session, someone("p-2", "wang@crm.example"), NOW) == NOT_LINKED


def test_nobody_unknown_is_let_in_and_no_account_is_made(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        gone = create_user(session, "gone", None, "rep", NOW, email="gone@crm.example")
        disable_user(session, gone, NOW)
        for email in (None, "nobody@crm.example", "gone@crm.example"):
            assert enter_as(session, someone("p-9", email), NOW) == NOT_LINKED


def test_an_account_that_ends_is_not_let_in_by_its_provider(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        user_id = create_user(session, "wang", None, "rep", NOW, email="wang@crm.example")
        assert isinstance(enter_as(session, someone("p-1", "wang@crm.example"), NOW), str)
        disable_user(session, user_id, NOW)
        assert enter_as(session, someone("p-1", "wang@crm.example"), NOW) == NOT_LINKED


def away(sso: SingleSignOn, back_to: str = "/", now: datetime = NOW) -> tuple[Begun, dict[str, str]]:
    """Begin, sign in at the provider, and return what it sends the browser back with."""
    begun = sso.begin(back_to, now)
    location = httpx.get(begun.address).headers["location"]
    return begun, {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def arrived(sso: SingleSignOn, now: datetime = NOW) -> Person:
    begun, answer = away(sso, now=now)
    return sso.finish(begun.kept, answer, now)


def refusal(sso: SingleSignOn, now: datetime = NOW) -> tuple[str, str | None]:
    return refused(lambda: arrived(sso, now))


def refused(act: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(StoreError) as caught:
        act()
    return caught.value.problem.code, caught.value.problem.field


def someone(subject: str, email: str | None) -> Person:
    return Person("https://id.example", subject, email, "/")


def _encoded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
