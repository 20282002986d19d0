"""Exact feature shares of a whole set of rows at once, many times as fast as ``pred_contrib``.

LightGBM walks every path of every tree for every row. But what a row gets from a block of leaves depends on
a dozen answers only (see ``tree_blocks``), and thousands of rows share a few hundred patterns of answers. So
the answers of all rows are packed into one whole number each, the shares of each pattern that occurs are
worked out once, and rows look theirs up.

The shares of a pattern are those of TreeSHAP with the trees' own counts as weights (Lundberg et al. 2020,
"From local explanations to global understanding", Algorithm 1), summed leaf by leaf: a leaf of value v whose
path asks about k features, of which feature j lets a share z_j of the training rows pass and lets this row
pass or not (o_j = 1 or 0), gives feature i the share
v · (o_i - z_i) · Σ over sets S of the others of |S|! (k-|S|-1)! / k! · Π_{j in S} o_j · Π_{j not in S} z_j.
The weight |S|! (k-|S|-1)! / k! is ∫ t^|S| (1-t)^(k-1-|S|) dt over 0–1 (a beta function), so the sum is
∫ Π_{j≠i} (o_j t + z_j (1-t)) dt: a polynomial of degree k-1, which Gauss-Legendre quadrature with k/2 nodes
integrates exactly ("Linear TreeShap", Yu et al. 2022, works on the same polynomials).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np

from training.arrays import Bools, Floats
from training.bundle.tree_blocks import MAX_BITS, Block, Codes, Leaf, Tree

# Leaves that ask about no more features than this keep a table of all their 2^k answers, at most 3 kB each.
TABLE_FEATURES = 6


class SetContributions:
    """The trees of a booster, ready to share out raw log-odds over the features of many rows."""

    def __init__(self, dump: dict[str, Any]) -> None:
        """Read LightGBM's ``dump_model()``. Raises ValueError for trees it can't share out (linear ones)."""
        if any("leaf_const" in str(info["tree_structure"]) for info in dump["tree_info"][:1]):
            raise ValueError("linear trees have no constant leaves")
        self.features = len(dump["feature_names"])
        self._trees = [Tree.of(info["tree_structure"]) for info in dump["tree_info"]]
        leaves = [leaf for tree in self._trees for block in tree.blocks for leaf in block.leaves]
        if any(share <= 0 for leaf in leaves for share in leaf.passing):
            raise ValueError("a leaf that no training row reached has no weight")
        self._tables = _tables([leaf for leaf in leaves if len(leaf.columns) <= TABLE_FEATURES])
        self.base = sum(tree.base for tree in self._trees)

    def shares(self, matrix: Floats) -> Floats:
        """Return shares (n, features); a row's shares and ``base`` add up to its raw log-odds."""
        shares = np.zeros((self.features, len(matrix)))
        by_column = np.asfortranarray(matrix)
        for tree in self._trees:
            answers = [question.answers(by_column[:, question.column]) for question in tree.questions]
            for block in tree.blocks:
                self._add(block, answers, shares)
        return np.ascontiguousarray(shares.T)

    def _add(self, block: Block, answers: list[Bools], shares: Floats) -> None:
        """Add a block's part to shares (features, n)."""
        patterns, place = _distinct(block.codes(answers), len(block.bits))
        columns = sorted({column for leaf in block.leaves for column in leaf.columns})
        row_of = {column: k for k, column in enumerate(columns)}
        found = np.zeros((len(columns), len(patterns)))
        for leaf in block.leaves:
            found[[row_of[column] for column in leaf.columns]] += self._of_leaf(leaf, patterns)
        for column, part in zip(columns, found, strict=True):
            shares[column] += part[place]

    def _of_leaf(self, leaf: Leaf, patterns: Codes) -> Floats:
        """Shares (k, patterns) of the features that a leaf's path asks about."""
        passed = np.zeros(len(patterns), dtype=np.int32)
        for k, (mask, wanted) in enumerate(zip(leaf.masks, leaf.wanted, strict=True)):
            passed |= ((patterns & mask) == wanted).astype(np.int32) << k
        table = self._tables.get(id(leaf))
        if table is not None:
            return table[:, passed]
        kinds, place = _distinct(passed, len(leaf.columns))
        value, passing = np.array([leaf.value]), np.array([leaf.passing])
        return np.asarray(_shapley(value, passing, kinds)[0][:, place])


def _distinct(codes: Codes, bits: int) -> tuple[Codes, Codes]:
    """Return the codes that occur, rising, and for each row the place of its own."""
    if bits > MAX_BITS:
        kinds, place = np.unique(codes, return_inverse=True)
        return kinds, place
    at = np.zeros(1 << bits, dtype=np.int32)
    at[codes] = 1
    kinds = np.flatnonzero(at)
    at[kinds] = np.arange(len(kinds))
    return kinds, at[codes]


def _tables(leaves: list[Leaf]) -> dict[int, Floats]:
    """Work out (k, 2^k) shares for every leaf, all leaves that ask about k features together."""
    by_length: dict[int, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        by_length[len(leaf.columns)].append(leaf)
    tables: dict[int, Floats] = {}
    for k, alike in by_length.items():
        values = np.array([leaf.value for leaf in alike])
        passing = np.array([leaf.passing for leaf in alike])
        found = _shapley(values, passing, np.arange(1 << k))
        tables |= {id(leaf): table for leaf, table in zip(alike, found, strict=True)}
    return tables


def _shapley(values: Floats, passing: Floats, codes: Codes) -> Floats:
    """Return shares (leaves, k, codes) from leaf values (leaves,) and passing shares z (leaves, k).

    Bit j of a code says whether a row passes feature j.
    """
    k = passing.shape[1]
    nodes, weights = _quadrature((k + 1) // 2)
    passed = ((codes >> np.arange(k)[:, None]) & 1).astype(float)  # o, (k, codes)
    shares = np.zeros((len(values), k, len(codes)))
    for t, weight in zip(nodes, weights, strict=True):
        factors = passing[:, :, None] * (1 - t) + passed * t
        shares += weight * factors.prod(axis=1, keepdims=True) / factors
    return np.asarray(values[:, None, None] * (passed - passing[:, :, None]) * shares)


@cache
def _quadrature(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on 0–1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2
