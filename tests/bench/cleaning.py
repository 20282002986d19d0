"""How often cleaning is right on the written cases, and how long it takes a row.

Time is a ratio to the least that any cleaning costs: NFKC and one regular expression on the same texts.
"""

import csv
import re
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crm_store.intake.cleaning.addresses import parse_address
from crm_store.intake.cleaning.clean import clean, warm
from crm_store.intake.cleaning.companies import parse_company
from crm_store.intake.cleaning.credit_codes import parse_credit_code
from crm_store.intake.cleaning.industries import suggest_industry
from crm_store.intake.cleaning.phones import parse_phone

CASES = Path(__file__).parents[1] / "data" / "cleaning"
RUNS = 5
NOTHING = "-"
"""A cell that says that there must be no value. An empty cell says nothing."""

Row = dict[str, str]


def run() -> dict[str, Any]:
    """Return accuracy per kind and set of cases, microseconds a row, and the ratio to the least cost."""
    warm()
    result: dict[str, Any] = {}
    for kind in PARSERS:
        rows = cases(kind)
        for name in ("first", "held_out"):
            chosen = [row for row in rows if row["set"] == name]
            wrong = sum(bool(_differences(kind, row)) for row in chosen)
            result[f"{kind}_{name}_cases"] = len(chosen)
            result[f"{kind}_{name}_accuracy"] = round(1 - wrong / len(chosen), 3) if chosen else None
        result[f"{kind}_us_per_row"] = round(_microseconds(lambda row, k=kind: PARSERS[k](row), rows), 1)
    intakes = list(_intakes())
    ours = _microseconds(clean, intakes)
    return result | {
        "clean_us_per_intake": round(ours, 1),
        "clean_ratio_to_normalising": round(ours / _microseconds(_least, intakes), 1),
    }


def cases(kind: str) -> list[Row]:
    """Return the written cases of a kind: phones, addresses, companies, credit_codes or industries."""
    with (CASES / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wrong_rows(kind: str, of: str) -> list[str]:
    """Return each case of the set ``of`` that came out wrong, with what was expected and found."""
    return [
        f"{_said(row)!r}: {', '.join(differences)}"
        for row in cases(kind)
        if row["set"] == of and (differences := _differences(kind, row))
    ]


def _said(row: Row) -> str:
    return row["text"] if "text" in row else "|".join(row[key] for key in ("company", "need", "given"))


def _differences(kind: str, row: Row) -> list[str]:
    found = PARSERS[kind](row)
    texts = {"set", "text", "company", "need", "given"} if kind == "industries" else {"set", "text"}
    differences = []
    for column, expected in row.items():
        if column in texts or (expected == "" and column != "problem"):
            continue
        value = _as_text(found[column])
        if value != ("" if expected == NOTHING else expected):
            differences.append(f"{column} should be {expected or NOTHING}, is {value or NOTHING}")
    return differences


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "|".join(value)
    return str(value or "")


def _industry(row: Row) -> dict[str, Any]:
    found = suggest_industry(row["company"], row["need"], row["given"])
    return {"code": found[0].code if found else None, "division": found[0].division if found else None}


PARSERS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "phones": lambda row: asdict(parse_phone(row["text"])),
    "addresses": lambda row: asdict(parse_address(row["text"])),
    "companies": lambda row: asdict(parse_company(row["text"])),
    "credit_codes": lambda row: asdict(parse_credit_code(row["text"])),
    "industries": _industry,
}


def _intakes() -> Iterator[Row]:
    """Give whole intakes put together from the cases of each kind."""
    columns = {
        "phone": "phones",
        "address": "addresses",
        "company": "companies",
        "credit_code": "credit_codes",
    }
    by_column = {column: cases(kind) for column, kind in columns.items()}
    for at in range(max(map(len, by_column.values()))):
        intake = {column: rows[at % len(rows)]["text"] for column, rows in by_column.items()}
        yield {**intake, "need": "数控车床", "industry": ""}


def _least(intake: Row) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", "\n".join(intake.values())))


def _microseconds(work: Callable[[Row], Any], rows: list[Row]) -> float:
    """Return the median over runs of the time a row takes."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for row in rows:
            work(row)
        seconds.append((time.perf_counter() - start) / len(rows))
    return statistics.median(seconds) * 1e6
