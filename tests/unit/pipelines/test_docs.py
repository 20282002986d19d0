"""The README names every setting, command and bench, so that none is found by chance."""

import pkgutil
from pathlib import Path

import pytest

import tests.bench
from pipelines.access_settings import AccessSettings
from pipelines.cli import app
from pipelines.settings import Settings

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
COMMANDS = [
    *(command.callback.__name__ for command in app.registered_commands if command.callback),
    *(str(group.name) for group in app.registered_groups),
]
BENCHES = [module.name.rstrip("_") for module in pkgutil.iter_modules(tests.bench.__path__)]


@pytest.mark.parametrize("name", [*Settings.model_fields, *AccessSettings.model_fields])
def test_every_setting_is_documented(name: str) -> None:
    assert f"LEADPULSE_{name.upper()}" in README


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert f"leadpulse {name}" in README


@pytest.mark.parametrize("name", [name for name in BENCHES if not name.startswith("_")])
def test_every_bench_is_documented(name: str) -> None:
    assert f"`{name}`" in README
