"""Files that scores depend on fail in the same six ways: gone, silent, slow, cut short, spoilt, and by turns.

A pipe in the place of a file is a disk that does not answer: whoever opens it waits for a writer.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from tests.integration.dependencies.company import NEW, SEEN, Company, Told
from tests.integration.dependencies.test_tcp_dependencies import (
    LIMIT,
    REQUESTS,
    WAYS,
    Way,
    matched_as_before,
    p99,
    recovers,
    until_whole,
)

HEALTH = "lead_health"
FILES: dict[str, Callable[[Path], Path]] = {
    "champion": lambda models: models / HEALTH / "champion.json",
    "bundle": lambda models: sorted(models.glob(f"{HEALTH}/*/booster.txt"))[0],
    "drift": lambda models: models / HEALTH / "drift.json",
    "challenger": lambda models: models / HEALTH / "shadow.json",
}
# Without these there is no champion; one that is being read goes on answering meanwhile.
ASKED_FOR, UNREADABLE = ("champion", "bundle"), ("refuse", "reset", "garbage")


class Spoilt:
    """A file that fails, and what it was before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.whole = path.read_bytes() if path.exists() else b'{"version": "of nobody"}'
        self.was_there = path.exists()

    def fail(self, way: Way) -> None:
        self.path.unlink(missing_ok=True)
        if way in ("blackhole", "slow"):
            os.mkfifo(self.path)
        elif way == "reset":
            self.path.write_bytes(self.whole[: len(self.whole) // 2])
        elif way == "garbage":
            self.path.write_bytes(random.Random(7).randbytes(len(self.whole)))

    def heal(self) -> None:
        """Answer whoever waits, and be whole again."""
        if self.path.is_fifo():
            # Opening for both never waits, and everybody who waits for a writer goes on.
            pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
            self.path.unlink()
            os.write(pipe, self.whole)
            os.close(pipe)
        self.path.unlink(missing_ok=True)
        if self.was_there:
            self.path.write_bytes(self.whole)


def during(
    company: Company, turn: Callable[[int], None], ask: Callable[[], Told] | None = None
) -> list[Told]:
    """Ask while something fails, for a lead's score unless told otherwise."""
    told = []
    for number in range(REQUESTS):
        turn(number)
        told.append(ask() if ask else company.ask(SEEN))
        company.clock.ahead += 1.0
    return told


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FILES)
def test_scores_go_on_while_a_model_file_fails(on_files: Company, name: str, way: Way) -> None:
    file, pointer = Spoilt(FILES[name](on_files.models)), Spoilt(FILES["champion"](on_files.models))
    lost = name in ASKED_FOR and way in UNREADABLE

    def look() -> None:
        if name == "bundle":  # it is read again when a champion is named again
            pointer.heal()
        if way in UNREADABLE:
            on_files.champions.refresh()

    def turn(number: int) -> None:
        if way == "flap":
            file.heal() if number % 2 else file.fail("refuse")
        elif number == 0:
            file.fail(way)
            look()

    told = during(on_files, turn)
    file.heal()
    look()
    rungs = {one.score()["rung"] for one in told}
    assert rungs == {"rules_online"} if lost else rungs <= {"model", "rules_online"}
    assert "model" in rungs or lost
    assert all((one.score()["rung"] == "model") == (one.score()["why"] is None) for one in told)
    assert p99(told) <= LIMIT
    recovers(on_files, ["model"], SEEN)


def while_gone(company: Company, pointer: Path, way: Way, ask: Callable[[], Told]) -> list[Told]:
    """Ask while a champion's pointer fails; in a flap every other time it is there."""
    file = Spoilt(pointer)

    def turn(number: int) -> None:
        if way == "flap":
            file.heal() if number % 2 else file.fail("refuse")
        elif number == 0:
            file.fail(way)
        if way in UNREADABLE:
            company.champions.refresh()

    told = during(company, turn, ask)
    file.heal()
    return told


LOST = {"refuse": "no_champion", "reset": "bundle_broken", "garbage": "bundle_broken"}


@pytest.mark.parametrize("way", WAYS)
def test_a_match_is_made_by_rules_while_its_champion_is_gone(on_files: Company, way: Way) -> None:
    told = while_gone(on_files, on_files.models / "lead_match" / "champion.json", way, on_files.ask_match)
    made = {(one.match()["rung"], one.match()["why"] and one.match()["why"]["code"]) for one in told}
    if way in LOST:
        assert made == {("rules", LOST[way])}
    elif way == "flap":
        assert made <= {("rules", "no_champion"), ("rules", "starting"), ("model", None)}
        assert ("rules", "no_champion") in made
    else:  # one that is being read goes on answering; a pipe is no pointer
        assert made <= {("model", None), ("rules", "bundle_broken")}
    assert p99(told) <= LIMIT
    until_whole(on_files, lambda: matched_as_before(on_files))


@pytest.mark.parametrize("way", WAYS)
def test_a_risk_is_told_without_when_while_the_hazard_is_gone(on_files: Company, way: Way) -> None:
    told = while_gone(on_files, on_files.models / "account_renewal" / "champion.json", way, on_files.ask_risk)
    assert {one.score()["rung"] for one in told} == {"model"}
    assert {one.score()["why"] for one in told} == {None}
    timed = {one.score()["when"] is not None for one in told}
    if way in LOST:
        assert timed == {False}
    else:
        assert False in timed or way != "flap"
    assert p99(told) <= LIMIT
    until_whole(on_files, lambda: on_files.ask_risk().score()["when"] is not None)


@contextmanager
def disk(way: Way) -> Iterator[Callable[[Callable[[], object]], object]]:
    """Give what stands between a reader and its file: it passes calls on as the disk lets it."""
    free = Event()
    number = 0

    def through(read: Callable[[], object]) -> object:
        nonlocal number
        number += 1
        if way == "blackhole":
            free.wait()
        elif way == "slow":
            free.wait(0.6)
        elif way == "refuse" or (way == "flap" and number % 2):
            raise FileNotFoundError
        elif way == "reset":
            raise OSError(5, "Input/output error")
        elif way == "garbage":
            return random.Random(number).randbytes(200)
        return read()

    try:
        yield through
    finally:
        free.set()


@pytest.mark.parametrize("way", WAYS)
def test_scores_go_on_while_the_file_of_online_features_fails(
    on_files: Company, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    with disk(way) as through, monkeypatch.context() as patched:
        read = on_files.reader.rows.get
        patched.setattr(on_files.reader.rows, "get", lambda *asked: through(lambda: read(*asked)))
        told = during(on_files, lambda _: None)
    assert {one.score()["rung"] for one in told} <= {"rules_records", "last", "model"}
    assert "rules_records" in {one.score()["rung"] for one in told}
    assert p99(told) <= LIMIT
    recovers(on_files, ["model"], SEEN)


@pytest.mark.parametrize("way", WAYS)
def test_scores_go_on_while_the_file_of_the_record_store_fails(
    on_files: Company, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    assert on_files.ask(NEW).rungs == ["rules_records"]
    with disk(way) as through, monkeypatch.context() as patched:
        connect = on_files.engine.connect
        patched.setattr(on_files.engine, "connect", lambda: through(connect))
        told = during(on_files, lambda _: None)
    assert {one.score()["rung"] for one in told} == {"model"}
    assert p99(told) <= LIMIT
    recovers(on_files, ["rules_records"], NEW)


@pytest.mark.parametrize("way", WAYS)
def test_a_match_is_made_among_the_last_candidates_while_the_file_of_the_record_store_fails(
    on_files: Company, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    with disk(way) as through, monkeypatch.context() as patched:
        connect = on_files.engine.connect
        patched.setattr(on_files.engine, "connect", lambda: through(connect))
        told = during(on_files, lambda _: None, on_files.ask_match)
    assert {one.match()["rung"] for one in told} == {"model"}
    ages = [one.match()["age_s"] for one in told]
    assert None not in ages or way == "flap"
    assert max((age for age in ages if age is not None), default=0) <= 30
    assert p99(told) <= LIMIT
    until_whole(on_files, lambda: matched_as_before(on_files))
