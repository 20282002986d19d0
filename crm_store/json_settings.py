"""Settings of outside systems: JSON files whose secrets stand in the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from crm_store.repositories.problems import Problem, StoreError

Settings = TypeVar("Settings", bound=BaseModel)

_FROM_ENVIRONMENT = "env:"


def read_settings(file: Path, model: type[Settings], code: str, what: str) -> Settings | None:
    """Return what a file sets, None where there is no file.

    Raises StoreError with ``code``; ``what`` is what it is called in Chinese. Its words say only where and
    why, never what stands there: that may hold a password.
    """
    if not file.exists():
        return None
    try:
        return model.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        zh = f"{what}配置有误：{where}（{first['msg']}）"
        raise StoreError(
            Problem(code, where, zh, f"{file.name} is wrong at {where}: {first['msg']}")
        ) from None


def resolved(value: str, environment: Mapping[str, str], problem: str, field: str) -> str:
    """Return a setting, looked up in the environment where it reads ``env:NAME``. Raises StoreError."""
    if not value.startswith(_FROM_ENVIRONMENT):
        return value
    variable = value.removeprefix(_FROM_ENVIRONMENT)
    if variable not in environment:
        zh, en = f"{field} 需要环境变量 {variable}", f"{field} needs the environment's {variable}"
        raise StoreError(Problem(problem, field, zh, en))
    return environment[variable]
