"""Champions are swapped and taken back while requests stream in; every request is answered by one."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from serving.app import create_app
from serving.champions import FileChampions, bundle_loader
from serving.workers import Worker
from tests.sizes import full
from tests.unit.serving.fakes import KEY, LEADS, Ticks, World
from training.bundle import Bundle, BundleBroken, promote
from training.bundle.champions import champion_of
from training.bundle.champions import roll_back as taken_back
from training.bundle.standing import Standing, write_standing

MODEL = "lead_health"


@pytest.fixture
def loading() -> Iterator[Worker]:
    worker = Worker("loading")
    yield worker
    worker.close()


class Live(World):
    """The fake company with real champions: the pointer is looked at on every request."""

    def __init__(self, models: Path, loading: Worker) -> None:
        super().__init__()
        load = bundle_loader(models, {MODEL: timedelta(days=30)})
        self.files = FileChampions(models, load, (MODEL, "account_churn"), loading, Ticks())
        self.champions = self.files  # type: ignore[assignment]

    def look(self) -> None:
        """Look at the pointers, as happens once a second, and wait for what loads."""
        self.files.refresh()


async def stream(world: Live, models: Path, versions: tuple[str, str], rounds: int) -> Counter[str]:
    """Ask over eight connections while champions change; count versions, errors and rungs."""
    seen: Counter[str] = Counter()
    stop = asyncio.Event()
    transport = httpx.ASGITransport(app=create_app(world.deps()))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:

        async def ask() -> None:
            while not stop.is_set():
                answer = await client.post("/v1/leads/score", json={"ids": list(LEADS)})
                seen[str(answer.status_code)] += 1
                for result in answer.json()["results"]:
                    seen["error" if result["error"] else result["score"]["version"]] += 1
                    seen[result["score"]["rung"]] += 1

        async def swap() -> None:
            for _ in range(rounds):
                await asyncio.to_thread(promote, models, MODEL, versions[1])
                await asyncio.to_thread(world.look)
                await asyncio.sleep(0)
                await asyncio.to_thread(taken_back, models, MODEL)
                await asyncio.to_thread(world.look)
            stop.set()

        await asyncio.gather(swap(), *(ask() for _ in range(8)))
    return seen


def test_no_request_fails_while_champions_are_swapped_and_rolled_back(
    models: Path, two_bundles: tuple[Bundle, Bundle], loading: Worker
) -> None:
    versions = (two_bundles[0].version, two_bundles[1].version)
    promote(models, MODEL, versions[0])
    world = Live(models, loading)
    world.look()
    seen = asyncio.run(stream(world, models, versions, full(15, 200)))
    assert set(seen) == {"200", "model", *versions}
    assert champion_of(models, MODEL).version == versions[0]


def test_rolling_back_goes_past_a_champion_that_is_no_longer_whole(
    models: Path, two_bundles: tuple[Bundle, Bundle]
) -> None:
    first, second = (bundle.version for bundle in two_bundles)
    replace(two_bundles[0], version="third").save(models / MODEL / "third")
    for version in (first, second, "third"):
        promote(models, MODEL, version)
    (models / MODEL / second / "booster.txt").write_text("broken")
    assert taken_back(models, MODEL).version == first
    with pytest.raises(BundleBroken, match="no_earlier_champion"):
        taken_back(models, MODEL)


@pytest.mark.parametrize("kind", ["inputs", "score", "base_rate", "calibration"])
def test_past_the_drift_limit_rules_answer_and_name_the_drift(
    models: Path, two_bundles: tuple[Bundle, Bundle], loading: Worker, kind: str
) -> None:
    first, second = (bundle.version for bundle in two_bundles)
    promote(models, MODEL, first)
    world = Live(models, loading)
    drifted = Standing(first, "2026-03-01T00:00:00+00:00", "act", past=(kind,))

    def answer() -> tuple[str, str | None]:
        world.look()
        score = world.client().one(LEADS[0])
        return score["rung"], score["why"] and score["why"]["code"]

    assert answer() == ("model", None)
    write_standing(models, MODEL, drifted)
    assert answer() == ("rules_online", f"drift_{kind}")
    write_standing(models, MODEL, Standing(first, drifted.as_of, "act", past=(kind,), accepted=(kind,)))
    assert answer() == ("model", None)
    write_standing(models, MODEL, drifted)
    assert answer() == ("rules_online", f"drift_{kind}")
    promote(models, MODEL, second)  # a retrained model: the word was about another version
    assert answer() == ("model", None)


def test_a_word_on_drift_that_cannot_be_read_takes_no_model_away(
    models: Path, two_bundles: tuple[Bundle, Bundle], loading: Worker
) -> None:
    promote(models, MODEL, two_bundles[0].version)
    (models / MODEL / "drift.json").write_text('{"version": 3')
    world = Live(models, loading)
    world.look()
    assert world.client().one(LEADS[0])["rung"] == "model"
