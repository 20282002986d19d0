"""Service requests: when they come and how long the first answer takes."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.world.arrays import Floats, Ints, Rng, lognormal, pick_index
from pipelines.demo_company.world.clock import HOUR, WINDOW_DAYS

MONTH = 365 / 12
USUAL_RESPONSE_H = 2.5
_PER_MONTH = 0.42
_OFFICE = (8.5, 18.0)

# category, share, what it is about
CATEGORIES: tuple[tuple[str, float, tuple[str, ...]], ...] = (
    ("质量问题", 0.24, ("{line}外包装破损", "{line}批号与单据不符", "{line}使用中出现异常")),
    ("物流配送", 0.27, ("{line}到货延迟", "{line}少发一箱", "{line}收货地址变更")),
    ("设备维修", 0.18, ("{line}配套设备报警", "{line}配套设备校准", "{line}配件更换")),
    ("票据对账", 0.17, ("{line}发票信息有误", "{line}月度对账差异")),
    ("使用培训", 0.14, ("{line}操作培训申请", "{line}新员工带教")),
)


@dataclass(frozen=True)
class Requests:
    """Requests that would be made if the account stayed a customer, in order of time, one element each."""

    account: Ints
    opened: Floats
    response: Floats
    category: Ints
    wording: Ints


def service_requests(rng: Rng, accounts: Accounts) -> Requests:
    """Return the requests of the window; responses in days."""
    per_day = _PER_MONTH / MONTH * lognormal(rng, 0.8, 0.6, accounts.count)
    begins = np.maximum(accounts.since, 0.0)
    count = rng.poisson(per_day * np.maximum(WINDOW_DAYS + 1 - begins, 0.0))
    account = np.repeat(np.arange(accounts.count), count)
    size = len(account)
    day = np.floor(begins[account] + 1 + rng.random(size) * (WINDOW_DAYS - begins[account]))
    opened = day + rng.uniform(*_OFFICE, size) * HOUR
    order = np.argsort(opened, kind="stable")
    account, opened = account[order], opened[order]
    response = lognormal(rng, USUAL_RESPONSE_H * HOUR, 0.85, size) * np.exp(
        1.1 * accounts.slow_service[account]
    )
    shares = [row[1] for row in CATEGORIES]
    return Requests(
        account,
        opened,
        np.clip(response, 2 / 60 * HOUR, 12.0),
        pick_index(rng, shares, size),
        rng.integers(0, 6, size),
    )


def slowness_between(requests: Requests, account: Ints, start: Floats, end: Floats) -> Floats:
    """Return the mean log response against the usual over requests opened in a span; 0 without any.

    Few requests count for less: the mean is shrunk by two requests answered as usual.
    """
    out = np.zeros(len(account))
    order = np.argsort(requests.account, kind="stable")
    bounds = np.searchsorted(requests.account[order], np.arange(int(requests.account.max(initial=0)) + 2))
    slow = np.log(requests.response / (USUAL_RESPONSE_H * HOUR))
    for index, (who, begins, ends) in enumerate(zip(account.tolist(), start, end, strict=True)):
        if who + 1 >= len(bounds):
            continue
        own = order[bounds[who] : bounds[who + 1]]
        inside = own[(requests.opened[own] >= begins) & (requests.opened[own] < ends)]
        out[index] = slow[inside].sum() / (len(inside) + 2)
    return out
