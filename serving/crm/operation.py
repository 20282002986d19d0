"""One operation of the interface, declared: its address, its policy, what it reads and what it answers.

Routes declare operations and nothing else. ``desk`` runs them: signs in, checks the policy, reads the body,
opens the transaction, keeps the reply of a repeated key, and turns every refusal into its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel
from sqlalchemy.orm import Session

from crm_store.domain.policy import Viewer
from crm_store.repositories.sight.sight import SightSession
from serving.crm.params import Param

if TYPE_CHECKING:
    from serving.crm.deps import CrmDeps

Method = Literal["GET", "POST", "PATCH", "DELETE"]
BodyKind = Literal["none", "json", "raw", "file"]
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
SELF: Final = "self"
"""The resource of operations on nobody but the caller: whoever is signed in may call them."""


@dataclass(frozen=True)
class Policy:
    """Which line of the policy an operation needs: a resource, and what is done to its rows."""

    resource: str
    operation: str


@dataclass(frozen=True)
class Call:
    """One request under way.

    ``sight`` sees the viewer's rows only and never writes; ``whole`` sees everything and is for use cases
    that have checked the viewer's rights. Both are in one transaction.
    """

    deps: CrmDeps
    viewer: Viewer
    sight: SightSession
    whole: Session
    now: datetime
    path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    media_type: str = ""
    file: Path | None = None
    prepared: Any = None
    token: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer: ``content`` becomes JSON, ``raw`` is its bytes already, ``stream`` is sent as it comes.

    ``after`` is done once the transaction is committed, and not again for a repeated key.
    """

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterable[bytes] | None = None
    media_type: str = JSON
    raw: bytes | None = None
    after: Callable[[], object] | None = None


@dataclass(frozen=True)
class Operation:
    """Everything about one operation.

    ``policy`` is None for the operations that need no caller (``PUBLIC_ROUTES``). ``body`` is the schema of
    its body, ``answers`` maps a status to the schema of the answer (None: no body, or another media type).
    ``prepare`` does what is slow and only reads, before the transaction that writes.
    ``secret`` answers are kept sealed for a repeated key; one that is not ``repeatable`` takes no key.
    ``slow`` ones hash passwords, and few of them run at once; at a ``guarded`` one an address may only fail
    (401) so often.
    ``conditional`` names the precondition headers that it heeds, ``media_types`` those of its file or stream.
    """

    method: Method
    path: str
    name: str
    summary: str
    tag: str
    policy: Policy | None
    handle: Callable[[Call], Reply]
    params: tuple[Param, ...] = ()
    prepare: Callable[[Call], Any] | None = None
    body: type[BaseModel] | None = None
    body_kind: BodyKind = "none"
    body_optional: bool = False
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    example: Any = None
    body_example: Any = None
    about: str = ""
    writes: bool = False
    repeatable: bool = True
    secret: bool = False
    slow: bool = False
    guarded: bool = False
    conditional: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The status of success."""
        return min(self.answers)

    @property
    def keyed(self) -> bool:
        """Whether the operation takes an idempotency key."""
        return self.method != "GET" and self.repeatable
