"""``leadpulse duplicates``: find records that are one customer, merge them, undo that, and measure it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Leads and accounts that are one customer.", no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]
Entity = Annotated[str, typer.Option("--of", help="lead or account")]


@app.command()
def scan(
    of: Entity = "lead",
    workers: Annotated[int, typer.Option(min=1, max=32, help="Processes that search side by side.")] = 2,
    home: Home = None,
) -> None:
    """Compare all records; one that was stopped goes on where it was."""
    from pipelines.duplicate_commands import scan_duplicates

    raise typer.Exit(scan_duplicates(home, of, workers))


@app.command("list")
def list_pairs(
    of: Entity = "lead",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    home: Home = None,
) -> None:
    """List open pairs with their reasons, the most alike first."""
    from pipelines.duplicate_commands import list_duplicates

    raise typer.Exit(list_duplicates(home, of, limit))


@app.command()
def merge(
    survivor: str,
    merged: str,
    take: Annotated[
        list[str] | None, typer.Option(help="Field whose value to take from MERGED; may be repeated.")
    ] = None,
    of: Entity = "lead",
    home: Home = None,
) -> None:
    """Merge MERGED into SURVIVOR and print the id by which to undo it."""
    from pipelines.duplicate_commands import merge_duplicates

    raise typer.Exit(merge_duplicates(home, of, survivor, merged, take or []))


@app.command()
def undo(merge_id: str, home: Home = None) -> None:
    """Undo a merge; fields that were edited since are kept and listed."""
    from pipelines.duplicate_commands import undo_merge

    raise typer.Exit(undo_merge(home, merge_id))


@app.command()
def dismiss(pair_id: str, home: Home = None) -> None:
    """Note that the two records of a pair are not one customer."""
    from pipelines.duplicate_commands import dismiss_pair

    raise typer.Exit(dismiss_pair(home, pair_id))


@app.command()
def report(
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Length of the window.")] = 30,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="End of the window, in China. [default: now]"),
    ] = None,
    home: Home = None,
) -> None:
    """Tell which share of the customers reps of different regions follow up side by side."""
    from pipelines.duplicate_commands import report_overlap

    raise typer.Exit(report_overlap(home, days, until))
