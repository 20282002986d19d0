"""What sets the rows of a set apart: each row's raw log-odds over the mean of all, shared out over features.

SHAP values tell how a row differs from the average training row: for the candidates of one lead that is
mostly the lead, and the same for all of them. Here the background is the set itself (interventional Shapley
values, Lundberg et al. 2020, "From local explanations to global understanding", Algorithm 3): a row is held
against every other in turn, so that what they have in common gets exactly nothing, and a row's shares add up
to its log-odds less the mean of the set's.

For a row x, another z and a leaf of value v: of the features that its path asks about, those that only x
passes are U, those that only z passes are V. If each is passed by one of the two, every feature of U gets
v (|U|-1)! |V|! / (|U|+|V|)! and every one of V gets -v |U|! (|V|-1)! / (|U|+|V|)!; else nobody gets anything.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats
from training.bundle.tree_blocks import Question, Step, Tree, goes_left

Ints = NDArray[np.int64]
_LEAVES = 512  # worked on at once: pairs of rows times leaves times features are held in memory


class Contrasts:
    """The leaves of a booster, ready to hold the rows of small sets against one another."""

    def __init__(self, dump: dict[str, Any]) -> None:
        """Read LightGBM's ``dump_model()``. Raises ValueError for trees that it can't read (linear ones)."""
        self.features = len(dump["feature_names"])
        numbers: dict[Question, int] = {}
        leaves: list[tuple[float, tuple[tuple[int, int, bool], ...]]] = []
        for info in dump["tree_info"]:
            if "leaf_const" in str(info["tree_structure"]):
                raise ValueError("linear trees have no constant leaves")
            asked, paths = Tree.paths_of(info["tree_structure"])
            known = [numbers.setdefault(question, len(numbers)) for question in asked]
            leaves += [(value, _steps(path, known)) for value, path in paths if path]
        self._questions = tuple(numbers)
        self._thresholds = _thresholds(self._questions)
        self._groups = [
            _Leaves.of(leaves[start : start + _LEAVES], len(numbers))
            for start in range(0, len(leaves), _LEAVES)
        ]

    def shares(self, matrix: Floats) -> Floats:
        """Return shares (n, features) of each row's raw log-odds over the mean of the n rows."""
        shares = np.zeros((len(matrix), self.features))
        if not self._questions:
            return shares
        answers = self._answers(matrix)
        for group in self._groups:
            group.add(answers, shares)
        return shares

    def _answers(self, matrix: Floats) -> Bools:
        """Return the answers (questions, n), those about one column's thresholds at once."""
        answers = np.zeros((len(self._questions), len(matrix)), dtype=np.bool_)
        for (column, missing, left), (numbers, thresholds) in self._thresholds.items():
            answers[numbers] = goes_left(matrix[None, :, column], thresholds[:, None], missing, left)
        for number, one in enumerate(self._questions):
            if one.categories is not None:
                answers[number] = one.answers(matrix[:, one.column])
        return answers


class _Leaves:
    """Some leaves as arrays: ``steps`` (leaves, k, d) ask a question each; k are the features of a path."""

    def __init__(self, values: Floats, columns: Ints, steps: Ints, sides: Bools) -> None:
        self._values, self._columns, self._steps, self._sides = values, columns, steps, sides

    @classmethod
    def of(cls, leaves: list[tuple[float, tuple[tuple[int, int, bool], ...]]], nothing: int) -> _Leaves:
        """Lay out leaves; a question ``nothing`` is passed by all."""
        by_column = [_by_column(path) for _, path in leaves]
        most = max(len(found) for found in by_column)
        deepest = max(len(steps) for found in by_column for steps in found.values())
        columns = np.zeros((len(leaves), most), dtype=np.int64)
        steps = np.full((len(leaves), most, deepest), nothing, dtype=np.int64)
        sides = np.ones((len(leaves), most, deepest), dtype=np.bool_)
        for leaf, found in enumerate(by_column):
            for place, (column, asked) in enumerate(found.items()):
                columns[leaf, place] = column
                for depth, (question, left) in enumerate(asked):
                    steps[leaf, place, depth], sides[leaf, place, depth] = question, left
        return cls(np.array([value for value, _ in leaves]), columns, steps, sides)

    def add(self, answers: Bools, shares: Floats) -> None:
        """Add these leaves' part, from the answers (questions, n), to shares (n, features)."""
        rows = answers.shape[1]
        known = np.concatenate([answers, np.ones((1, rows), dtype=np.bool_)])
        passed = (known[self._steps] == self._sides[..., None]).all(axis=2)  # (leaves, k, n)
        reachable = passed.any(axis=2).all(axis=1)
        differs = ~passed.all(axis=2) & reachable[:, None]  # (leaves, k): what all pass decides nothing
        count = differs.sum(axis=1)
        first = np.argsort(~differs, axis=1, kind="stable")
        for k in range(1, count.max(initial=0) + 1):
            own = np.flatnonzero(count == k)
            if len(own) == 0:
                continue
            places = first[own, :k]
            given = _apart(passed[own[:, None], places]) * self._values[own][:, None, None]
            columns = self._columns[own[:, None], places].ravel()
            np.add.at(shares.T, columns, given.reshape(len(columns), rows))


def _apart(passed: Bools) -> Floats:
    """Return what each row gets from each feature (leaves, k, n), against the mean row, of leaves worth 1."""
    mine, theirs = passed[:, :, :, None], passed[:, :, None, :]
    only_mine, only_theirs = mine & ~theirs, theirs & ~mine
    alive = (mine | theirs).all(axis=1)
    ours, others = only_mine.sum(axis=1), only_theirs.sum(axis=1)
    gain, loss = _WEIGHTS[ours, others] * alive, _WEIGHTS[others, ours] * alive
    each = only_mine * gain[:, None] - only_theirs * loss[:, None]
    return np.asarray(each.mean(axis=3))


def _thresholds(
    questions: tuple[Question, ...],
) -> dict[tuple[int, str, bool], tuple[list[int], Floats]]:
    """Return the numbers and thresholds of the questions about numbers, by what they have in common."""
    found: dict[tuple[int, str, bool], list[int]] = {}
    for number, one in enumerate(questions):
        if one.categories is None:
            found.setdefault((one.column, one.missing, one.missing_left), []).append(number)
    return {
        key: (numbers, np.array([questions[number].threshold for number in numbers]))
        for key, numbers in found.items()
    }


def _steps(path: tuple[Step, ...], known: list[int]) -> tuple[tuple[int, int, bool], ...]:
    return tuple((column, known[question], left) for question, column, left, _ in path)


def _by_column(path: tuple[tuple[int, int, bool], ...]) -> dict[int, list[tuple[int, bool]]]:
    found: dict[int, list[tuple[int, bool]]] = {}
    for column, question, left in path:
        found.setdefault(column, []).append((question, left))
    return found


_MOST = 32  # features on a path
_WEIGHTS: Floats = np.array(
    [
        [factorial(u - 1) * factorial(v) / factorial(u + v) if u else 0.0 for v in range(_MOST)]
        for u in range(_MOST)
    ]
)
"""What each of u features gets where v others speak for the other row."""
