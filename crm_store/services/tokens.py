"""Secrets that are shown once: made at random, kept as hashes."""

import hashlib
import secrets

_SECRET_BYTES = 32


def new_token() -> str:
    """Return 32 random bytes as text that fits a header, a cookie and an address."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> str:
    """Return the hash that a secret is kept and found by, in hex.

    A plain hash is enough, as the secret is random and long. Text from outside may be no valid Unicode.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
