"""What ``leadpulse model`` and ``leadpulse drift`` do; each returns its exit code."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from pipelines.commands import told
from pipelines.progress import Steps
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    from training.bundle.standing import Standing

P = ParamSpec("P")


def _told(command: Callable[P, int]) -> Callable[P, int]:
    """As ``told``, and for what models refuse."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        from pipelines.lifecycle import ModelRefused
        from training.bundle import BundleBroken
        from training.datasets import DatasetRefused
        from training.policy import PolicyRefused

        try:
            return command(*args, **kwargs)
        except (BundleBroken, DatasetRefused, ModelRefused, PolicyRefused) as error:
            message = f"[red]✗[/] {error.code} ({error.field}): {error.en} ({error.zh})"
            Steps().console.print(message, highlight=False)
            return 1

    return told(run)


@_told
def list_models(home: Path | None) -> int:
    """Print every version, which is champion, which is in the shadow, and the last events."""
    from pipelines.lifecycle import events
    from training.bundle import SHADOW
    from training.bundle.champions import versions_of
    from training.report import kept_report

    runtime = Runtime.at(home)
    folder = runtime.settings.models_folder
    for model in runtime.models():
        champion, shadow = _named(folder, model), _named(folder, model, SHADOW)
        print(f"{model}")
        for version in versions_of(folder, model):
            report = kept_report(folder, model, version)
            role = "champion 现任" if version == champion else "shadow 影子" if version == shadow else ""
            shut = [gate["name"] for gate in report["gates"] if not gate["passed"]] if report else []
            quality = _quality(report["metrics"]["lightgbm"]) if report else ""
            print(f"  {version:48} {quality:18} {role:14} {'✗ ' + ', '.join(shut) if shut else '✓'}")
        for event in events(runtime, model)[-5:]:
            print(f"  {event['at'][:19]}Z  {event['what']:14} {event['version']}  {event['why']}")
    return 0


@_told
def promote_model(home: Path | None, model: str, version: str, override: str | None) -> int:
    """Promote a version through its gates."""
    from pipelines.lifecycle import promote_version

    champion = promote_version(_known(home, model), model, version, override)
    print(f"{model}: {champion.version} is champion 已上线")
    return 0


@_told
def roll_back(home: Path | None, model: str) -> int:
    """Return to the champion before."""
    from pipelines.lifecycle import roll_back_model

    started = time.perf_counter()
    champion = roll_back_model(_known(home, model), model)
    print(f"{model}: {champion.version} is champion again 已回退 ({time.perf_counter() - started:.1f} s)")
    return 0


@_told
def shadow_model(home: Path | None, model: str, version: str | None, off: bool) -> int:
    """Put a version into the shadow, take it out, or tell how it does."""
    from pipelines.lifecycle import shadow_duel, shadow_version

    runtime = _known(home, model)
    if version or off:
        shadow_version(runtime, model, None if off else version)
        print(f"{model}: shadow 影子 {'—' if off else version}")
        return 0
    name, duel = shadow_duel(runtime, model, runtime.now())
    print(f"{model}: {name} scored {duel.pairs:,} pairs 对")
    if duel.live is None or duel.shadow is None:
        print("no outcome is known yet 尚无已知结果")
        return 0
    for side, metrics in (("live 现用", duel.live), ("shadow 影子", duel.shadow)):
        auc = "—" if metrics.auc is None else f"{metrics.auc:.3f}"
        print(
            f"  {side:12} n {metrics.n:,}  AUC {auc}  log loss {metrics.logloss:.4f}  ECE {metrics.ece:.4f}"
        )
    return 0


@_told
def write_card(home: Path | None, model: str, version: str | None, out: Path | None) -> int:
    """Write a version's card, or say where it lies."""
    from pipelines.lifecycle import ModelRefused
    from training.bundle.champions import champion_of, versions_of

    runtime = _known(home, model)
    folder = runtime.settings.models_folder
    name = version or champion_of(folder, model).version
    file = folder / model / f"{name}.card.html"
    if name not in versions_of(folder, model) or not file.is_file():
        raise ModelRefused("no_card", "version", f"版本 {name} 没有模型卡", f"{name} has no card")
    if out is not None:
        out.write_bytes(file.read_bytes())
    print(out or file)
    return 0


@_told
def retrain_models(home: Path | None, model: str | None, seed: int, *, only_due: bool) -> int:
    """Train what is due, or all; score anew where a champion changed."""
    from pipelines.demo import labels_until
    from pipelines.jobs import export_sources, score, train
    from pipelines.lifecycle import REFUSED, due, note, policy_of
    from serving.kinds import KINDS
    from training.datasets import DatasetRefused

    runtime, steps = Runtime.at(home), Steps()
    policy, now = policy_of(runtime), runtime.now()
    names = [name for name in runtime.models() if model in (None, name)]
    whys = {name: due(runtime, name, now, policy) if only_due else "by hand" for name in names}
    wanted = {name: why for name, why in whys.items() if why}
    if wanted and runtime.state.data_as_of is None:
        with steps.step("features", "Export the feature sources 导出特征来源") as report:
            export_sources(runtime, report)
    for name, why in wanted.items():
        with steps.step(name, f"Train {name} 训练 ({why})") as report:
            try:
                trained = train(runtime, name, seed, labels_until(runtime), report)
            except DatasetRefused as refused:  # a young company: rules answer, and it is tried again later
                note(runtime, name, REFUSED, "-", refused.code)
                if not only_due:
                    raise
                continue
            note(runtime, name, "trained", trained.version, why)
        print(f"{name}: {trained.version} {'champion 已上线' if trained.champion else 'refused 未过关'}")
        kind = next((kind for kind in KINDS if name in (kind.model, kind.timing)), None)
        if trained.champion and kind is not None:  # a match is worked out when it is asked for
            with steps.step(f"score {name}", f"Score {kind.plural} 评分") as report:
                score(runtime, kind, runtime.now(), report)
    return 0


@_told
def tell_drift(home: Path | None, model: str | None, accept: str | None) -> int:
    """Look for drift now and print what was found, or accept it."""
    from pipelines.lifecycle import accept_drift
    from pipelines.watching import watch_one

    runtime = _known(home, model) if model else Runtime.at(home)
    for name in runtime.models():
        if model not in (None, name):
            continue
        found = accept_drift(runtime, name, accept) if accept else watch_one(runtime, name, runtime.now())
        if found is None:
            print(f"{name}: no champion 没有上线模型")
        else:
            _print_standing(name, found)
    return 0


def _print_standing(model: str, found: Standing) -> None:
    state = f"stepped down to rules 已改由规则 ({found.down})" if found.down else found.level
    print(f"{model}: {found.version}  {found.as_of[:16]}  {state}")
    for one in found.findings:
        print(f"  {one['level']:4} {one['kind']:12} {one['en']} ({one['zh']})")
        for name in one["names"][:8]:
            print(f"         {name}")


def _known(home: Path | None, model: str) -> Runtime:
    from pipelines.lifecycle import ModelRefused

    runtime = Runtime.at(home)
    names = runtime.models()
    if model not in names:
        raise ModelRefused("unknown_model", "model", f"没有模型 {model}", f"there are {', '.join(names)}")
    return runtime


def _quality(metrics: Mapping[str, float | None]) -> str:
    """The one figure of a version: how well it ranks, of a hazard over time."""
    name = "concordance" if "concordance" in metrics else "auc"
    value = metrics[name]
    return "" if value is None else f"{name if len(name) > 3 else name.upper()} {value:.3f}"


def _named(folder: Path, model: str, pointer: str = "champion.json") -> str | None:
    from training.bundle import BundleBroken
    from training.bundle.champions import champion_of

    try:
        return champion_of(folder, model, pointer).folder
    except BundleBroken:
        return None
