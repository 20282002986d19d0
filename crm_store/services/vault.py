"""Secrets that must be read again, such as those that sign webhooks: sealed before they are stored.

AES-256-GCM under one key, which lies outside the database (a file of the data folder, or a setting), so that
a copy of the database alone opens nothing.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path

from crm_store.repositories.problems import Problem, StoreError

KEY_BYTES = 32
_NONCE_BYTES = 12
_MARK = "v1."


class Vault:
    """Seals texts and opens them again; anything else than a text that it sealed is refused."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    @classmethod
    def from_key(cls, key: bytes) -> "Vault":
        """Return the vault of a key of 32 bytes or more. Raises StoreError ``secret_key_short``."""
        if len(key) < KEY_BYTES:
            raise StoreError(_secret_key_short(len(key)))
        return cls(hashlib.sha256(b"leadpulse vault\x00" + key).digest())

    def seal(self, text: str) -> str:
        """Return the text encrypted, different each time; a third longer than it, and 41 characters."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), _MARK.encode())
        return _MARK + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str) -> str:
        """Return the text. Raises StoreError ``sealed_otherwise`` when another key sealed it, or none did."""
        from cryptography.exceptions import InvalidTag

        try:
            if not sealed.startswith(_MARK):
                raise ValueError("no text of this vault")
            body = sealed.removeprefix(_MARK)
            data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _MARK.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise StoreError(_sealed_otherwise()) from error


def key_in(file: Path) -> bytes:
    """Return the key that a file holds; a file that is not there is made, for its owner's eyes only.

    Several processes may ask at once: the first one's key is everybody's.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass  # another process was first
        finally:
            draft.unlink()
    return file.read_bytes().strip()


def _secret_key_short(length: int) -> Problem:
    return Problem(
        "secret_key_short",
        "secret_key",
        f"密钥只有 {length} 个字节，至少需要 {KEY_BYTES} 个；请检查 LEADPULSE_SECRET_KEY",
        f"the secret key has {length} bytes and needs {KEY_BYTES} or more: check LEADPULSE_SECRET_KEY",
    )


def _sealed_otherwise() -> Problem:
    return Problem(
        "sealed_otherwise",
        None,
        "该密文不是用当前密钥加密的；请检查 LEADPULSE_SECRET_KEY 或数据目录中的密钥文件",
        "sealed with another key: check LEADPULSE_SECRET_KEY, or the key file of the data folder",
    )
