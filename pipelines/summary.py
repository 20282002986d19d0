"""What a build ends with: sizes, quality against the baselines, and who needs someone most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.runtime import Runtime
    from serving.kinds import Kind

MOST = 10
_BAND_COLOURS = {"red": "red", "yellow": "yellow", "green": "green"}


def neediest(runtime: Runtime, kind: Kind) -> list[dict[str, Any]]:
    """Return the first lines of the ranked list, each with its strongest reason against."""
    from crm_store.repositories.scores.log import latest, ranked
    from serving.explain import sentence

    with runtime.sessions() as session:
        lines = ranked(session, kind.model, limit=MOST).items
        scores = latest(session, kind.model, [line.entity_id for line in lines])
    shown = []
    for line in lines:
        reasons = scores[line.entity_id].score.reasons
        worst = min(reasons, key=lambda reason: reason.effect, default=None)
        shown.append(
            {
                "id": line.entity_id,
                "title": line.title,
                "value": round(line.value, 1),
                "band": line.band,
                "probability": line.probability,
                "money": line.money,
                "source": line.source,
                "reason": sentence(worst, "zh") if worst else "",
            }
        )
    return shown


def show(summary: dict[str, Any], runtime: Runtime) -> None:
    """Print the summary to standard output."""
    from rich.console import Console

    console = Console()
    if runtime.state.company == "demo":
        from pipelines.demo_company import SYNTHETIC_NOTICE

        console.print(*SYNTHETIC_NOTICE, style="yellow", sep="\n")
    console.print(_sizes(summary))
    for model, scorers in summary["models"].items():
        training = summary["trainings"][model]
        console.print(_quality(model, scorers, training))
        for line in _told_warning(training.get("warning", {})):
            console.print(line, highlight=False)
    for model, why in summary.get("refused", {}).items():
        console.print(f"{model}: {why['zh']} · {why['en']} ({why['code']})", highlight=False)
    for plural, lines in summary["neediest"].items():
        console.print(_needs(plural, lines))


def show_quality(model: str, training: dict[str, Any]) -> None:
    """Print how the scorers of one training compare, and the gates it did not pass."""
    from rich.console import Console

    console = Console()
    console.print(_quality(model, training["metrics"], training))
    for line in _told_warning(training["warning"]):
        console.print(line, highlight=False)
    for gate in training["gates"]:
        if not gate["passed"]:
            console.print(f"✗ {gate['zh']} · {gate['en']}: {gate['measured']} / {gate['limit']}")


def _sizes(summary: dict[str, Any]) -> str:
    tables = "  ".join(f"{name} {count:,}" for name, count in summary["tables"].items())
    features = "  ".join(f"{entity} {count}" for entity, count in summary["features"].items())
    scored = "  ".join(f"{plural} {count:,}" for plural, count in summary["scored"].items())
    return f"\nRows 行数 {summary['rows']:,}: {tables}\nFeatures 特征: {features}\nScored 已评分: {scored}"


def _quality(model: str, scorers: dict[str, dict[str, float]], training: dict[str, Any]) -> Any:
    from rich.table import Table

    from training.report import measures_of

    standing = "champion ✓" if training["champion"] else "refused by a gate 未过关"
    title = f"{model}  {training['version']}  {standing}  (test rows {training['rows']['test']['rows']:,})"
    table = Table(title=title, title_justify="left")
    table.add_column("scorer")
    measures = measures_of(scorers)
    for label in measures.values():
        table.add_column(label, justify="right")
    for scorer, measured in scorers.items():
        figures = (measured[name] for name in measures)
        table.add_row(scorer, *("" if figure is None else f"{figure:.3f}" for figure in figures))
    return table


def _told_warning(warning: dict[str, dict[str, float | None]]) -> list[str]:
    """Say how early red warned, of a model that says when."""
    return [
        f"{scorer}: first red {_number(told['lead_days'], '.0f')} days before the loss (median), "
        f"recall {_number(told['recall'], '.0%')}, "
        f"false alarms {_number(told['false_alarms_per_account_year'], '.2f')} per account-year "
        f"(提前天数中位数、召回率、每客户年误报)"
        for scorer, told in warning.items()
    ]


def _number(value: float | None, form: str) -> str:
    return "—" if value is None else format(value, form)


def _needs(plural: str, lines: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{plural}: who most needs someone 最需要有人跟进", title_justify="left")
    for label in ("score", "title", "money" if plural == "accounts" else "P(win)", "why"):
        table.add_column(label, overflow="fold")
    for line in lines:
        colour = _BAND_COLOURS[line["band"]]
        last = line["money"] if plural == "accounts" else line["probability"]
        figure = "" if last is None else f"{last:,.0f}" if plural == "accounts" else f"{last:.1%}"
        value = f"[{colour}]{line['value']:.0f}[/]"
        table.add_row(value, escape(line["title"] or line["id"]), figure, escape(line["reason"]))
    return table
