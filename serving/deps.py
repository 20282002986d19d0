"""Everything the app is made from. The composition root builds it; tests build it from fakes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from crm_store.rules.engine import RuleBook
from serving.assessment import Assessor, shipped_assessor
from serving.candidates import Candidates
from serving.champions import Champions
from serving.crm.deps import CrmDeps
from serving.gate import Gate, GateLimits
from serving.guarded import GuardedRecords
from serving.kinds import KINDS, Kind
from serving.ladder import Ladder, LadderLimits, Memory, Observer, RuleSource
from serving.matching import MODEL, Matcher, MatchLimits
from serving.metrics import Feed
from serving.online import OnlineGate, OnlineReader
from serving.ports import Records


@dataclass(frozen=True)
class ServingLimits:
    """Limits. ``request`` is seconds for any request, then it is a 504; ``remembered`` scores per model.

    ``patient`` is for what only the record store can answer.
    """

    request: float = 10.0
    online: GateLimits = field(default_factory=GateLimits)
    ladder: LadderLimits = field(default_factory=LadderLimits)
    match: MatchLimits = field(default_factory=MatchLimits)
    remembered: int = 20_000
    store: GateLimits = field(default_factory=GateLimits)
    patient: GateLimits = field(default_factory=lambda: GateLimits(base=2.0))


@dataclass(frozen=True)
class ServingDeps:
    """The parts of the scoring API.

    ``online`` gives the reader of online features, or None while it is loading; ``rules`` holds one rule
    document per model; ``clock`` is the business's now, which stands still for
    a history that has ended; ``wall`` is real time, by which keys expire (``clock`` unless given);
    ``monotonic`` measures waiting. ``crm`` is the CRM interface, None for an app that only scores. ``feed``
    tells how far the fresh scores have come; it must not raise. ``assessor`` gives composite and parts,
    ``rule_book`` the published documents. ``observe`` is told of every answered batch.
    """

    records: Records
    champions: Champions
    online: Callable[[], OnlineReader | None]
    rules: Mapping[str, RuleSource]
    clock: Callable[[], datetime]
    wall: Callable[[], datetime] | None = None
    monotonic: Callable[[], float] = time.monotonic
    limits: ServingLimits = field(default_factory=ServingLimits)
    crm: CrmDeps | None = None
    feed: Callable[[], Feed | None] = lambda: None
    assessor: Assessor = field(default_factory=shipped_assessor)
    rule_book: Callable[[], RuleBook] = RuleBook.shipped
    observe: Observer = lambda _model, _rows, _answers: None

    def gate(self) -> OnlineGate:
        """Return the way to the online features, with its deadline and its breaker."""
        return OnlineGate(self.online, self.limits.online, self.monotonic)

    def guarded(self, name: str, limits: GateLimits | None = None) -> GuardedRecords:
        """Return the record store with a deadline and a breaker, for one kind of caller."""
        gate = Gate(f"records-{name}", limits or self.limits.store, self.monotonic)
        return GuardedRecords(self.records, gate)

    def ladders(self, gate: OnlineGate) -> dict[str, Ladder]:
        """Return the ladder of each model."""
        return {kind.model: self._ladder(kind, gate) for kind in KINDS}

    def matcher(self, gate: OnlineGate) -> Matcher:
        """Return who matches leads with reps."""
        rules, limits = self.rules[MODEL], self.limits.match
        patient = self.guarded(f"{MODEL}-first", self.limits.patient)
        candidates = Candidates(self.guarded(MODEL), patient, self.monotonic)
        return Matcher(self.champions, gate, rules, candidates, self.clock, limits, self.observe)

    def _ladder(self, kind: Kind, gate: OnlineGate) -> Ladder:
        return Ladder(
            kind=kind,
            champions=self.champions,
            gate=gate,
            rules=self.rules[kind.model],
            records=self.guarded(kind.model),
            clock=self.clock,
            monotonic=self.monotonic,
            limits=self.limits.ladder,
            memory=Memory(self.limits.remembered),
            timing_memory=Memory(self.limits.remembered),
            observe=self.observe,
        )
