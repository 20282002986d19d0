"""A CRM interface over a store of its own, and the people and programs that call it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.intake.cleaning.clean import warm
from crm_store.repositories.writes.records import write_record
from crm_store.services.access import create_api_key, create_user
from crm_store.services.passwords import Passwords
from crm_store.services.vault import Vault
from serving.app import create_app
from serving.crm.deps import CrmDeps
from tests.unit.serving.fakes import World

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
VAULT = Vault.from_key(b"k" * 32)
# Who the keys of a test act as: role, and the salesperson that they are.
PEOPLE = {
    "rep": ("rep", "rep_ann"),
    "other_rep": ("rep", "rep_bob"),
    "lead": ("lead", "rep_lea"),
    "manager": ("manager", None),
    "operations": ("operations", None),
    "scientist": ("scientist", None),
    "admin": ("admin", None),
}
SCOPES = ("read", "write", "intake", "score", "pii", "admin")


class Clock:
    """Time that moves a millisecond at each look, so that no two writes share a moment."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Api:
    """Calls one app in process; every call runs to its end."""

    app: FastAPI
    keys: dict[str, str]
    clock: Clock
    sessions: sessionmaker[Session]
    engine: Engine
    deps: CrmDeps
    made: dict[str, int] = field(default_factory=dict)

    def __call__(self, method: str, path: str, who: str | None = "service", **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", None) or {})
        if who is not None:
            headers.setdefault("Authorization", f"Bearer {self.keys[who]}")
        return asyncio.run(self._call(method, path, headers, options))

    async def _call(self, method: str, path: str, headers: dict[str, str], options: Any) -> httpx.Response:
        async with self.client() as client:
            return await client.request(method, path, headers=headers, **options)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)

    def get(self, path: str, who: str | None = "service", **options: Any) -> httpx.Response:
        return self("GET", f"/crm/v1{path}", who, **options)

    def post(
        self, path: str, body: Any = None, who: str | None = "service", **options: Any
    ) -> httpx.Response:
        if body is not None:
            options["json"] = body
        return self("POST", f"/crm/v1{path}", who, **options)

    def patch(self, path: str, body: Any, who: str | None = "service", **options: Any) -> httpx.Response:
        return self("PATCH", f"/crm/v1{path}", who, json=body, **options)

    def delete(self, path: str, who: str | None = "service", **options: Any) -> httpx.Response:
        return self("DELETE", f"/crm/v1{path}", who, **options)

    def lead(self, who: str = "service", **values: Any) -> dict[str, Any]:
        """Create a lead and return it."""
        return self.made_of("leads", {"company": "苏州示例精密机械有限公司"} | values, who)

    def account(self, who: str = "service", **values: Any) -> dict[str, Any]:
        """Create an account and return it."""
        return self.made_of("accounts", {"name": "苏州示例精密机械有限公司"} | values, who)

    def made_of(self, plural: str, body: dict[str, Any], who: str = "service") -> dict[str, Any]:
        """Create a record and return it."""
        response = self.post(f"/{plural}", body, who)
        assert response.status_code == 201, response.text
        content: dict[str, Any] = response.json()
        return content


def api_over(engine: Engine, sessions: sessionmaker[Session], folder: Path) -> Api:
    """Set a store up with a team, its people and a key for each, and return its interface."""
    warm()
    clock = Clock()
    with transaction(sessions) as session:
        _staff(session)
        keys = {"service": create_api_key(session, "crm", SCOPES, START)}
        keys["reader"] = create_api_key(session, "reader", ["read"], START)
        keys["form"] = create_api_key(session, "website", ["intake"], START)
        for name, (role, rep_id) in PEOPLE.items():
            password = f"correct horse {name}"
            user_id = create_user(session, name, password, role, START, rep_id, QUICK)
            keys[name] = create_api_key(session, name, SCOPES, START, user_id=user_id)
    deps = CrmDeps(engine=engine, sessions=sessions, vault=VAULT, uploads=folder / "uploads", clock=clock)
    return Api(app_over(deps), keys, clock, sessions, engine, deps)


def app_over(deps: CrmDeps) -> FastAPI:
    """Return the app with this CRM interface, over made-up scores."""
    return create_app(replace(World().deps(), crm=deps))


def _staff(session: Session) -> None:
    for team in ("tea_east", "tea_west"):
        _write(session, "team", team, {"name": team, "region": "华东" if team == "tea_east" else "华西"})
    for rep, team in (("rep_ann", "tea_east"), ("rep_lea", "tea_east"), ("rep_bob", "tea_west")):
        _write(session, "rep", rep, {"name": rep, "team_id": team})


def _write(session: Session, entity: str, record_id: str, values: dict[str, Any]) -> None:
    origin = {"source": "test", "external_id": record_id}
    write_record(session, entity, record_id, origin | values, actor="job:test", recorded_at=START, now=START)
