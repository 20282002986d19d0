"""The whole public app over a store with rows of every kind, called with what its own OpenAPI allows."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import assume
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from crm_store.database import open_engine, session_factory, transaction
from crm_store.intake.cleaning.clean import warm
from crm_store.repositories.fields import REFERENCES
from crm_store.services.access import SCOPES, change_account, change_password, create_api_key, sign_in
from serving.app import create_app
from serving.crm.deps import CrmDeps, CrmLimits
from serving.crm.resources import BY_PLURAL
from tests.integration.crm_api.office import QUICK, VAULT, Clock
from tests.integration.policy.company import VIEWERS, fill, row_id
from tests.unit.serving.fakes import World

ROLES = ("rep", "manager", "admin")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Every caller may have the row that is theirs, and one that lies as far as can be.
AT = ("own", "far")
FORBIDDEN_EVERY = 4
LONGEST_URL = 65_536
# What one does at a browser only, never by a key.
OF_SESSIONS = "/me/second-factor"


@dataclass(frozen=True)
class Seat:
    """One role's way into an app over a store of its own."""

    role: str
    app: FastAPI
    key: str
    session: str
    store: Path
    filled: Path
    engine: Engine

    def start_over(self) -> None:
        """Give the app the store as it was in the beginning."""
        self.engine.dispose()
        for leftover in self.store.parent.glob(f"{self.store.name}-*"):
            leftover.unlink()
        shutil.copyfile(self.filled, self.store)

    async def send(self, case: Case) -> httpx.Response:
        """Send a case as it would go over the wire."""
        wire = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
        token = self.session if OF_SESSIONS in case.path else self.key
        headers: Mapping[str, str] = dict(wire.headers) | {"Authorization": f"Bearer {token}"}
        body = wire.body.encode() if isinstance(wire.body, str) else wire.body
        assume(len(str(wire.url)) <= LONGEST_URL)  # the client sends none longer, and so do browsers
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), timeout=60) as client:
            return await client.request(str(wire.method), str(wire.url), headers=headers, content=body)


@contextmanager
def seated(role: str, empty: Path, folder: Path) -> Iterator[Seat]:
    """Fill a copy of an empty store and let a person of this role into an app over it."""
    folder.mkdir(parents=True)
    store, filled, clock = folder / "store.db", folder / "filled.db", Clock()
    shutil.copyfile(empty, store)
    engine = open_engine(f"sqlite:///{store}")
    sessions = session_factory(engine)
    user_id, password = f"use_{role}", f"correct horse {role}"
    with transaction(sessions) as session:
        fill(session)
        key = create_api_key(session, role, SCOPES, clock(), user_id=user_id)
        change_account(session, user_id, {"rep_id": VIEWERS[role].rep_id}, clock())
        change_password(session, user_id, password, clock(), QUICK)
        token = str(sign_in(session, VIEWERS[role].name, password, clock(), QUICK))
    engine.dispose()
    shutil.copyfile(store, filled)
    # A machine that stalls breaks no contract; what hangs for ever is still found.
    patient = CrmLimits(ordinary_seconds=120)
    uploads = folder / "uploads"
    crm = CrmDeps(engine, sessions, VAULT, uploads, clock, patient)
    scores = World(request_timeout=120)
    scores.records.keys[key] = frozenset({"score", "read"})
    yield Seat(role, create_app(replace(scores.deps(), crm=crm)), key, token, store, filled, engine)
    engine.dispose()


def operations_of(app: FastAPI) -> list[Any]:
    """Return every operation that the app publishes, in the order of its document."""
    warm()
    schema = schemathesis.openapi.from_dict(app.openapi())
    return [found.ok() for found in schema.get_all_operations()]


def cases_of(operation: Any) -> st.SearchStrategy[Case]:
    """Return requests that the contract allows, most on rows that exist, and some that it forbids."""
    allowed = st.tuples(operation.as_strategy(), st.integers(0, 7)).map(lambda drawn: _aimed(*drawn))
    forbidden = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return st.integers(1, FORBIDDEN_EVERY).flatmap(lambda n: forbidden if n == FORBIDDEN_EVERY else allowed)


def send_and_check(runner: asyncio.Runner, seat: Seat, case: Case) -> httpx.Response:
    """Hold an answer against the contract. A bulk answer refuses what is wrong row by row."""
    response = runner.run(seat.send(case))
    row_by_row = response.status_code == 207 and "invalid" in response.json()["counts"]
    refusing = [] if row_by_row else [negative_data_rejection]
    case.validate_response(response, checks=[*CHECKS, *refusing])
    return response


def _aimed(case: Case, choice: int) -> Case:
    """Point a request at rows that are there; every eighth is left as it was made up."""
    if choice == 7:
        return case
    at = AT[choice % len(AT)]
    kind = BY_PLURAL.get(case.path.split("/")[3]) if case.path.count("/") >= 3 else None
    if kind is not None and "id" in case.path_parameters:
        case.path_parameters["id"] = _id_of(kind.entity, at)
    if choice % 3 == 0 and any(header.name == "If-Match" for header in case.operation.headers):
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict):
        for name, entity in REFERENCES.items():
            if isinstance(case.body.get(name), str):
                case.body[name] = _id_of(entity, at)
    return case


def _id_of(entity: str, at: str) -> str:
    if entity == "user":
        return "use_scientist"
    if entity in ("product", "campaign", "territory"):
        return f"{entity}_1"
    return {"team": "tea_1", "leave": f"lea_ve_{at}"}.get(entity, row_id(entity, at))
