"""``leadpulse audit …``, ``backup …`` and ``restore``. Only Typer is imported here: help is instant."""

from pathlib import Path
from typing import Annotated

import typer

audit_app = typer.Typer(help="The change log's hash chains, and the seals outside it.", no_args_is_help=True)
backup_app = typer.Typer(help="Copies of the store and the data folder, checked.", no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]


@audit_app.command("verify")
def verify_audit(home: Home = None) -> None:
    """Check every hash chain and every seal; exit 1 and say where something is wrong."""
    from pipelines.audit_commands import verify_audit as run

    raise typer.Exit(run(home))


@audit_app.command("seal")
def seal(home: Home = None) -> None:
    """Seal what is new now; a served data folder does so every minute by itself."""
    from pipelines.audit_commands import seal_now

    raise typer.Exit(seal_now(home))


@audit_app.command("keygen")
def keygen(home: Home = None) -> None:
    """Make the key that signs seals, once, and print its fingerprint."""
    from pipelines.audit_commands import make_keys

    raise typer.Exit(make_keys(home))


@audit_app.command("catch-up")
def catch_up(home: Home = None) -> None:
    """Set the transaction clock of a PostgreSQL store that was restored by other means than ours."""
    from pipelines.audit_commands import catch_up as run

    raise typer.Exit(run(home))


@backup_app.command("create")
def create(file: Path, home: Home = None) -> None:
    """Write the store, its seals and the data folder to one file, while others go on writing."""
    from pipelines.backup_commands import create as run

    raise typer.Exit(run(home, file))


@backup_app.command("verify")
def verify(file: Path, home: Home = None) -> None:
    """Restore a backup into a scratch place, audit it against its seals, and compare row counts."""
    from pipelines.backup_commands import verify as run

    raise typer.Exit(run(home, file))


def restore(
    file: Path,
    home: Home = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put what is there aside and restore in its place.")
    ] = False,
) -> None:
    """Restore a backup into an empty data folder and store. Stop the services first."""
    from pipelines.backup_commands import restore as run

    raise typer.Exit(run(home, file, replace=replace))
