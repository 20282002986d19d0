"""Made-up lead tables, clean or with a planted leak, for the guard and the pipeline of flat files."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Plant = Callable[[pd.DataFrame, np.ndarray, np.random.Generator], object]


def clean_leads(rows: int = 1200, seed: int = 0, rate: float = 0.3, strong: float = 0.0) -> pd.DataFrame:
    """Leads with honest columns; ``intent`` ranks as strongly as ``strong`` says (2.2: AUC about .85)."""
    g = np.random.default_rng(seed)
    created = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(g.integers(0, 700 * 24, rows)), unit="h")
    x, channel, rep = (
        g.normal(size=(rows, 4)),
        g.choice(["官网", "展会", "转介绍"], rows),
        g.integers(0, 40, rows),
    )
    score = (
        0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.8 * (channel == "转介绍") + strong * x[:, 3] + g.logistic(size=rows)
    )
    frame = pd.DataFrame(
        {
            "lead_id": [f"L-{k:06d}" for k in range(rows)],
            "created_at": created,
            "channel": channel,
            "rep": [f"rep {k}" for k in rep],
            "city": g.choice([f"city {k}" for k in range(60)], rows),
            "visits": np.exp(x[:, 0]).round(1),
            "emails": np.maximum(0, np.round(3 + 2 * x[:, 1])),
            "size": np.where(g.random(rows) < 0.2, np.nan, np.exp(6 + x[:, 2]).round()),
            "intent": x[:, 3].round(3),
            "expected_close_date": created + pd.to_timedelta(g.integers(10, 120, rows), unit="D"),
            "last_contact": created - pd.to_timedelta(g.integers(0, 60, rows), unit="D"),
        }
    )
    return frame.assign(won=np.where(score > np.quantile(score, 1 - rate), "Won", "Lost"))


def planted(frame: pd.DataFrame, leak: str, seed: int = 1) -> pd.DataFrame:
    """Return the table with one leak, in a column of the leak's name."""
    g, won = np.random.default_rng(seed), (frame.won == "Won").to_numpy()
    return frame.assign(**{leak: LEAKS[leak](frame, won, g)})


def _later(frame: pd.DataFrame, g: np.random.Generator) -> pd.Series:
    return frame.created_at + pd.to_timedelta(g.integers(1, 60, len(frame)), unit="D")


def _earlier(frame: pd.DataFrame, g: np.random.Generator) -> pd.Series:
    return frame.created_at - pd.to_timedelta(g.integers(0, 30, len(frame)), unit="D")


def _words(won: np.ndarray, g: np.random.Generator) -> np.ndarray:
    return np.where(
        won, g.choice(["已签约", "已付款"], len(won)), g.choice(["放弃", "无回应", "已失联"], len(won))
    )


def _account_rate(frame: pd.DataFrame, won: np.ndarray, _g: np.random.Generator) -> pd.Series:
    return pd.Series(won.astype(float)).groupby(frame.account).transform("mean")


LEAKS: dict[str, Plant] = {
    "关闭日期": lambda f, won, g: _later(f, g).where(won),
    "close_date": lambda f, _won, g: _later(f, g),
    "成交金额": lambda _f, won, g: np.where(won, np.exp(9 + g.normal(size=len(won))).round(), 0),
    "amount": lambda _f, won, g: np.where(
        won & (g.random(len(won)) < 0.5), 9000 + g.normal(size=len(won)), np.nan
    ),
    "stage": lambda _f, won, g: _words(won, g),
    "state": lambda _f, won, g: np.where(
        g.random(len(won)) < 0.1, g.permutation(_words(won, g)), _words(won, g)
    ),
    "copy": lambda _f, won, _g: np.where(won, "是", "否"),
    "opposite": lambda _f, won, _g: 1 - won.astype(int),
    "flag": lambda _f, won, g: np.where(g.random(len(won)) < 0.08, ~won, won),
    "grade": lambda _f, won, g: won + g.normal(0, 0.35, len(won)),
    "loss_reason": lambda _f, won, g: np.where(~won & (g.random(len(won)) < 0.7), "price", None),
    "orders_total": lambda _f, won, g: np.where(won, g.poisson(4, len(won)) + 1, g.poisson(0.1, len(won))),
    "account_rate": _account_rate,
    "touched": lambda f, won, g: _later(f, g).where(won, _earlier(f, g)),
    "seen": lambda f, won, g: _later(f, g).where(won & (g.random(len(won)) < 0.5), _earlier(f, g)),
    "number": lambda _f, won, _g: [f"{'W' if one else 'L'}{k}" for k, one in enumerate(won)],
}
