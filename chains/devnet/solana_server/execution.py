"""Executes transactions on the real runtime and remembers every account's past.

The runtime knows only its newest state and takes any blockhash. Lifetimes and durable nonces are
decided here, as a validator's bank decides them, and a nonce's new value is written afterwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTable
from solders.clock import Clock
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.message import MessageV0, VersionedMessage
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import SanitizeError, VersionedTransaction
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulatedTransactionInfo,
    TransactionMetadata,
    TransactionResult,
)
from solders.transaction_status import TransactionErrorFieldless, TransactionErrorType

from chains.devnet.solana_server.held import TOKEN_PROGRAMS, TokenBalance, token_account
from chains.devnet.solana_server.lifetime import (
    Blockhashes,
    find_nonce,
    next_nonce,
    nonce_value,
    with_nonce,
)

SLOTS_PER_EPOCH: Final = 432_000
_BEFORE_ALL: Final = -1
_SLOT_HASHES: Final = 512
"""How far back the sysvar reaches that lookup tables are created by [solana-slot-hashes]."""


@dataclass(frozen=True, slots=True)
class LoadedKeys:
    """All accounts of a transaction in the order of `keys`; the last ones from lookup tables."""

    keys: tuple[Pubkey, ...]
    writable: tuple[bool, ...]
    static: int


@dataclass(frozen=True, slots=True)
class Executed:
    """A transaction in a block. `error` is None if it took effect; `fee` was paid either way."""

    transaction: VersionedTransaction
    loaded: LoadedKeys
    error: TransactionErrorType | None
    meta: TransactionMetadata
    before: tuple[int, ...]
    after: tuple[int, ...]
    held_before: tuple[TokenBalance, ...]
    held_after: tuple[TokenBalance, ...]

    @property
    def signature(self) -> Signature:
        return self.transaction.signatures[0]

    @property
    def fee(self) -> int:
        return self.meta.fee()


class Executor:
    """One chain's state. `genesis_accounts` exist before the first block."""

    def __init__(self, genesis_accounts: dict[Pubkey, Account]) -> None:
        svm = LiteSVM()
        svm = svm.with_blockhash_check(False).with_transaction_history(0)
        for key, account in genesis_accounts.items():
            svm.set_account(key, account)
        self._svm = svm
        self._past: dict[Pubkey, tuple[list[int], list[Account | None]]] = {}
        self._hashes = Blockhashes()
        self._processed: set[Signature] = set()
        self._slot_hashes: deque[tuple[int, Hash]] = deque(maxlen=_SLOT_HASHES)
        self._slot = 0
        self._parent = Hash.default()
        self._parent_height = 0

    def open_block(self, slot: int, timestamp: int) -> None:
        """What is executed from now on belongs to `slot`."""
        self._slot = slot
        epoch = slot // SLOTS_PER_EPOCH
        self._svm.set_clock(Clock(slot, 0, epoch, epoch + 1, timestamp))
        self._svm.set_slot_hashes(list(self._slot_hashes))

    def close_block(self, blockhash: Hash, height: int) -> None:
        self._hashes.add(blockhash, height)
        self._slot_hashes.appendleft((self._slot, blockhash))
        self._parent, self._parent_height = blockhash, height

    def execute(self, transaction: VersionedTransaction) -> Executed | TransactionErrorType:
        """Execute in the open block. An error as the answer: it can't be in this block at all."""
        error, nonce = self._admit(transaction, self._parent, self._parent_height, None)
        if error is not None:
            return error
        loaded = self.load_keys(transaction)
        accounts = [self._svm.get_account(key) for key in loaded.keys]
        result = self._svm.send_transaction(transaction)
        failure = result if isinstance(result, FailedTransactionMetadata) else None
        if failure is not None and self._lamports(loaded.keys[0]) == _lamports(accounts[0]):
            return failure.err()  # not even the fee could be charged
        held_before = self._held(loaded, accounts)
        self._advance_nonces(loaded, accounts, nonce)
        self._remember(loaded, accounts)
        self._processed.add(transaction.signatures[0])
        return Executed(
            transaction=transaction,
            loaded=loaded,
            error=None if failure is None else failure.err(),
            meta=_meta(result),
            before=tuple(_lamports(account) for account in accounts),
            after=tuple(self._lamports(key) for key in loaded.keys),
            held_before=held_before,
            held_after=self._held(loaded, [self._svm.get_account(key) for key in loaded.keys]),
        )

    def token_accounts(
        self, owner: Pubkey, mint: Pubkey, slot: int
    ) -> list[tuple[Pubkey, Account]]:
        """Of those that a transaction ever wrote."""
        shown = ((key, self.account(key, slot)) for key in self._past)
        return [
            (key, account)
            for key, account in shown
            if account is not None
            and (held := token_account(account)) is not None
            and held[:2] == (mint, owner)
        ]

    def _held(
        self, loaded: LoadedKeys, accounts: Sequence[Account | None]
    ) -> tuple[TokenBalance, ...]:
        """As a validator tells it: of transactions that name a token program
        [solana-ledger, collect_token_balances]."""
        if TOKEN_PROGRAMS.isdisjoint(loaded.keys):
            return ()
        return tuple(
            TokenBalance(index, *held, self._decimals(held[0]), account.owner)
            for index, account in enumerate(accounts)
            if account is not None and (held := token_account(account)) is not None
        )

    def _decimals(self, mint: Pubkey) -> int:
        account = self._svm.get_account(mint)
        return 0 if account is None else bytes(account.data)[44]

    def simulate(
        self, transaction: VersionedTransaction, *, parent: Hash, parent_height: int, slot: int
    ) -> tuple[TransactionErrorType | None, TransactionMetadata | None]:
        """What would happen to it in a block on the given one, whose slot is `slot`. No metadata:
        it did not get as far as being executed. Balances are those of the newest block. Whoever
        asks has looked at the signatures, or does not mind them."""
        error, _ = self._admit(transaction, parent, parent_height, slot)
        if error is not None:
            return error, None
        result = self._simulated(transaction)
        error = result.err() if isinstance(result, FailedTransactionMetadata) else None
        return error, result.meta()

    def fee(self, message: VersionedMessage) -> int:
        """What the runtime would charge for it, whoever signs."""
        unsigned = [Signature.default()] * message.header.num_required_signatures
        transaction = VersionedTransaction.populate(message, unsigned)
        return self._simulated(transaction).meta().fee()

    def _simulated(
        self, transaction: VersionedTransaction
    ) -> SimulatedTransactionInfo | FailedTransactionMetadata:
        self._svm.with_sigverify(False)
        try:
            return self._svm.simulate_transaction(transaction)
        finally:
            self._svm.with_sigverify(True)

    def is_recent(self, blockhash: Hash, parent_height: int) -> bool:
        return self._hashes.is_recent(blockhash, parent_height)

    def has_lifetime(
        self, message: VersionedMessage, *, parent: Hash, parent_height: int, slot: int
    ) -> bool:
        """Whether the message's blockhash or nonce is good for a block on the given one."""
        if self.is_recent(message.recent_blockhash, parent_height):
            return True
        nonce = find_nonce(message, parent, lambda key: self.account(key, slot))
        return nonce is not None

    def rent_exempt_minimum(self, data_bytes: int) -> int:
        return self._svm.minimum_balance_for_rent_exemption(data_bytes)

    def account(self, key: Pubkey, slot: int | None = None) -> Account | None:
        """Now, or after the block of `slot`. Accounts of the runtime itself have no past."""
        past = self._past.get(key)
        if slot is None or past is None:
            return self._svm.get_account(key)
        slots, states = past
        return states[bisect_right(slots, slot) - 1]

    def load_keys(self, transaction: VersionedTransaction) -> LoadedKeys:
        message = transaction.message
        header, keys = message.header, message.account_keys
        signed = header.num_required_signatures
        writable = [
            index < signed - header.num_readonly_signed_accounts
            or signed <= index < len(keys) - header.num_readonly_unsigned_accounts
            for index in range(len(keys))
        ]
        written, read = self._looked_up(message)
        return LoadedKeys(
            keys=(*keys, *written, *read),
            writable=(*writable, *(True for _ in written), *(False for _ in read)),
            static=len(keys),
        )

    def _looked_up(self, message: VersionedMessage) -> tuple[list[Pubkey], list[Pubkey]]:
        """The writable and the read-only accounts that lookup tables add."""
        written: list[Pubkey] = []
        read: list[Pubkey] = []
        lookups = message.address_table_lookups if isinstance(message, MessageV0) else []
        for lookup in lookups:
            table = self._svm.get_account(lookup.account_key)
            if table is None:
                continue
            addresses = AddressLookupTable.deserialize(bytes(table.data)).addresses
            written += [addresses[index] for index in bytes(lookup.writable_indexes)]
            read += [addresses[index] for index in bytes(lookup.readonly_indexes)]
        return written, read

    def _admit(
        self,
        transaction: VersionedTransaction,
        parent: Hash,
        parent_height: int,
        slot: int | None,
    ) -> tuple[TransactionErrorType | None, Pubkey | None]:
        """Why it may not enter a block on `parent`, or the durable nonce that it stands on."""
        try:
            transaction.sanitize()
        except SanitizeError:
            return TransactionErrorFieldless.SanitizeFailure, None
        message = transaction.message
        nonce = None
        if not self.is_recent(message.recent_blockhash, parent_height):
            nonce = find_nonce(message, parent, lambda key: self.account(key, slot))
            if nonce is None:
                return TransactionErrorFieldless.BlockhashNotFound, None
        if transaction.signatures[0] in self._processed:
            return TransactionErrorFieldless.AlreadyProcessed, None
        return None, nonce

    def _advance_nonces(
        self, loaded: LoadedKeys, before: Sequence[Account | None], used: Pubkey | None
    ) -> None:
        """Every nonce that the transaction set, and the one it stands on even if it failed, gets
        this block's value."""
        value = next_nonce(self._parent)
        for key, old in zip(loaded.keys, before, strict=True):
            new = self._svm.get_account(key)
            present = nonce_value(new)
            if new is None or present is None:
                continue
            if key == used or present != nonce_value(old):
                self._svm.set_account(key, with_nonce(new, value))

    def _remember(self, loaded: LoadedKeys, before: Sequence[Account | None]) -> None:
        for key, old, writable in zip(loaded.keys, before, loaded.writable, strict=True):
            if not writable:
                continue
            slots, states = self._past.setdefault(key, ([_BEFORE_ALL], [old]))
            slots.append(self._slot)
            states.append(self._svm.get_account(key))

    def _lamports(self, key: Pubkey) -> int:
        return _lamports(self._svm.get_account(key))


def _meta(result: TransactionResult) -> TransactionMetadata:
    return result.meta() if isinstance(result, FailedTransactionMetadata) else result


def _lamports(account: Account | None) -> int:
    return 0 if account is None else account.lamports
