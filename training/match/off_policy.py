"""What assignment policies would have won on leads that were assigned otherwise, by several estimators.

The leads are the test rows of a match model: later than all that the forecasts and the propensities were
learned from. A rep is a candidate for a lead if past assignments gave leads like it to them at all (estimated
chance of at least ``CLIP``): nobody can tell what would have become of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats
from training.bundle import Bundle, BundleScorer
from training.datasets import Dataset, FrameOf
from training.match import estimators, policies
from training.match.estimators import Estimate
from training.match.propensity import CLIP, ROUTING, Propensity, candidates, fit_propensity

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
CAPACITY = 1.5
"""A rep takes at most this many times the leads they were in fact given."""


@dataclass(frozen=True)
class Trial:
    """Test leads (n) with their candidates among reps (r), in order of assignment.

    ``allowed``, ``forecasts``, ``chances`` (of past assignment) and ``weights`` (of the rules) are
    (n, r); ``logged`` (n,) is the column of the rep who got the lead, ``won`` (n,) what became of it, or
    its true chance.
    """

    leads: tuple[str, ...]
    reps: tuple[str, ...]
    logged: Ints
    won: Bools | Floats
    allowed: Bools
    forecasts: Floats
    chances: Floats
    weights: Floats

    def policies(self, seed: int, capacity: float = CAPACITY) -> dict[str, Floats]:
        """Return each policy's chances (n, r): logged, random, rules and model."""
        counts = np.bincount(self.logged, minlength=len(self.reps))
        room = np.ceil(capacity * np.maximum(counts, 1.0))
        return {
            # As a policy, what was done is its chances, not its draws.
            "logged": _shared(self.chances * self.allowed),
            "random": policies.at_random(self.allowed),
            "rules": policies.by_rules(self.allowed, self.weights, self.reps, self.leads, seed),
            "model": policies.greedy(self.allowed, self.forecasts, room),
        }

    def estimates(self, policy: Floats) -> dict[str, Estimate]:
        """Return a policy's value by each estimator, in wins per lead."""
        rows = np.arange(len(self.leads))
        new = policy[rows, self.logged]
        old = np.maximum(self.chances[rows, self.logged], CLIP)
        chosen = (policy * self.forecasts).sum(axis=1)
        forecast = self.forecasts[rows, self.logged]
        return {
            "naive": estimators.matched(self.won, new),
            "direct": estimators.direct(chosen),
            "ips": estimators.ips(self.won, new, old),
            "snips": estimators.snips(self.won, new, old),
            "dr": estimators.doubly_robust(self.won, new, old, chosen, forecast),
        }

    def of_rep(self, column: int) -> tuple[Floats, dict[str, Estimate]]:
        """Return (who of the leads are candidates for a rep, what giving the rep all of those is worth)."""
        mine = self.allowed[:, column]
        some = Trial(
            tuple(lead for lead, yes in zip(self.leads, mine, strict=True) if yes),
            self.reps,
            self.logged[mine],
            self.won[mine],
            self.allowed[mine],
            self.forecasts[mine],
            self.chances[mine],
            self.weights[mine],
        )
        policy = np.zeros(some.allowed.shape)
        policy[:, column] = 1.0
        return mine.astype(float), some.estimates(policy)

    def agreement(self, policy: Floats) -> float:
        """Return the effective number of leads behind the weighted estimates: (Σw)² / Σw²."""
        rows = np.arange(len(self.leads))
        weights = policy[rows, self.logged] / np.maximum(self.chances[rows, self.logged], CLIP)
        return float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-12))


def trial_of(dataset: Dataset, bundle: Bundle, frame_of: FrameOf, names: Sequence[str]) -> Trial:
    """Return the test leads with a forecast for each of their candidates.

    ``names`` are the features to fetch: the bundle's, ``rep_wins_90d`` and those of ``ROUTING`` at least.
    """
    import pandas as pd

    learned = pd.concat([part.frame for part in dataset.learned], ignore_index=True)
    fitted = fit_propensity(learned, _reps_of(learned).tolist())
    test, won = _known_reps(dataset.test.frame, dataset.test.labels, fitted)
    order = np.argsort(test.as_of.to_numpy(), kind="stable")
    test, won = test.iloc[order].reset_index(drop=True), won[order]
    lead_ids = test.entity_id.str.rsplit("|", n=1).str[0]
    place = {rep: column for column, rep in enumerate(fitted.reps)}
    logged: Ints = np.array([place[rep] for rep in _reps_of(test)], dtype=np.int64)
    chances = fitted.of(test)
    # Not who in fact got the lead: candidates that depend on it would favour what happened.
    allowed = candidates(chances)
    asked_for = allowed.copy()
    asked_for[np.arange(len(test)), logged] = True
    rows, columns = np.nonzero(asked_for)
    asked = pd.DataFrame(
        {
            "entity_id": lead_ids.to_numpy()[rows] + "|" + np.array(fitted.reps, dtype=object)[columns],
            "as_of": test.as_of.array[rows],
        }
    )
    pairs = frame_of("pair", asked, list(names))
    scorer = BundleScorer(bundle)
    forecasts, weights = np.zeros(allowed.shape), np.ones(allowed.shape)
    forecasts[rows, columns] = scorer.values(scorer.raw(bundle.encoding.matrix_of_frame(pairs)))[0]
    weights[rows, columns] = 1.0 + pairs.rep_wins_90d.fillna(0.0).to_numpy()
    return Trial(
        tuple(lead_ids),
        fitted.reps,
        logged,
        won,
        allowed,
        forecasts,
        chances,
        weights,
    )


def names_needed(bundle: Bundle) -> list[str]:
    """Return the features that ``trial_of`` fetches for a bundle."""
    return list(dict.fromkeys([*bundle.encoding.features, "rep_wins_90d", *ROUTING]))


def value_under(policy: Floats, truth: Floats) -> float:
    """Return what a policy is really worth, where the true chances (n, r) are known."""
    return float((policy * truth).sum(axis=1).mean())


def quality_by_rep(trial: Trial) -> Mapping[str, Mapping[str, float | int | None]]:
    """Return the quality of the forecasts on the leads that each rep got: n, auc, logloss, ece."""
    from training.evaluation import evaluate

    forecasts = trial.forecasts[np.arange(len(trial.leads)), trial.logged]
    found = {}
    for column, rep in enumerate(trial.reps):
        mine = trial.logged == column
        if mine.any():
            measured = evaluate(trial.won[mine].astype(bool), forecasts[mine]).as_dict()
            found[rep] = {name: measured[name] for name in ("n", "positives", "auc", "logloss", "ece")}
    return found


def _reps_of(pairs: pd.DataFrame) -> pd.Series[str]:
    return pairs.entity_id.str.rsplit("|", n=1).str[1]


def _known_reps(frame: pd.DataFrame, won: Bools, fitted: Propensity) -> tuple[pd.DataFrame, Bools]:
    """Leave out leads of reps who were never given one before the test: nothing was learned of them."""
    known = _reps_of(frame).isin(fitted.reps).to_numpy()
    return frame[known].reset_index(drop=True), won[known]


def _shared(chances: Floats) -> Floats:
    return np.asarray(chances / np.maximum(chances.sum(axis=1, keepdims=True), 1e-12))
