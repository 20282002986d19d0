"""A second factor: offered, taken up with a code, given up with both proofs; or another person's taken away.

Only who is signed in sets one up: a key alone must not decide how its owner signs in.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pydantic import Field

from crm_store.services import access, second_factor
from serving.crm import params
from serving.crm.contract import Strict
from serving.crm.forms import parsed
from serving.crm.operation import SELF, Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError
from serving.crm.replies import told
from serving.crm.resources import PREFIX, RESOURCES

_TAG: Final = "second factor 二次验证"
_PATH: Final = f"{PREFIX}/me/second-factor"
_USER: Final = RESOURCES["user"]
_ERRORS: Final = ("session_needed", "own_proof_wrong")


class SecondFactorOut(Strict):
    """Whether the caller has a second factor, and how many recovery codes are left."""

    enabled: bool
    recovery_codes_left: int | None


class OfferOut(Strict):
    """A second factor to set up: ``qr`` (an SVG picture) shows ``uri``; ``sealed`` comes back with a code."""

    secret: str
    uri: str
    qr: str
    sealed: str
    expires_at: datetime


class TakeUpIn(Strict):
    """The offer, a code from the telephone that took it, and the password."""

    password: str = Field("", max_length=1_000, description="none for who signs in by single sign-on only")
    sealed: str = Field(min_length=1, max_length=1_000)
    code: str = Field(min_length=1, max_length=40)


class RecoveryCodesOut(Strict):
    """Codes for a lost telephone, each of which works once; they cannot be read again."""

    recovery_codes: list[str]


class GiveUpIn(Strict):
    """The password, and a code of the telephone or a recovery code."""

    password: str = Field("", max_length=1_000, description="none for who signs in by single sign-on only")
    code: str = Field(min_length=1, max_length=40)


def second_factor_operations() -> Iterator[Operation]:
    """Yield the operations on second factors."""
    yield from (_state(), _offer(), _take_up(), _give_up(), _take_away())


def _person(call: Call) -> str:
    """Return whose session this is. Raises CrmError ``session_needed`` for a key."""
    if call.viewer.user_id is None or call.viewer.way != "user":
        raise CrmError.known("session_needed")
    return call.viewer.user_id


def _state() -> Operation:
    def handle(call: Call) -> Reply:
        left = second_factor.codes_left(call.whole, _person(call), call.deps.vault)
        return Reply({"enabled": left is not None, "recovery_codes_left": left})

    return Operation(
        "GET",
        _PATH,
        "crm_second_factor",
        "Whether one has a second factor 是否已启用二次验证",
        _TAG,
        Policy(SELF, "read"),
        handle,
        answers={200: SecondFactorOut},
        errors=("session_needed",),
        example={"enabled": True, "recovery_codes_left": second_factor.RECOVERY_CODES},
    )


def _offer() -> Operation:
    def handle(call: Call) -> Reply:
        user_id = _person(call)
        if second_factor.has_one(call.whole, user_id):
            raise CrmError.known("second_factor_there")
        made = second_factor.offer(user_id, call.viewer.name, call.now, call.deps.vault)
        content = {"secret": made.secret, "uri": made.uri, "qr": made.picture, "sealed": made.sealed}
        return Reply(content | {"expires_at": call.now + second_factor.OFFERED_FOR}, 201)

    return Operation(
        "POST",
        _PATH,
        "crm_offer_second_factor",
        "Begin to set one up; nothing is kept until it is taken up 开始设置二次验证",
        _TAG,
        Policy(SELF, "read"),
        handle,
        answers={201: OfferOut},
        errors=("session_needed", "second_factor_there"),
        example=_OFFER,
        repeatable=False,
    )


def _take_up() -> Operation:
    def handle(call: Call) -> Reply:
        given, user_id, vault = parsed(call, TakeUpIn), _person(call), call.deps.vault
        if not access.shows_password(call.whole, user_id, given.password, call.now):
            return told(CrmError.known("own_proof_wrong", "password"), call)
        codes = second_factor.take_up(call.whole, user_id, given.sealed, given.code, call.now, vault)
        return Reply({"recovery_codes": codes})

    return Operation(
        "POST",
        f"{_PATH}/confirm",
        "crm_take_up_second_factor",
        "Keep the one that was offered; from now on signing in needs it 启用二次验证",
        _TAG,
        Policy(SELF, "read"),
        handle,
        body=TakeUpIn,
        body_kind="json",
        answers={200: RecoveryCodesOut},
        errors=(*_ERRORS, "offer_ended", "wrong_code", "sealed_otherwise"),
        example={"recovery_codes": ["ABCDE-FGHJK"] * second_factor.RECOVERY_CODES},
        body_example={"password": "…", "sealed": "v1.…", "code": "123456"},
        writes=True,
        secret=True,
        slow=True,
    )


def _give_up() -> Operation:
    def handle(call: Call) -> Reply:
        given, user_id, vault = parsed(call, GiveUpIn), _person(call), call.deps.vault
        if not second_factor.has_one(call.whole, user_id):
            raise CrmError.known("no_second_factor")
        if not access.shows_both(call.whole, user_id, given.password, given.code, call.now, vault):
            return told(CrmError.known("own_proof_wrong"), call)
        second_factor.remove(call.whole, user_id)
        return Reply(status=204)

    return Operation(
        "POST",
        f"{_PATH}/disable",
        "crm_give_up_second_factor",
        "Give one's own up, by password and code 停用二次验证",
        _TAG,
        Policy(SELF, "read"),
        handle,
        body=GiveUpIn,
        body_kind="json",
        answers={204: None},
        errors=(*_ERRORS, "no_second_factor"),
        body_example={"password": "…", "code": "123456"},
        writes=True,
        slow=True,
    )


def _take_away() -> Operation:
    def handle(call: Call) -> Reply:
        user_id = call.path["id"]
        if user_id == call.viewer.user_id:
            raise CrmError.known("not_allowed_here", "id")  # their own needs both proofs
        second_factor.remove(call.whole, user_id)
        access.revoke_sessions(call.whole, user_id, call.now)
        return Reply(status=204)

    return Operation(
        "DELETE",
        f"{_USER.path}/{{id}}/second-factor",
        "crm_take_away_second_factor",
        "Take another person's away, as for a lost telephone; their sessions end 移除二次验证",
        _USER.tag,
        Policy("user", "update"),
        handle,
        params=(params.record_id(),),
        answers={204: None},
        errors=("unknown_user",),
        writes=True,
    )


_OFFER: Final = {
    "secret": "JBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/LeadPulse:wang?secret=JBSWY3DPEHPK3PXP&issuer=LeadPulse",
    "qr": "data:image/svg+xml,…",
    "sealed": "v1.…",
    "expires_at": "2026-03-01T12:10:00Z",
}
