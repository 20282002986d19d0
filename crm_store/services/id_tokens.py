"""What an identity provider asserts of a person: the checks of an ID token (OpenID Connect Core, 3.1.3.7)."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm_store.repositories.problems import Problem, StoreError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

# Signatures by the provider's private key: neither none nor a secret that we would share.
ALGORITHMS = ("RS256", "PS256", "ES256")
# How far two clocks may be apart.
SKEW = timedelta(seconds=60)
# A token is fetched right after it is issued; an old one was kept by somebody.
_ISSUED_WITHIN = timedelta(minutes=10)
_LONGEST_SUBJECT = 200


def claims_of(token: str, keys: "KeySet") -> dict[str, Any] | None:
    """Return the claims of a token signed by one of the keys, None when none of them signed it.

    Raises StoreError ``sso_refused`` (signature).
    """
    from joserfc import jwt
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

    try:
        return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
    except (InvalidKeyIdError, BadSignatureError):
        return None  # a token need not name its key, nor a new key have another name
    except (JoseError, ValueError, TypeError) as error:
        raise refused("signature") from error


def check_claims(
    claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> None:
    """Raise StoreError ``sso_refused`` unless the claims are the issuer's, for us, this sign-in, and now."""
    if claims.get("iss") != issuer:
        raise refused("issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != client_id):
        raise refused("audience")
    if not _is_of_now(claims.get("iat"), claims.get("exp"), now):
        raise refused("expired")
    if not secrets.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
        raise refused("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise refused("subject")


def _is_of_now(issued: Any, ends: Any, now: datetime) -> bool:
    if type(issued) not in (int, float) or type(ends) not in (int, float):
        return False
    at, skew = now.timestamp(), SKEW.total_seconds()
    return bool(ends > at - skew and at - _ISSUED_WITHIN.total_seconds() - skew < issued < at + skew)


def refused(what: str) -> StoreError:
    """Return the refusal of an answer that is not acceptable; ``what`` was wrong with it."""
    return StoreError(
        Problem(
            "sso_refused",
            what,
            f"单点登录未完成（{what}）；请重新登录，仍失败时联系管理员",
            f"single sign-on failed ({what}); try again, and tell your administrator if it goes on",
        )
    )
