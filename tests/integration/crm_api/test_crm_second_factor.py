"""The second factor over HTTP: set up by its owner, asked for at the door, used up, given up, taken away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from crm_store.models import User
from crm_store.services import passwords
from crm_store.services.second_factor import OFFERED_FOR, RECOVERY_CODES, STEP_SECONDS
from crm_store.services.sign_in import LOCK_AFTER, LOCK_FOR
from serving.attempts import ALLOWED_FAILURES, WITHIN_SECONDS
from tests.integration.crm_api.office import QUICK, Api

ME = "/me/second-factor"
NAME, PASSWORD = "rep", "correct horse rep"


@dataclass
class Person:
    """Somebody at a browser: a session, and the telephone that they set up."""

    api: Api
    token: str
    secret: str = ""
    recovery: tuple[str, ...] = ()

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.api(method, f"/crm/v1{path}", None, headers=headers, **({"json": body} if body else {}))

    def code(self) -> str:
        """The code that the telephone shows now."""
        return pyotp.TOTP(self.secret).at(int(self.api.clock.now.timestamp()))

    def offered(self) -> dict[str, Any]:
        response = self("POST", ME)
        assert response.status_code == 201, response.text
        content: dict[str, Any] = response.json()
        return content

    def enrol(self) -> Person:
        offer = self.offered()
        self.secret = offer["secret"]
        given = {"password": PASSWORD, "sealed": offer["sealed"], "code": self.code()}
        response = self("POST", f"{ME}/confirm", given)
        assert response.status_code == 200, response.text
        self.recovery = tuple(response.json()["recovery_codes"])
        later(self.api, timedelta(seconds=2 * STEP_SECONDS))  # the code that enrolled is used up
        return self


def test_a_person_enrols_and_from_then_on_the_door_asks_for_the_code(api: Api) -> None:
    person = signed_in(api)
    assert person("GET", ME).json() == {"enabled": False, "recovery_codes_left": None}
    person.enrol()
    assert person("GET", ME).json() == {"enabled": True, "recovery_codes_left": RECOVERY_CODES}
    assert person("DELETE", "/session").status_code == 204
    assert person("GET", "/me").status_code == 401
    assert code_of(enter(api)) == "code_needed"
    answer = enter(api, code=person.code())
    assert answer.status_code == 201
    assert Person(api, answer.json()["token"])("GET", "/me").json()["name"] == NAME


def test_what_is_kept_fits_its_column_which_one_store_does_not_check(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    with sqlite_api.sessions() as session:
        kept = session.get_one(User, person("GET", "/me").json()["user_id"]).totp_secret
    assert kept is not None
    assert len(kept) <= User.__table__.c.totp_secret.type.length


def test_a_code_opens_one_session_and_never_another(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    code = person.code()
    assert enter(sqlite_api, code=code).status_code == 201
    assert code_of(enter(sqlite_api, code=code)) == "code_refused"
    later(sqlite_api, timedelta(seconds=STEP_SECONDS))
    assert code_of(enter(sqlite_api, code=code)) == "code_refused"
    assert enter(sqlite_api, code=person.code()).status_code == 201


@pytest.mark.parametrize("kind", ["telephone", "recovery"])
def test_of_many_who_send_one_code_at_once_one_gets_in(api: Api, kind: str) -> None:
    person = signed_in(api).enrol()
    code = person.code() if kind == "telephone" else person.recovery[0]
    given = {"name": NAME, "password": PASSWORD, "code": code}

    async def race() -> list[int]:
        async with api.client() as client:
            sent = (client.post("/crm/v1/session", json=given) for _ in range(LOCK_AFTER))
            return [answer.status_code for answer in await asyncio.gather(*sent)]

    assert sorted(asyncio.run(race())) == [201] + [401] * (LOCK_AFTER - 1)


def test_a_recovery_code_opens_one_session_and_is_counted(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    code = person.recovery[0]
    assert enter(sqlite_api, code=code.lower().replace("-", " ")).status_code == 201
    assert code_of(enter(sqlite_api, code=code)) == "code_refused"
    assert person("GET", ME).json()["recovery_codes_left"] == RECOVERY_CODES - 1


def test_wrong_codes_lock_the_account_for_a_while(api: Api) -> None:
    person = signed_in(api).enrol()
    for _ in range(LOCK_AFTER):
        assert code_of(enter(api, code="000000")) == "code_refused"
    assert code_of(enter(api, code=person.code())) == "sign_in_refused"
    later(api, LOCK_FOR)
    assert enter(api, code=person.code()).status_code == 201


def test_a_right_password_does_not_buy_more_guesses_at_the_code(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    for _ in range(LOCK_AFTER):
        assert code_of(enter(sqlite_api)) == "code_needed"
        assert code_of(enter(sqlite_api, code="000000")) == "code_refused"
    assert code_of(enter(sqlite_api, code=person.code())) == "sign_in_refused"


def test_an_address_that_guesses_at_many_accounts_must_wait(sqlite_api: Api) -> None:
    for n in range(ALLOWED_FAILURES):
        assert code_of(enter(sqlite_api, f"somebody-{n}")) == "sign_in_refused"
    answer = enter(sqlite_api)
    assert (answer.status_code, code_of(answer)) == (429, "too_many_requests")
    assert 0 < int(answer.headers["retry-after"]) <= WITHIN_SECONDS


def test_asking_for_the_code_counts_for_nothing(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    for _ in range(ALLOWED_FAILURES):
        assert code_of(enter(sqlite_api)) == "code_needed"
    assert enter(sqlite_api, code=person.code()).status_code == 201


def test_one_gives_it_up_by_password_and_code_and_wrong_ones_count(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    for given in ({"password": "wrong", "code": person.code()}, {"password": PASSWORD, "code": "000000"}):
        assert code_of(person("POST", f"{ME}/disable", given)) == "own_proof_wrong"
    right = {"password": PASSWORD, "code": person.code()}
    assert person("POST", f"{ME}/disable", right).status_code == 204
    assert enter(sqlite_api).status_code == 201
    assert code_of(person("POST", f"{ME}/disable", right)) == "no_second_factor"


def test_guessing_at_giving_it_up_locks_the_account(sqlite_api: Api) -> None:
    person = signed_in(sqlite_api).enrol()
    for _ in range(LOCK_AFTER):
        person("POST", f"{ME}/disable", {"password": PASSWORD, "code": "000000"})
    right = {"password": PASSWORD, "code": person.code()}
    assert code_of(person("POST", f"{ME}/disable", right)) == "own_proof_wrong"
    assert person("GET", ME).json()["enabled"] is True


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"password": "wrong"}, "own_proof_wrong"),
        ({"code": "000000"}, "wrong_code"),
        ({"sealed": "v1.AAAA"}, "sealed_otherwise"),
        ({"sealed": "anything"}, "sealed_otherwise"),
    ],
)
def test_an_offer_is_not_taken_up_by_half(sqlite_api: Api, wrong: dict[str, str], expected: str) -> None:
    person = signed_in(sqlite_api)
    offer = person.offered()
    person.secret = offer["secret"]
    right = {"password": PASSWORD, "sealed": offer["sealed"], "code": person.code()}
    assert code_of(person("POST", f"{ME}/confirm", right | wrong)) == expected
    assert person("GET", ME).json()["enabled"] is False


def test_an_offer_is_for_one_person_ten_minutes_and_one_telephone(sqlite_api: Api) -> None:
    person, other = signed_in(sqlite_api), signed_in(sqlite_api, "manager")
    offer = person.offered()
    person.secret = other.secret = offer["secret"]
    foreign = {"password": "correct horse manager", "sealed": offer["sealed"], "code": other.code()}
    assert code_of(other("POST", f"{ME}/confirm", foreign)) == "offer_ended"
    later(sqlite_api, OFFERED_FOR)
    late = {"password": PASSWORD, "sealed": offer["sealed"], "code": person.code()}
    assert code_of(person("POST", f"{ME}/confirm", late)) == "offer_ended"
    spare = person.offered()
    person.enrol()
    assert code_of(person("POST", ME)) == "second_factor_there"
    again = {"password": PASSWORD, "sealed": spare["sealed"], "code": pyotp.TOTP(spare["secret"]).now()}
    assert code_of(person("POST", f"{ME}/confirm", again)) == "offer_ended"


@pytest.mark.parametrize("who", ["service", "rep"])
def test_a_key_does_not_decide_how_its_owner_signs_in(sqlite_api: Api, who: str) -> None:
    for method, path in (("GET", ME), ("POST", ME)):
        assert code_of(sqlite_api(method, f"/crm/v1{path}", who)) == "session_needed"
    given = {"password": PASSWORD, "sealed": "v1.x", "code": "000000"}
    assert code_of(sqlite_api.post(f"{ME}/confirm", given, who)) == "session_needed"
    given.pop("sealed")
    assert code_of(sqlite_api.post(f"{ME}/disable", given, who)) == "session_needed"


def test_an_administrator_takes_it_away_for_a_lost_telephone(api: Api) -> None:
    person, admin = signed_in(api).enrol(), signed_in(api, "admin")
    mine, theirs = (one("GET", "/me").json()["user_id"] for one in (person, admin))
    assert person("DELETE", f"/users/{theirs}/second-factor").status_code == 403
    assert admin("DELETE", f"/users/{theirs}/second-factor").status_code == 403
    assert admin("DELETE", f"/users/{mine}/second-factor").status_code == 204
    assert person("GET", "/me").status_code == 401
    assert enter(api).status_code == 201


def test_a_repeated_key_reads_the_recovery_codes_again_and_the_store_keeps_them_sealed(
    sqlite_api: Api,
) -> None:
    person = signed_in(sqlite_api)
    offer = person.offered()
    person.secret = offer["secret"]
    given = {"password": PASSWORD, "sealed": offer["sealed"], "code": person.code()}
    headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": "once"}
    first, second = (
        sqlite_api("POST", f"/crm/v1{ME}/confirm", None, json=given, headers=headers) for _ in range(2)
    )
    assert first.json() == second.json()
    with sqlite_api.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        dump = "\n".join(raw.iterdump())
    assert "idempotency" in dump
    for secret in (person.secret, *first.json()["recovery_codes"]):
        assert secret not in dump


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in no time: what passwords cost is none of these tests' business."""
    monkeypatch.setattr(passwords.DEFAULT, "_hasher", QUICK._hasher)


def signed_in(api: Api, name: str = NAME) -> Person:
    answer = enter(api, name)
    assert answer.status_code == 201, answer.text
    return Person(api, answer.json()["token"])


def enter(api: Api, name: str = NAME, code: str | None = None) -> httpx.Response:
    given = {"name": name, "password": f"correct horse {name}"} | ({"code": code} if code else {})
    return api.post("/session", given, who=None)


def code_of(response: httpx.Response) -> str:
    return str(response.json()["error"]["code"])


def later(api: Api, by: timedelta) -> None:
    api.clock.now += by
