"""A LightGBM tree, cut into blocks of leaves that a few yes-or-no bits per row decide.

What a row gets from a leaf depends on the answers along that leaf's path only. A block is the leaves below
one node; its bits are the questions from the root to the node and those below it. A tree with few questions
is one block; a deep one is cut where a block would need more than ``MAX_BITS`` bits. A single leaf whose
path alone is longer has one bit for each feature it asks about: whether the row passes all of that feature's
questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats

MAX_BITS = 14  # 2^14 patterns of answers are looked up in a table; a block has far fewer that occur
_ZERO = 1e-35  # what LightGBM takes for zero where zero stands for missing

Codes = NDArray[np.integer[Any]]
Answer = tuple[int, bool]
"""A question's number and the side asked for: True is left."""


@dataclass(frozen=True)
class Question:
    """A split: which column, and which values go left."""

    column: int
    threshold: float
    categories: frozenset[int] | None
    missing: str
    missing_left: bool

    @classmethod
    def of(cls, node: dict[str, Any]) -> Question:
        """Read a split of LightGBM's ``dump_model()``. Raises ValueError for a kind of split it can't be."""
        kind = node["decision_type"]
        if kind not in ("<=", "=="):
            raise ValueError(f"no split is written {kind}")
        threshold = node["threshold"]
        return cls(
            column=int(node["split_feature"]),
            threshold=float(threshold) if kind == "<=" else np.nan,
            categories=None if kind == "<=" else frozenset(map(int, threshold.split("||"))),
            missing=str(node["missing_type"]),
            missing_left=bool(node["default_left"]),
        )

    def answers(self, values: Floats) -> Bools:
        """Tell which rows go left, as LightGBM decides it."""
        if self.categories is not None:
            whole = np.where(np.isnan(values), -1.0, np.trunc(values))
            return np.isin(whole, list(self.categories))
        return goes_left(values, self.threshold, self.missing, self.missing_left)


def goes_left(values: Floats, threshold: Floats | float, missing: str, missing_left: bool) -> Bools:
    """Tell which numbers go left of a threshold, or of each of several where the two shapes spread."""
    left = np.less_equal(values, threshold)  # False where the value is missing
    unknown = np.isnan(values)
    if missing == "None":
        return left | (unknown & np.greater_equal(threshold, 0))
    if missing == "Zero":
        unknown |= np.abs(values) <= _ZERO
    return left | unknown if missing_left else left & ~unknown


@dataclass(frozen=True)
class Leaf:
    """A leaf of a block: per feature that its path asks about, what a code must show and its share z.

    A row passes feature k when ``code & masks[k] == wanted[k]``; ``passing[k]`` is the part of the
    training rows that passed. The order of features is that of ``columns``.
    """

    value: float
    columns: tuple[int, ...]
    masks: tuple[int, ...]
    wanted: tuple[int, ...]
    passing: tuple[float, ...]


@dataclass(frozen=True)
class Block:
    """Leaves and the bits of their code: a bit is set where a row gives all the answers named."""

    bits: tuple[tuple[Answer, ...], ...]
    leaves: tuple[Leaf, ...]

    def codes(self, answers: list[Bools]) -> Codes:
        """Return one code per row from the tree's answers, one array (n,) for each question."""
        width = np.dtype(np.int32 if len(self.bits) < 31 else np.int64)  # half as wide, half as long
        codes: Codes = np.zeros(len(answers[0]), dtype=width)
        for bit, wanted in enumerate(self.bits):
            passed = [answers[question] if left else ~answers[question] for question, left in wanted]
            both = passed[0] if len(passed) == 1 else np.logical_and.reduce(passed)
            codes |= both.astype(width) << bit
        return codes


@dataclass(frozen=True)
class Tree:
    """The questions of a tree, its blocks, and its expected value over the training rows."""

    questions: tuple[Question, ...]
    blocks: tuple[Block, ...]
    base: float

    @classmethod
    def of(cls, root: dict[str, Any]) -> Tree:
        """Read a tree of LightGBM's ``dump_model()``. Raises ValueError for one it can't share out."""
        questions: list[Question] = []
        top = _read(root, questions)
        leaves = list(top.paths(()))
        base = sum(value * rows for value, rows, _ in leaves) / top.rows
        return cls(tuple(questions), tuple(_blocks(top, ())), base)

    @staticmethod
    def paths_of(root: dict[str, Any]) -> tuple[tuple[Question, ...], list[tuple[float, tuple[Step, ...]]]]:
        """Return a tree's questions, and the value and path of each of its leaves. Raises as ``of`` does."""
        questions: list[Question] = []
        top = _read(root, questions)
        return tuple(questions), [(value, path) for value, _, path in top.paths(())]


Step = tuple[int, int, bool, float]
"""A question on a path: its number, its column, the side taken, and the share of rows that took it."""


@dataclass(frozen=True)
class _Node:
    """A node with the training rows it held; a leaf has a value and no sides."""

    rows: float
    value: float = 0.0
    question: int = -1
    column: int = -1
    sides: tuple[_Node, ...] = field(default=())

    @property
    def size(self) -> int:
        """How many questions are asked from here on."""
        return sum(1 + side.size for side in self.sides) - (1 if self.sides else 0)

    def steps(self, path: tuple[Step, ...]) -> Iterator[tuple[_Node, tuple[Step, ...]]]:
        """Yield both sides with their longer paths."""
        for side, left in zip(self.sides, (True, False), strict=True):
            yield side, (*path, (self.question, self.column, left, side.rows / self.rows))

    def paths(self, path: tuple[Step, ...]) -> Iterator[tuple[float, float, tuple[Step, ...]]]:
        """Yield value, rows and path of every leaf from here on."""
        if not self.sides:
            yield self.value, self.rows, path
            return
        for side, longer in self.steps(path):
            yield from side.paths(longer)


def _read(node: dict[str, Any], questions: list[Question]) -> _Node:
    # A tree that is one leaf states no count; its expected value is its value whatever the count.
    rows = float(node.get("internal_count", node.get("leaf_count", 1)) or 1)
    if "split_feature" not in node:
        return _Node(rows, float(node["leaf_value"]))
    question = Question.of(node)
    number = len(questions)
    questions.append(question)
    sides = _read(node["left_child"], questions), _read(node["right_child"], questions)
    return _Node(rows, 0.0, number, question.column, sides)


def _blocks(node: _Node, path: tuple[Step, ...]) -> Iterator[Block]:
    if node.size + len(path) <= MAX_BITS or not node.sides:
        leaves = list(node.paths(path))
        if any(steps for _, _, steps in leaves):
            yield _one_leaf(*leaves[0]) if len(path) > MAX_BITS else _block(leaves)
        return
    for side, longer in node.steps(path):
        yield from _blocks(side, longer)


def _block(leaves: list[tuple[float, float, tuple[Step, ...]]]) -> Block:
    """A bit for every question that one of the leaves is behind."""
    asked = list(dict.fromkeys(question for _, _, path in leaves for question, _, _, _ in path))
    bit_of = {question: bit for bit, question in enumerate(asked)}
    made = tuple(_leaf(value, path, bit_of) for value, _, path in leaves)
    return Block(tuple(((question, True),) for question in asked), made)


def _leaf(value: float, path: tuple[Step, ...], bit_of: dict[int, int]) -> Leaf:
    columns = tuple(dict.fromkeys(column for _, column, _, _ in path))
    masks, wanted, passing = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0), dict.fromkeys(columns, 1.0)
    for question, column, left, share in path:
        masks[column] |= 1 << bit_of[question]
        wanted[column] |= left << bit_of[question]
        passing[column] *= share
    return Leaf(value, columns, tuple(masks.values()), tuple(wanted.values()), tuple(passing.values()))


def _one_leaf(value: float, _rows: float, path: tuple[Step, ...]) -> Block:
    """A bit for every feature."""
    columns = tuple(dict.fromkeys(column for _, column, _, _ in path))
    bits, passing = [], []
    for column in columns:
        steps = [step for step in path if step[1] == column]
        bits.append(tuple((question, left) for question, _, left, _ in steps))
        passing.append(float(np.prod([share for *_, share in steps])))
    each = tuple(1 << bit for bit in range(len(columns)))
    return Block(tuple(bits), (Leaf(value, columns, each, each, tuple(passing)),))
