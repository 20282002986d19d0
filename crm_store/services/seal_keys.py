"""The key that signs seals (Ed25519). The private half never leaves its file, readable by its owner."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crm_store.repositories.problems import Problem, StoreError

_FINGERPRINT = 32


class SealSigner:
    """Signs seals with the private key in a file. Raises StoreError ``no_seal_key`` when there is none."""

    def __init__(self, file: Path) -> None:
        try:
            key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        except FileNotFoundError as error:
            raise StoreError(_no_key(file)) from error
        except ValueError as error:
            raise StoreError(_bad_key(file)) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise StoreError(_bad_key(file))
        self._key = key
        self.fingerprint = fingerprint(key.public_key())

    def sign(self, text: bytes) -> str:
        """Return the signature, base64."""
        return base64.b64encode(self._key.sign(text)).decode()


class SealChecker:
    """Checks signatures with the public key in a file. Raises StoreError as the signer does."""

    def __init__(self, file: Path) -> None:
        try:
            key = serialization.load_pem_public_key(file.read_bytes())
        except FileNotFoundError as error:
            raise StoreError(_no_key(file)) from error
        except ValueError as error:
            raise StoreError(_bad_key(file)) from error
        if not isinstance(key, Ed25519PublicKey):
            raise StoreError(_bad_key(file))
        self._key = key
        self.fingerprint = fingerprint(key)

    def is_signed(self, text: bytes, signature: str) -> bool:
        """Tell whether the signature is this key's, of just this text."""
        try:
            self._key.verify(base64.b64decode(signature, validate=True), text)
        except (InvalidSignature, ValueError):
            return False
        return True


def create_keys(private: Path, public: Path) -> str:
    """Make a pair of keys and return its fingerprint. Raises StoreError ``seal_key_exists``."""
    for file in (private, public):
        if file.exists():
            raise StoreError(_exists(file))
        file.parent.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(private, secret, 0o600)
    _write_new(public, shown, 0o644)
    return fingerprint(key.public_key())


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the short name of a key: the first half of the SHA-256 of its 32 bytes, in hex."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_FINGERPRINT]


def _write_new(file: Path, content: bytes, mode: int) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _no_key(file: Path) -> Problem:
    return Problem(
        "no_seal_key",
        None,
        f"没有封存密钥 {file}，请先运行 leadpulse audit keygen",
        f"there is no key at {file}: run leadpulse audit keygen first",
    )


def _bad_key(file: Path) -> Problem:
    return Problem(
        "bad_seal_key", None, f"{file} 不是 Ed25519 密钥文件", f"{file} is not the file of an Ed25519 key"
    )


def _exists(file: Path) -> Problem:
    return Problem(
        "seal_key_exists",
        None,
        f"{file} 已存在，不会覆盖：替换密钥后旧封存将无法核验",
        f"{file} exists and is not replaced: seals that it signed could not be checked any more",
    )
