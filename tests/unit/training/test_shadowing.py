"""A challenger of a hazard or a match against what answered, on what has become known since."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm_store.repositories.scores.shadows import KeptPair, kept_id
from tests.unit.training.survival.conftest import event
from tests.unit.training.training_fakes import write_source
from training.match.assignments import AssignedLeadWon
from training.outcomes import NotRenewed, days
from training.shadowing import compare_curves, compare_shadow
from training.survival.follow_up import ContractLost

JAN = datetime(2025, 1, 1, tzinfo=UTC)
JUNE = datetime(2025, 6, 1, tzinfo=UTC)
LOSSES = ContractLost(NotRenewed(before_end=(days(90),), grace=days(30)))
# The contract ends on 1 June; its lapse of the 10th falls into the third week after 25 May.
ASKED, LAPSED = JUNE - timedelta(days=7, hours=5), JUNE + timedelta(days=9)
KNOWS = [0.01, 0.01, 0.9, *[0.001] * 23]
EVEN = [1 / 26] * 26


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    rows = [event(f"a{k}", f"c{k}", "signed", JAN, JUNE) for k in range(4)]
    rows += [event("a0", "c0", "lapsed", LAPSED, JUNE), event("a1", "c1", "renewed", JAN + days(30), JUNE)]
    rows += [event("a1", "c1b", "signed", JAN + days(30), JUNE + days(365))]
    write_source(tmp_path, "contract_events", rows)
    return tmp_path


def pairs(*asked: tuple[str, list[float] | None, list[float] | None]) -> pd.DataFrame:
    rows = [
        KeptPair(name, ASKED, ASKED, "old", 50.0, 0.5, 50.0, 0.5, live, shadow)
        for name, live, shadow in asked
    ]
    return pd.DataFrame(rows, columns=list(KeptPair._fields))


def test_a_hazard_is_compared_on_each_week_that_is_over(contracts: Path) -> None:
    asked = pairs(("a0", EVEN, KNOWS), ("a1", EVEN, EVEN), ("a0", KNOWS, EVEN), ("a2", None, None))
    duel = compare_curves(LOSSES, contracts, asked, JUNE + days(16))
    assert duel.pairs == 4
    assert duel.live is not None
    assert duel.shadow is not None
    # Lost in the third week, and three weeks of whoever stayed; of two pairs of an account the first counts.
    assert (duel.shadow.n, duel.shadow.positives) == (6, 1)
    assert duel.shadow.auc == 1.0
    assert duel.shadow.logloss < duel.live.logloss
    # The forecast of a week is about those who are still there.
    assert duel.live.logloss == pytest.approx(
        -(2 * np.log1p(-1 / 26) + 2 * np.log1p(-1 / 25) + np.log1p(-1 / 24) + np.log(1 / 24)) / 6
    )


def test_before_the_first_week_is_over_a_hazard_has_no_outcome(contracts: Path) -> None:
    for now in (ASKED, JUNE - days(1)):
        assert compare_curves(LOSSES, contracts, pairs(("a0", EVEN, KNOWS)), now).shadow is None


def test_a_match_is_compared_on_the_rep_who_was_given_the_lead(tmp_path: Path) -> None:
    leads = [f"lea_{k:024x}" for k in range(4)]
    chosen, other = f"rep_{1:024x}", f"rep_{2:024x}"
    rows = []
    for place, lead in enumerate(leads):
        for name, at in [("assigned", 1.0), *([("won", 9.0)] if place < 2 else [])]:
            moment = JAN + timedelta(days=at)
            row = {"record_id": f"{lead}{name}", "lead_id": lead, "rep_id": chosen, "stint_id": lead}
            rows.append(row | {"event": name, "occurred_at": moment, "recorded_at": moment})
    write_source(tmp_path, "rep_events", rows)
    kept = [
        KeptPair(kept_id(f"{lead}|{rep}"), JAN, JAN, "old", 50.0, 0.5, 100 * sure, sure, None, None)
        for place, lead in enumerate(leads)
        for rep, sure in ((chosen, 0.9 if place < 2 else 0.1), (other, 0.5))
    ]
    asked = pd.DataFrame(kept, columns=list(KeptPair._fields))
    duel = compare_shadow(AssignedLeadWon(within=days(30)), "chance", tmp_path, asked, JAN + days(60))
    assert duel.live is not None
    assert duel.shadow is not None
    assert (duel.pairs, duel.shadow.n, duel.live.auc, duel.shadow.auc) == (8, 4, 0.5, 1.0)
