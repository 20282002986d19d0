"""``leadpulse model …`` and ``leadpulse drift``. Only Typer is imported here: help is instant."""

from pathlib import Path
from typing import Annotated

import typer

model_app = typer.Typer(help="Versions of the models: champion, shadow, gates, cards.", no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="Data folder. [default: .leadpulse, or LEADPULSE_HOME]")
]
_MODELS = "lead_health, account_churn, lead_match or account_renewal"
Model = Annotated[str, typer.Argument(help=_MODELS)]
AnyModel = Annotated[str | None, typer.Argument(help=f"{_MODELS}. [default: all]")]


@model_app.command("list")
def list_models(home: Home = None) -> None:
    """List versions with their gates, the champion, the shadow and what happened last."""
    from pipelines.model_commands import list_models as run

    raise typer.Exit(run(home))


@model_app.command("promote")
def promote(
    model: Model,
    version: str,
    override: Annotated[
        str | None, typer.Option(help="Why, for a version that a gate refused; the reason is kept.")
    ] = None,
    home: Home = None,
) -> None:
    """Make a version champion, if it passed every gate; serving follows within seconds."""
    from pipelines.model_commands import promote_model

    raise typer.Exit(promote_model(home, model, version, override))


@model_app.command("rollback")
def rollback(model: Model, home: Home = None) -> None:
    """Return to the champion before this one, at once and without dropping a request."""
    from pipelines.model_commands import roll_back

    raise typer.Exit(roll_back(home, model))


@model_app.command("shadow")
def shadow(
    model: Model,
    version: Annotated[str | None, typer.Argument(help="Who is to be tried. [default: tell]")] = None,
    off: Annotated[bool, typer.Option("--off", help="Try nobody.")] = False,
    home: Home = None,
) -> None:
    """Score a challenger beside the champion on live traffic, or compare the two on outcomes known since."""
    from pipelines.model_commands import shadow_model

    raise typer.Exit(shadow_model(home, model, version, off))


@model_app.command("card")
def card(
    model: Model,
    version: Annotated[str | None, typer.Argument(help="[default: the champion]")] = None,
    out: Annotated[Path | None, typer.Option(help="Copy the page here.")] = None,
    home: Home = None,
) -> None:
    """Give the model card of a version: data, quality by segment, limits, how to contest a score."""
    from pipelines.model_commands import write_card

    raise typer.Exit(write_card(home, model, version, out))


@model_app.command("retrain")
def retrain(
    model: AnyModel = None,
    due: Annotated[bool, typer.Option("--due", help="Only what its schedule or its drift asks for.")] = False,
    seed: int = 7,
    home: Home = None,
) -> None:
    """Train again on what is known now; a winner becomes champion through the gates, and scores anew."""
    from pipelines.model_commands import retrain_models

    raise typer.Exit(retrain_models(home, model, seed, only_due=due))


def drift(
    model: AnyModel = None,
    accept: Annotated[
        str | None, typer.Option(help="Why the model shall answer in spite of the drift; the reason is kept.")
    ] = None,
    home: Home = None,
) -> None:
    """Look for drift of inputs, scores, base rate and calibration, and act on it as the policy says."""
    from pipelines.model_commands import tell_drift

    raise typer.Exit(tell_drift(home, model, accept))
