"""How the boosted trees of a training are calibrated."""

from dataclasses import replace

import numpy as np

from tests.unit.training.training_fakes import CATALOG, NOW
from training.candidates import fit_challenger
from training.datasets import Dataset, Part
from training.specs import ModelSpec


def slope(spec: ModelSpec, dataset: Dataset) -> float:
    return fit_challenger(spec, dataset, NOW, CATALOG.hash).bundle.calibrator.xs[0]


def test_where_outcomes_are_few_all_of_them_calibrate(spec: ModelSpec, dataset: Dataset) -> None:
    """The latest rows, whose outcomes are drawn by lot here, make every forecast the same on their own."""
    by_lot = np.random.default_rng(2).permutation(dataset.calibration.labels)
    misled = replace(dataset, calibration=Part(dataset.calibration.frame, by_lot))
    refitted = replace(spec, calibrators=("platt",), refit=True)
    assert slope(refitted, misled) < 0.3
    assert slope(replace(refitted, crossed=True), misled) > 0.35


def test_the_same_rows_calibrate_alike(spec: ModelSpec, dataset: Dataset) -> None:
    crossed = replace(spec, calibrators=("platt",), refit=True, crossed=True)
    assert slope(crossed, dataset) == slope(crossed, dataset)
