"""When models are trained again and how much drift they may bear: a document that operations edit.

The shipped document lies in ``training/data``; a ``model_policy.json`` in the data folder takes its place.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE_NAME = "model_policy.json"


class PolicyRefused(Exception):
    """The document can't be used. ``field`` is the place in it."""

    def __init__(self, field: str, detail: str) -> None:
        self.code, self.field = "model_policy_invalid", field
        self.zh = f"模型策略文件 {FILE_NAME} 的 {field} 有误，请修改：{detail}"
        self.en = f"{FILE_NAME}: correct {field}: {detail}"
        super().__init__(f"{self.zh} · {self.en}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DriftLimits(_Section):
    """What counts as drift. Every test also has to leave chance behind (``sigma``, and the index's noise).

    ``psi`` is the population stability index from which an input counts as shifted, ``score_psi`` that of the
    score from which the model steps down; it also does when inputs with ``input_weight`` of the model's gain
    have shifted, when the base rate is ``base_rate_ratio`` times the trained one or its inverse, or when
    outcomes are ``calibration_ratio`` times what was forecast. ``warn_ratio`` is where a ratio is told, and
    ``input_warn_weight`` where shifted inputs are: what all leads of a week share (the market's win rate,
    say) wanders by itself.
    """

    window_days: int = Field(ge=1)
    least_rows: int = Field(ge=1)
    least_outcomes: int = Field(ge=1)
    psi: float = Field(gt=0)
    score_psi: float = Field(gt=0)
    input_warn_weight: float = Field(gt=0, le=1)
    input_weight: float = Field(gt=0, le=1)
    sigma: float = Field(gt=0)
    warn_ratio: float = Field(gt=1)
    base_rate_ratio: float = Field(gt=1)
    calibration_ratio: float = Field(gt=1)
    steps_down: bool


class ModelPolicy(_Section):
    """A champion is due ``retrain_days`` after its training; after a refused one, ``retry_days`` pass."""

    retrain_days: int = Field(ge=1)
    retrain_on_drift: bool
    retry_days: int = Field(ge=1)
    drift: DriftLimits

    @classmethod
    def of(cls, folder: Path | None = None) -> ModelPolicy:
        """Return the policy of a data folder, or the shipped one. Raises PolicyRefused."""
        own = folder / FILE_NAME if folder else None
        text = (
            own.read_text("utf-8")
            if own is not None and own.is_file()
            else files("training").joinpath("data", FILE_NAME).read_text("utf-8")
        )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            raise PolicyRefused(".".join(map(str, first["loc"])) or "JSON", first["msg"]) from None
