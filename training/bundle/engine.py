"""LightGBM for serving: imported without what only training needs, loaded from text, read row by row."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from training.bundle.files import BundleBroken

if TYPE_CHECKING:
    import lightgbm

_SPINS = "1000"


def import_lightgbm() -> Any:
    """Import LightGBM, and leave out scikit-learn unless somebody imported it already.

    LightGBM's compatibility module imports scikit-learn for its wrapper classes: 3 of the 4 to 6 seconds
    that importing takes, for classes that no bundle uses. It takes an absent scikit-learn in its stride,
    so for the time of the import it is told that there is none. What is lost in this process: the
    ``LGBMClassifier`` wrappers. ``lightgbm.train``, which training uses, is not.

    Its threads wait for each other some microseconds awake and then asleep, unless ``GOMP_SPINCOUNT`` says
    otherwise: OpenMP keeps them awake for milliseconds, which on a busy machine makes a fit take up to two
    hundred times as long. Asleep at once (``OMP_WAIT_POLICY=passive``) costs a quiet machine more than half
    of its speed.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    if "lightgbm" in sys.modules or "sklearn" in sys.modules:
        import lightgbm

        return lightgbm
    sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        import lightgbm
    finally:
        del sys.modules["sklearn"]
    return lightgbm


def load_booster(text: str, features: tuple[str, ...]) -> lightgbm.Booster:
    """Return the booster of a text whose hash was verified.

    Raises BundleBroken ``bundle_content`` unless it is a binary classifier over exactly these features.
    """
    lightgbm = import_lightgbm()
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError:
        raise BundleBroken("bundle_content", "booster.txt") from None
    binary = any(line.startswith("objective=binary ") for line in text[:2000].splitlines())
    if tuple(booster.feature_name()) != features or not binary:
        raise BundleBroken("bundle_content", "booster.txt")
    return booster


def gain_shares(booster: lightgbm.Booster) -> dict[str, float]:
    """Return each feature's share of the gain of all splits; nothing where no tree has split."""
    gains = booster.feature_importance("gain")
    whole = float(gains.sum())
    names = booster.feature_name()
    return {name: float(gain) / whole for name, gain in zip(names, gains, strict=True)} if whole else {}
