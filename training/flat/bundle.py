"""A flat file's model on disk: the format of ``training.bundle``, whose hashes and plainness it shares.

``booster.txt`` holds the boosters' texts with a form feed between them; ``bundle.json`` everything else as
numbers and words: nothing is unpickled, no file is used before its hash is checked, and what is read back is
checked to be of one piece before it scores anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from training.arrays import Floats, log_odds
from training.bundle.engine import load_booster
from training.bundle.files import BundleBroken, canonical_json, parse_json, read_files, write_files
from training.bundle.segments import calibrator_of
from training.flat.blend import Blend, Levels
from training.flat.members import LEAST_CHANCE, Boosted, Forest, Linear, Member, filled
from training.flat.model import Category, FlatModel, Part, Reading
from training.tables.columns import Kind
from training.tables.errors import TableRefused

KIND = "flat"
_BETWEEN = "\f\n"
_KINDS = frozenset(get_args(Kind))


def write_model(folder: Path, model: FlatModel) -> None:
    """Write a model into a new folder. Raises TableRefused ``bundle_exists``."""
    boosters: list[str] = []
    about = {
        "kind": KIND,
        "target": model.target,
        "positive": model.positive,
        "time": model.time,
        "names": model.names,
        "readings": {name: asdict(one) for name, one in model.readings.items()},
        "categories": {
            name: {"names": one.names, "values": one.values, "table": _plain(one.table)}
            for name, one in model.categories.items()
        },
        "parts": [
            {"weight": part.weight, "members": [_told(member, boosters) for member in part.members]}
            for part in model.parts
        ],
        "blend": {
            "weights": model.blend.weights,
            "intercept": model.blend.intercept,
            "steps": None if model.blend.steps is None else asdict(model.blend.steps),
        },
        "levels": {
            "centre": float(model.levels.centre),
            "level": float(model.levels.level),
            "pull": model.levels.pull,
        },
    }
    files = {"booster.txt": _BETWEEN.join(boosters).encode(), "bundle.json": canonical_json(about)}
    try:
        write_files(folder, files)
    except FileExistsError:
        raise TableRefused("bundle_exists", "out", folder.name) from None
    except OSError as error:
        raise TableRefused("report_unwritable", "out", f"{folder.name}: {error.strerror}") from None


def read_model(folder: Path) -> FlatModel:
    """Read a model after checking every hash. Raises BundleBroken."""
    files, _ = read_files(folder)
    about: dict[str, Any] = parse_json(files["bundle.json"], "bundle_content", "bundle.json")
    try:
        if about["kind"] != KIND:
            raise ValueError("kind")
        return _model(about, files["booster.txt"].decode())
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise BundleBroken("bundle_content", f"bundle.json: {error}") from None


def _model(about: Mapping[str, Any], text: str) -> FlatModel:
    names = tuple(map(str, about["names"]))
    boosters = iter(text.split(_BETWEEN))
    parts = tuple(
        Part(float(part["weight"]), tuple(_member(one, boosters, len(names)) for one in part["members"]))
        for part in about["parts"]
    )
    kept, levels = about["blend"], about["levels"]
    steps = None if kept["steps"] is None else calibrator_of(kept["steps"])
    blend = Blend(tuple(map(float, kept["weights"])), float(kept["intercept"]), steps)
    if not parts or len(blend.weights) != len(parts):
        raise ValueError("weights")
    readings = {str(name): _reading(one) for name, one in about["readings"].items()}
    categories = {str(name): _category(one) for name, one in about["categories"].items()}
    time = None if about["time"] is None else str(about["time"])
    if set(categories) - set(readings) or (time is not None and time not in readings):
        raise ValueError("readings")
    return FlatModel(
        str(about["target"]), str(about["positive"]), time, readings, categories, names, parts, blend,
        Levels(float(levels["centre"]), float(levels["level"]), float(levels.get("pull", 0.0))),
    )  # fmt: skip


def _reading(kept: Mapping[str, Any]) -> Reading:
    if kept["kind"] not in _KINDS:
        raise ValueError("kind of a column")
    return Reading(kept["kind"], tuple(map(str, kept["witnesses"])))


def _category(kept: Mapping[str, Any]) -> Category:
    names, values = tuple(map(str, kept["names"])), tuple(map(str, kept["values"]))
    return Category(names, values, _floats(kept["table"]).reshape(len(values) + 1, len(names)))


def _told(member: Member, boosters: list[str]) -> dict[str, Any]:
    """Return a member for JSON; the text of a booster goes to ``boosters``."""
    if isinstance(member, Boosted):
        boosters += [one.model_to_string() for one in member.boosters]
        return {"kind": "boosted", "boosters": len(member.boosters)}
    if isinstance(member, Linear):
        weights = np.append(member.model.coef_.ravel(), member.model.intercept_)
        return {"kind": "linear", "edges": [_plain(own) for own in member.edges], "weights": _plain(weights)}
    if isinstance(member, Forest):
        return {"kind": "forest", "trees": [_tree_told(one.tree_) for one in member.model.estimators_]}
    raise TypeError(f"no bundle holds a {type(member).__name__}")


def _member(kept: Mapping[str, Any], boosters: Iterator[str], width: int) -> Member:
    if kept["kind"] == "boosted":
        columns = tuple(f"Column_{k}" for k in range(width))
        texts = [next(boosters, "") for _ in range(int(kept["boosters"]))]
        return Boosted(tuple(load_booster(text, columns) for text in texts))
    if kept["kind"] == "linear":
        edges, weights = [_floats(own) for own in kept["edges"]], _floats(kept["weights"])
        if len(edges) != width or len(weights) != 2 * width + 1 or not all(map(len, edges)):
            raise ValueError("linear")
        return Linear(edges, Line(weights[:-1], float(weights[-1])))
    if kept["kind"] == "forest":
        return KeptForest(tuple(_tree(one, width) for one in kept["trees"]))
    raise ValueError("member")


@dataclass(frozen=True)
class Line:
    """A logistic regression's weights (p,) and intercept, read back."""

    weights: Floats
    intercept: float

    def decision_function(self, matrix: Floats) -> Floats:
        """Return log-odds (n,)."""
        return np.asarray(matrix @ self.weights + self.intercept, dtype=np.float64)


@dataclass(frozen=True)
class KeptTree:
    """A tree as arrays (nodes,): what is at most ``threshold`` goes left; a leaf has no column."""

    left: Any
    right: Any
    column: Any
    threshold: Floats
    chance: Floats

    def chances(self, matrix: Any) -> Floats:
        """Return the chance (n,) of the leaf that each row falls into."""
        at = np.zeros(len(matrix), dtype=np.int64)
        rows = np.arange(len(matrix))
        while (inside := self.column[at] >= 0).any():
            goes_left = matrix[rows, np.maximum(self.column[at], 0)] <= self.threshold[at]
            at = np.where(inside, np.where(goes_left, self.left[at], self.right[at]), at)
        return np.asarray(self.chance[at])


@dataclass(frozen=True)
class KeptForest:
    """A forest read back."""

    trees: tuple[KeptTree, ...]

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,) of the mean chance."""
        cells = filled(matrix)
        return log_odds(np.mean([tree.chances(cells) for tree in self.trees], axis=0), LEAST_CHANCE)


def _tree_told(tree: Any) -> dict[str, str]:
    leaf = tree.children_left < 0
    chances = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
    return {
        "left": _plain(np.maximum(tree.children_left, 0)),
        "right": _plain(np.maximum(tree.children_right, 0)),
        "column": _plain(np.where(leaf, -1, tree.feature)),
        "threshold": _plain(np.where(leaf, 0.0, tree.threshold)),
        "chance": _plain(chances),
    }


def _tree(kept: Mapping[str, str], width: int) -> KeptTree:
    """Read a tree. Raises ValueError unless every way down it ends at a leaf."""
    left, right, column = (_floats(kept[name]).astype(np.int64) for name in ("left", "right", "column"))
    tree = KeptTree(left, right, column, _floats(kept["threshold"]), _floats(kept["chance"]))
    nodes, inside = np.arange(len(column)), column >= 0
    if len({len(one) for one in (left, right, column, tree.threshold, tree.chance)}) != 1 or not len(column):
        raise ValueError("tree")
    down = all((one[inside] > nodes[inside]).all() and (one < len(nodes)).all() for one in (left, right))
    if not down or (column >= width).any() or ((tree.chance < 0) | (tree.chance > 1)).any():
        raise ValueError("tree")
    return tree


def _plain(numbers: Any) -> str:
    """Numbers in a row as one text; a float is spelled so that the same one is read back."""
    values: Sequence[Any] = np.asarray(numbers).ravel().tolist()
    return " ".join(map(repr, values))


def _floats(text: str) -> Floats:
    numbers = np.array(text.split(), dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("numbers")
    return numbers
