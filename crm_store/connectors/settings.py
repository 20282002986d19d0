"""The connectors of a company, as a JSON file: name → settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel, ValidationError

from crm_store.connectors.csv_orders import CsvOrderConnector
from crm_store.connectors.orders import CsvOrders, OrderConnector, SqlOrders
from crm_store.connectors.sql_orders import SqlOrderConnector
from crm_store.repositories.problems import Problem, StoreError

_Settings = Annotated[SqlOrders | CsvOrders, Field(discriminator="kind")]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]


class _Connectors(RootModel[dict[_Name, _Settings]]):
    """The whole file."""


_FROM_ENVIRONMENT = "env:"


def read_connectors(file: Path, environment: Mapping[str, str]) -> dict[str, OrderConnector]:
    """Return the connectors of a file by name, none where there is no file. Raises StoreError.

    A ``url`` of the form ``env:NAME`` stands in the environment, so that no password stands in the file.
    """
    if not file.exists():
        return {}
    try:
        settings = _Connectors.model_validate_json(file.read_bytes()).root
    except ValidationError as error:
        # Only where and why: what stands there may hold a password.
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        zh, en = (
            f"连接器配置有误：{where}（{first['msg']}）",
            f"{file.name} is wrong at {where}: {first['msg']}",
        )
        raise StoreError(Problem("connectors_invalid", where, zh, en)) from None
    return {name: _connector(name, one, environment) for name, one in settings.items()}


def _connector(name: str, settings: SqlOrders | CsvOrders, environment: Mapping[str, str]) -> OrderConnector:
    if isinstance(settings, CsvOrders):
        return CsvOrderConnector(name, settings)
    if settings.url.startswith(_FROM_ENVIRONMENT):
        variable = settings.url.removeprefix(_FROM_ENVIRONMENT)
        if variable not in environment:
            raise StoreError(missing_variable(name, variable))
        settings = settings.model_copy(update={"url": environment[variable]})
    return SqlOrderConnector(name, settings)


def missing_variable(name: str, variable: str) -> Problem:
    """Describe a connector whose address is not in the environment."""
    zh, en = f"连接器 {name} 需要环境变量 {variable}", f"connector {name} needs the environment's {variable}"
    return Problem("connectors_invalid", "url", zh, en)
