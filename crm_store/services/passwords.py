"""Passwords: argon2id, and the same work for a person who does not exist as for one who does."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
# Longer ones are not hashed: the work would be the caller's to choose.
MAX_LENGTH = 1024


class Passwords:
    """Hashes and checks passwords. The default cost is that of RFC 9106 for machines without spare memory."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        """Return the argon2id hash, salted, in its own text form."""
        return self._hasher.hash(_bytes(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is the hashed one; against None it takes as long and is False."""
        given = _bytes(password[:MAX_LENGTH])
        if password_hash is None or len(password) > MAX_LENGTH:
            self._hasher.hash(given)
            return False
        try:
            return self._hasher.verify(password_hash, given)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, password_hash: str) -> bool:
        """Tell whether the hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(password_hash)


DEFAULT = Passwords()


def _bytes(password: str) -> bytes:
    # A text from JSON may hold half a surrogate pair, which is no UTF-8: it is only a wrong password.
    return password.encode("utf-8", "surrogatepass")
