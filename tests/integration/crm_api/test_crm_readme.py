"""What the README shows is what a CRM may send: its commands are taken from there and run."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import httpx

from tests.integration.crm_api.office import Api

README = Path(__file__).parents[3] / "README.md"
FORM = "application/x-www-form-urlencoded"
"""What curl says of a body when nobody says otherwise."""
COMMAND = re.compile(r"^curl (?:.*\\\n)*.*$", re.M)


def test_the_commands_of_the_readme_do_what_they_say(sqlite_api: Api) -> None:
    commands = [shlex.split(found.replace("\\\n", " ")) for found in COMMAND.findall(README.read_text())]
    calls = [command for command in commands if any("/crm/v1/" in part for part in command)]
    created = sent(sqlite_api, calls[0])
    assert (created.status_code, created.json()["company"]) == (201, "杭州示例医疗器械有限公司")
    assert sent(sqlite_api, calls[0]).headers["idempotent-replayed"] == "true"
    listed = sent(sqlite_api, calls[1])
    assert [one["id"] for one in listed.json()["items"]] == [created.json()["id"]]
    changed = sent(sqlite_api, calls[2], created.json()["id"])
    assert (changed.status_code, changed.json()["status"]) == (200, "contacted")
    assert len(calls) == 3


def sent(api: Api, command: list[str], record_id: str = "") -> httpx.Response:
    """Send what a command line of curl would."""
    options = dict(pairwise(command))
    method = options.get("-X", "POST" if "-d" in options else "GET")
    given = [command[at + 1] for at, part in enumerate(command) if part == "-H"]
    key = {"Authorization": f"Bearer {api.keys['service']}"}
    headers = {"Content-Type": FORM} | dict(header.split(": ", 1) for header in given) | key
    path = next(part for part in command if "/crm/v1/" in part).partition("localhost:3000")[2]
    return api(method, path.replace("$ID", record_id), None, content=options.get("-d"), headers=headers)
