"""The connectors of a company, as a JSON file: name → settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from crm_store.connectors.csv_orders import CsvOrderConnector
from crm_store.connectors.orders import CsvOrders, OrderConnector, SqlOrders
from crm_store.connectors.sql_orders import SqlOrderConnector
from crm_store.json_settings import read_settings, resolved

_Settings = Annotated[SqlOrders | CsvOrders, Field(discriminator="kind")]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]


class _Connectors(RootModel[dict[_Name, _Settings]]):
    """The whole file."""


def read_connectors(file: Path, environment: Mapping[str, str]) -> dict[str, OrderConnector]:
    """Return the connectors of a file by name, none where there is no file. Raises StoreError.

    A ``url`` of the form ``env:NAME`` stands in the environment, so that no password stands in the file.
    """
    settings = read_settings(file, _Connectors, "connectors_invalid", "连接器")
    return (
        {}
        if settings is None
        else {name: _connector(name, one, environment) for name, one in settings.root.items()}
    )


def _connector(name: str, settings: SqlOrders | CsvOrders, environment: Mapping[str, str]) -> OrderConnector:
    if isinstance(settings, CsvOrders):
        return CsvOrderConnector(name, settings)
    url = resolved(settings.url, environment, "connectors_invalid", f"{name}.url")
    return SqlOrderConnector(name, settings.model_copy(update={"url": url}))
