"""The second factor: a code from a telephone (RFC 6238) that works once, or one of eight recovery codes.

The secret is sealed by the vault, together with the hashes of the recovery codes that are left.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.models import User
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.accounts import known
from crm_store.services.vault import Vault

STEP_SECONDS = 30
OFFERED_FOR = timedelta(minutes=10)
# A telephone may be wrong by one step either way.
_STEPS_OFF = (-1, 0, 1)
RECOVERY_CODES = 8
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look like another
_CODE_LETTERS = 10  # 50 bits: not to be guessed within the lock-out
# Eight hashes and the secret, sealed, fit the column's 400 characters: with 24 digits each they would not.
_HASH_DIGITS = 22
_ISSUER = "LeadPulse"


@dataclass(frozen=True)
class Offer:
    """A second factor to set up: ``picture`` (the ``uri`` as a QR code) or ``secret`` for the telephone.

    ``sealed`` comes back with a code from that telephone; until then nothing is kept anywhere.
    """

    secret: str
    uri: str
    sealed: str

    @property
    def picture(self) -> str:
        """The QR code as an SVG that a page can hold (a ``data:`` address)."""
        import segno

        return str(segno.make(self.uri, error="m").svg_data_uri(scale=4, border=2))


def offer(user_id: str, name: str, now: datetime, vault: Vault) -> Offer:
    """Return a second factor for a person to set up within ten minutes."""
    import pyotp

    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)
    offered = {"offered_to": user_id, "secret": secret, "until": (now + OFFERED_FOR).isoformat()}
    return Offer(secret, uri, vault.seal(json.dumps(offered)))


def take_up(
    session: Session, user_id: str, sealed: str, code: str, now: datetime, vault: Vault
) -> tuple[str, ...]:
    """Keep an offered second factor, when the code shows that the telephone has it.

    Returns the recovery codes: this is the only time they can be read. Raises StoreError: ``unknown_user``,
    ``sealed_otherwise``, ``offer_ended`` (too late, another person's, or there is a second factor already),
    ``wrong_code``.
    """
    user, offered = known(session, user_id), json.loads(vault.open(sealed))
    ended = offered.get("offered_to") != user_id or datetime.fromisoformat(offered["until"]) <= now
    if ended or user.totp_secret is not None:
        raise StoreError(_offer_ended())
    step = _step_of(offered["secret"], code, now, None)
    if step is None:
        raise StoreError(_wrong_code())
    codes = tuple(_new_code() for _ in range(RECOVERY_CODES))
    user.totp_secret = _sealed(vault, offered["secret"], [_hash(one) for one in codes])
    user.totp_used_step = step
    session.flush()
    return codes


def has_one(session: Session, user_id: str) -> bool:
    """Tell whether a person has a second factor. Raises StoreError ``unknown_user``."""
    return known(session, user_id).totp_secret is not None


def codes_left(session: Session, user_id: str, vault: Vault) -> int | None:
    """Return how many recovery codes a person has left, None without a second factor.

    Raises StoreError: ``unknown_user``, ``sealed_otherwise``.
    """
    sealed = known(session, user_id).totp_secret
    return None if sealed is None else len(json.loads(vault.open(sealed))["recovery"])


def remove(session: Session, user_id: str) -> None:
    """Take the second factor away, as for a lost telephone. Raises StoreError ``unknown_user``."""
    user = known(session, user_id)
    user.totp_secret = user.totp_used_step = None
    session.flush()


def accepts(user: User, code: str, now: datetime, vault: Vault) -> bool:
    """Tell whether the code is good, and use it up. The user's row must be locked by the caller."""
    if user.totp_secret is None:
        return False
    kept = json.loads(vault.open(user.totp_secret))
    step = _step_of(kept["secret"], code, now, user.totp_used_step)
    if step is not None:
        user.totp_used_step = step
        return True
    given = _hash(code)
    left = [one for one in kept["recovery"] if not hmac.compare_digest(one[:_HASH_DIGITS], given)]
    if len(left) == len(kept["recovery"]):
        return False
    user.totp_secret = _sealed(vault, kept["secret"], left)
    return True


def _step_of(secret: str, code: str, now: datetime, used: int | None) -> int | None:
    """Return the time step whose code this is, None for a wrong one and for one already used."""
    import pyotp

    given, totp = "".join(code.split()), pyotp.TOTP(secret)
    step = int(now.timestamp()) // STEP_SECONDS
    for candidate in (step + off for off in _STEPS_OFF):
        fresh = used is None or candidate > used
        if fresh and hmac.compare_digest(
            totp.generate_otp(candidate).encode(), given.encode(errors="replace")
        ):
            return candidate
    return None


def _sealed(vault: Vault, secret: str, recovery: list[str]) -> str:
    return vault.seal(json.dumps({"secret": secret, "recovery": recovery}, separators=(",", ":")))


def _new_code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
    return f"{letters[:5]}-{letters[5:]}"


def _hash(code: str) -> str:
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()[:_HASH_DIGITS]


def _wrong_code() -> Problem:
    return Problem(
        "wrong_code",
        "code",
        "验证码不正确；请核对手机时间后重新输入",
        "the code is wrong; check the telephone's clock and enter the next one",
    )


def _offer_ended() -> Problem:
    return Problem(
        "offer_ended",
        None,
        "设置已超时，或已启用二次验证；请重新开始，需更换手机时联系管理员",
        "too late, or there is a second factor already: start again, or ask an administrator to remove it",
    )
