"""What goes out comes back the same, and nothing of it is a formula to LibreOffice."""

import random
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.exports.csv_file import export_csv
from crm_store.exports.xlsx_file import export_xlsx
from crm_store.imports.guarding import FORMULA_STARTS
from crm_store.imports.jobs import run_import
from crm_store.imports.preview import preview
from crm_store.models import Lead
from tests.sizes import full

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FIELDS = ("external_id", "company", "need", "phone", "expected_volume", "budget", "created_at")
TAILS = (
    "1+1",
    "cmd|' /C calc'!A0",
    "SUM(A1:A9)",
    'HYPERLINK("http://x","y")',
    "8613800138000",
    "12",
    "甲",
    "'",
)
# How LibreOffice opens CSV when it is told to look for formulas: comma, quotes, UTF-8, evaluate.
CSV_FILTER = "CSV:44,34,76,1,,0,false,true,false,false,false,0,true"


@pytest.mark.libreoffice
def test_libreoffice_finds_no_formula_in_what_we_export(
    require: Callable[[str], str], tmp_path: Path
) -> None:
    """The control shows that it would: the same cells, not disarmed."""
    soffice, rows = require("libreoffice"), hostile(full(600, 10_000))
    csv_file, control = tmp_path / "safe.csv", tmp_path / "control.csv"
    csv_file.write_bytes(b"".join(export_csv("lead", rows, FIELDS)))
    export_xlsx("lead", rows, tmp_path / "safe_too.xlsx", FIELDS)
    control.write_text("a,b\n=1+1,+1+1\n", "utf-8-sig")
    assert formulas(soffice, control) > 0
    assert formulas(soffice, csv_file) == 0
    assert formulas(soffice, tmp_path / "safe_too.xlsx") == 0


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_export_imported_elsewhere_is_the_same(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path, ending: str
) -> None:
    """Phones keep their plus, numbers their minus, texts their leading tab and their Chinese."""
    rows = hostile(full(300, 10_000))
    file = tmp_path / f"leads.{ending}"
    if ending == "csv":
        file.write_bytes(b"".join(export_csv("lead", rows, FIELDS)))
    else:
        export_xlsx("lead", rows, file, FIELDS)
    seen = preview(store_engine, file, now=NOW, entity="lead", source="backup")
    assert seen.mapping is not None
    report = run_import(store_engine, seen.mapping, file, rejects_folder=tmp_path / "rejects", now=NOW)
    assert (report.rows_added, report.rows_rejected) == (len(rows), 0)
    with sessions() as session:
        columns = [getattr(Lead, name) for name in FIELDS]
        stored = {row.external_id: row._asdict() for row in session.execute(select(*columns))}
    kept = {row["external_id"]: as_kept(row, ending) for row in rows}
    assert stored == kept


def as_kept(row: dict[str, Any], ending: str) -> dict[str, Any]:
    """Return what an import makes of a row: cells of a workbook have no guard, so outer spaces go."""
    if ending == "csv":
        return row
    return {name: value.strip() if isinstance(value, str) else value for name, value in row.items()}


def hostile(count: int) -> list[dict[str, Any]]:
    """Return leads with a cell led by each character that begins a formula somewhere."""
    return list(_hostile(count, random.Random(19)))


def _hostile(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(count):
        start = FORMULA_STARTS[number % len(FORMULA_STARTS)]
        yield {
            "external_id": f"L{number}",
            "company": "'" * chance.choice((0, 0, 1, 2)) + start + chance.choice(TAILS),
            "need": chance.choice(("", "需", "=")) + start + chance.choice(TAILS) + "杭州\n某厂",
            "phone": f"+86138{chance.randrange(10**8):08}",
            "expected_volume": -float(chance.randrange(1, 10**6)),
            "budget": round(chance.uniform(-1e6, 1e6), 2),
            "created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**7)),
        }


def formulas(soffice: str, file: Path) -> int:
    """Return how many cells of a file LibreOffice takes for formulas."""
    folder = file.parent / "opened"
    command = [soffice, f"-env:UserInstallation={(file.parent / 'profile').as_uri()}", "--headless"]
    if file.suffix == ".csv":
        command.append(f"--infilter={CSV_FILTER}")
    command += ["--convert-to", "fods", "--outdir", str(folder), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    opened = (folder / f"{file.stem}.fods").read_text("utf-8")
    assert "table:table-cell" in opened
    return len(re.findall(r"table:formula=", opened))
