"""A process that creates a lead with a key and, when told to, dies between the commit and the reply."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from crm_store.database import open_engine, session_factory, transaction
from crm_store.services.access import create_api_key
from crm_store.services.vault import Vault
from serving.crm.deps import CrmDeps
from tests.integration.crm_api.office import START, Api, Clock, app_over


def main(url: str, folder: Path, fate: str) -> None:
    engine = open_engine(url)
    api = _api(engine, folder)
    if fate == "die":
        event.listen(Session, "after_commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    answer = api.post("/leads", {"company": "甲"}, "crm", headers={"Idempotency-Key": "once"})
    told: dict[str, Any] = {
        "body": answer.text,
        "status": answer.status_code,
        "replayed": answer.headers.get("idempotent-replayed"),
        "leads": len(api.get("/leads", "crm").json()["items"]),
    }
    print(json.dumps(told))


def _api(engine: Engine, folder: Path) -> Api:
    kept = folder / "key"
    sessions = session_factory(engine)
    if not kept.exists():
        with transaction(sessions) as session:
            kept.write_text(create_api_key(session, "crm", ["read", "write"], START))
    deps = CrmDeps(engine, sessions, Vault.from_key(b"k" * 32), folder, Clock())
    return Api(app_over(deps), {"crm": kept.read_text()}, Clock(), sessions, engine, deps)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
