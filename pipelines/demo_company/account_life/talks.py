"""Conversations with accounts: chats, calls, visits, mails, downloads; fewer and darker as worry grows."""

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.moods import DAYS, Moods
from pipelines.demo_company.world import texts
from pipelines.demo_company.world.arrays import Flags, Floats, Ints, Rng, lognormal, scatter, sigmoid, whole
from pipelines.demo_company.world.batch import Batch, batch
from pipelines.demo_company.world.clock import HOUR, is_off, working

_CALM, _WORRIED = texts.pool(texts.ACCOUNT_CALM), texts.pool(texts.ACCOUNT_WORRIED)
_CARE, _ONBOARDING = texts.pool(texts.REP_CARE), texts.pool(texts.ONBOARDING)
_PAGES, _PAPERS = texts.pool(texts.PAGES), texts.pool(texts.PAPERS)
_SEARCHES = texts.pool(texts.SEARCHES)
_MONTH = 30.4
# channel, direction, times a month, how worry changes it, how the owner's care changes it (log per unit)
_KINDS = (
    ("chat", "in", 1.6, -0.30, 0.10),
    ("chat", "out", 0.9, 0.0, 0.35),
    ("call", "out", 0.85, 0.0, 0.35),
    ("call", "in", 0.3, -0.05, 0.0),
    ("meeting", "out", 0.16, 0.0, 0.30),
    ("email", "out", 0.35, 0.0, 0.20),
    ("site", "in", 0.75, -0.25, 0.0),
    ("download", "in", 0.35, -0.45, 0.0),
    ("search", "in", 0.16, 0.65, 0.0),
)
_WORRY_BASE, _WORRY_EFFECT = -3.3, 1.4


def account_activities(rng: Rng, accounts: Accounts, moods: Moods) -> list[Batch]:
    """Return every activity with an account; those of its first weeks are the start-up of a new customer."""
    lively = lognormal(rng, 0.85, 0.45, accounts.count)
    batches = [_kind(rng, accounts, moods, lively, *kind) for kind in _KINDS]
    return [*batches, _start_up(rng, accounts)]


def _kind(
    rng: Rng,
    accounts: Accounts,
    moods: Moods,
    lively: Floats,
    channel: str,
    direction: str,
    per_month: float,
    by_worry: float,
    by_care: float,
) -> Batch:
    weekday = np.where(is_off(np.arange(DAYS)), 0.25, 1.3)
    rate = moods.active * np.exp(by_worry * np.clip(moods.worry, -2, 3)) * weekday
    rate *= (per_month / _MONTH * lively * np.exp(by_care * accounts.care))[:, None]
    happened = rng.poisson(rate)
    account, day = np.nonzero(happened)
    times = happened[account, day]
    account, day = np.repeat(account, times), np.repeat(day, times)
    at = day + rng.uniform(8.5, 18.5, len(day)) * HOUR
    begun = at > accounts.since[account]
    return _told(rng, accounts, moods, channel, direction, account[begun], at[begun])


def _told(
    rng: Rng, accounts: Accounts, moods: Moods, channel: str, direction: str, account: Ints, at: Floats
) -> Batch:
    line = accounts.line[account]
    rep = None if channel in ("site", "download", "search") else accounts.owner[account]
    duration = None
    if channel == "site":
        text = texts.say(rng, _PAGES, line)
        duration = whole(np.clip(lognormal(rng, 80, 0.9, len(at)), 3, 3600))
    elif channel in ("download", "search"):
        text = texts.say(rng, _PAPERS if channel == "download" else _SEARCHES, line)
    else:
        text = _conversation(rng, line, _is_worried(rng, moods, account, at), direction)
        if channel in ("call", "meeting"):
            duration = whole(lognormal(rng, 200 if channel == "call" else 2700, 0.6, len(at)))
    return batch(channel, direction, at, account=account, rep=rep, text=text, duration=duration)


def _is_worried(rng: Rng, moods: Moods, account: Ints, at: Floats) -> Flags:
    chance = sigmoid(_WORRY_BASE + _WORRY_EFFECT * moods.at(account, at))
    return np.asarray(rng.random(len(account)) < chance)


def _conversation(
    rng: Rng, line: Ints, worried: Flags, direction: str
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return what was said; a rep's own entry is mostly routine, whatever the customer's worry."""
    if direction == "in":
        return texts.say_either(rng, worried, _WORRIED, _CALM, line)
    heard = worried & (rng.random(len(line)) < 0.6)
    return texts.say_either(rng, heard, _WORRIED, _CARE, line)


def _start_up(rng: Rng, accounts: Accounts) -> Batch:
    new = np.where(accounts.since >= 0, accounts.since + 0.5, np.inf)
    account, at = scatter(rng, np.full(accounts.count, 6.0), new, np.full(accounts.count, 14.0))
    at = working(rng, at)
    text = texts.say(rng, _ONBOARDING, accounts.line[account])
    return batch("chat", "out", at, account=account, rep=accounts.owner[account], text=text)
