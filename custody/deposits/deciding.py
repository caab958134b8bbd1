"""What the movements of blocks mean for us: deposits, payments of ours, and what nobody agreed to.

One pure function. What is ours is an argument: addresses, coins, our own transactions and what
they were agreed to do, and allowances on record. Every movement of an address of ours gets a
verdict; one that left is split where only a part of it was agreed to.

A payment to an address of ours is a deposit, also when another vault of ours made it, and also when
the vault itself did, unless it was asked to bring its own money together (a sweep), or to bring
coins for fees (a gas station's): then it is change, for the transfer's own entries move it. So is
the rent of accounts that a transaction of the vault's closed. Where
money is coins, a coin is spent whole, and what comes back to the vault from its own transaction
beside the payment is change: the ledger never took it away, so it must not add it. Where money is
an account's balance nothing is spent whole: what a payee's contract sends back inside our own
transaction is income like any other, because the ledger takes away the whole payment.

What our own call of a contract brings to its vault is no stranger's deposit: people agreed to that
call, so it is received by it. What a contract takes of a token in our own call is explained as far
as the call says (`outcomes.taken_by`); the transfer's own entries take it away.

What leaves is explained by a transaction of ours, as far as people agreed to it, by a payment that
was signed apart, in whoever's transaction it was made, or by an allowance of ours. Anything else is
a foreign debit: somebody has the key, or custody forgot what it did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chains.block import BLOCK_FEE, RENT_RETURNED, Block, Movement, cost_kind, output_index
from chains.costs import INSIDE
from chains.effects import Call, Effect, Pay
from chains.model import Address, AssetId, BlockRef, TxId
from chains.outcomes import taken_by


class Verdict(StrEnum):
    """What a movement, or a part of one, is."""

    DEPOSIT = "deposit"
    INCOME = "income"
    """The chain itself paid it: a block's fees, a minted coin, a withdrawal. A deposit as well."""
    RECEIVED = "received"
    """Our own call brought it. A deposit as well, which nobody has to look at first."""
    CHANGE = "change"
    PAYMENT = "payment"
    CALLED = "called"
    """What a contract took of a token in our own call, as far as that was agreed to. Its transfer
    takes it away, and learns from it how much that was."""
    COST = "cost"
    """What our own transaction cost. More than its bound is the tracker's to notice: then the money
    stays held, and nobody has stolen anything."""
    LOCKED = "locked"
    """Rent of our own transaction, now held by the chain on our behalf."""
    UNLOCKED = "unlocked"
    """Rent that a transaction of ours took out again. Where it went is a movement of its own."""
    ALLOWED = "allowed"
    """A foreign debit that an allowance of ours explains."""
    FOREIGN = "foreign"
    """A foreign debit that nothing explains."""
    EXCESS = "excess"
    """What left with our own transaction beyond all that was agreed to."""


INCOMES = frozenset({Verdict.DEPOSIT, Verdict.INCOME, Verdict.RECEIVED})
"""What becomes a deposit."""
DEBITS = frozenset({Verdict.ALLOWED, Verdict.FOREIGN, Verdict.EXCESS, Verdict.UNLOCKED})
"""What the ledger learns from the block: no transfer of ours takes it away."""
LEFT = DEBITS | {Verdict.CALLED}
"""What is written down of what left."""
UNEXPLAINED = frozenset({Verdict.FOREIGN, Verdict.EXCESS})
"""After these nothing may leave the vault until a person has looked."""


PART = "/"
"""Between a movement's place and which part of it is meant."""


class Holding(StrEnum):
    """Where in the vault's books the money of an address is."""

    SPENDABLE = "vault"
    UNSWEPT = "unswept"
    """On an address of an account chain from which the vault doesn't pay."""
    LOCKED = "locked"
    """In an account that the chain made for us, as Solana's nonce accounts are."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose address it is. `address_id`: None for an account that holds rent."""

    vault_id: str
    client_id: str
    address_id: str | None
    holding: Holding


@dataclass(frozen=True, slots=True)
class OwnCoin:
    """A coin of ours: its owner, its address and its amount."""

    owner: Owner
    address: Address
    amount: int


@dataclass(frozen=True, slots=True)
class OwnTransaction:
    """A transaction that a vault of ours signed, in whichever state it is. `source`: the address
    that pays, where chains have accounts. `effects`: all that people agreed to. `rent`: the most
    that it may lock. `stays`: what it pays is to stay the vault's. `tops_up`: it brings
    an address of ours coins for fees. `calls`: the transfer, of one that has a contract called."""

    id: str
    vault_id: str
    source: str
    effects: tuple[Effect, ...] = ()
    rent: int = 0
    stays: bool = False
    tops_up: bool = False
    calls: str | None = None

    @property
    def destinations(self) -> frozenset[str]:
        return frozenset(each.address for each in self.effects if isinstance(each, Pay))


@dataclass(frozen=True, slots=True)
class Allowance:
    """What somebody may take of a vault's asset, as a final transaction of ours said. `left`: what
    was not taken yet, None if there is no limit. `until`: for how long, None for ever."""

    id: str
    vault_id: str
    owner: Address
    asset: AssetId
    left: int | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ours:
    """What is ours, as far as the block touches it. `owners` by address, `coins` by the text of
    their conflict key, `transactions` by id, `senders`: who pays for the transactions that an
    address of ours pays for. `apart`: by transaction, whoever sent it, payments that vaults of ours
    signed for anybody to submit, and that it made."""

    native: AssetId
    has_coins: bool
    owners: Mapping[str, Owner] = field(default_factory=dict)
    coins: Mapping[str, OwnCoin] = field(default_factory=dict)
    transactions: Mapping[str, OwnTransaction] = field(default_factory=dict)
    allowances: Sequence[Allowance] = ()
    senders: Mapping[str, Address] = field(default_factory=dict)
    apart: Mapping[str, Sequence[OwnTransaction]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """`movement`, or so much of it as the verdict is about. `by`: the transaction or the allowance
    of ours that explains it; of what a call brought, its transfer."""

    movement: Movement
    owner: Owner
    verdict: Verdict
    by: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Unique among what comes in, and among what is written down of what left."""
        return self.movement.txid, self.movement.place


@dataclass(frozen=True, slots=True)
class Found:
    """A decision about a movement in a block. `final_height`: `DepositRow.final_height`. `senders`:
    of what came in, `senders_of`."""

    block: BlockRef
    decision: Decision
    final_height: int
    senders: frozenset[Address] = frozenset()

    @property
    def movement(self) -> Movement:
        return self.decision.movement

    @property
    def owner(self) -> Owner:
        return self.decision.owner

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict

    @property
    def change(self) -> bool:
        return self.verdict is Verdict.CHANGE

    @property
    def outpoint(self) -> tuple[str, int]:
        """Of a coin that came in: which one it is."""
        return self.movement.txid, output_index(self.movement.place)


def senders_of(block: Block, txids: Collection[TxId]) -> dict[TxId, frozenset[Address]]:
    """Everybody whom each of the transactions took anything from, and who paid for it. Nobody where
    a chain has coins: its blocks don't say whose those were that were spent."""
    found: dict[TxId, set[Address]] = {txid: set() for txid in txids}
    for movement in block.movements:
        if movement.units < 0 and movement.txid in found:
            found[movement.txid].add(movement.address)
    for included in block.included:
        if included.txid in found:
            found[included.txid].add(included.sender)
    return {txid: frozenset(senders) for txid, senders in found.items()}


def decide(
    movements: Iterable[Movement], consumed: Mapping[str, TxId], ours: Ours, at: datetime
) -> list[Decision]:
    """One block, which says of itself that it was made `at`. What came in stands before what left
    as coins; else in the block's order. Movements of others, and of nothing, are left out."""
    told = [each for each in movements if each.units and each.address in ours.owners]
    spent = [
        (spending(key, consumed[key], coin, ours.native), coin.owner)
        for key, coin in ours.coins.items()
        if key in consumed
    ]
    agreed = _Agreed(ours, at)
    kept = _kept(told)
    found: list[Decision] = []
    for movement in told:
        owner = ours.owners[movement.address]
        if movement.units > 0:
            found.append(_came(movement, owner, ours, kept.get((movement.txid, movement.asset), 0)))
        else:
            found += agreed.of(movement, owner)
    for movement, owner in spent:
        found += agreed.of(movement, owner)
    return found


def _kept(movements: Iterable[Movement]) -> dict[tuple[TxId, AssetId], int]:
    """What tokens kept of what transactions paid."""
    kept: dict[tuple[TxId, AssetId], int] = {}
    for each in movements:
        if cost_kind(each.place) in INSIDE:
            paid = each.txid, each.asset
            kept[paid] = kept.get(paid, 0) - each.units
    return kept


def spending(key: str, txid: TxId, coin: OwnCoin, native: AssetId) -> Movement:
    """A coin that was consumed, as a movement out. Its place is the coin's own name, for a
    transaction spends many, each once."""
    place = f"coin:{key.partition('/outpoint:')[2]}"
    return Movement(txid, place, coin.address, native, -coin.amount)


def _came(movement: Movement, owner: Owner, ours: Ours, kept: int) -> Decision:
    own = ours.transactions.get(movement.txid)
    mine = own is not None and own.vault_id == owner.vault_id
    if owner.holding is Holding.LOCKED:
        return Decision(movement, owner, Verdict.LOCKED, own.id if own and mine else None)
    brought = own is not None and (own.tops_up or (mine and own.stays))
    if own is not None and mine and movement.place == RENT_RETURNED:
        return Decision(movement, owner, Verdict.CHANGE, own.id)
    if own is not None and brought and _is_swept(movement, own, kept):
        return Decision(movement, owner, Verdict.CHANGE, own.id)
    for each in ours.apart.get(movement.txid, ()):
        if each.vault_id == owner.vault_id and each.stays and _is_swept(movement, each, kept):
            return Decision(movement, owner, Verdict.CHANGE, each.id)
    if ours.has_coins and own is not None and mine and movement.address not in own.destinations:
        return Decision(movement, owner, Verdict.CHANGE, own.id)
    if own is not None and mine and own.calls is not None:
        return Decision(movement, owner, Verdict.RECEIVED, own.calls)
    made = movement.mature_height is not None or _kind(movement) in _MADE_BY_THE_CHAIN
    return Decision(movement, owner, Verdict.INCOME if made else Verdict.DEPOSIT)


def _is_swept(movement: Movement, own: OwnTransaction, kept: int) -> bool:
    """Exactly what was agreed to, less what the token kept of it: more, or in another asset, is
    somebody's deposit."""
    return any(
        (each.address, each.asset, each.amount)
        == (movement.address, movement.asset, movement.units + kept)
        for each in own.effects
        if isinstance(each, Pay)
    )


_MADE_BY_THE_CHAIN: Collection[str] = frozenset({BLOCK_FEE, "mint", "withdrawal"})


def _kind(movement: Movement) -> str:
    return movement.place.partition(":")[0]


class _Agreed:
    """What may still leave: the mandates of our own transactions, and the allowances."""

    def __init__(self, ours: Ours, at: datetime) -> None:
        self._ours = ours
        self._at = at
        every = [*ours.transactions.values(), *(o for each in ours.apart.values() for o in each)]
        self._payments = {own.id: _paid(own, ours.native) for own in every}
        self._rents = {own.id: own.rent for own in every}
        self._takes = {own.id: taken_in(own, ours.native) for own in every}
        self._left = {each.id: each.left for each in ours.allowances}

    def of(self, movement: Movement, owner: Owner) -> list[Decision]:
        own = self._ours.transactions.get(movement.txid)
        if own is not None and own.vault_id == owner.vault_id:
            if self._ours.has_coins:  # its id commits to its inputs and outputs, the signer to both
                return [Decision(movement, owner, Verdict.PAYMENT, own.id)]
            if owner.holding is Holding.LOCKED:
                return [Decision(movement, owner, Verdict.UNLOCKED, own.id)]
            if own.source == movement.address:
                return self._of_our_own(movement, owner, own)
        apart = self._signed_apart(movement, owner)
        if apart is not None:
            return [Decision(movement, owner, Verdict.PAYMENT, apart)]
        allowance = self._allowance(movement, owner, own)
        if allowance is None:
            return [Decision(movement, owner, Verdict.FOREIGN)]
        return [Decision(movement, owner, Verdict.ALLOWED, allowance)]

    def _of_our_own(self, movement: Movement, owner: Owner, own: OwnTransaction) -> list[Decision]:
        """Payment, then rent, then what a call takes, as far as they were agreed to, then what
        nobody agreed to."""
        kind = cost_kind(movement.place)
        if kind is not None and kind not in INSIDE:
            return [Decision(movement, owner, Verdict.COST, own.id)]
        rest = -movement.units
        paid = min(rest, self._payments[own.id].get(movement.asset, 0))
        locks = self._rents[own.id] if movement.asset == self._ours.native else 0
        locked = min(rest - paid, locks)
        takes = self._takes[own.id]
        called = min(rest - paid - locked, takes.get(movement.asset, 0))
        if paid:
            self._payments[own.id][movement.asset] -= paid
        if called:
            takes[movement.asset] -= called
        self._rents[own.id] -= locked
        beyond = rest - paid - locked - called
        parts = (
            (paid, Verdict.PAYMENT),
            (locked, Verdict.LOCKED),
            (called, Verdict.CALLED),
            (beyond, Verdict.EXCESS),
        )
        both = called > 0 < beyond
        return [
            Decision(_part(movement, units, verdict, beside=both), owner, verdict, own.id)
            for units, verdict in parts
            if units
        ]

    def _signed_apart(self, movement: Movement, owner: Owner) -> str | None:
        """The first that pays exactly so much: its contract moves that or nothing."""
        for each in self._ours.apart.get(movement.txid, ()):
            left = self._payments[each.id]
            mine = (each.vault_id, each.source) == (owner.vault_id, movement.address)
            if mine and left.get(movement.asset) == -movement.units:
                left[movement.asset] = 0
                return each.id
        return None

    def _allowance(
        self, movement: Movement, owner: Owner, own: OwnTransaction | None
    ) -> str | None:
        """The first that covers the whole movement. A movement does not say who took it. So what
        an address of ours pays for without a transaction of ours is never explained: whoever does
        that has the key, and hides behind no allowance. Nor does one explain native money."""
        stranger = movement.txid not in self._ours.senders or own is not None
        if not stranger or movement.asset == self._ours.native:
            return None
        for each in self._ours.allowances:
            left = self._left[each.id]
            if (
                (each.vault_id, each.owner, each.asset)
                == (owner.vault_id, movement.address, movement.asset)
                and (each.until is None or self._at <= each.until)
                and (left is None or -movement.units <= left)
            ):
                if left is not None:
                    self._left[each.id] = left + movement.units
                return each.id
        return None


def _part(movement: Movement, units: int, verdict: Verdict, *, beside: bool) -> Movement:
    """So much of what left. `beside`: another part of it is written down as well, so that each
    needs a place of its own."""
    place = f"{movement.place}{PART}{verdict}" if beside and verdict in LEFT else movement.place
    return movement._replace(units=-units, place=place)


def taken_in(own: OwnTransaction, native: AssetId) -> dict[AssetId, int]:
    """What contracts may take of tokens with it, by asset."""
    taken: dict[AssetId, int] = {}
    for each in own.effects:
        if isinstance(each, Call):
            for asset, units in taken_by(each, native).items():
                taken[asset] = taken.get(asset, 0) + units
    return taken


def _paid(own: OwnTransaction, native: AssetId) -> dict[AssetId, int]:
    """What its effects take away, by asset."""
    paid: dict[AssetId, int] = {}
    for each in own.effects:
        if isinstance(each, Pay):
            paid[each.asset] = paid.get(each.asset, 0) + each.amount
        elif isinstance(each, Call):
            paid[native] = paid.get(native, 0) + each.value
    return paid
