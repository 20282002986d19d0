"""Commands that move data in and out: ``import``, ``export`` and ``orders``. Only Typer is imported here."""

from pathlib import Path
from typing import Annotated

import typer

import_app = typer.Typer(help="Load records from files; a rerun adds nothing.", no_args_is_help=True)
mapping_app = typer.Typer(help="Saved column mappings.", no_args_is_help=True)
export_app = typer.Typer(help="Write records to files that are safe to open.", no_args_is_help=True)
orders_app = typer.Typer(help="Order snapshots from an ERP.", no_args_is_help=True)
import_app.add_typer(mapping_app, name="mapping")

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]
Kind = Annotated[str | None, typer.Option(help="Kind of record: lead, account, activity, order_snapshot, …")]
Source = Annotated[str | None, typer.Option(help="Name of the system that the file comes from.")]
Mapping = Annotated[
    str | None,
    typer.Option(help="A saved mapping's name, or a JSON file. [default: found out from the header]"),
]
Product = Annotated[
    str | None, typer.Option(help="salesforce, hubspot or odoo. [default: found out from the header]")
]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a workbook. [default: the first]")]
Fields = Annotated[str | None, typer.Option(help="Fields, separated by commas. [default: all]")]
Language = Annotated[str, typer.Option(help="Language of the header: zh or en.")]


@import_app.command("olist")
def import_olist(folder: Path, home: Home = None) -> None:
    """Load the public Olist files as they come."""
    from pipelines.data_commands import import_olist_folder

    raise typer.Exit(import_olist_folder(home, folder))


@import_app.command("file")
@import_app.command("csv", hidden=True)
def import_file(
    file: Path,
    kind: Kind = None,
    source: Source = None,
    mapping: Mapping = None,
    product: Product = None,
    sheet: Sheet = None,
    home: Home = None,
) -> None:
    """Load one CSV (UTF-8 or GBK) or XLSX file; bad rows go to a rejects file with their reasons."""
    from pipelines.data_commands import Choice
    from pipelines.data_commands import import_file as run

    raise typer.Exit(run(home, file, Choice(kind, source, mapping, product, sheet)))


@import_app.command("preview")
def preview(
    file: Path,
    kind: Kind = None,
    source: Source = None,
    mapping: Mapping = None,
    product: Product = None,
    sheet: Sheet = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows to look at.")] = 20,
    as_mapping: Annotated[bool, typer.Option("--as-mapping", help="Print the mapping as JSON only.")] = False,
    home: Home = None,
) -> None:
    """Show what an import would make of the first rows, and write nothing."""
    from pipelines.data_commands import Choice, preview_file

    choice = Choice(kind, source, mapping, product, sheet)
    raise typer.Exit(preview_file(home, file, choice, rows=rows, as_mapping=as_mapping))


@import_app.command("jobs")
def list_jobs(home: Home = None) -> None:
    """List the latest imports: how far they came, and where their rejected rows are."""
    from pipelines.data_commands import list_jobs as run

    raise typer.Exit(run(home))


@import_app.command("resume")
def resume(job: str, home: Home = None) -> None:
    """Go on with an import that was stopped, behind its last committed batch."""
    from pipelines.data_commands import resume_job

    raise typer.Exit(resume_job(home, job))


@mapping_app.command("save")
def save_mapping(
    name: str,
    file: Path,
    reason: Annotated[str | None, typer.Option(help="Why it changed.")] = None,
    home: Home = None,
) -> None:
    """Save a mapping from a JSON file as the next version of a name."""
    from pipelines.data_commands import save_mapping as run

    raise typer.Exit(run(home, name, file, reason))


@mapping_app.command("list")
def list_mappings(home: Home = None) -> None:
    """List the saved mappings."""
    from pipelines.data_commands import list_mappings as run

    raise typer.Exit(run(home))


@mapping_app.command("show")
def show_mapping(
    name: str,
    version: Annotated[int | None, typer.Option(help="An earlier version.")] = None,
    home: Home = None,
) -> None:
    """Print a saved mapping as JSON."""
    from pipelines.data_commands import show_mapping as run

    raise typer.Exit(run(home, name, version))


@export_app.command("csv")
def export_csv(
    kind: str, file: Path, fields: Fields = None, language: Language = "zh", home: Home = None
) -> None:
    """Write every record of a kind as CSV that Excel opens with its Chinese intact."""
    from pipelines.data_commands import export_file

    raise typer.Exit(export_file(home, "csv", kind, file, fields, language))


@export_app.command("xlsx")
def export_xlsx(
    kind: str, file: Path, fields: Fields = None, language: Language = "zh", home: Home = None
) -> None:
    """Write every record of a kind as an XLSX workbook."""
    from pipelines.data_commands import export_file

    raise typer.Exit(export_file(home, "xlsx", kind, file, fields, language))


@orders_app.command("pull")
def pull_orders(
    name: str,
    config: Annotated[
        Path | None,
        typer.Option(help="JSON file of connectors. [default: connectors.json in the data folder]"),
    ] = None,
    home: Home = None,
) -> None:
    """Take what is new from an order connector; a repeated pull adds nothing."""
    from pipelines.data_commands import pull_orders as run

    raise typer.Exit(run(home, name, config))
