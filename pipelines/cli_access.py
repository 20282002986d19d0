"""``leadpulse user`` and ``leadpulse key``: who may come in. Only Typer is imported here."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

user_app = typer.Typer(help="People who sign in to the workbench.", no_args_is_help=True)
key_app = typer.Typer(help="Keys of programs that call the API.", no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]
_ROLES = "rep, lead, manager, operations, scientist, service, admin"


@user_app.command("add")
def add_user(
    name: str,
    role: Annotated[str, typer.Option(help=_ROLES)] = "rep",
    email: Annotated[str | None, typer.Option(help="Address that single sign-on finds them by.")] = None,
    rep: Annotated[str | None, typer.Option(help="Id of the salesperson they are.")] = None,
    region: Annotated[str | None, typer.Option(help="Narrows what a manager sees.")] = None,
    password: Annotated[bool, typer.Option(help="--no-password: by single sign-on only.")] = True,
    home: Home = None,
) -> None:
    """Add a person; asks for the password."""
    from pipelines.access_commands import add_user as run

    given = _ask_password() if password else None
    raise typer.Exit(run(home, name, given, role, email=email, rep=rep, region=region))


@user_app.command("list")
def list_users(home: Home = None) -> None:
    """List everybody: role, salesperson, region, second factor, and who is disabled."""
    from pipelines.access_commands import list_users as run

    raise typer.Exit(run(home))


@user_app.command("disable")
def disable_user(name: str, home: Home = None) -> None:
    """End an account; its sessions and keys open nothing from now on."""
    from pipelines.access_commands import disable_user as run

    raise typer.Exit(run(home, name))


@user_app.command("enable")
def enable_user(name: str, home: Home = None) -> None:
    """Open an account again, and unlock it."""
    from pipelines.access_commands import enable_user as run

    raise typer.Exit(run(home, name))


@user_app.command("role")
def change_role(
    name: str,
    role: Annotated[str, typer.Argument(help=_ROLES)],
    rep: Annotated[str | None, typer.Option(help="Id of the salesperson they are; '' for none.")] = None,
    region: Annotated[str | None, typer.Option(help="Narrows what a manager sees; '' for all.")] = None,
    home: Home = None,
) -> None:
    """Give another role; whoever has it must sign in again."""
    from pipelines.access_commands import change_role as run

    raise typer.Exit(run(home, name, role, rep=rep, region=region))


@user_app.command("password")
def change_password(name: str, home: Home = None) -> None:
    """Set another password and sign them out everywhere; asks for it."""
    from pipelines.access_commands import change_password as run

    raise typer.Exit(run(home, name, _ask_password()))


@user_app.command("second-factor")
def second_factor(
    name: str,
    remove: Annotated[bool, typer.Option("--remove", help="Take it away, as for a lost phone.")] = False,
    home: Home = None,
) -> None:
    """Set up a second factor with the person beside you, or take it away."""
    from pipelines.access_commands import remove_second_factor, set_up_second_factor

    if remove:
        raise typer.Exit(remove_second_factor(home, name))
    raise typer.Exit(set_up_second_factor(home, name, lambda: str(typer.prompt("Code 验证码"))))


@key_app.command("create")
def create_key(
    name: str,
    scope: Annotated[
        list[str] | None, typer.Option(help="score, read, write, intake, pii, admin; may be repeated")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Whom it acts as, within its scopes.")] = None,
    expires: Annotated[datetime | None, typer.Option(help="When it ends, in UTC.")] = None,
    home: Home = None,
) -> None:
    """Create an API key and print it once."""
    from pipelines.access_commands import create_key as run

    raise typer.Exit(run(home, name, scope or ["score", "read"], user=user, expires=expires))


@key_app.command("list")
def list_keys(home: Home = None) -> None:
    """List the keys by their first letters: scopes, whose they are, until when they hold."""
    from pipelines.access_commands import list_keys as run

    raise typer.Exit(run(home))


@key_app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Its first letters as listed, or the key.")], home: Home = None
) -> None:
    """End a key; the next request with it is refused."""
    from pipelines.access_commands import revoke_key as run

    raise typer.Exit(run(home, key))


def _ask_password() -> str:
    return str(typer.prompt("Password 密码", hide_input=True, confirmation_prompt=True))
