"""What is seen of a lead while it is open: visits, chats, downloads, searches, calls, views, assignments.

Behaviour follows hidden intent and, after the first contact, the interest that handling left; it ends when
the lead closes, and never depends on how.
"""

import numpy as np

from pipelines.demo_company.lead_life.handling import Handling
from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.lead_life.outcomes import Outcomes
from pipelines.demo_company.world import texts
from pipelines.demo_company.world.arrays import Floats, Ints, Rng, pick, scatter, sigmoid, whole, words
from pipelines.demo_company.world.batch import Batch, batch
from pipelines.demo_company.world.clock import HOUR, MINUTE, working

_KEEN, _COOL = texts.pool(texts.LEAD_KEEN), texts.pool(texts.LEAD_COOL)
_PAGES, _PAPERS = texts.pool(texts.PAGES), texts.pool(texts.PAPERS)
_SEARCHES = texts.pool(texts.SEARCHES)
_FIRST, _FOLLOW = texts.pool(texts.REP_FIRST), texts.pool(texts.REP_FOLLOW)
_NOTES = texts.pool(texts.REP_NOTE)
_SPAN_MEETING = (1200.0, 5400.0)


def lead_activities(rng: Rng, leads: Leads, handling: Handling, outcomes: Outcomes) -> list[Batch]:
    """Return every activity with a lead, none after its closing."""
    follow_ups = _follow_ups(rng, leads, handling)
    batches = [
        *_website(rng, leads, outcomes),
        _chats(rng, leads, outcomes),
        *_internal(rng, leads, handling, follow_ups),
        *_outbound(rng, leads, handling, follow_ups),
        _replies(rng, leads, handling, outcomes, follow_ups),
    ]
    return [item.keep(item.at <= outcomes.closed[item.lead]) for item in batches]


def _website(rng: Rng, leads: Leads, outcomes: Outcomes) -> list[Batch]:
    tracked = leads.tracked.astype(float)
    intent = leads.intent
    decay = _lasting(outcomes)
    who, at = scatter(rng, 1.5 * tracked * np.exp(0.5 * intent), leads.arrived, decay)
    dwell = 70.0 * np.exp(0.5 * intent[who] + 0.9 * rng.standard_normal(len(who)))
    visits = batch(
        "site",
        "in",
        at,
        lead=who,
        text=texts.say(rng, _PAGES, leads.line[who]),
        duration=whole(np.clip(dwell, 3, 3600)),
    )
    who, at = scatter(rng, 0.26 * tracked * np.exp(0.8 * intent), leads.arrived, decay)
    downloads = batch("download", "in", at, lead=who, text=texts.say(rng, _PAPERS, leads.line[who]))
    who, at = scatter(rng, 0.35 * tracked * np.exp(0.8 * leads.rival), leads.arrived, decay)
    searches = batch("search", "in", at, lead=who, text=texts.say(rng, _SEARCHES, leads.line[who]))
    return [visits, downloads, searches]


def _chats(rng: Rng, leads: Leads, outcomes: Outcomes) -> Batch:
    who, at = scatter(rng, 0.7 * np.exp(0.6 * leads.intent), leads.arrived, _lasting(outcomes))
    return batch("chat", "in", at, lead=who, text=_words_of(rng, leads, who, leads.intent[who]))


def _lasting(outcomes: Outcomes) -> Floats:
    """Return for how many days interest stays alive."""
    return np.asarray(np.clip(13.0 * np.exp(0.3 * outcomes.interest), 2.0, 30.0))


def _words_of(
    rng: Rng, leads: Leads, who: Ints, mood: Floats
) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    keen = rng.random(len(who)) < sigmoid(-0.2 + 0.8 * mood)
    return texts.say_either(rng, keen, _KEEN, _COOL, leads.line[who])


def _follow_ups(rng: Rng, leads: Leads, handling: Handling) -> tuple[Ints, Floats]:
    """Return (lead, time) of each later contact by the owner, thinning out over the weeks."""
    mean = 2.1 * handling.zeal
    who, at = scatter(rng, mean, handling.contacted + 0.6, np.full(leads.count, 10.0))
    return who, working(rng, at)


def _internal(rng: Rng, leads: Leads, handling: Handling, follow_ups: tuple[Ints, Floats]) -> list[Batch]:
    everyone = np.arange(leads.count)
    moved = np.flatnonzero(np.isfinite(handling.reassigned))
    seen = np.flatnonzero(np.isfinite(handling.viewed))
    who, at = follow_ups
    again = rng.random(len(who)) < 0.3
    who, at = who[again], at[again] - rng.exponential(6 * MINUTE, int(again.sum()))
    return [
        batch(
            "assign",
            "internal",
            handling.assigned,
            lead=everyone,
            rep=handling.first_owner,
            text=pick(rng, words(texts.ASSIGNED), leads.count),
        ),
        batch(
            "assign",
            "internal",
            handling.reassigned[moved],
            lead=moved,
            rep=handling.owner[moved],
            text=pick(rng, words(texts.REASSIGNED), len(moved)),
        ),
        _views(handling, seen, handling.viewed[seen]),
        _views(handling, who, at),
    ]


def _views(handling: Handling, who: Ints, at: Floats) -> Batch:
    return batch("view", "internal", at, lead=who, rep=handling.owner_at(who, at))


def _outbound(rng: Rng, leads: Leads, handling: Handling, follow_ups: tuple[Ints, Floats]) -> list[Batch]:
    reached = np.flatnonzero(np.isfinite(handling.contacted))
    first = [
        _said(rng, leads, handling, channel, reached[part], handling.contacted[reached[part]], _FIRST)
        for channel, part in _split(rng, len(reached), {"call": 0.65, "chat": 0.35})
    ]
    who, at = follow_ups
    shares = {"call": 0.47, "chat": 0.33, "email": 0.13, "meeting": 0.07}
    later = [
        _said(rng, leads, handling, channel, who[part], at[part], _FOLLOW)
        for channel, part in _split(rng, len(who), shares)
    ]
    return first + later


def _said(
    rng: Rng,
    leads: Leads,
    handling: Handling,
    channel: str,
    who: Ints,
    at: Floats,
    sentences: np.ndarray[tuple[int, ...], np.dtype[np.object_]],
) -> Batch:
    size = len(who)
    short = rng.random(size) < 0.25
    duration = np.full(size, np.nan)
    if channel == "call":
        duration = np.where(short, rng.uniform(5, 40, size), 60 + rng.exponential(170, size)).round()
    elif channel == "meeting":
        duration = rng.uniform(*_SPAN_MEETING, size).round()
    text = texts.say_either(rng, short, _NOTES, sentences, leads.line[who])
    rep = handling.owner_at(who, at)
    return batch(channel, "out", at, lead=who, rep=rep, text=text, duration=duration)


def _replies(
    rng: Rng, leads: Leads, handling: Handling, outcomes: Outcomes, follow_ups: tuple[Ints, Floats]
) -> Batch:
    reached = np.flatnonzero(np.isfinite(handling.contacted))
    who = np.concatenate([reached, follow_ups[0]])
    at = np.concatenate([handling.contacted[reached], follow_ups[1]])
    answered = rng.random(len(who)) < sigmoid(-0.9 + 0.75 * outcomes.interest[who])
    who, at = who[answered], at[answered] + rng.exponential(5 * HOUR, int(answered.sum()))
    text = _words_of(rng, leads, who, outcomes.interest[who])
    return batch("chat", "in", at, lead=who, rep=handling.owner_at(who, at), text=text)


def _split(
    rng: Rng, size: int, shares: dict[str, float]
) -> list[tuple[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    draw = rng.choice(len(shares), size=size, p=list(shares.values()))
    return [(channel, draw == index) for index, channel in enumerate(shares)]
