"""What a client sent: headers, and a body as its operation wants it, read only after the caller is known."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from fastapi import Request

from serving.crm.bodies import read_form, read_object
from serving.crm.deps import CrmDeps
from serving.crm.operation import FORM, JSON, Operation
from serving.crm.refusals import CrmError

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
ETAG_PATTERN: Final = r'^(\*|(W/)?"[0-9]{1,10}"|[0-9]{1,10})$'
_ETAG: Final = re.compile(ETAG_PATTERN, re.ASCII)
_VERSION: Final = re.compile(r"[0-9]{1,10}")
_MAX_INTEGER: Final = 2**31 - 1
# Written to disk this much at a time: a thread for each chunk of a socket would cost more than the writing.
_WRITE_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True)
class Incoming:
    """A request's own part. ``digest`` is a hash of all that makes it this request, for idempotency."""

    headers: dict[str, str]
    digest: str
    raw: bytes = b""
    body: dict[str, Any] = field(default_factory=dict)
    media_type: str = ""
    file: Path | None = None

    def discard(self) -> None:
        """Remove the uploaded file, unless it was moved to where it is kept."""
        if self.file is not None:
            self.file.unlink(missing_ok=True)


async def read_incoming(operation: Operation, request: Request, deps: CrmDeps) -> Incoming:
    """Read headers and body. Raises CrmError for a body that cannot be read or does not belong here."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    _check_headers(operation, headers)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if operation.body_kind == "file":
        return await _file(operation, request, headers, media_type, deps.uploads)
    raw = await request.body()
    digest = _digest(request, media_type, hashlib.sha256(raw))
    if operation.body_kind == "none":
        if raw.strip():
            raise CrmError.known("body_not_expected")
        return Incoming(headers, digest)
    if operation.body_kind in ("signed", "raw"):
        return Incoming(headers, digest, raw, media_type=media_type)
    if media_type not in ("", JSON):
        raise CrmError.known("media_type_unsupported", "Content-Type", media_type[:80])
    if not raw.strip() and operation.body_optional:
        return Incoming(headers, digest, raw, media_type=media_type)
    return Incoming(headers, digest, raw, read_object(raw), media_type)


def content_of(media_type: str, raw: bytes) -> dict[str, Any]:
    """Return the fields of a JSON or form body, by its media type."""
    if media_type == FORM:
        return read_form(raw)
    if media_type not in ("", JSON):
        raise CrmError.known("media_type_unsupported", "Content-Type", media_type[:80])
    return read_object(raw)


def version_of(headers: Mapping[str, str], body_version: int | None = None) -> int | str | None:
    """Return the version that a change is based on: a number, ``*`` for any, None for none given."""
    given = headers.get("if-match")
    if given is None:
        return body_version
    if given.strip() == "*":
        return "*" if body_version is None else body_version
    version = etag_version(given)
    if body_version is not None and body_version != version:
        raise CrmError.known("header_invalid", "If-Match", "If-Match ≠ version")
    return version


def etag_version(given: str) -> int:
    """Return the version in an ETag. Raises CrmError ``header_invalid``."""
    digits = given.strip().removeprefix("W/").strip('"')
    if not _VERSION.fullmatch(digits) or not 1 <= (version := int(digits)) <= _MAX_INTEGER:
        raise CrmError.known("header_invalid", "If-Match", 'If-Match: "3"')
    return version


async def _file(
    operation: Operation, request: Request, headers: dict[str, str], media_type: str, folder: Path
) -> Incoming:
    if media_type not in operation.media_types:
        raise CrmError.known("media_type_unsupported", "Content-Type", media_type[:80])
    path = await anyio.to_thread.run_sync(_new_file, folder)
    content, waiting = hashlib.sha256(), bytearray()
    try:
        async for chunk in request.stream():
            content.update(chunk)
            waiting += chunk
            if len(waiting) >= _WRITE_AT_ONCE:
                await anyio.to_thread.run_sync(_append, path, bytes(waiting))
                waiting.clear()
        await anyio.to_thread.run_sync(_append, path, bytes(waiting))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if content.digest() == hashlib.sha256().digest():
        path.unlink(missing_ok=True)
        raise CrmError.known("body_empty")
    return Incoming(headers, _digest(request, media_type, content), media_type=media_type, file=path)


def _check_headers(operation: Operation, headers: dict[str, str]) -> None:
    key = headers.get("idempotency-key")
    if operation.keyed and key is not None and not _KEY.fullmatch(key):
        raise CrmError.known("header_invalid", "Idempotency-Key", "Idempotency-Key: 1–255 ASCII characters")
    for name in operation.conditional:
        given = headers.get(name.lower())
        if given is not None and not _ETAG.fullmatch(given.strip()):
            raise CrmError.known("header_invalid", name, f'{name}: "3"')


def _new_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="incoming-", delete=False) as made:
        return Path(made.name)


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def _digest(request: Request, media_type: str, content: Any) -> str:
    """Hash method, address with its query, the preconditions, media type and content."""
    whole = hashlib.sha256()
    scope = request.scope
    conditions = (request.headers.get(name, "") for name in ("if-match", "if-none-match"))
    for part in (request.method, request.url.path, scope["query_string"].decode("latin-1"), *conditions):
        whole.update(part.encode("utf-8", "surrogateescape") + b"\x1f")
    whole.update(media_type.encode() + b"\x1f" + content.digest())
    return whole.hexdigest()
