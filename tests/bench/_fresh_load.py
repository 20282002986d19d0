"""Commits events one by one at a set rate, and writes down when each was committed.

``warm`` commits a few and waits until the worker has dealt with them.
"""

import json
import random
import sys
import time
from datetime import UTC, datetime

from sqlalchemy import insert

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.history.consumers import FRESH, standing
from pipelines.runtime import Runtime
from tests.bench._fresh_home import LEADS

WARM = 100
START_SECONDS = 120.0


def load(runtime: Runtime, first: int, per_second: float, seconds: float) -> None:
    """Add one line for each event to ``events.jsonl``: lead, its chats so far, and when it was committed."""
    chance, chats = random.Random(first), _counted(runtime)
    started = time.perf_counter()
    with (runtime.settings.folder / "events.jsonl").open("a") as log:
        for number in range(int(per_second * seconds)):
            time.sleep(max(0.0, started + number / per_second - time.perf_counter()))
            lead_id = f"lea_{chance.randrange(LEADS):024x}"
            chats[lead_id] = chats.get(lead_id, 0) + 1
            fact_id = f"load-{first}-{number}"
            _commit(runtime, fact_id, lead_id)
            log.write(json.dumps([fact_id, lead_id, chats[lead_id], time.time()]) + "\n")
            log.flush()


def _counted(runtime: Runtime) -> dict[str, int]:
    file, chats = runtime.settings.folder / "events.jsonl", {}
    for line in file.read_text().splitlines() if file.exists() else ():
        _, lead_id, count, _ = json.loads(line)
        chats[lead_id] = count
    return chats


def _commit(runtime: Runtime, fact_id: str, lead_id: str) -> None:
    with transaction(runtime.sessions) as session:
        now = datetime.now(UTC)
        values = {
            "id": fact_id,
            "source": "load",
            "external_id": fact_id,
            "lead_id": lead_id,
            "occurred_at": now,
            "recorded_at": now,
            "channel": "chat",
            "direction": "in",
        }
        session.execute(insert(Activity), [values])


def warm(runtime: Runtime) -> None:
    """Return when the worker has dealt with some events."""
    load(runtime, 0, 50.0, WARM / 50.0)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with runtime.sessions() as session:
            found = standing(session, FRESH)
        if found is not None and found.events >= WARM:
            return
        time.sleep(0.1)
    raise TimeoutError("the worker does not work")


if __name__ == "__main__":
    if sys.argv[1] == "warm":
        warm(Runtime.at())
    else:
        load(Runtime.at(), 1, float(sys.argv[1]), float(sys.argv[2]))
        (Runtime.at().settings.folder / "done").touch()
