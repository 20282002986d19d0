"""A data folder for the fresh bench: leads with a history, a champion, a cursor at the end of the feed."""

import random
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.history.consumers import FRESH, begin_at
from crm_store.repositories.history.feed import feed_end
from crm_store.repositories.writes.bulk import load_history
from pipelines.runtime import Runtime
from pipelines.state import HomeState
from tests.bench._serve_home import promote_champion, random_features

LEADS, CHATS = 3_000, 20
CHANNELS = ("call", "email", "site", "download", "search")


def build(runtime: Runtime) -> None:
    """Fill a new folder with leads of the last months and what happened with them; none has a chat yet."""
    from crm_store.database import migrate

    now, chance = datetime.now(UTC), random.Random(7)
    migrate(runtime.settings.store_url)
    born = {f"lea_{n:024x}": now - timedelta(days=chance.uniform(1, 25)) for n in range(LEADS)}
    versions = [
        {
            "id": one,
            "source": "bench",
            "external_id": one,
            "recorded_at": at,
            "fields": {"company": f"公司 {one[-6:]}", "campaign": f"活动{chance.randrange(40)}"}
            | {"channel": chance.choice(("site", "call")), "created_at": at, "status": "new"},
        }
        for one, at in born.items()
    ]
    load_history(runtime.engine, "lead", versions, actor="import:bench", reason=None, now=now)
    facts = [
        _fact(f"{one}-{k}", one, at + (now - at) * chance.random(), chance)
        for one, at in born.items()
        for k in range(CHATS)
    ]
    with transaction(runtime.sessions) as session:
        session.execute(insert(Activity), facts)
    runtime.features.apply()
    promote_champion(runtime.settings.models_folder, random_features(list(born)), 300)
    HomeState().write(runtime.settings.folder)
    with transaction(runtime.sessions) as session:
        begin_at(session, FRESH, feed_end(session))


def _fact(fact_id: str, lead_id: str, at: datetime, chance: random.Random) -> dict[str, object]:
    return {
        "id": fact_id,
        "source": "bench",
        "external_id": fact_id,
        "lead_id": lead_id,
        "occurred_at": at,
        "recorded_at": at,
        "channel": chance.choice(CHANNELS),
        "direction": chance.choice(("in", "out")),
        "duration_s": 60.0,
    }


if __name__ == "__main__":
    build(Runtime.at())
