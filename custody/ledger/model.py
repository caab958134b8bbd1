"""The rules of the ledger, without a database: double entry in two phases.

RESERVE moves nothing yet, but holds the amount on both sides. SETTLE moves all of it or a part and
releases the rest; VOID releases all of it; a reserve is settled or voided at most once. POST moves
at once. Entries are never changed: what was wrong is answered by another entry.

An account's debits take away and its credits add. Accounts of a vault can't go below zero, but for
`shortfall` and `gas`, which say what the vault owes; `chain` (the outside world) and `fees` are the
other side and can. A deposit reserves chain -> vault while
its block can still be undone and settles when it can't (chain -> quarantine while it is held, and
then that is voided for a new one); a transfer reserves vault -> chain and
vault -> fees and settles both when its block is final.

What came of a movement is in `result`. Knows no database, no clock, no chain and no HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import assert_never

from chains.model import AssetId
from custody.ledger.result import Result

LIMIT = 2**256
"""Amounts and account totals stay below it."""


class AccountKind(StrEnum):
    VAULT = "vault"
    """What the vault can spend."""
    UNSWEPT = "unswept"
    """On addresses of an account chain from which the vault doesn't pay: shown, not spendable."""
    LOCKED = "locked"
    """Held by the chain on the vault's behalf, as Solana's rent is."""
    SHORTFALL = "shortfall"
    """Below zero by what left the vault, or never came to it, beyond what it had."""
    SUSPENSE = "suspense"
    """On the vault's addresses without being anybody's deposit: shown, not spendable."""
    QUARANTINE = "quarantine"
    """Deposits that are held before they are credited: nothing is ever posted here."""
    GAS = "gas"
    """Below zero by what others paid for the vault's gas and it owes; above by what is owed to it.
    A claim: nothing of it is on a chain."""
    CHAIN = "chain"
    """The outside world, per asset."""
    FEES = "fees"
    """What the networks took, per asset."""


BOUNDED = frozenset(
    {
        AccountKind.VAULT,
        AccountKind.UNSWEPT,
        AccountKind.LOCKED,
        AccountKind.SUSPENSE,
        AccountKind.QUARANTINE,
    }
)
"""Accounts that belong to a vault and never owe."""

OWNED = BOUNDED | {AccountKind.SHORTFALL, AccountKind.GAS}
"""Accounts that belong to a vault."""


@dataclass(frozen=True, slots=True)
class AccountKey:
    kind: AccountKind
    asset: AssetId
    vault: str | None = None

    def __post_init__(self) -> None:
        assert (self.kind in OWNED) == (self.vault is not None), "a vault's account names it"

    @property
    def id(self) -> str:
        """Follows from the key, so that no lookup is needed and no account can exist twice."""
        return _account_id(self.kind, self.asset, self.vault)


@lru_cache(4096)
def _account_id(kind: AccountKind, asset: AssetId, vault: str | None) -> str:
    """Kept, because one movement asks for the same few again and again."""
    text = f"{kind}\n{asset}\n{vault or ''}"
    return "acc_" + blake2b(text.encode(), digest_size=16).hexdigest()


def vault_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.VAULT, asset, vault)


def unswept_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.UNSWEPT, asset, vault)


def locked_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.LOCKED, asset, vault)


def shortfall_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.SHORTFALL, asset, vault)


def suspense_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.SUSPENSE, asset, vault)


def quarantine_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.QUARANTINE, asset, vault)


def gas_account(vault: str, asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.GAS, asset, vault)


def chain_account(asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.CHAIN, asset)


def fees_account(asset: AssetId) -> AccountKey:
    return AccountKey(AccountKind.FEES, asset)


class Kind(StrEnum):
    RESERVE = "reserve"
    SETTLE = "settle"
    VOID = "void"
    POST = "post"


class Reason(StrEnum):
    DEPOSIT = "deposit"
    TRANSFER = "transfer"
    FEE = "fee"
    L1_DATA = "l1-data"
    RENT = "rent"
    ACTIVATION = "activation"
    ENERGY = "energy"
    WITHHELD = "withheld"
    """What a token's program kept of a payment: it left, and arrived nowhere."""
    GAS = "gas"
    """Coins for fees that came from a gas station, and who owes them."""
    RENT_RETURNED = "rent-returned"
    """What accounts of the vault's held that were closed."""
    REWIND = "rewind"
    """The opposite of an entry whose block turned out not to be on the chain."""
    SHORTFALL = "shortfall"
    """What the vault owes grows or shrinks."""
    FOREIGN_DEBIT = "foreign-debit"
    """What left without a transfer of ours."""
    SUSPENSE = "suspense"
    """What came without being anybody's deposit, and what became of it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Four totals in base units; every balance is a difference of them."""

    key: AccountKey
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def available(self) -> int:
        return self.credits_posted - self.debits_posted - self.debits_pending

    @property
    def posted(self) -> int:
        return self.credits_posted - self.debits_posted


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the book. `debit` and `credit` are account ids; a settle or void repeats those
    of the reserve that `pending_id` names, and a void its amount."""

    id: str
    kind: Kind
    debit: str
    credit: str
    asset: AssetId
    amount: int
    pending_id: str | None
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hold `amount` on both accounts. `subject`: the deposit or transfer it belongs to."""

    debit: AccountKey
    credit: AccountKey
    amount: int
    subject: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Post:
    """Move `amount` at once."""

    debit: AccountKey
    credit: AccountKey
    amount: int
    subject: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Settle:
    """Move `amount` of what `pending_id` holds and release the rest."""

    pending_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Void:
    """Release what `pending_id` holds."""

    pending_id: str


Movement = Reserve | Post | Settle | Void


@dataclass(slots=True)
class Books:
    """The accounts and entries that a batch of movements touches, or all of them.

    `resolved` maps a reserve's id to the settle or void that ended it.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    resolved: dict[str, Entry] = field(default_factory=dict)

    def open(self, *keys: AccountKey) -> None:
        """Accounts with zero totals, unless they are there."""
        for key in keys:
            self.accounts.setdefault(key.id, Account(key))

    def remember(self, entries: Iterable[Entry]) -> None:
        """Entries that were made before and that the accounts' totals already contain."""
        for entry in entries:
            self.entries[entry.id] = entry
            if entry.pending_id is not None:
                self.resolved[entry.pending_id] = entry

    def apply(self, entry_id: str, movement: Movement) -> Result:
        """Make the entry `entry_id`, or change nothing and say why not."""
        result = self.decide(entry_id, movement)
        if result is Result.CREATED:
            entry = self._entry(entry_id, movement)
            self.remember([entry])
            self.post(entry)
        return result

    def decide(self, entry_id: str, movement: Movement) -> Result:
        """What `apply` would answer. Changes nothing."""
        existing = self.entries.get(entry_id)
        if existing is not None:
            return _compare(existing, movement)
        if not isinstance(movement, Void):
            if movement.amount <= 0:
                return Result.AMOUNT_NOT_POSITIVE
            if movement.amount >= LIMIT:
                return Result.AMOUNT_TOO_LARGE
        if isinstance(movement, Reserve | Post):
            return self._decide_new(movement)
        return self._decide_end(movement)

    def _decide_new(self, movement: Reserve | Post) -> Result:
        if movement.debit == movement.credit:
            return Result.ACCOUNTS_ARE_THE_SAME
        if movement.debit.asset != movement.credit.asset:
            return Result.ASSETS_ARE_DIFFERENT
        debit = self.accounts.get(movement.debit.id)
        credit = self.accounts.get(movement.credit.id)
        if debit is None:
            return Result.DEBIT_ACCOUNT_NOT_FOUND
        if credit is None:
            return Result.CREDIT_ACCOUNT_NOT_FOUND
        if debit.key.kind in BOUNDED and movement.amount > debit.available:
            return Result.AMOUNT_ABOVE_BALANCE
        return _check_limit(debit, credit, movement.amount)

    def _decide_end(self, movement: Settle | Void) -> Result:
        pending = self.entries.get(movement.pending_id)
        if pending is None:
            return Result.PENDING_NOT_FOUND
        if pending.kind is not Kind.RESERVE:
            return Result.PENDING_IS_NOT_A_RESERVE
        end = self.resolved.get(pending.id)
        if end is not None:
            settled = end.kind is Kind.SETTLE
            return Result.PENDING_ALREADY_SETTLED if settled else Result.PENDING_ALREADY_VOIDED
        if isinstance(movement, Settle) and movement.amount > pending.amount:
            return Result.AMOUNT_ABOVE_RESERVED
        return Result.CREATED

    def _entry(self, entry_id: str, movement: Movement) -> Entry:
        if isinstance(movement, Reserve | Post):
            return Entry(
                id=entry_id,
                kind=Kind.RESERVE if isinstance(movement, Reserve) else Kind.POST,
                debit=movement.debit.id,
                credit=movement.credit.id,
                asset=movement.debit.asset,
                amount=movement.amount,
                pending_id=None,
                subject=movement.subject,
                reason=movement.reason.value,
            )
        pending = self.entries[movement.pending_id]
        if isinstance(movement, Settle):
            kind, amount = Kind.SETTLE, movement.amount
        else:
            kind, amount = Kind.VOID, pending.amount
        return replace(
            pending, id=entry_id, kind=kind, amount=amount, pending_id=movement.pending_id
        )

    def post(self, entry: Entry) -> None:
        """Bring the totals of both accounts up to date with `entry`."""
        held = moved = 0
        match entry.kind:
            case Kind.RESERVE:
                held = entry.amount
            case Kind.POST:
                moved = entry.amount
            case Kind.SETTLE | Kind.VOID:
                assert entry.pending_id is not None
                held = -self.entries[entry.pending_id].amount
                moved = entry.amount if entry.kind is Kind.SETTLE else 0
            case unexpected:
                assert_never(unexpected)
        debit, credit = self.accounts[entry.debit], self.accounts[entry.credit]
        self.accounts[entry.debit] = replace(
            debit,
            debits_pending=debit.debits_pending + held,
            debits_posted=debit.debits_posted + moved,
        )
        self.accounts[entry.credit] = replace(
            credit,
            credits_pending=credit.credits_pending + held,
            credits_posted=credit.credits_posted + moved,
        )


def _check_limit(debit: Account, credit: Account, amount: int) -> Result:
    """Totals are stored, so they must fit their columns."""
    debits = debit.debits_posted + debit.debits_pending
    credits_ = credit.credits_posted + credit.credits_pending
    too_large = max(debits, credits_) + amount >= LIMIT
    return Result.BALANCE_TOO_LARGE if too_large else Result.CREATED


def _compare(existing: Entry, movement: Movement) -> Result:
    """A retry is recognised by its id; anything else about it must be the same."""
    if isinstance(movement, Reserve | Post):
        kind = Kind.RESERVE if isinstance(movement, Reserve) else Kind.POST
        checks: tuple[tuple[object, object, Result], ...] = (
            (existing.kind, kind, Result.EXISTS_WITH_DIFFERENT_KIND),
            (existing.debit, movement.debit.id, Result.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT),
            (existing.credit, movement.credit.id, Result.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT),
            (existing.amount, movement.amount, Result.EXISTS_WITH_DIFFERENT_AMOUNT),
            (existing.subject, movement.subject, Result.EXISTS_WITH_DIFFERENT_SUBJECT),
            (existing.reason, movement.reason, Result.EXISTS_WITH_DIFFERENT_REASON),
        )
    else:
        kind = Kind.SETTLE if isinstance(movement, Settle) else Kind.VOID
        amount = movement.amount if isinstance(movement, Settle) else existing.amount
        checks = (
            (existing.kind, kind, Result.EXISTS_WITH_DIFFERENT_KIND),
            (existing.pending_id, movement.pending_id, Result.EXISTS_WITH_DIFFERENT_PENDING_ID),
            (existing.amount, amount, Result.EXISTS_WITH_DIFFERENT_AMOUNT),
        )
    return next((result for ours, theirs, result in checks if ours != theirs), Result.EXISTS)


@dataclass(frozen=True, slots=True)
class Fault:
    """An invariant that does not hold. `vault` is None for what concerns no single vault."""

    vault: str | None
    asset: AssetId
    message: str


def find_faults(accounts: Iterable[Account]) -> list[Fault]:
    """Every breach of: per asset all debits equal all credits, posted and pending; no account of a
    vault is below zero; nothing holds less than nothing.

    `accounts` must be all accounts of the assets in them, `chain` and `fees` included.
    """
    faults = []
    sums: dict[AssetId, tuple[int, int]] = {}
    for account in accounts:
        key = account.key
        if key.kind in BOUNDED and account.available < 0:
            faults.append(Fault(key.vault, key.asset, f"{key.kind} account below zero"))
        if key.kind is AccountKind.SHORTFALL and account.posted > 0:
            faults.append(Fault(key.vault, key.asset, "a shortfall was covered more than once"))
        if account.debits_pending < 0 or account.credits_pending < 0:
            faults.append(Fault(key.vault, key.asset, f"{key.kind} account holds less than 0"))
        posted, pending = sums.get(key.asset, (0, 0))
        held = account.credits_pending - account.debits_pending
        sums[key.asset] = (posted + account.posted, pending + held)
    for asset, (posted, pending) in sums.items():
        if posted or pending:
            message = f"credits exceed debits by {posted} posted and {pending} pending"
            faults.append(Fault(None, asset, message))
    return faults
