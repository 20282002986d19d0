"""Who may come in."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import ApiKey, User, WebSession
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import write_record
from crm_store.services import access
from crm_store.services.access import SecondFactorNeeded, SignInRefused, Viewer
from crm_store.services.passwords import Passwords
from tests.integration.read_store.clock import HOUR, T0

PASSWORD = "correct horse 电池"
MINUTE = timedelta(minutes=1)
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_there_is_no_account_until_one_is_made(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert session.scalars(select(User)).all() == []
    for name in ("admin", "root", ""):
        assert isinstance(enter(sessions, name, "admin"), SignInRefused)


@pytest.mark.usefixtures("others")
def test_a_person_signs_in_is_known_and_signs_out(sessions: sessionmaker[Session]) -> None:
    team, rep = employ(sessions)
    user_id = create(sessions, "王芳", role="lead", rep_id=rep)
    token = entered(sessions, "王芳")
    assert who(sessions, token, T0) == Viewer(user_id, "王芳", "lead", rep, team)
    with transaction(sessions) as session:
        access.sign_out(session, token, T0 + HOUR)
        access.sign_out(session, "no such token", T0 + HOUR)
    assert who(sessions, token, T0 + HOUR) is None


@pytest.mark.usefixtures("others")
def test_passwords_tokens_and_keys_are_stored_as_hashes_only(sessions: sessionmaker[Session]) -> None:
    user_id = create(sessions, "王芳")
    token = entered(sessions, "王芳")
    key = make_key(sessions)
    with sessions() as session:
        user = session.get_one(User, user_id)
        kept = [
            user.password_hash,
            *session.scalars(select(WebSession.id)),
            *session.scalars(select(ApiKey.id)),
        ]
    assert user.password_hash.startswith("$argon2id$")
    assert not any(secret in text for secret in (PASSWORD, token, key) for text in kept)
    assert len(token) >= 43  # 32 random bytes in base64


def test_the_cost_of_a_password_is_that_of_the_standard() -> None:
    made = extract_parameters(Passwords().hash("x"))
    assert made.type is Type.ID
    assert (made.memory_cost, made.time_cost) == (65_536, 3)  # KiB, RFC 9106 second profile


@pytest.mark.usefixtures("others")
def test_a_wrong_password_an_unknown_name_and_a_disabled_account_get_the_same_answer(
    sessions: sessionmaker[Session],
) -> None:
    create(sessions, "王芳")
    gone = create(sessions, "离职")
    with transaction(sessions) as session:
        access.disable_user(session, gone, T0)
    answers = [
        enter(sessions, "王芳", "wrong password"),
        enter(sessions, "没有此人", PASSWORD),
        enter(sessions, "离职", PASSWORD),
        enter(sessions, "王\x00芳", PASSWORD),
        enter(sessions, "王芳", PASSWORD + "x" * 2000),
        enter(sessions, "王芳", "\ud83d"),
    ]
    assert answers == [SignInRefused()] * 6
    refused = SignInRefused()
    assert (refused.code, "密码" in refused.zh, "password" in refused.en) == ("sign_in_refused", True, True)


def test_an_unknown_name_costs_the_work_of_one_hash_as_a_known_one_does(
    sessions: sessionmaker[Session],
) -> None:
    counting = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    create(sessions, "王芳")
    for name in ("没有此人", "王芳"):
        counting.hashed = 0
        with transaction(sessions) as session:
            access.sign_in(session, name, "wrong password", T0, Passwords(counting))
        assert counting.hashed == 1


@pytest.mark.usefixtures("others")
def test_five_failures_lock_the_account_for_fifteen_minutes(sessions: sessionmaker[Session]) -> None:
    create(sessions, "王芳")
    create(sessions, "李强")
    for _ in range(4):
        enter(sessions, "王芳", "wrong password")
    entered(sessions, "王芳")  # the count starts over
    for _ in range(5):
        enter(sessions, "王芳", "wrong password")
    assert enter(sessions, "王芳", PASSWORD) == SignInRefused()
    assert enter(sessions, "王芳", PASSWORD, T0 + 15 * MINUTE - MINUTE / 60) == SignInRefused()
    entered(sessions, "李强")
    entered(sessions, "王芳", T0 + 15 * MINUTE)


def test_attempts_on_a_locked_account_do_not_lock_it_for_longer(sessions: sessionmaker[Session]) -> None:
    create(sessions, "王芳")
    for minute in range(14):
        enter(sessions, "王芳", "wrong password", T0 + minute * MINUTE)
    entered(sessions, "王芳", T0 + 19 * MINUTE)  # locked at minute 4


def test_a_session_ends_by_itself(sessions: sessionmaker[Session]) -> None:
    create(sessions, "王芳")
    token = entered(sessions, "王芳")
    assert who(sessions, token, T0 + access.SESSION_FOR - MINUTE) is not None
    assert who(sessions, token, T0 + access.SESSION_FOR) is None


@pytest.mark.parametrize("ending", ["revoke", "disable", "password"])
def test_every_session_of_a_person_ends_at_once_and_nobody_elses(
    sessions: sessionmaker[Session], ending: str
) -> None:
    user_id = create(sessions, "王芳")
    create(sessions, "李强")
    tokens = [entered(sessions, "王芳"), entered(sessions, "王芳")]
    other = entered(sessions, "李强")
    with transaction(sessions) as session:
        if ending == "revoke":
            access.revoke_sessions(session, user_id, T0)
        elif ending == "disable":
            access.disable_user(session, user_id, T0)
        else:
            access.change_password(session, user_id, "another long password", T0, QUICK)
    assert [who(sessions, token, T0) for token in tokens] == [None, None]
    assert who(sessions, other, T0) is not None


def test_a_new_password_replaces_the_old_and_unlocks(sessions: sessionmaker[Session]) -> None:
    user_id = create(sessions, "王芳")
    for _ in range(5):
        enter(sessions, "王芳", "wrong password")
    with transaction(sessions) as session:
        access.change_password(session, user_id, "another long password", T0, QUICK)
    assert enter(sessions, "王芳", PASSWORD) == SignInRefused()
    assert isinstance(enter(sessions, "王芳", "another long password"), str)


def test_a_role_that_changes_counts_at_once(sessions: sessionmaker[Session]) -> None:
    user_id = create(sessions, "王芳", role="admin")
    token = entered(sessions, "王芳")
    with transaction(sessions) as session:
        change = {"role": "rep"}  # as the API writes it; ``change_account`` also ends the session
        write_record(session, "user", user_id, change, actor="user:li", recorded_at=T0, now=T0)
    found = who(sessions, token, T0)
    assert found is not None
    assert found.role == "rep"


def test_a_hash_of_an_older_cost_is_renewed_at_sign_in(sessions: sessionmaker[Session]) -> None:
    user_id = create(sessions, "王芳")
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    with transaction(sessions) as session:
        assert isinstance(access.sign_in(session, "王芳", PASSWORD, T0, dearer), str)
    with sessions() as session:
        assert extract_parameters(session.get_one(User, user_id).password_hash).time_cost == 2
    entered(sessions, "王芳")


def test_a_name_is_one_person_however_it_is_typed(sessions: sessionmaker[Session]) -> None:
    create(sessions, " Ｗang ")
    entered(sessions, "Wang")
    with pytest.raises(StoreError) as caught:
        create(sessions, "Wang")
    assert (caught.value.problem.code, caught.value.problem.field) == ("name_taken", "name")


@pytest.mark.parametrize(
    ("name", "password", "role", "code", "field"),
    [
        ("  ", PASSWORD, "rep", "required", "name"),
        ("名" * 81, PASSWORD, "rep", "too_long", "name"),
        ("王\x00芳", PASSWORD, "rep", "bad_character", "name"),
        ("王芳", "elevenchars", "rep", "password_too_short", "password"),
        ("王芳", "x" * 1025, "rep", "too_long", "password"),
        ("王芳", PASSWORD, "boss", "not_allowed", "role"),
    ],
)
def test_an_account_that_does_not_fit_is_refused_in_two_languages(
    sessions: sessionmaker[Session], name: str, password: str, role: str, code: str, field: str
) -> None:
    with pytest.raises(StoreError) as caught, transaction(sessions) as session:
        access.create_user(session, name, password, role, T0, passwords=QUICK)
    problem = caught.value.problem
    assert (problem.code, problem.field) == (code, field)
    assert problem.zh
    assert problem.en


def test_a_key_opens_its_scopes_only(sessions: sessionmaker[Session]) -> None:
    key = make_key(sessions, scopes=("read", "score", "read"))
    make_key(sessions, scopes=("admin",))
    assert key.startswith("lp_")
    with sessions() as session:
        viewer = access.viewer_of_key(session, key, T0)
    assert viewer == Viewer(None, "crm", "service", scopes=frozenset({"read", "score"}), way="api")
    assert [scope for scope in access.SCOPES if viewer.holds(scope)] == ["score", "read"]


def test_the_admin_scope_includes_the_others_but_personal_data_must_be_named(
    sessions: sessionmaker[Session],
) -> None:
    viewer = holder(sessions, make_key(sessions, scopes=("admin",)))
    assert viewer is not None
    assert [scope for scope in access.SCOPES if not viewer.holds(scope)] == ["pii"]


def test_a_key_bound_to_a_person_is_that_person_within_its_scopes(sessions: sessionmaker[Session]) -> None:
    team, rep = employ(sessions)
    user_id = create(sessions, "王芳", rep_id=rep)
    with transaction(sessions) as session:
        key = access.create_api_key(session, "phone app", ["read"], T0, user_id=user_id, created_by="user:li")
    expected = Viewer(user_id, "王芳", "rep", rep, team, scopes=frozenset({"read"}), way="api")
    assert holder(sessions, key) == expected
    assert expected.actor == "api:王芳"
    with transaction(sessions) as session:
        access.change_account(session, user_id, {"role": "lead"}, T0)
    assert holder(sessions, key) == replace(expected, role="lead")
    with transaction(sessions) as session:
        access.disable_user(session, user_id, T0)
    assert holder(sessions, key) is None


def test_a_key_ends_when_it_expires_or_is_revoked(sessions: sessionmaker[Session]) -> None:
    expiring = make_key(sessions, expires_at=T0 + HOUR)
    revoked, kept = make_key(sessions), make_key(sessions)
    with transaction(sessions) as session:
        access.revoke_api_key(session, access.key_id_of(session, revoked), T0)
    assert holder(sessions, expiring, T0 + HOUR - MINUTE) is not None
    assert holder(sessions, expiring, T0 + HOUR) is None
    assert holder(sessions, revoked) is None
    assert holder(sessions, kept) is not None


@pytest.mark.parametrize("key", ["", "lp_", "lp_" + "x" * 43, "\x00", "lp_\ud83d", "Bearer lp_x"])
def test_a_made_up_key_opens_nothing(sessions: sessionmaker[Session], key: str) -> None:
    make_key(sessions)
    assert holder(sessions, key) is None


def test_keys_are_listed_by_prefix_never_whole(sessions: sessionmaker[Session]) -> None:
    key = make_key(sessions)
    with sessions() as session:
        listed = access.api_keys(session)
    assert [(info.name, info.prefix, info.scopes) for info in listed] == [("crm", key[:10], ("read",))]
    assert key not in repr(listed)


@pytest.mark.parametrize(
    ("scopes", "expires_at", "code", "field"),
    [
        ((), None, "not_allowed", "scopes"),
        (("read", "everything"), None, "not_allowed", "scopes"),
        (("read",), T0, "already_past", "expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(
    sessions: sessionmaker[Session],
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    code: str,
    field: str,
) -> None:
    with pytest.raises(StoreError) as caught:
        make_key(sessions, scopes, expires_at)
    assert (caught.value.problem.code, caught.value.problem.field) == (code, field)


def test_an_unknown_id_is_an_error_with_a_code(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        with pytest.raises(StoreError, match="unknown_user"):
            access.disable_user(session, "use_none", T0)
        with pytest.raises(StoreError, match="unknown_user"):
            access.change_password(session, "use_none", PASSWORD, T0, QUICK)
        with pytest.raises(StoreError, match="unknown_key"):
            access.revoke_api_key(session, "none", T0)


class CountingHasher(PasswordHasher):
    """Counts the expensive work: a verification is one hash as well."""

    hashed = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's name
        self.hashed += 1
        return bool(super().verify(hash, password))


def create(sessions: sessionmaker[Session], name: str, role: str = "rep", rep_id: str | None = None) -> str:
    with transaction(sessions) as session:
        return access.create_user(session, name, PASSWORD, role, T0, rep_id, QUICK)


def enter(
    sessions: sessionmaker[Session], name: str, password: str, now: datetime = T0
) -> str | SecondFactorNeeded | SignInRefused:
    with transaction(sessions) as session:
        return access.sign_in(session, name, password, now, QUICK)


def entered(sessions: sessionmaker[Session], name: str, now: datetime = T0) -> str:
    token = enter(sessions, name, PASSWORD, now)
    assert isinstance(token, str)
    return token


def who(sessions: sessionmaker[Session], token: str, now: datetime) -> Viewer | None:
    with sessions() as session:
        return access.viewer_of_session(session, token, now)


def make_key(
    sessions: sessionmaker[Session], scopes: tuple[str, ...] = ("read",), expires_at: datetime | None = None
) -> str:
    with transaction(sessions) as session:
        return access.create_api_key(session, "crm", scopes, T0, expires_at)


def holder(sessions: sessionmaker[Session], key: str, now: datetime = T0) -> Viewer | None:
    with sessions() as session:
        return access.viewer_of_key(session, key, now)


def employ(sessions: sessionmaker[Session]) -> tuple[str, str]:
    """A team and a salesperson in it; returns both ids."""
    with transaction(sessions) as session:
        for entity, record_id, more in (("team", "tea_1", {}), ("rep", "rep_1", {"team_id": "tea_1"})):
            values = {"source": "hr", "external_id": record_id, "name": record_id} | more
            write_record(session, entity, record_id, values, actor="user:setup", recorded_at=T0, now=T0)
    return "tea_1", "rep_1"


@pytest.fixture
def others(sessions: sessionmaker[Session]) -> None:
    """People who are signed in already and must not matter."""
    for name in ("甲", "乙"):
        create(sessions, name, role="admin")
        entered(sessions, name)
