"""``leadpulse train --table``: any flat file through the pipeline; one JSON object or a short summary."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.progress import Steps

if TYPE_CHECKING:
    from training.flat.pipeline import Answer
    from training.flat.prepare import Question

_STAGES = {
    "read": "Read 读取",
    "guard": "Leak guard 泄漏检查",
    "tune": "Tune 调参",
    "fit": "Fit 训练",
    "test": "Test 测试",
}


def train_file(
    path: Path,
    target: str | None,
    *,
    time: str | None,
    group: str | None,
    test_share: float,
    budget: float,
    seed: int,
    report: Path | None,
    out: Path | None = None,
    as_json: bool,
) -> int:
    """Train on a table, write the report beside it and the model to ``out``; return the exit code."""
    # small fits: on a busy machine, threads of linear algebra wait for one another
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from training.tables.errors import TableRefused

    steps = Steps()
    try:
        if target is None:
            raise TableRefused("target_missing", "target")
        from training.flat.bundle import write_model
        from training.flat.pipeline import train_file as train
        from training.flat.prepare import Question

        if out is not None and out.exists():
            raise TableRefused("bundle_exists", "out", out.name)
        question = Question(target, time, group, test_share, budget, seed)
        with steps.step("train", f"{path.name}: train 训练") as tell:
            seen: set[str] = set()

            def progress(stage: str, share: float) -> None:
                if stage not in seen and not steps.console.is_terminal:
                    print(f"… {_STAGES[stage]}", file=sys.stderr, flush=True)
                seen.add(stage)
                done = list(_STAGES).index(stage)
                tell(round(100 * (done + share)), 100 * len(_STAGES))

            answer, model = train(path, question, progress)
        place = _write(path, report, question, answer)
        if out is not None:
            write_model(out, model)
    except TableRefused as error:
        return _refuse(error, as_json)
    if as_json:
        told = {**answer.as_dict(), "report": str(place), **({"bundle": str(out)} if out else {})}
        print(json.dumps(told, ensure_ascii=False, allow_nan=False))
    else:
        _show(answer, place)
        if out is not None:
            print(f"bundle 模型包: {out}")
    return 0


def predict_file(bundle: Path, path: Path, out: Path | None, *, as_json: bool) -> int:
    """Score every row of a table with a bundle that training wrote; return the exit code.

    The scores are a CSV of row (from 1, in the table's order) and probability.
    """
    from training.bundle.files import BundleBroken
    from training.flat.bundle import read_model
    from training.tables.errors import TableRefused
    from training.tables.reading import read_table

    place = out or path.with_name(f"{path.stem}.scores.csv")
    try:
        model = read_model(bundle)
        scores = model.probabilities(read_table(path)).tolist()
        lines = [f"{row},{score!r}" for row, score in enumerate(scores, 1)]
        try:
            place.write_text("\n".join(["row,probability", *lines, ""]), "utf-8")
        except OSError as error:
            raise TableRefused("scores_unwritable", "out", f"{place.name}: {error.strerror}") from None
    except (BundleBroken, TableRefused) as error:
        return _refuse(error, as_json)
    mean = sum(scores) / len(scores)
    if as_json:
        told = {"rows": len(scores), "mean": mean, "target": model.target, "positive": model.positive}
        print(json.dumps({**told, "scores": str(place)}, ensure_ascii=False))
    else:
        print(f"{len(scores):,} rows 行, mean 平均 P({model.target} = {model.positive}) {mean:.3f}")
        print(f"scores 评分: {place}")
    return 0


def _write(path: Path, report: Path | None, question: Question, answer: Answer) -> Path:
    from training.flat.report import report_html
    from training.tables.errors import TableRefused

    place = report or path.with_name(f"{path.stem}.report.html")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(report_html(path.name, question, answer), "utf-8")
    except OSError as error:
        raise TableRefused("report_unwritable", "report", f"{place.name}: {error.strerror}") from None
    return place


def _refuse(error: object, as_json: bool) -> int:
    """Tell what is wrong: a sentence on standard error, and with ``--json`` the same as the one object."""
    code, field = getattr(error, "code", ""), getattr(error, "field", "")
    zh, en = getattr(error, "zh", ""), getattr(error, "en", "")
    print(f"✗ {code} ({field}): {zh} · {en}", file=sys.stderr)
    if as_json:
        told = {"code": code, "field": field, "zh": zh, "en": en}
        print(json.dumps({"error": told}, ensure_ascii=False))
    return 1


def _show(answer: Answer, place: Path) -> None:
    print(f"{'':10}{'AUC':>8}{'AP':>8}{'logloss':>9}{'ECE':>8}{'lift':>8}")
    for name, metrics in answer.metrics.items():
        figures = [metrics.auc, metrics.ap, metrics.logloss, metrics.ece, metrics.lift]
        shown = [f"{value:.3f}" if value is not None else "–" for value in figures]
        print(f"{name:10}{shown[0]:>8}{shown[1]:>8}{shown[2]:>9}{shown[3]:>8}{shown[4]:>8}")
    for refusal in answer.refused.values():
        print(f"refused 拒绝 {refusal.column}: {refusal.zh} · {refusal.en}")
    print(f"report 报告: {place}")
