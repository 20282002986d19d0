"""Contracts: one term after another, and at the end of each whether it is renewed.

A term carries a hidden ``risk``: the account's lasting strain and fresh trouble (a new head of purchasing,
a budget cut) that grows from ``onset`` to the end. The risk shows in behaviour on the way (``moods``), and
it, together with how quickly tickets were really answered, decides the renewal at the end.
"""

from dataclasses import dataclass, fields

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.requests import Requests, slowness_between
from pipelines.demo_company.world.arrays import NEVER, Flags, Floats, Ints, Rng, sigmoid
from pipelines.demo_company.world.clock import Clock, late_shift

YEAR, HALF_YEAR = 365.0, 182.0
_SECOND_LINE = 0.10
_RISK_BASE, _RISK_EFFECT = -2.3, 2.0
_SERVICE_EFFECT = 0.7
_MARKET_TURN = 0.45
_FRESH = 0.85
_WIN_BACK = 0.15
_ROUNDS = 6


@dataclass(frozen=True)
class Terms:
    """Contract terms, one element each.

    ``signed`` is when the contract was entered, ``closed`` when it was renewed or lapsed (NEVER while it
    runs), ``renewed`` means something only where closed.
    """

    account: Ints
    line: Ints
    signed: Floats
    start: Floats
    end: Floats
    risk: Floats
    onset: Floats
    closed: Floats
    renewed: Flags
    share: Floats


def sign_contracts(rng: Rng, clock: Clock, accounts: Accounts, requests: Requests) -> Terms:
    """Return every term signed by ``now``, round after round of renewals."""
    rounds = []
    current = _first_terms(rng, accounts)
    for _ in range(_ROUNDS):
        current = _subset(current, current.signed <= clock.now_day)
        if len(current.account) == 0:
            break
        current = _close(rng, clock, accounts, requests, current)
        rounds.append(current)
        current = _next_terms(rng, accounts, current)
    return Terms(*(np.concatenate([getattr(r, f.name) for r in rounds]) for f in fields(Terms)))


def _first_terms(rng: Rng, accounts: Accounts) -> Terms:
    second = np.flatnonzero((rng.random(accounts.count) < _SECOND_LINE) & (accounts.since < 0))
    account = np.concatenate([np.arange(accounts.count), second])
    other = (accounts.line[second] + rng.integers(1, 8, len(second))) % 8
    line = np.concatenate([accounts.line, other])
    count = len(account)
    length = _lengths(rng, count)
    old = accounts.since[account] < 0
    signed_new = accounts.since[account] + rng.uniform(0.05, 9.0, count)
    start = np.where(old, -rng.random(count) * length, np.floor(signed_new) + rng.integers(1, 10, count))
    signed = np.where(old, np.floor(start) - rng.uniform(0.2, 20.0, count), signed_new)
    main = np.ones(count)
    main[np.isin(account, second)] = 0.65
    main[accounts.count :] = 0.35
    return _terms(rng, accounts, account, line, signed, np.floor(start), length, main)


def _terms(
    rng: Rng,
    accounts: Accounts,
    account: Ints,
    line: Ints,
    signed: Floats,
    start: Floats,
    length: Floats,
    share: Floats,
) -> Terms:
    count = len(account)
    end = start + length
    return Terms(
        account=account,
        line=line,
        signed=signed,
        start=start,
        end=end,
        risk=accounts.strain[account] + _FRESH * rng.standard_normal(count),
        onset=end - rng.uniform(0.6, 1.0, count) * length,
        closed=np.full(count, NEVER),
        renewed=np.zeros(count, dtype=np.bool_),
        share=share,
    )


def _close(rng: Rng, clock: Clock, accounts: Accounts, requests: Requests, terms: Terms) -> Terms:
    """Return the terms with the decisions that were known by ``now``."""
    count = len(terms.account)
    slow = slowness_between(requests, terms.account, np.maximum(terms.start, terms.end - 200), terms.end - 20)
    logit = _RISK_BASE + _RISK_EFFECT * terms.risk + _SERVICE_EFFECT * slow
    logit += _MARKET_TURN * late_shift(terms.end)
    renewed = rng.random(count) >= sigmoid(logit)
    # a renewal is signed around the last weeks; that it lapsed shows only after the end
    when = terms.end + np.where(renewed, rng.uniform(-24, 3, count), rng.uniform(0.4, 8, count))
    closed = np.where(when <= clock.now_day, when, NEVER)
    parts = {f.name: getattr(terms, f.name) for f in fields(Terms)}
    return Terms(**(parts | {"closed": closed, "renewed": renewed & np.isfinite(closed)}))


def _next_terms(rng: Rng, accounts: Accounts, terms: Terms) -> Terms:
    count = len(terms.account)
    back = ~terms.renewed & (rng.random(count) < _WIN_BACK)
    signed = np.where(terms.renewed, terms.closed, terms.closed + rng.uniform(50, 150, count))
    go = np.isfinite(terms.closed) & (terms.renewed | back)
    part = _subset(terms, go)
    signed = signed[go]
    start = np.maximum(part.end, np.floor(signed) + 1)
    length = _lengths(rng, len(start))
    return _terms(rng, accounts, part.account, part.line, signed, start, length, part.share)


def _lengths(rng: Rng, count: int) -> Floats:
    return np.where(rng.random(count) < 0.22, HALF_YEAR, YEAR)


def _subset(terms: Terms, mask: Flags) -> Terms:
    return Terms(*(getattr(terms, f.name)[mask] for f in fields(Terms)))
