"""The parts that the app is put together from: champions, lazy loading, remembered rows, lanes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from serving.champions import Absent, Champion, FileChampions
from serving.factory import app_from
from serving.gate import DownError, GateLimits
from serving.ladder import NoAnswer, Outcomes
from serving.lanes import SHORT, Lane
from serving.launch import serve_command
from serving.online import RETRY_SECONDS, LazyReader, OnlineGate
from serving.online_memory import SETTLED_NS, RememberingReader, sqlite_revision
from serving.workers import Worker
from tests.unit.serving.fakes import NOW, BrokenError, FakeOnline, FakeScorer, Ticks

MODEL = "lead_health"


@pytest.fixture
def loading() -> Iterator[Worker]:
    worker = Worker("loading")
    yield worker
    worker.close()


def settle(loading: Worker) -> None:
    """Wait until everything that loads has loaded."""
    loading.submit(lambda: None).result(5)


def point(folder: Path, text: str) -> None:
    (folder / MODEL).mkdir(exist_ok=True)
    new = folder / MODEL / "new"
    new.write_text(text)
    new.replace(folder / MODEL / "champion.json")


class TestChampions:
    def test_none_was_promoted(self, tmp_path: Path, loading: Worker) -> None:
        champions = FileChampions(tmp_path, lambda _: pytest.fail("loaded"), (MODEL,), loading, Ticks())
        assert champions.current(MODEL) == Absent("no_champion")

    def test_it_is_loaded_in_the_background(self, tmp_path: Path, loading: Worker) -> None:
        point(tmp_path, "1")
        go = Event()
        champion = Champion(FakeScorer("model", "1"), "1")

        def load(_: str) -> Champion:
            go.wait(5)
            return champion

        champions = FileChampions(tmp_path, load, (MODEL,), loading, Ticks())
        assert champions.current(MODEL) == Absent("starting")
        go.set()
        settle(loading)
        assert champions.current(MODEL) is champion

    def test_a_promotion_is_seen_within_a_second_and_the_old_one_answers_meanwhile(
        self, tmp_path: Path, loading: Worker
    ) -> None:
        ticks = Ticks()
        loads: list[str] = []

        def load(_: str) -> Champion:
            loads.append(text := (tmp_path / MODEL / "champion.json").read_text())
            return Champion(FakeScorer("model", text), text)

        point(tmp_path, "1")
        champions = FileChampions(tmp_path, load, (MODEL,), loading, ticks)
        champions.refresh()
        point(tmp_path, "22")
        assert version_of(champions) == "1", "not looked at again yet"
        ticks.now += 1.0
        assert version_of(champions) in ("1", "22")
        settle(loading)
        assert version_of(champions) == "22"
        ticks.now += 1.0
        champions.current(MODEL)
        settle(loading)
        assert loads == ["1", "22"], "what has not changed is not loaded again"

    def test_a_broken_bundle_and_its_repair(self, tmp_path: Path, loading: Worker) -> None:
        champion = Champion(FakeScorer("model", "1"), "1")

        def load(_: str) -> Champion:
            if (tmp_path / MODEL / "champion.json").read_text() == "bad":
                raise BrokenError("bytes differ")
            return champion

        point(tmp_path, "bad")
        champions = FileChampions(tmp_path, load, (MODEL,), loading, Ticks())
        champions.refresh()
        assert champions.current(MODEL) == Absent("bundle_broken", "BrokenError")
        point(tmp_path, "good")
        champions.refresh()
        assert champions.current(MODEL) is champion
        (tmp_path / MODEL / "champion.json").unlink()
        champions.refresh()
        assert champions.current(MODEL) == Absent("no_champion")


class TestLazyReader:
    def test_it_loads_once_in_the_background(self, loading: Worker) -> None:
        online = FakeOnline({})
        loads: list[int] = []

        def load() -> FakeOnline:
            loads.append(1)
            return online

        reader = LazyReader(load, loading, Ticks())
        reader()
        settle(loading)
        assert reader() is online
        settle(loading)
        assert loads == [1]

    def test_what_cannot_be_loaded_is_said_and_tried_again(self, loading: Worker) -> None:
        ticks = Ticks()
        outcomes: list[FakeOnline | None] = [None, FakeOnline({})]

        def load() -> FakeOnline:
            outcome = outcomes.pop(0)
            if outcome is None:
                raise BrokenError("no registry")
            return outcome

        reader = LazyReader(load, loading, ticks)
        gate = OnlineGate(reader, GateLimits(), ticks)
        reader()
        settle(loading)
        assert gate.state == "BrokenError"
        with pytest.raises(DownError):
            gate.read("lead", ["lea_001"])
        ticks.now += RETRY_SECONDS
        with pytest.raises(DownError):
            reader()
        settle(loading)
        assert gate.state == "ok"


class TestRememberedRows:
    def test_rows_are_read_again_once_the_store_has_changed(self) -> None:
        online = FakeOnline({"a": ({"x": 1.0}, NOW), "b": ({"x": 2.0}, NOW)})
        revision: list[int | None] = [1]
        reader = RememberingReader(online, lambda: revision[0])
        assert values(reader, "a", "b", "none") == [{"x": 1.0}, {"x": 2.0}, None]
        online.rows["a"] = ({"x": 9.0}, NOW + timedelta(hours=1))
        assert values(reader, "b", "a") == [{"x": 2.0}, {"x": 1.0}]
        assert online.reads == 1
        revision[0] = 2
        assert values(reader, "b", "a") == [{"x": 2.0}, {"x": 9.0}]
        assert reader.online("lead", ["a"]).as_of == [NOW + timedelta(hours=1)]
        revision[0] = None
        values(reader, "a")
        values(reader, "a")
        assert online.reads == 4, "nothing is kept while the revision can't be told"

    def test_rows_read_while_the_store_changed_are_not_kept(self) -> None:
        revisions = iter([1, 2, 2, 2])
        online = FakeOnline({"a": ({"x": 1.0}, NOW)})
        reader = RememberingReader(online, lambda: next(revisions))
        values(reader, "a")
        values(reader, "a")
        assert online.reads == 2

    def test_entities_of_different_kinds_with_one_id_are_kept_apart(self) -> None:
        online = FakeOnline({"a": ({"x": 1.0}, NOW)})
        reader = RememberingReader(online, lambda: 1)
        reader.online("lead", ["a"])
        reader.online("account", ["a"])
        assert online.reads == 2

    def test_the_oldest_rows_make_room(self) -> None:
        online = FakeOnline({name: ({"x": 1.0}, NOW) for name in "abc"})
        reader = RememberingReader(online, lambda: 1, size=2)
        for name in "abc":
            values(reader, name)
        values(reader, "c")
        values(reader, "b")
        assert online.reads == 3
        values(reader, "a")
        assert online.reads == 4

    def test_every_commit_changes_the_revision_of_a_sqlite_file(self, tmp_path: Path) -> None:
        file = tmp_path / "online.db"
        later = [0]
        revision = sqlite_revision(file, lambda: later[0])
        assert revision() is None, "there is no file"
        seen = set()
        with closing(sqlite3.connect(file, isolation_level=None)) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("CREATE TABLE t (x)")
            for n in range(5):
                writer.execute("INSERT INTO t VALUES (?)", (n,))
                newest = max(os.stat(p).st_mtime_ns for p in (file, f"{file}-wal"))
                later[0] = newest + SETTLED_NS - 1
                assert revision() is None, "it may be written again within the same tick"
                later[0] = newest + SETTLED_NS
                seen.add(revision())
        assert len(seen) == 5
        assert None not in seen


class TestLane:
    def test_what_waits_is_worked_on_together_and_long_requests_do_not_join(self) -> None:
        batches: list[list[str]] = []

        async def main() -> list[Outcomes]:
            lane = Lane(recording(batches), "lane", 5)
            asked = [["a"], ["b"], ["c", "a"], [f"x{n}" for n in range(SHORT)], ["d"]]
            answers = await asyncio.gather(*(lane.submit(ids) for ids in asked))
            lane.close()
            return answers

        answers = asyncio.run(main())
        assert batches == [["a"], ["b", "c", "a"], [f"x{n}" for n in range(SHORT)], ["d"]]
        assert all(ids in answers[k] for k, ids in enumerate("ab"))

    def test_a_failure_reaches_everyone_who_waited_and_the_next_batch_goes_on(self) -> None:
        def work(ids: list[str]) -> Outcomes:
            if "bad" in ids:
                raise BrokenError("bad")
            return dict.fromkeys(ids, NoAnswer("no_score"))

        async def main() -> None:
            lane = Lane(work, "lane", 5)  # type: ignore[arg-type]
            first = asyncio.create_task(lane.submit(["bad"]))
            second = asyncio.create_task(lane.submit(["good"]))
            with pytest.raises(BrokenError):
                await first
            assert await second == {"good": NoAnswer("no_score")}
            lane.close()

        asyncio.run(main())


def test_the_launch_keeps_bentomls_state_in_the_data_folder_and_its_telemetry_off(tmp_path: Path) -> None:
    launch = serve_command("127.0.0.1", 3123, tmp_path)
    assert launch.command[1:5] == ["-m", "bentoml", "serve", "serving.bento_service:LeadPulse"]
    assert launch.command[launch.command.index("--host") + 1] == "127.0.0.1"
    assert launch.environment["BENTOML_DO_NOT_TRACK"] == "true"
    assert Path(launch.environment["BENTOML_HOME"]).is_relative_to(tmp_path)


def version_of(champions: FileChampions) -> str:
    standing = champions.current(MODEL)
    assert isinstance(standing, Champion)
    return standing.version


def values(reader: RememberingReader, *ids: str) -> list[dict[str, object] | None]:
    return reader.online("lead", ids).values


def recording(batches: list[list[str]]) -> Callable[..., Outcomes]:
    def work(ids: list[str]) -> Outcomes:
        batches.append(list(ids))
        return dict.fromkeys(ids, NoAnswer("no_score"))

    return work


class TestFactory:
    @pytest.mark.parametrize(
        "named",
        ["os:getcwd", "pipelines:x", "pipelines.runtime", "pipelines.runtime:a.b", "pipelinesx.y:z"],
    )
    def test_only_the_composition_root_may_be_named(self, named: str) -> None:
        with pytest.raises(ValueError, match="may not name"):
            app_from(named)

    def test_what_is_no_app_is_refused(self) -> None:
        with pytest.raises(TypeError):
            app_from("pipelines.progress:Steps")
