"""``leadpulse demo``: from nothing to a served company. A second start finds what the first one built."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.progress import Report, Steps, share
from pipelines.runtime import Runtime
from pipelines.serve import SIGN_IN_FILE, serve_until_signal
from pipelines.state import CompanyKind, HomeState

# The public leads end on 2018-05-31. Their lists are drawn up the day after; the outcomes that training is
# tested on are known by the end of the files.
OLIST_NOW = datetime(2018, 6, 1, tzinfo=UTC)
OLIST_LABELS_UNTIL = datetime(2018, 12, 1, tzinfo=UTC)
# The demo company is scored as of these weeks ago too, so that a score has a history to show.
PAST_WEEKS = (1, 2, 3, 4)
DEMO_USER = "manager"


@dataclass
class Demo:
    """One run: the data folder, where the data comes from, and what to do at the end."""

    runtime: Runtime
    data: Path | None
    seed: int
    scale: float
    steps: Steps

    @property
    def company(self) -> CompanyKind:
        """Which company this is."""
        return "olist" if self.data else "demo"

    def run(self) -> dict[str, Any]:
        """Do the steps that are not done yet and return the summary."""
        state = self._begin()
        # The public files say nothing of who was given a lead.
        skipped = {"lead_match"} - set(self.runtime.models())
        for key, title, step in (
            ("store", "Prepare the record store 准备数据库", self._store),
            ("company", "Load the company 载入公司", self._load),
            ("features", "Export the feature sources 导出特征来源", self._features),
            ("lead_health", "Train lead health 训练线索健康度", self._train_leads),
            ("account_churn", "Train account churn 训练客户流失", self._train_accounts),
            ("account_renewal", "Train renewal timing 训练续约时点", self._train_renewal),
            ("lead_match", "Train lead match 训练线索匹配", self._train_match),
            ("score", "Score every lead and account 为全部线索与客户评分", self._score),
        ):
            if key in state.finished or key in skipped:
                continue
            with self.steps.step(key, title) as report:
                state.summary |= step(report) or {}
            state.finished.append(key)
            state.write(self.runtime.settings.folder)
        return state.summary

    def _begin(self) -> HomeState:
        folder = self.runtime.settings.folder
        if HomeState.read(folder) is None:
            HomeState(self.company, self.seed, self._now().isoformat()).write(folder)
        state = self.runtime.state
        if state.company != self.company:
            raise OtherCompanyError(folder, state.company)
        _forget_other_catalog(state)
        return state

    def _now(self) -> datetime:
        return OLIST_NOW if self.data else datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    def _store(self, report: Report) -> None:
        from crm_store.database import migrate

        migrate(self.runtime.settings.store_url)
        _make_sign_in(self.runtime)
        _make_seal_key(self.runtime)
        report(1, 1)

    def _load(self, report: Report) -> dict[str, Any]:
        from crm_store.repositories.sight.subjects import table_sizes

        if self.data:
            from crm_store.imports.olist import import_olist

            rejects = self.runtime.settings.folder / "rejects"
            jobs = import_olist(
                self.runtime.engine,
                self.data,
                rejects_folder=rejects,
                now=datetime.now(UTC),
                progress=report,
            )
            rejected = sum(job.rows_rejected for job in jobs.values())
        else:
            from pipelines.demo_company import generate
            from pipelines.demo_company.loading import load

            now = self.runtime.now()
            company = generate(self.runtime.state.seed or 0, now, self.scale, share(report, 0.0, 0.4))
            load(self.runtime.engine, company, now, share(report, 0.4, 1.0))
            rejected = 0
        with self.runtime.sessions() as session:
            tables = table_sizes(session)
        sizes = {"rows": sum(tables.values()), "tables": tables, "rows_rejected": rejected}
        return sizes if self.data else {**sizes, "scale": self.scale}

    def _features(self, report: Report) -> dict[str, Any]:
        from features.catalog import catalog_hash, names_of
        from pipelines.jobs import export_sources

        sources = export_sources(self.runtime, report)
        features = {entity: len(names_of(entity)) for entity in ("lead", "account")}
        return {"sources": sources, "features": features, "catalog_hash": catalog_hash()}

    def _train_leads(self, report: Report) -> dict[str, Any]:
        return self._train("lead_health", report)

    def _train_accounts(self, report: Report) -> dict[str, Any]:
        return self._train("account_churn", report)

    def _train_renewal(self, report: Report) -> dict[str, Any]:
        # A company too young to have lost anybody is refused: scores say whether, and not when.
        return self._train_if_told("account_renewal", report)

    def _train_match(self, report: Report) -> dict[str, Any]:
        return self._train_if_told("lead_match", report)

    def _train_if_told(self, model: str, report: Report) -> dict[str, Any]:
        """Train what a company may do without; a refusal is written down with its reason."""
        from pipelines.lifecycle import REFUSED, note
        from training.datasets import DatasetRefused

        try:
            return self._train(model, report)
        except DatasetRefused as refused:
            note(self.runtime, model, REFUSED, "-", refused.code)
            why = {"code": refused.code, "field": refused.field, "zh": refused.zh, "en": refused.en}
            return {"refused": {**self.runtime.state.summary.get("refused", {}), model: why}}

    def _train(self, model: str, report: Report) -> dict[str, Any]:
        from pipelines.jobs import train

        seed = self.runtime.state.seed or 0
        trained = train(self.runtime, model, seed, labels_until(self.runtime), report).as_dict()
        summary = self.runtime.state.summary
        kept = {
            name: trained[name]
            for name in ("version", "champion", "rows", "dates", "gates", "base_rate", "warning")
        }
        return {
            "models": {**summary.get("models", {}), model: trained["metrics"]},
            "trainings": {**summary.get("trainings", {}), model: kept},
        }

    def _score(self, report: Report) -> dict[str, Any]:
        from pipelines.jobs import publish_reps, score, score_past
        from pipelines.summary import neediest
        from serving.kinds import ACCOUNT, LEAD

        now = self.runtime.now()
        earlier = [] if self.data else [now - timedelta(weeks=week) for week in PAST_WEEKS]
        scored = {}
        for kind, start in ((LEAD, 0.0), (ACCOUNT, 0.5)):
            score_past(self.runtime, kind, earlier, now, share(report, start, start + 0.25))
            scored[kind.plural] = score(self.runtime, kind, now, share(report, start + 0.25, start + 0.5))
        publish_reps(self.runtime, now)
        tops = {kind.plural: neediest(self.runtime, kind) for kind in (LEAD, ACCOUNT)}
        return {"scored": scored, "neediest": tops}


def labels_until(runtime: Runtime) -> datetime:
    """Return the moment up to which outcomes are known to training."""
    return OLIST_LABELS_UNTIL if runtime.state.company == "olist" else runtime.now()


def _forget_other_catalog(state: HomeState) -> None:
    """Features and models of another catalog mean something else: they are built anew."""
    from features.catalog import catalog_hash

    if state.summary.get("catalog_hash", catalog_hash()) != catalog_hash():
        state.finished = [step for step in state.finished if step in ("store", "company")]


class OtherCompanyError(Exception):
    """The data folder holds another company."""

    def __init__(self, folder: Path, company: str) -> None:
        super().__init__(
            f"{folder} holds the company '{company}'; choose another folder with --home "
            f"(该数据文件夹已有公司“{company}”，请用 --home 另选)"
        )


def run_demo(
    home: Path | None, data: Path | None, *, seed: int, scale: float, serve: bool, as_json: bool
) -> int:
    """Run the demo and return the exit code."""
    from crm_store.repositories.problems import StoreError

    started = time.perf_counter()
    runtime = Runtime.at(home)
    steps = Steps()
    try:
        summary = Demo(runtime, data, seed, scale, steps).run()
    except (OtherCompanyError, StoreError) as error:
        steps.console.print(f"[red]✗[/] {error}", highlight=False)
        return 1
    from pipelines.summary import show

    show(summary, runtime)
    if not serve:
        if as_json:
            _print_json(summary, steps, started)
        return 0
    return serve_until_signal(
        runtime, steps, lambda: _print_json(summary, steps, started) if as_json else None
    )


def _print_json(summary: dict[str, Any], steps: Steps, started: float) -> None:
    seconds = round(time.perf_counter() - started, 2)
    print(json.dumps({**summary, "seconds": seconds, "steps": steps.seconds}, ensure_ascii=False), flush=True)  # noqa: T201


def _make_seal_key(runtime: Runtime) -> None:
    from crm_store.services.seal_keys import create_keys
    from pipelines.seals import SealPlace

    place = SealPlace.of(runtime.settings)
    if not place.private_key.exists():
        create_keys(place.private_key, place.book().public_key)


def _make_sign_in(runtime: Runtime) -> None:
    """Create a manager and an API key with secrets of their own, kept for the owner of the folder only.

    There is no default account: a folder that is served to others gets its people by ``leadpulse user add``.
    """
    from crm_store.database import transaction
    from crm_store.services.access import create_api_key, create_user

    file = runtime.settings.folder / SIGN_IN_FILE
    if file.exists():
        return
    password, now = secrets.token_urlsafe(12), datetime.now(UTC)
    # A start that was cut off here leaves a name whose password nobody kept.
    name = f"{DEMO_USER}-{secrets.token_hex(2)}"
    with transaction(runtime.sessions) as session:
        create_user(session, name, password, "manager", now)
        key = create_api_key(
            session, "demo", ["score", "read", "write", "intake"], now, now + timedelta(days=365)
        )
        file.touch(mode=0o600)
        file.write_text(json.dumps({"user": name, "password": password, "api_key": key}), "utf-8")
