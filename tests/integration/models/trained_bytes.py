"""Trains a tiny company in a process of its own, and prints the version and the hash of the bundle."""

import hashlib
import sys
from pathlib import Path

from tests.unit.training.training_fakes import CATALOG, FEATURES, NOW, Company, FakeRules, FakeTracking
from training.lightgbm_model import BoostingParams
from training.outcomes import LeadWon, days
from training.specs import ModelSpec
from training.train import Baseline, train_model


def main() -> None:
    """Train below the folder that the command line names."""
    home, company = Path(sys.argv[1]), Company(leads=600)
    spec = ModelSpec(
        model="lead_health",
        company="test",
        outcome=LeadWon(within=days(30)),
        meaning="chance",
        rules="lead_health",
        features=FEATURES,
        bayes_fields=("lead_channel",),
        boosting=BoostingParams(rounds=40, rows_per_leaf=20),
        fair_across=("lead_channel",),
    )
    report = train_model(
        spec,
        company.frame_of,
        company.export(home / "sources"),
        NOW,
        home / "models",
        FakeTracking(),
        catalog=CATALOG,
        baseline=Baseline(FakeRules(), ("lead_chats_30d",)),
    )
    manifest = home / "models" / "lead_health" / report.version / "manifest.json"
    print(report.version, hashlib.sha256(manifest.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
