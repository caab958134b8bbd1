"""A model of the guard with several mandates per transaction, small enough to believe.

It is the rules alone, without bytes, keys or a journal: what a request may name, what it must
share with what was signed before, what it takes from the windows. `Rule` names each of them, and
`Guard(without=...)` leaves one out, so that a test can show that each is needed: the hostile
custody of `world.py` finds what goes wrong without it.

Pure: no clock, no randomness. Time is a number that the caller passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction


class Rule(StrEnum):
    """What the guard insists on. Each says what it would let through if it were missing."""

    DISTINCT = "a transfer stands in a request once, in one version"
    ONE_SOURCE = "all transfers of a request have one source"
    SUM = "the transaction pays the multiset sum of what was agreed, not the union"
    COST_KINDS = "costs are bounded kind by kind, not in total"
    SHARE = "each transfer's share of the costs is within its own bound, not within the sum"
    PAYS_NOBODY = "a cancel pays nobody"
    NOT_VACUOUS = "a cancel needs an earlier record of every transfer that it names"
    SIGNED_VERSION = "a cancel shows versions that are recorded as signed, and keeps their bounds"
    EVERY_RECORD = "other bytes share a binding key with every earlier record, not the newest"
    EVERY_TRANSFER = "the rule holds for each transfer of the request, not for one of them"
    INCLUSION = "only a key that excludes inclusion binds, not one that excludes success"
    ONE_CORE = "what a transfer pays and from where never changes between its versions"
    ONE_SET = "the same bytes are signed for one set of transfers and one purpose, ever"
    MOST = "a transfer takes the most of any of its transactions from the windows"
    CANCEL_FREES_NOTHING = "a cancel repeats what the transfer takes"
    TOGETHER = "the transfers of one request are judged with what the others take"
    EXACT_VERSION = "an approval is for one version and counts for no other"
    BASIS = "an approval counts only under the rules that it rested on"
    EXPIRY = "nothing is signed for a mandate that has expired"
    NOT_AHEAD = "nothing is signed that says it was requested later than now"
    STOPPED = "while it is stopped only cancels are signed, and what was signed before"
    RECOVERY = "what was requested before a recovery is not signed after it"


class Excludes(StrEnum):
    """What at most one of two transactions that share the key can do."""

    INCLUSION = "inclusion"
    SUCCESS = "success"


class Purpose(StrEnum):
    PAY = "pay"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    name: str
    excludes: Excludes


@dataclass(frozen=True, slots=True)
class Core:
    """What never changes. `pays`: (payee, units), each as often as it is agreed."""

    transfer: str
    source: str
    pays: tuple[tuple[str, int], ...]
    requested_at: int


@dataclass(frozen=True, slots=True)
class Mandate:
    """`bounds`: (cost kind, units), sorted. `basis`: the rules that approvals rest on."""

    core: Core
    version: int
    bounds: tuple[tuple[str, int], ...]
    basis: str
    expires_at: int

    @property
    def most(self) -> int:
        """All that it may take from the source."""
        return sum(units for _, units in (*self.core.pays, *self.bounds))


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the bytes do; equal values are the same bytes. `costs`: (cost kind, units), sorted."""

    source: str
    keys: frozenset[Key]
    pays: tuple[tuple[str, int], ...]
    costs: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """A mandate, and the mandates that people have put their names under."""

    mandate: Mandate
    approvals: frozenset[Mandate]


@dataclass(frozen=True, slots=True)
class Record:
    """One for each mandate of a request that was signed."""

    transaction: Transaction
    purpose: Purpose
    mandate: Mandate
    takes: int


class Refused(Exception):
    """Nothing was signed and nothing changed."""


@dataclass(slots=True)
class Guard:
    """The journal and what follows from it. `limit`: most that may leave a source, ever: a window
    that never ends, so that every unit counts."""

    limit: int
    without: frozenset[Rule] = frozenset()
    basis: str = "A"
    stopped: bool = False
    recovered_at: int = -1
    journal: list[Record] = field(default_factory=list)
    signed_for: dict[Transaction, tuple[frozenset[str], Purpose]] = field(default_factory=dict)

    def sign(
        self, purpose: Purpose, transaction: Transaction, consents: Sequence[Consent], now: int
    ) -> None:
        """Returns if a signature is made, for the first time or again. Raises Refused."""
        mandates = [consent.mandate for consent in consents]
        names = frozenset(mandate.core.transfer for mandate in mandates)
        self._check_request(mandates, names)
        before = self.signed_for.get(transaction)
        if before == (names, purpose):
            return
        self._insist(Rule.ONE_SET, before is None)
        self._check_records(transaction, mandates)
        for mandate in mandates:
            self._insist(Rule.RECOVERY, mandate.core.requested_at > self.recovered_at)
        if purpose is Purpose.PAY:
            self._insist(Rule.STOPPED, not self.stopped)
            self._check_consents(consents, now)
        self._check_effects(purpose, transaction, mandates)
        takes = [self._takes(purpose, mandate) for mandate in mandates]
        if purpose is Purpose.PAY:
            self._check_windows(mandates, takes)
        self.signed_for[transaction] = (names, purpose)
        for mandate, taken in zip(mandates, takes, strict=True):
            self.journal.append(Record(transaction, purpose, mandate, taken))

    def publish(self, basis: str) -> None:
        """The quorum puts rules in force, which ends a stop."""
        self.basis, self.stopped = basis, False

    def stop(self) -> None:
        """One administrator does."""
        self.stopped = True

    def lose_journal(self, now: int) -> None:
        """Recovered from a backup of nothing: an operator does this, and knows when. A stop is
        lost with it, and has to be said again."""
        self.stopped = False
        self.journal.clear()
        self.signed_for.clear()
        self.recovered_at = now

    def taken(self, source: str, without: Collection[str] = ()) -> int:
        """What the windows of a source hold: each transfer once, as its newest record says."""
        newest = {record.mandate.core.transfer: record for record in self.journal}
        return sum(
            record.takes
            for transfer, record in newest.items()
            if record.mandate.core.source == source and transfer not in without
        )

    def _insist(self, rule: Rule, holds: bool) -> None:
        if not holds and rule not in self.without:
            raise Refused(rule)

    def _records(self, transfer: str) -> list[Record]:
        return [each for each in self.journal if each.mandate.core.transfer == transfer]

    def _check_request(self, mandates: Sequence[Mandate], names: frozenset[str]) -> None:
        if not mandates:
            raise Refused("a request names a transfer")
        self._insist(Rule.DISTINCT, len(names) == len(mandates))
        self._insist(Rule.ONE_SOURCE, len({each.core.source for each in mandates}) == 1)

    def _check_records(self, transaction: Transaction, mandates: Sequence[Mandate]) -> None:
        for mandate in mandates[:1] if Rule.EVERY_TRANSFER in self.without else mandates:
            records = self._records(mandate.core.transfer)
            for record in records:
                self._insist(Rule.ONE_CORE, record.mandate.core == mandate.core)
            if Rule.EVERY_RECORD in self.without:
                records = records[-1:]
            for record in records:
                if record.transaction != transaction:
                    shared = self._binding(record.transaction) & self._binding(transaction)
                    if not shared:
                        raise Refused(Rule.EVERY_RECORD)

    def _binding(self, transaction: Transaction) -> frozenset[Key]:
        if Rule.INCLUSION in self.without:
            return transaction.keys
        return frozenset(key for key in transaction.keys if key.excludes is Excludes.INCLUSION)

    def _check_consents(self, consents: Sequence[Consent], now: int) -> None:
        for consent in consents:
            mandate = consent.mandate
            approved = consent.approvals
            if Rule.EXACT_VERSION in self.without:
                agreed = any(each.core == mandate.core for each in approved)
            else:
                agreed = mandate in approved
            if not agreed:
                raise Refused(Rule.EXACT_VERSION)
            self._insist(Rule.BASIS, mandate.basis == self.basis)
            self._insist(Rule.EXPIRY, now < mandate.expires_at)
            self._insist(Rule.NOT_AHEAD, mandate.core.requested_at <= now)

    def _check_effects(
        self, purpose: Purpose, transaction: Transaction, mandates: Sequence[Mandate]
    ) -> None:
        if any(mandate.core.source != transaction.source for mandate in mandates[:1]):
            raise Refused("another source pays")
        if purpose is Purpose.PAY:
            agreed = Counter(pay for mandate in mandates for pay in mandate.core.pays)
            if Rule.SUM in self.without:
                agreed = Counter(set(agreed))
            if Counter(transaction.pays) != agreed:
                raise Refused(Rule.SUM)
        else:
            self._check_cancel(transaction, mandates)
        self._check_costs(transaction.costs, mandates)

    def _check_cancel(self, transaction: Transaction, mandates: Sequence[Mandate]) -> None:
        self._insist(Rule.PAYS_NOBODY, not transaction.pays)
        for mandate in mandates:
            signed = [record.mandate for record in self._records(mandate.core.transfer)]
            self._insist(Rule.NOT_VACUOUS, bool(signed))
            self._insist(Rule.SIGNED_VERSION, not signed or mandate in signed)

    def _check_costs(
        self,
        costs: tuple[tuple[str, int], ...],
        mandates: Sequence[Mandate],
    ) -> None:
        shared: list[tuple[Mapping[str, int], Mapping[str, int]]] = [
            (part, dict(mandate.bounds))
            for part, mandate in zip(shares_of(costs, mandates), mandates, strict=True)
        ]
        if Rule.SHARE in self.without:
            shared = [(dict(costs), _sum([mandate.bounds for mandate in mandates]))]
        for part, most in shared:
            if Rule.COST_KINDS in self.without:
                fits = sum(part.values()) <= sum(most.values())
            else:
                fits = all(units <= most.get(kind, 0) for kind, units in part.items())
            if not fits:
                raise Refused(Rule.COST_KINDS)

    def _takes(self, purpose: Purpose, mandate: Mandate) -> int:
        before = max((each.takes for each in self._records(mandate.core.transfer)), default=0)
        if purpose is Purpose.CANCEL:
            return 0 if Rule.CANCEL_FREES_NOTHING in self.without else before
        return mandate.most if Rule.MOST in self.without else max(before, mandate.most)

    def _check_windows(self, mandates: Sequence[Mandate], takes: Sequence[int]) -> None:
        """Each is judged with the sums without all of the request's transfers, plus what each of
        the others takes: the order does not matter."""
        names = [mandate.core.transfer for mandate in mandates]
        others = self.taken(mandates[0].core.source, without=names)
        for own in takes:
            beside = 0 if Rule.TOGETHER in self.without else sum(takes) - own
            if others + beside + own > self.limit:
                raise Refused(Rule.TOGETHER)


def shares_of(
    costs: tuple[tuple[str, int], ...], mandates: Sequence[Mandate]
) -> list[Mapping[str, int]]:
    """What each mandate's transfer pays of the costs, by how much of the bytes is its own: one unit
    after the other, each to whoever is furthest below what is exactly his."""
    sizes = [len(mandate.core.pays) for mandate in mandates]
    found: list[dict[str, int]] = [{} for _ in mandates]
    for kind, units in costs:
        exact = [Fraction(units * size, sum(sizes)) for size in sizes]
        parts = [int(each) for each in exact]
        while sum(parts) < units:
            at = max(range(len(parts)), key=lambda n: (exact[n] - parts[n], -n))
            parts[at] += 1
        for part, own in zip(found, parts, strict=True):
            part[kind] = own
    return list(found)


def _sum(bounds: Sequence[tuple[tuple[str, int], ...]]) -> Mapping[str, int]:
    most: Counter[str] = Counter()
    for each in bounds:
        most.update(dict(each))
    return most
