"""The ``leadpulse`` command. Only Typer is imported here; a command imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines import cli_access, cli_audit, cli_data, cli_duplicates, cli_models

app = typer.Typer(
    name="leadpulse",
    help="LeadPulse 线索脉搏: lead intelligence for Chinese B2B sales.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
features_app = typer.Typer(help="The feature catalog.", no_args_is_help=True)
db_app = typer.Typer(help="Migrations of the record store.", no_args_is_help=True)
app.add_typer(cli_access.user_app, name="user")
app.add_typer(cli_access.key_app, name="key")
app.add_typer(features_app, name="features")
app.add_typer(cli_data.import_app, name="import")
app.add_typer(cli_data.export_app, name="export")
app.add_typer(cli_data.orders_app, name="orders")
app.add_typer(cli_duplicates.app, name="duplicates")
app.add_typer(db_app, name="db")
app.add_typer(cli_audit.audit_app, name="audit")
app.add_typer(cli_audit.backup_app, name="backup")
app.add_typer(cli_models.model_app, name="model")
app.command()(cli_models.drift)
app.command()(cli_audit.restore)

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]


@app.command()
def demo(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the public Olist files, in place of the demo company."),
    ] = None,
    home: Home = None,
    serve: Annotated[bool, typer.Option(help="Serve after the summary.")] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, on the last line.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the demo company and of training.")] = 7,
    scale: Annotated[float, typer.Option(min=0.01, max=10, help="Size of the demo company.")] = 1.0,
) -> None:
    """Load a company, build features, train, score everything, and serve."""
    from pipelines.demo import run_demo

    raise typer.Exit(run_demo(home, data, seed=seed, scale=scale, serve=serve, as_json=as_json))


@app.command()
def serve(home: Home = None) -> None:
    """Serve the scoring API, the workbench and the MLflow UI of a data folder."""
    from pipelines.serve import run_services

    raise typer.Exit(run_services(home))


@app.command()
def work(home: Home = None) -> None:
    """Keep features and scores fresh as events come; several may run, one works and the others stand by."""
    from pipelines.fresh.command import run_worker

    raise typer.Exit(run_worker(home))


@app.command()
def build(
    home: Home = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read everything anew, not only what has happened since.")
    ] = False,
) -> None:
    """Bring the feature sources up to the record store and register the catalog; then score."""
    from pipelines.commands import build_features

    raise typer.Exit(build_features(home, whole=whole))


@app.command()
def train(
    model: Annotated[
        str | None,
        typer.Argument(help="lead_health, account_churn, lead_match or account_renewal. [default: all]"),
    ] = None,
    seed: int = 7,
    home: Home = None,
    table: Annotated[
        Path | None, typer.Option(help="Train on this file instead: CSV, XLSX or Parquet.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Its column of two values to predict.")] = None,
    time: Annotated[str | None, typer.Option(help="Its column of when a row is to be scored.")] = None,
    group: Annotated[str | None, typer.Option(help="Its column of what rows belong together by.")] = None,
    test_share: Annotated[float, typer.Option(help="Share of its rows held for the report.")] = 0.25,
    budget: Annotated[float, typer.Option(help="Seconds to tune and fit; reading comes on top.")] = 60.0,
    report: Annotated[Path | None, typer.Option(help="Report. [default: beside the file]")] = None,
    out: Annotated[Path | None, typer.Option(help="Write its model here, for leadpulse predict.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False,
) -> None:
    """Train, compare, log to MLflow, and promote through the gates; with --table, on any flat file."""
    if table is not None:
        from pipelines.flat_commands import train_file

        raise typer.Exit(
            train_file(
                table, target, time=time, group=group, test_share=test_share, budget=budget, seed=seed,
                report=report, out=out, as_json=as_json,
            )
        )  # fmt: skip
    from pipelines.commands import train_models

    raise typer.Exit(train_models(home, model, seed))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Option(help="What train --table … --out wrote.")],
    table: Annotated[Path, typer.Option(help="The file to score: CSV, XLSX or Parquet.")],
    out: Annotated[Path | None, typer.Option(help="Scores as CSV. [default: beside the file]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as one JSON object.")] = False,
) -> None:
    """Score every row of a flat file with a model that was trained on one like it."""
    from pipelines.flat_commands import predict_file

    raise typer.Exit(predict_file(bundle, table, out, as_json=as_json))


@app.command()
def score(home: Home = None) -> None:
    """Score every open lead and account as of now."""
    from pipelines.commands import score_all

    raise typer.Exit(score_all(home))


@features_app.command("list")
def list_features(entity: Annotated[str | None, typer.Option(help="lead or account")] = None) -> None:
    """List the catalog: name, unit, title."""
    from pipelines.commands import list_features as run

    raise typer.Exit(run(entity))


@features_app.command("show")
def show_feature(name: str) -> None:
    """Show one declaration."""
    from pipelines.commands import show_feature as run

    raise typer.Exit(run(name))


@features_app.command("quality")
def feature_quality(home: Home = None) -> None:
    """Tell what the last builds found: freshness, unknown values, range and drift, and what was held back."""
    from pipelines.commands import tell_feature_quality

    raise typer.Exit(tell_feature_quality(home))


@features_app.command("docs")
def feature_docs(
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("features.html"),
) -> None:
    """Write the catalog as one searchable HTML page."""
    from pipelines.commands import write_feature_docs

    raise typer.Exit(write_feature_docs(out))


@db_app.command("upgrade")
def upgrade(revision: str = "head", home: Home = None) -> None:
    """Migrate the record store forward."""
    from pipelines.commands import migrate_store

    raise typer.Exit(migrate_store(home, revision, backward=False))


@db_app.command("downgrade")
def downgrade(revision: str, home: Home = None) -> None:
    """Migrate the record store back to a revision."""
    from pipelines.commands import migrate_store

    raise typer.Exit(migrate_store(home, revision, backward=True))


if __name__ == "__main__":
    app()
