"""Sign-in and keys on both stores; every rule is tested in tests/unit/crm_store_read."""

from argon2 import PasswordHasher
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.services import access
from crm_store.services.passwords import Passwords
from tests.integration.read_store.clock import HOUR, T0

PASSWORD = "correct horse 电池"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def test_a_person_signs_in_is_locked_out_and_comes_back(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for name in ("王芳", "李强"):
            access.create_user(session, name, PASSWORD, "rep", T0, passwords=QUICK)
    answers = []
    for given in (*["wrong password"] * 5, PASSWORD):
        with transaction(sessions) as session:
            answers.append(access.sign_in(session, "王芳", given, T0, QUICK))
    assert answers == [access.SignInRefused()] * 6
    with transaction(sessions) as session:
        token = access.sign_in(session, "王芳", PASSWORD, T0 + HOUR, QUICK)
        strange = access.sign_in(session, "王\x00芳", PASSWORD, T0, QUICK)
    assert isinstance(token, str)
    assert strange == access.SignInRefused()
    with transaction(sessions) as session:
        found = access.viewer_of_session(session, token, T0 + HOUR)
        assert found is not None
        assert found.name == "王芳"
        access.sign_out(session, token, T0 + HOUR)
        assert access.viewer_of_session(session, token, T0 + HOUR) is None


def test_a_key_works_until_it_is_revoked(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        access.create_api_key(session, "other", ["admin"], T0)
        key = access.create_api_key(session, "crm", ["score", "read"], T0, T0 + HOUR)
        holder = access.viewer_of_key(session, key, T0)
        assert holder is not None
        assert (holder.name, holder.scopes) == ("crm", {"read", "score"})
        assert access.viewer_of_key(session, key, T0 + HOUR) is None
        access.revoke_api_key(session, access.key_id_of(session, key), T0)
        assert access.viewer_of_key(session, key, T0) is None
        assert access.viewer_of_key(session, "lp_\x00", T0) is None
