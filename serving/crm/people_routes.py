"""Who comes in: signing in and out, who I am, API keys, and accounts of people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from crm_store.models.choices import ROLES
from crm_store.repositories import listing
from crm_store.repositories.sight.sight import can_write
from crm_store.services import access
from crm_store.services.access import SecondFactorNeeded, SignInRefused
from serving.crm import params
from serving.crm.contract import OUT, Strict
from serving.crm.forms import Moment, parsed
from serving.crm.operation import SELF, Call, Operation, Policy, Reply
from serving.crm.record_routes import headers_of, shown_row
from serving.crm.refusals import CrmError
from serving.crm.replies import told
from serving.crm.resources import PREFIX, RESOURCES
from serving.crm.samples import row_sample

_TAG: Final = "access 登录与密钥"
_USER: Final = RESOURCES["user"]
Scope = Literal["score", "read", "write", "intake", "pii", "admin"]
Role = Literal[ROLES]  # type: ignore[valid-type]


class SignInIn(Strict):
    """A name and a password; with a second factor, the code of the telephone or a recovery code as well."""

    name: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1_000)
    code: str | None = Field(None, max_length=40)


class SignInOut(Strict):
    """The token to send as ``Authorization: Bearer``; it cannot be read again."""

    token: str
    expires_at: datetime


class MeOut(Strict):
    """Who the caller is, and what their key may do."""

    user_id: str | None
    name: str
    role: str
    rep_id: str | None
    team_id: str | None
    region: str | None
    scopes: list[str]


class KeyIn(Strict):
    """A key to make. With ``user_id`` it acts as that person, within its scopes."""

    name: str = Field(min_length=1, max_length=70)
    scopes: list[Scope] = Field(min_length=1, max_length=6)
    expires_at: Moment | None = None
    user_id: str | None = Field(None, max_length=40)


class KeyOut(Strict):
    """A key as an administrator sees it; ``key`` stands in the answer to its making alone."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    user_id: str | None
    created_by: str | None
    key: str | None = None


class KeysOut(Strict):
    """Every key, newest first, the dead too."""

    items: list[KeyOut]


class UserIn(Strict):
    """A person who may sign in; without a password, by single sign-on only."""

    name: str = Field(min_length=1, max_length=70)
    role: Role
    password: str | None = Field(None, max_length=1_000)
    rep_id: str | None = Field(None, max_length=40)
    email: str | None = Field(None, max_length=200)
    region: str | None = Field(None, max_length=40)


class PasswordIn(Strict):
    """A new password."""

    password: str = Field(min_length=1, max_length=1_000)


def people_operations() -> Iterator[Operation]:
    """Yield the operations on sessions, keys and accounts."""
    yield from (_sign_in(), _sign_out(), _me())
    yield from (_keys(), _make_key(), _revoke_key())
    yield from (_make_user(), _password(), _ended("disable"), _ended("enable"))


def _sign_in() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, SignInIn)
        found = access.sign_in(call.whole, given.name, given.password, call.now)
        if isinstance(found, SecondFactorNeeded):
            if given.code is None:
                raise CrmError.known("code_needed", "code")  # no failure: it counts for nothing
            found = access.confirm_code(call.whole, found.token, given.code, call.now, call.deps.vault)
        if isinstance(found, SignInRefused):
            return told(CrmError.worded(found.code, 401, (found.zh, found.en), _AGAIN), call)
        content = {"token": found, "expires_at": call.now + access.SESSION_FOR}
        return Reply(content, 201)

    return Operation(
        "POST",
        f"{PREFIX}/session",
        "crm_sign_in",
        "Sign in 登录",
        _TAG,
        None,
        handle,
        body=SignInIn,
        body_kind="json",
        answers={201: SignInOut},
        errors=("sign_in_refused", "code_needed", "code_refused", "too_many_requests"),
        example={"token": "…", "expires_at": "2026-03-01T12:00:00Z"},
        body_example={"name": "wang", "password": "…"},
        writes=True,
        repeatable=False,
        slow=True,
        guarded=True,
    )


def _sign_out() -> Operation:
    def handle(call: Call) -> Reply:
        if not call.token.startswith(access.KEY_MARK):
            access.sign_out(call.whole, call.token, call.now)
        return Reply(status=204)

    return Operation(
        "DELETE",
        f"{PREFIX}/session",
        "crm_sign_out",
        "Sign out; the token dies at once 退出登录",
        _TAG,
        Policy(SELF, "read"),
        handle,
        answers={204: None},
        writes=True,
        repeatable=False,
    )


def _me() -> Operation:
    def handle(call: Call) -> Reply:
        viewer = call.viewer
        content = {name: getattr(viewer, name) for name in MeOut.model_fields if name != "scopes"}
        return Reply(content | {"scopes": sorted(viewer.scopes)})

    return Operation(
        "GET",
        f"{PREFIX}/me",
        "crm_me",
        "Who the caller is 当前身份",
        _TAG,
        Policy(SELF, "read"),
        handle,
        answers={200: MeOut},
        example={
            **dict.fromkeys(("user_id", "rep_id", "team_id", "region")),
            "name": "crm",
            "role": "service",
            "scopes": ["read", "write"],
        },
    )


def _keys() -> Operation:
    return Operation(
        "GET",
        f"{PREFIX}/api-keys",
        "crm_list_api_keys",
        "API keys, the dead too 密钥列表",
        _TAG,
        Policy("api_key", "read"),
        lambda call: Reply({"items": [asdict(key) for key in access.api_keys(call.whole)]}),
        answers={200: KeysOut},
        example={"items": [_KEY]},
    )


def _make_key() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, KeyIn)
        key = access.create_api_key(
            call.whole,
            given.name,
            given.scopes,
            call.now,
            given.expires_at,
            user_id=given.user_id,
            created_by=call.viewer.actor,
        )
        made = next(one for one in access.api_keys(call.whole) if one.id == access.key_id_of(call.whole, key))
        return Reply(asdict(made) | {"key": key}, 201)

    return Operation(
        "POST",
        f"{PREFIX}/api-keys",
        "crm_create_api_key",
        "Make a key; it is shown this once 新建密钥",
        _TAG,
        Policy("api_key", "create"),
        handle,
        body=KeyIn,
        body_kind="json",
        answers={201: KeyOut},
        errors=("required", "not_allowed", "already_past", "unknown_user", "bad_character"),
        example=_KEY | {"key": "lp_…"},
        body_example={"name": "crm", "scopes": ["read", "write"]},
        writes=True,
        secret=True,
    )


def _revoke_key() -> Operation:
    def handle(call: Call) -> Reply:
        access.revoke_api_key(call.whole, call.path["id"], call.now)
        return Reply(status=204)

    return Operation(
        "DELETE",
        f"{PREFIX}/api-keys/{{id}}",
        "crm_revoke_api_key",
        "End a key at once 撤销密钥",
        _TAG,
        Policy("api_key", "delete"),
        handle,
        params=(
            params.text("id", "path", pattern=r"^[0-9a-f]{64}$", longest=64, about="id of the key 密钥编号"),
        ),
        answers={204: None},
        errors=("unknown_key",),
        writes=True,
    )


def _make_user() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, UserIn)
        user_id = access.create_user(
            call.whole,
            given.name,
            given.password,
            given.role,
            call.now,
            given.rep_id,
            actor=call.viewer.actor,
            email=given.email,
            region=given.region,
        )
        return _user(call, user_id, 201)

    return Operation(
        "POST",
        _USER.path,
        "crm_create_user",
        "Make an account 新建用户",
        _USER.tag,
        Policy("user", "create"),
        handle,
        body=UserIn,
        body_kind="json",
        answers={201: OUT["user"]},
        errors=("name_taken", "email_taken", "password_too_short", "not_allowed", "unknown_reference"),
        example=row_sample(_USER),
        body_example={"name": "wang", "role": "rep", "password": "correct horse battery"},
        writes=True,
        slow=True,
    )


def _password() -> Operation:
    def handle(call: Call) -> Reply:
        access.change_password(call.whole, call.path["id"], parsed(call, PasswordIn).password, call.now)
        return Reply(status=204)

    return Operation(
        "POST",
        f"{_USER.path}/{{id}}/password",
        "crm_set_password",
        "Set a password; every session of the account ends 重设密码",
        _USER.tag,
        Policy("user", "update"),
        handle,
        params=(params.record_id(),),
        body=PasswordIn,
        body_kind="json",
        answers={204: None},
        errors=("unknown_user", "password_too_short"),
        body_example={"password": "correct horse battery"},
        writes=True,
        slow=True,
    )


def _ended(name: Literal["disable", "enable"]) -> Operation:
    def handle(call: Call) -> Reply:
        user_id = call.path["id"]
        before = listing.by_id(call.whole, "user", user_id)
        if before is None:
            raise CrmError.known("record_not_found", "id")
        ending = {"disabled_at": call.now if name == "disable" else None}
        can_write(call.sight, call.viewer, "user", before, ending)
        act = access.disable_user if name == "disable" else access.enable_user
        act(call.whole, user_id, call.now, call.viewer.actor)
        return _user(call, user_id, 200)

    zh, en = ("停用", "End") if name == "disable" else ("启用", "Open")
    return Operation(
        "POST",
        f"{_USER.path}/{{id}}/{name}",
        f"crm_{name}_user",
        f"{en} an account {'and its sessions' if name == 'disable' else 'again'} {zh}用户",
        _USER.tag,
        Policy("user", "update"),
        handle,
        params=(params.record_id(),),
        answers={200: OUT["user"]},
        errors=("record_not_found", "unknown_user", "own_account"),
        example=row_sample(_USER),
        writes=True,
    )


def _user(call: Call, user_id: str, status: int) -> Reply:
    row: dict[str, Any] = listing.by_id(call.whole, "user", user_id) or {}
    return Reply(shown_row(call, _USER, row), status, headers_of(_USER, row, created=status == 201))


_AGAIN: Final = ("核对后重试", "Check them, then try again")
_KEY: Final = {
    "id": "0" * 64,
    "name": "crm",
    "prefix": "lp_abcdefg",
    "scopes": ["read", "write"],
    "created_at": "2026-03-01T00:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "user_id": None,
    "created_by": "user:admin",
}
