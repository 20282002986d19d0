"""What is taken away opens no further request: keys, sessions, roles and accounts, on both stores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm_store.database import transaction
from crm_store.services.access import (
    SESSION_FOR,
    change_account,
    change_password,
    disable_user,
    key_id_of,
    revoke_api_key,
    revoke_sessions,
    user_id_of,
)
from tests.integration.crm_api.office import QUICK, START, Api

MINE = "/leads"


def test_a_revoked_key_is_refused_at_the_next_request(api: Api) -> None:
    assert api.get(MINE, "service").status_code == 200
    with api.sessions() as session:
        key_id = key_id_of(session, api.keys["service"])
    assert api.delete(f"/api-keys/{key_id}", "admin").status_code == 204
    assert api.get(MINE, "service").status_code == 401
    assert api.get(MINE, "reader").status_code == 200


def test_a_session_that_was_ended_is_refused_at_the_next_request(api: Api) -> None:
    token, other = session_of(api, "manager"), session_of(api, "rep")
    assert as_session(api, token) == as_session(api, other) == 200
    with transaction(api.sessions) as session:
        revoke_sessions(session, user_id_of(session, "manager"), api.clock())
    assert (as_session(api, token), as_session(api, other)) == (401, 200)


def test_a_session_ends_by_itself(sqlite_api: Api) -> None:
    token = session_of(sqlite_api, "manager")
    sqlite_api.clock.now += SESSION_FOR
    assert as_session(sqlite_api, token) == 401


def test_a_role_counts_from_the_next_request_for_keys_and_sessions(api: Api) -> None:
    token = session_of(api, "manager")
    lead = api.lead(who="service")
    path = f"/leads/{lead['id']}"
    assert (as_session(api, token, path), api.get(path, "manager").status_code) == (200, 200)
    with api.sessions() as session:
        user_id = user_id_of(session, "manager")
    changed = api.patch(f"/users/{user_id}", {"role": "rep"}, "admin", headers={"If-Match": "*"})
    assert changed.status_code == 200, changed.text
    # No salesperson, so no lead is theirs.
    assert (as_session(api, token, path), api.get(path, "manager").status_code) == (403, 403)


@pytest.mark.parametrize(
    "end",
    [
        lambda session, user_id: disable_user(session, user_id, START),
        lambda session, user_id: change_account(session, user_id, {"role": "rep"}, START),
        lambda session, user_id: change_password(session, user_id, "another long password", START, QUICK),
    ],
    ids=["disabled", "another role", "another password"],
)
def test_what_changes_an_account_ends_its_sessions(sqlite_api: Api, end: Callable[..., None]) -> None:
    token = session_of(sqlite_api, "manager")
    with transaction(sqlite_api.sessions) as session:
        end(session, user_id_of(session, "manager"))
    assert as_session(sqlite_api, token) == 401


def test_a_disabled_person_is_refused_by_their_keys_too(api: Api) -> None:
    assert api.get(MINE, "rep").status_code == 200
    with transaction(api.sessions) as session:
        disable_user(session, user_id_of(session, "rep"), api.clock())
    assert api.get(MINE, "rep").status_code == 401
    assert api.get(MINE, "other_rep").status_code == 200


def test_a_key_that_was_revoked_writes_nothing(sqlite_api: Api) -> None:
    with transaction(sqlite_api.sessions) as session:
        revoke_api_key(session, key_id_of(session, sqlite_api.keys["service"]), START)
    assert sqlite_api.post(MINE, {"company": "苏州示例精密机械有限公司"}, "service").status_code == 401
    assert sqlite_api.get(MINE, "admin").json()["items"] == []


def session_of(api: Api, name: str) -> str:
    answer = api.post("/session", {"name": name, "password": f"correct horse {name}"}, who=None)
    return str(answer.json()["token"])


def as_session(api: Api, token: str, path: str = MINE) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return api("GET", f"/crm/v1{path}", None, headers=headers).status_code
