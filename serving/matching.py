"""Whom a lead should go to: its candidates ranked by chance of winning, by the model or by rules.

``model``  the champion's P(win | lead, rep) from the features of both
``rules``  weighted round-robin by past wins among the candidates, deterministic under a recorded seed

While the record store is away, the candidates are those it named last, with their age.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, cast

from crm_store.domain.round_robin import turns
from crm_store.domain.scores import Score
from crm_store.repositories.candidates import Field, Standing
from features.composed import COMPOSED
from features.pairs import composed, fit_ids, pair_id
from serving.candidates import Candidates
from serving.champions import Absent, Champion, Champions
from serving.gate import DownError
from serving.kinds import LEAD
from serving.ladder import Answer, NoAnswer, Observer, Row, RuleSource
from serving.online import OnlineGate

log = logging.getLogger("leadpulse.serving")
MODEL = "lead_match"
Rung = Literal["model", "rules"]
Exclusion = Literal["other_region", "on_leave", "at_capacity"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class MatchLimits:
    """``open_leads`` is how many a rep may have, ``seed`` settles the rules' ties."""

    open_leads: int = 100
    seed: int = 7
    fresh: timedelta = timedelta(hours=48)


@dataclass(frozen=True)
class Candidate:
    """A rep in their place; ``score`` holds probability and reasons, None where nothing is known of them."""

    rep: Standing
    score: Score | None


@dataclass(frozen=True)
class Match:
    """The candidates of a lead, best first, who was excluded and why, and the rung that ranked them.

    Of the model's: ``mean`` is the chance of the mean candidate, which reasons are told against, and
    ``typical`` the candidates' mean of each feature that is a number. ``age`` is that of candidates who are
    remembered, None for those that the record store names.
    """

    ranked: tuple[Candidate, ...]
    excluded: tuple[tuple[Standing, Exclusion], ...]
    rung: Rung
    why: str | None
    version: str
    as_of: datetime
    mean: float | None = None
    typical: Mapping[str, float] = field(default_factory=dict)
    age: timedelta | None = None


class Comparer(Protocol):
    """What ranks candidates: a bundle's scorer."""

    def compare(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> tuple[list[Score], float]:
        """Return one score per candidate, with what sets them apart, and the mean candidate's chance."""
        ...


@dataclass(frozen=True)
class _Rows:
    """Fresh online values by id, from when they are, and why there are none for the others."""

    values: dict[str, Values]
    as_of: dict[str, datetime]
    why: str | None


@dataclass(frozen=True)
class Matcher:
    """Ranks reps for leads. Safe to call from several threads; raises what ``candidates`` raise."""

    champions: Champions
    gate: OnlineGate
    rules: RuleSource
    candidates: Candidates
    clock: Callable[[], datetime]
    limits: MatchLimits
    observe: Observer = lambda _model, _rows, _answers: None

    def answer(self, ids: Sequence[str]) -> dict[str, Match | NoAnswer]:
        """Return the match of each of ``ids``, or why there is none: not on record, or nobody can say."""
        now = self.clock()
        wanted = list(dict.fromkeys(ids))
        field, age = self.candidates.of(wanted, now)
        reps = self._online("rep", [rep.rep_id for rep in field.reps], now)
        if age is None:
            known = [lead_id for lead_id in wanted if lead_id in field.regions]
            leads = self._online("lead", known, now)
        else:
            leads = self._online("lead", wanted, now)
            known = list(leads.values)
            field = replace(field, regions={i: row.get("lead_region") for i, row in leads.values.items()})
        matches = {one: replace(self._match(one, field, leads, reps, now), age=age) for one in known}
        nobody = NoAnswer(LEAD.not_found if age is None else "store_unavailable")
        return {one: matches.get(one, nobody) for one in wanted}

    def _match(self, lead_id: str, field: Field, leads: _Rows, reps: _Rows, now: datetime) -> Match:
        open_to, excluded = self._sorted_out(lead_id, field)
        standing = self.champions.current(MODEL)
        missing = any(rep.rep_id not in reps.values for rep in open_to)
        why: str | None = None
        if isinstance(standing, Absent):
            why = standing.code
        elif lead_id not in leads.values:
            why = leads.why or "no_online_features"
        elif missing:
            why = reps.why or "no_online_features"
        elif isinstance(standing, Champion):
            try:
                pairs = self._pairs(lead_id, leads.values[lead_id], open_to, reps.values, now)
                ranked, mean = _by_model(standing, open_to, pairs, now)
                self._show(lead_id, open_to, pairs, ranked, leads.as_of[lead_id])
                told = Match(ranked, excluded, "model", None, standing.version, now)
                return replace(told, mean=mean, typical=_typical(pairs))
            except DownError:
                why = "no_online_features"
            except Exception as error:
                log.warning("match_failed", extra={"error": type(error).__name__})
                why = "bundle_broken"
        ranked = self._by_rules(lead_id, open_to, reps.values, now)
        return Match(ranked, excluded, "rules", why, self._rules_version, now)

    def _show(
        self,
        lead_id: str,
        open_to: Sequence[Standing],
        pairs: Sequence[Values],
        ranked: Sequence[Candidate],
        as_of: datetime,
    ) -> None:
        """Tell whoever observes of every candidate; what was known of the lead then dates them all."""
        ids = {rep.rep_id: pair_id(lead_id, rep.rep_id) for rep in open_to}
        rows: dict[str, Row] = {
            ids[rep.rep_id]: (values, as_of) for rep, values in zip(open_to, pairs, strict=True)
        }
        answers = {
            ids[one.rep.rep_id]: Answer(replace(one.score, as_of=as_of), "model")
            for one in ranked
            if one.score
        }
        self.observe(MODEL, rows, answers)

    @property
    def _rules_version(self) -> str:
        return str(getattr(self.rules.scorer, "version", "rules"))

    def _sorted_out(
        self, lead_id: str, field: Field
    ) -> tuple[list[Standing], tuple[tuple[Standing, Exclusion], ...]]:
        """Return who may have the lead, and the others with the first thing that speaks against each."""
        routed = field.routed(lead_id)
        open_to: list[Standing] = []
        excluded: list[tuple[Standing, Exclusion]] = []
        for rep in field.reps:
            if routed is not None and rep.team_id not in routed:
                excluded.append((rep, "other_region"))
            elif rep.away_until is not None:
                excluded.append((rep, "on_leave"))
            elif rep.open_leads >= self.limits.open_leads:
                excluded.append((rep, "at_capacity"))
            else:
                open_to.append(rep)
        return open_to, tuple(excluded)

    def _pairs(
        self,
        lead_id: str,
        lead: Values,
        open_to: Sequence[Standing],
        reps: Mapping[str, Values],
        now: datetime,
    ) -> list[Values]:
        """Return the features of the lead with each of its candidates."""
        fits = self._fits(lead_id, lead, open_to)
        pairs: list[Values] = []
        for rep in open_to:
            values = reps[rep.rep_id]
            team = [v["rep_open_leads"] for v in reps.values() if v["rep_team"] == values["rep_team"]]
            mean = sum(team) / len(team) if team else None
            pairs.append({**lead, **values, **composed(COMPOSED, lead, values, fits[rep.rep_id], mean, now)})
        return pairs

    def _fits(
        self, lead_id: str, lead: Values, open_to: Sequence[Standing]
    ) -> dict[str, dict[str, Values | None]]:
        """Return rep → kind → values of their leads of the same kind; one read for all of them."""
        keys = {rep.rep_id: fit_ids(rep.rep_id, lead_id, lead) for rep in open_to}
        flat = [fit for of_rep in keys.values() for fit in of_rep.values()]
        found = dict(zip(flat, self.gate.read("fit", flat).values, strict=True)) if flat else {}
        return {rep: {kind: found[fit] for kind, fit in of_rep.items()} for rep, of_rep in keys.items()}

    def _by_rules(
        self, lead_id: str, open_to: Sequence[Standing], reps: Mapping[str, Values], now: datetime
    ) -> tuple[Candidate, ...]:
        weights, given = {}, {}
        for rep in open_to:
            values = reps.get(rep.rep_id, {})
            weights[rep.rep_id] = 1.0 + (values.get("rep_wins_90d") or 0.0)
            recent = values.get("rep_assignments_30d")
            given[rep.rep_id] = float(rep.open_leads) if recent is None else recent
        by_id = {rep.rep_id: rep for rep in open_to}
        known = [rep_id for rep_id in by_id if rep_id in reps]
        scores = dict(zip(known, self.rules.scorer.score([reps[i] for i in known], now), strict=True))
        order = turns(weights, given, lead_id, self.limits.seed)
        return tuple(Candidate(by_id[rep_id], scores.get(rep_id)) for rep_id in order)

    def _online(self, entity: str, ids: Sequence[str], now: datetime) -> _Rows:
        if not ids:
            return _Rows({}, {}, None)
        try:
            rows = self.gate.read(entity, ids)
        except DownError as down:
            return _Rows({}, {}, "starting" if down.state == "starting" else "no_online_features")
        found: dict[str, Values] = {}
        since: dict[str, datetime] = {}
        why = None
        for one, values, as_of in zip(ids, rows.values, rows.as_of, strict=True):
            if values is not None and as_of is not None and now - as_of <= self.limits.fresh:
                found[one], since[one] = values, as_of
            else:
                why = "stale_online_features" if as_of is not None else "no_online_features"
        return _Rows(found, since, why)


def _by_model(
    champion: Champion, open_to: Sequence[Standing], pairs: Sequence[Values], now: datetime
) -> tuple[tuple[Candidate, ...], float | None]:
    """Return the candidates, likeliest first, and the mean candidate's chance."""
    if not open_to:
        return (), None
    scores, mean = cast(Comparer, champion.scorer).compare(pairs, now)
    ranked = sorted(
        zip(open_to, scores, strict=True),
        key=lambda pair: (-(pair[1].probability or 0.0), pair[0].rep_id),
    )
    return tuple(Candidate(rep, score) for rep, score in ranked), mean


def _typical(pairs: Sequence[Values]) -> dict[str, float]:
    """Return the mean of each feature that is a number, of the candidates who have one."""
    means = {}
    for name in pairs[0] if pairs else ():
        numbers = [v for v in (pair.get(name) for pair in pairs) if isinstance(v, int | float) and v == v]
        if numbers:
            means[name] = sum(numbers) / len(numbers)
    return means
