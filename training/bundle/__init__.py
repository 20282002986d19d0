"""A champion as files: booster text, JSON and a manifest of hashes; and the scorer that runs it.

The only part of training that serving may enter. Nothing here is unpickled, and no file is used before
its hash is checked.
"""

from training.bundle.champions import SHADOW, load_champion, promote
from training.bundle.content import Bundle
from training.bundle.files import BundleBroken
from training.bundle.hazard import HazardScorer
from training.bundle.scorer import BundleScorer
from training.bundle.standing import standing_of

__all__ = [
    "SHADOW",
    "Bundle",
    "BundleBroken",
    "BundleScorer",
    "HazardScorer",
    "load_champion",
    "promote",
    "standing_of",
]
