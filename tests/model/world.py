"""A random hostile custody against the model of the guard, and what must hold afterwards.

Custody owns everything but the guard and the people: it invents transactions, partners, versions
and bounds, shows people some mandates, repeats requests, loses the signer's memory and has it
recovered. People agree to some of what they are shown, by name of the exact mandate. The chain
includes any transactions that do not exclude each other.

`play(seed)` returns the first thing that went wrong, or None. The same seed plays the same game.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.model.guard import (
    Consent,
    Core,
    Excludes,
    Guard,
    Key,
    Mandate,
    Purpose,
    Refused,
    Rule,
    Transaction,
    shares_of,
)

MOVES = 12
PANIC = 0.02
_KEYS = (
    *(Key(name, Excludes.INCLUSION) for name in "123"),
    Key("s", Excludes.SUCCESS),
    Key("3", Excludes.SUCCESS),
)
"""What one transaction proves of a key, another one of the same name may not prove."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature that custody got. `consents`: as it presented them; `at`, `basis`: when."""

    purpose: Purpose
    transaction: Transaction
    consents: tuple[Consent, ...]
    at: int
    basis: str
    stopped: bool

    @property
    def transfers(self) -> frozenset[str]:
        return frozenset(each.mandate.core.transfer for each in self.consents)


@dataclass(slots=True)
class World:
    dice: random.Random
    panic: random.Random
    guard: Guard
    cores: tuple[Core, ...]
    now: int = 10
    approvals: set[Mandate] = field(default_factory=set)
    signed: list[Signed] = field(default_factory=list)
    forgotten: list[Signed] = field(default_factory=list)
    """Signed before the guard lost its memory."""

    def move(self) -> None:
        """One thing that custody, the people or the operator may do. An administrator who stops it
        throws dice of their own: the game around it stays what it is."""
        if self.panic.random() < PANIC:
            self.guard.stop()
        chance = self.dice.random()
        if chance < 0.06:
            self.guard.publish(self.dice.choice("AB"))
        elif chance < 0.10:
            self._lose_the_journal()
        else:
            self._ask()
        self.now += self.dice.randint(0, 2)

    def _ask(self) -> None:
        consents = tuple(self._consent() for _ in range(self.dice.choice((1, 1, 2, 2, 3))))
        purpose = self.dice.choice((Purpose.PAY, Purpose.PAY, Purpose.CANCEL))
        transaction = self._transaction(purpose, [each.mandate for each in consents])
        if self.signed and self.dice.random() < 0.15:
            transaction = self.dice.choice(self.signed).transaction
        try:
            self.guard.sign(purpose, transaction, consents, self.now)
        except Refused:
            return
        said = self.guard.basis, self.guard.stopped
        one = Signed(purpose, transaction, consents, self.now, *said)
        self.signed.append(one)

    def _consent(self) -> Consent:
        dice = self.dice
        core = dice.choice(self.cores)
        if dice.random() < 0.2:  # somebody else's words under the same name
            other = dice.choice(self.cores)
            core = Core(core.transfer, other.source, other.pays, core.requested_at)
        bounds = tuple((kind, dice.randint(0, 3)) for kind in ("fee", "rent"))
        offered = Mandate(core, dice.randint(1, 2), bounds, dice.choice("AAB"), self._expiry())
        known = [each for each in self.approvals if each.core.transfer == core.transfer]
        if known and dice.random() < 0.6:
            offered = dice.choice(sorted(known, key=repr))
        elif dice.random() < 0.8:
            self.approvals.add(offered)
        return Consent(offered, frozenset(self.approvals))

    def _expiry(self) -> int:
        return self.now + self.dice.randint(-1, 15)

    def _transaction(self, purpose: Purpose, mandates: Sequence[Mandate]) -> Transaction:
        dice = self.dice
        pays = [pay for mandate in mandates for pay in mandate.core.pays]
        if dice.random() < 0.2:
            pays = list(dict.fromkeys(pays))
        if purpose is Purpose.CANCEL and dice.random() < 0.8:
            pays = []
        keys = frozenset(dice.sample(_KEYS, dice.randint(1, 2)))
        total = Counter[str]()
        for mandate in mandates:
            total.update(dict(mandate.bounds))
        if dice.random() < 0.9:  # what the poorest of them can share
            sizes = [len(mandate.core.pays) for mandate in mandates]
            for kind in ("fee", "rent"):
                bounds = [dict(mandate.bounds).get(kind, 0) for mandate in mandates]
                fair = (b * sum(sizes) // size for b, size in zip(bounds, sizes, strict=True))
                total[kind] = min(fair)
        costs = tuple(
            (kind, total[kind] + dice.choice((0, 0, 0, 0, 0, 0, -1, 1))) for kind in ("fee", "rent")
        )
        costs = tuple((kind, max(0, units)) for kind, units in costs)
        return Transaction(mandates[0].core.source, keys, tuple(sorted(pays)), costs)

    def _lose_the_journal(self) -> None:
        """The signer is recovered from a backup of nothing: an operator does this, once and known.
        The clock of `requested_at` is custody's word, but it stands in what people agreed to."""
        if self.guard.recovered_at >= 0:
            return
        self.forgotten += self.signed
        self.signed = []
        self.guard.lose_journal(self.now)


def play(seed: int, without: Collection[Rule] = (), guard: Guard | None = None) -> str | None:
    """What went wrong in game `seed` with the rules `without` left out; None if nothing did.
    `guard`: another one than the model's own; its limit is the game's."""
    dice = random.Random(seed)
    sources = ("X", "X", "X", dice.choice("XY"))
    cores = tuple(
        Core(name, source, ((dice.choice("ab"), dice.choice((5, 10))),), dice.choice((0, 5, 12)))
        for name, source in zip("TUVW", sources, strict=True)
    )
    limit = dice.choice((30, 45, 1000))
    world = World(
        dice, random.Random(f"panic {seed}"), guard or Guard(limit, frozenset(without)), cores
    )
    world.guard.limit = limit
    for _ in range(MOVES):
        world.move()
    return _fault_at_signing(world) or _fault_on_chain(world)


def first_fault(seeds: Iterable[int], without: Collection[Rule] = ()) -> tuple[int, str] | None:
    """The first game in which something goes wrong, and what."""
    for seed in seeds:
        fault = play(seed, without)
        if fault is not None:
            return seed, fault
    return None


def _fault_at_signing(world: World) -> str | None:
    """What no chain is needed to see."""
    for one in world.signed:
        if one.purpose is Purpose.CANCEL:
            continue
        first = next(each for each in world.signed if each.transaction == one.transaction)
        for consent in first.consents if first is one else ():  # a repeat is not decided again
            mandate = consent.mandate
            if mandate not in consent.approvals:
                return "signed what nobody agreed to"
            if mandate.basis != one.basis:
                return "signed under other rules than were agreed to"
            if one.stopped:
                return "signed although an administrator had stopped it"
            if one.at >= mandate.expires_at:
                return "signed after expiry"
    sets: dict[Transaction, set[object]] = {}
    for one in world.signed:
        sets.setdefault(one.transaction, set()).add((one.transfers, one.purpose))
    if any(len(each) > 1 for each in sets.values()):
        return "one payment proves two things"
    return None


def _fault_on_chain(world: World) -> str | None:
    for chosen in _histories(list(dict.fromkeys(each.transaction for each in _all(world)))):
        fault = _fault_in(world, chosen)
        if fault is not None:
            return fault
    return None


def _all(world: World) -> list[Signed]:
    return world.forgotten + world.signed


def _histories(transactions: Sequence[Transaction]) -> Iterator[tuple[Transaction, ...]]:
    """Every set that the chain could hold together: no key that excludes inclusion twice."""

    def grow(at: int, used: frozenset[Key]) -> Iterator[tuple[Transaction, ...]]:
        if at == len(transactions):
            yield ()
            return
        yield from grow(at + 1, used)
        keys = frozenset(k for k in transactions[at].keys if k.excludes is Excludes.INCLUSION)
        if not keys & used:
            for rest in grow(at + 1, used | keys):
                yield (transactions[at], *rest)

    return grow(0, frozenset())


def _fault_in(world: World, chosen: tuple[Transaction, ...]) -> str | None:
    """What is wrong if the chain holds exactly these."""
    said = {each.transaction: each for each in reversed(_all(world))}
    ones = [said[transaction] for transaction in chosen]
    named = Counter(name for one in ones for name in one.transfers)
    paid = Counter(name for one in ones if one.purpose is Purpose.PAY for name in one.transfers)
    fault = next((fault for one in ones if (fault := _fault_of(one)) is not None), None)
    if fault is not None:
        return fault
    if any(count > 1 for count in paid.values()):
        return "a transfer is paid twice"
    if any(count > 1 for count in named.values()):
        return "a bound is used twice"
    return _too_much(world, ones) or next(filter(None, map(_unfair, ones)), None)


def _fault_of(one: Signed) -> str | None:
    """What is wrong with one transaction, whatever else the chain holds."""
    cores = [consent.mandate.core for consent in one.consents]
    paid = sum(units for _, units in one.transaction.pays)
    if any(core.source != one.transaction.source for core in cores):
        return "one source pays for another's transfer"
    if one.purpose is Purpose.CANCEL:
        return "a cancel paid somebody" if paid else None
    due = sum(units for core in cores for _, units in core.pays)
    return None if paid == due else "the receipt says paid, the bytes do not"


def _unfair(one: Signed) -> str | None:
    """A share of the costs above what its own mandate bounds."""
    mandates = [consent.mandate for consent in one.consents]
    for mandate, part in zip(mandates, shares_of(one.transaction.costs, mandates), strict=True):
        bounds = dict(mandate.bounds)
        if any(units > bounds.get(kind, 0) for kind, units in part.items()):
            return "a transfer pays costs that were agreed for another"
    return None


def _too_much(world: World, ones: Sequence[Signed]) -> str | None:
    """Costs above what was agreed to, or more leaving than the windows know."""
    cost, agreed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    left = Counter[str]()
    for one in ones:
        source, transaction = one.transaction.source, one.transaction
        left[source] += sum(units for _, units in (*transaction.pays, *transaction.costs))
        cost.update({(source, kind): units for kind, units in transaction.costs})
        for transfer in one.transfers:
            for kind, units in _agreed_most(world, transfer).items():
                agreed[source, kind] += units
    if any(units > agreed[place] for place, units in cost.items()):
        return "more cost than anybody agreed to"
    if world.forgotten:  # windows that a recovery emptied are the policy's business
        return None
    limit, taken = world.guard.limit, world.guard.taken
    if any(units > min(limit, taken(source)) for source, units in left.items()):
        return "more left than the windows count"
    return None


def _agreed_most(world: World, transfer: str) -> dict[str, int]:
    """Kind by kind, the most of any version of a transfer that was signed to pay."""
    most: dict[str, int] = {}
    for one in _all(world):
        for consent in one.consents if one.purpose is Purpose.PAY else ():
            if consent.mandate.core.transfer == transfer:
                for kind, units in consent.mandate.bounds:
                    most[kind] = max(units, most.get(kind, 0))
    return most
