"""What is fuzzed: each target reads bytes and lets nothing out but the refusals that its callers know."""

import io
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from tests.fuzz import seeds

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """One reader: good inputs to start from, how to read, and which of our modules to watch."""

    seeds: Callable[[], Sequence[bytes]]
    read: Callable[[bytes], object]
    modules: tuple[str, ...]


def read_csv(data: bytes) -> None:
    """Read a list of leads from header to checked values; every row must come out, good or refused."""
    from crm_store.imports.batches import BatchReader
    from crm_store.imports.files import open_mapped, open_unknown
    from crm_store.imports.mapping import ColumnMapping
    from crm_store.imports.suggesting import suggest
    from crm_store.repositories.problems import StoreError

    path = _file(data, "csv")
    try:
        rows, delimiter = open_unknown(path, "lead")
        with rows:
            found = suggest("lead", rows.header, source="fuzz", delimiter=delimiter).mapping
        if found is None:
            return
        columns = [
            rule for rule in found.columns if not rule.field.endswith("_id") or rule.field == "external_id"
        ]
        mapping = ColumnMapping.model_validate(found.model_dump() | {"columns": columns})
        nowhere: Any = None
        reader = BatchReader(nowhere, mapping, "import:fuzz", NOW)
        with open_mapped(path, mapping) as rows:
            places = mapping.places(rows.header)
            for batch in reader.batches(rows.chunks(7), places, rows.guarded):
                assert batch.read == batch.table.num_rows + len(batch.refused)
                assert all(one.problem.zh and one.problem.en for one in batch.refused)
    except StoreError:
        return


@cache
def _parts() -> tuple[tuple[str, bytes], ...]:
    return tuple(seeds.workbook_parts().items())


def workbook_seeds() -> list[bytes]:
    """Return each part behind a byte that says which it is, and the whole workbook behind the last."""
    parts = _parts()
    whole = seeds.zipped(dict(parts))
    return [bytes([place]) + content for place, (_, content) in enumerate(parts)] + [bytes([255]) + whole]


def read_xlsx(data: bytes) -> None:
    """Read a workbook of which one part was spoiled, or the archive itself, in a process with limits."""
    parts = _parts()
    if data[:1] == b"\xff" or not data:
        whole = data[1:]
    else:
        name = parts[data[0] % len(parts)][0]
        whole = seeds.zipped(dict(parts) | {name: data[1:]})
    path = _file(whole, "xlsx")
    child = os.fork()
    if child == 0:
        os._exit(_convert(path))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGXCPU, signal.SIGKILL), status
    else:
        assert os.WEXITSTATUS(status) != _UNKNOWN_ERROR, "an error that nobody expects"


_UNKNOWN_ERROR = 99


def _convert(path: Path) -> int:
    import resource

    from crm_store.imports import workbook

    resource.setrlimit(resource.RLIMIT_AS, (workbook.MEMORY_LIMIT, workbook.MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        workbook.convert(path, io.StringIO())
    except workbook.Refused as refused:
        return refused.code
    except MemoryError:
        return 1
    except BaseException:
        return _UNKNOWN_ERROR
    return 0


def read_address(data: bytes) -> None:
    """Parse an address."""
    from crm_store.intake.cleaning.addresses import parse_address

    found = parse_address(data.decode("utf-8", "replace"))
    assert 0 <= found.confidence <= 1


def read_rules(data: bytes) -> None:
    """Check a rule document, its last run included."""
    from crm_store.rules.errors import RuleRefused
    from crm_store.rules.validation import validate_document

    try:
        validate_document(data)
    except RuleRefused:
        return


def read_mapping(data: bytes) -> None:
    """Read a column mapping."""
    from crm_store.imports.mappings import read_mapping as read
    from crm_store.repositories.problems import StoreError

    try:
        read(data)
    except StoreError:
        return


def read_connector_file(data: bytes) -> None:
    """Read a file of connectors."""
    from crm_store.connectors.settings import read_connectors
    from crm_store.repositories.problems import StoreError

    try:
        read_connectors(_file(data, "json"), {})
    except StoreError:
        return


def _file(data: bytes, ending: str) -> Path:
    memory = Path("/dev/shm")
    path = (memory if memory.is_dir() else Path(gettempdir())) / f"leadpulse-fuzz-{os.getpid()}.{ending}"
    path.write_bytes(data)
    return path


TARGETS = {
    "csv": Target(
        seeds.csv_files,
        read_csv,
        (
            "crm_store.imports.reader",
            "crm_store.imports.headers",
            "crm_store.imports.cells",
            "crm_store.imports.batches",
            "crm_store.imports.files",
            "crm_store.imports.guarding",
            "crm_store.imports.suggesting",
        ),
    ),
    "xlsx": Target(workbook_seeds, read_xlsx, ("crm_store.imports.workbook",)),
    "addresses": Target(seeds.addresses, read_address, ("crm_store.intake.cleaning",)),
    "rules": Target(seeds.rule_documents, read_rules, ("crm_store.rules",)),
    "mappings": Target(
        seeds.mappings, read_mapping, ("crm_store.imports.mapping", "crm_store.imports.mappings")
    ),
    "connectors": Target(
        seeds.connector_files,
        read_connector_file,
        ("crm_store.connectors.settings", "crm_store.connectors.orders"),
    ),
}
