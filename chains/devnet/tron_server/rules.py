"""Consensus of the local TRON chain: what a transaction must fulfil and what it does to accounts.

Follows java-tron's `Wallet.broadcastTransaction`, `Manager.processTransaction`,
`BandwidthProcessor` and `TransferActuator`, in their order and with their codes. Pure.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from coincurve import PublicKey
from Crypto.Hash import keccak

from chains.devnet.tron_server.wire import Body, Contract, Creation, Transaction, Transfer

BLOCK_INTERVAL_MS: Final = 3_000
PARAMETERS: Final = {
    "getCreateAccountFee": 100_000,
    "getTransactionFee": 1_000,
    "getCreateNewAccountFeeInSystemContract": 1_000_000,
    "getCreateNewAccountBandwidthRate": 1,
    "getFreeNetLimit": 600,
    "getMemoFee": 1_000_000,
    "getMaxCreateAccountTxSize": 1_000,
    "getEnergyFee": 100,
    "getMaxFeeLimit": 15_000_000_000,
    "getTotalEnergyCurrentLimit": 180_000_000_000,
}
TOTAL_ENERGY_WEIGHT: Final = 18_000_000_000
"""TRX that all accounts of the main network stake for energy, about: ten units for each."""
_DAY_MS: Final = 24 * 60 * 60 * 1000
_RESULT_BYTES: Final = 64
_TRANSACTION_BYTES_MAX: Final = 500 * 1024
_WINDOW_SLOTS: Final = _DAY_MS // BLOCK_INTERVAL_MS
_PRECISION: Final = 1_000_000
_OWNER_PERMISSION, _ACTIVE_PERMISSION = 0, 2

Accounts = MutableMapping[bytes, "Account"]


class Refused(Exception):
    """The answer of a node that does not take a transaction. `code` is java-tron's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Account:
    """`free_used` is as of `free_slot`, `energy_used` as of `energy_slot`; they fade from there.
    `staked`: for energy, by itself; `delegated`: by others. `creation`: what made it, where it is a
    contract. Amounts in sun."""

    balance: int
    created_ms: int
    free_used: int = 0
    free_slot: int = 0
    last_operation_ms: int = 0
    energy_used: int = 0
    energy_slot: int = 0
    staked: int = 0
    delegated: int = 0
    creation: Creation | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """How code ended. `result`: java-tron's contractResult; `usage`: of `energy`, what stakes
    covered; `burned`: sun for the rest; `penalty`: of `energy`, what the contract's factor added.
    `logs`: contract, topics and data of each. `passed`: caller, called, sun and whether it was
    undone of each call by code, which java-tron calls an internal transaction."""

    contract: bytes
    result: str
    message: str
    output: bytes
    energy: int
    penalty: int
    usage: int
    burned: int
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]
    passed: tuple[tuple[bytes, bytes, int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction cost: `net_usage` points taken or `net_fee` sun burned for its size, and
    all sun burned. `ran`: of one that ran code."""

    fee: int
    net_usage: int
    net_fee: int
    ran: Ran | None = None

    @property
    def result(self) -> str:
        return "SUCCESS" if self.ran is None else self.ran.result


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of the chain that a transaction meets: its head block."""

    timestamp_ms: int
    slot: int


def check_signature(transaction: Transaction) -> None:
    """One signature, by the owner's key. java-tron ignores bytes after the 65th and takes 27..30
    for 0..3."""
    owner = the_contract(transaction)
    if not transaction.signatures:
        _refuse("SIGERROR", "Validate signature error: miss sig or contract")
    if len(transaction.signatures) > 1:
        _refuse("SIGERROR", "Validate signature error: Signature count is more than key counts")
    if owner.permission not in (_OWNER_PERMISSION, _ACTIVE_PERMISSION):
        _refuse("SIGERROR", "Validate signature error: permission isn't exit")
    signature = transaction.signatures[0]
    if len(signature) < 65:
        _refuse("SIGERROR", f"Validate signature error: Signature size is {len(signature)}")
    if _signer(transaction.digest, signature) != the_body(transaction).owner:
        _refuse("SIGERROR", "Validate signature error: it is not contained of permission.")


def the_contract(transaction: Transaction) -> Contract:
    if not transaction.contracts:
        invalid("No contract!")
    if len(transaction.contracts) != 1:
        _refuse("OTHER_ERROR", "Error: contract size should be exactly 1")
    return transaction.contracts[0]


def the_body(transaction: Transaction) -> Body:
    contract = the_contract(transaction)
    if contract.body is None:
        invalid(f"this local chain runs no {contract.type_url or 'nothing'}")
    return contract.body


def check_not_expired(transaction: Transaction, head: Moment) -> None:
    if transaction.expiration_ms < head.timestamp_ms + BLOCK_INTERVAL_MS:
        _refuse("TRANSACTION_EXPIRATION_ERROR", "Transaction expired")


def check_size_and_lifetime(transaction: Transaction, head: Moment) -> None:
    size = len(transaction.serialized) + 2 * _RESULT_BYTES
    if size > _TRANSACTION_BYTES_MAX:
        _refuse("TOO_BIG_TRANSACTION_ERROR", f"Too big transaction, the size is {size} bytes")
    if transaction.expiration_ms > head.timestamp_ms + _DAY_MS:
        _refuse("TRANSACTION_EXPIRATION_ERROR", "Transaction expired")


def execute(
    transaction: Transaction, transfer: Transfer, accounts: Accounts, head: Moment
) -> Receipt:
    """Charge the fee, then move the amount. Raises Refused with nothing changed."""
    recipient = accounts.get(transfer.recipient)
    owner, receipt = charge(transaction, transfer.owner, accounts, head, activates=not recipient)
    activation = 0 if recipient else PARAMETERS["getCreateNewAccountFeeInSystemContract"]
    _check_transfer(transfer, owner, activation)
    if recipient and recipient.creation:
        invalid("Cannot transfer TRX to a smartContract.")
    accounts[transfer.owner] = replace(
        owner,
        balance=owner.balance - transfer.amount - activation,
        last_operation_ms=head.timestamp_ms,
    )
    recipient = recipient or Account(0, created_ms=head.timestamp_ms)
    accounts[transfer.recipient] = replace(recipient, balance=recipient.balance + transfer.amount)
    return replace(receipt, fee=receipt.fee + activation)


def charge(
    transaction: Transaction, address: bytes, accounts: Accounts, head: Moment, *, activates: bool
) -> tuple[Account, Receipt]:
    """The owner at `address` without what size and memo cost. Changes nothing. Raises Refused."""
    owner = accounts.get(address)
    if owner is None:
        invalid("account does not exist")
    owner, receipt = _charge_size(transaction, owner, head, activates=activates)
    memo_fee = PARAMETERS["getMemoFee"] if transaction.memo else 0
    if owner.balance < memo_fee:
        _refuse("BANDWITH_ERROR", "Account resource insufficient error.")
    owner = replace(owner, balance=owner.balance - memo_fee)
    return owner, replace(receipt, fee=receipt.fee + memo_fee)


def energy_limit(account: Account) -> int:
    """Of a day, by its stakes and those for it."""
    trx = (account.staked + account.delegated) // 10**6
    return trx * PARAMETERS["getTotalEnergyCurrentLimit"] // TOTAL_ENERGY_WEIGHT


def energy_used(account: Account, slot: int) -> int:
    """What is left of the staked energy that an account used, fading over a day [increase]."""
    return _faded(account.energy_used, 0, account.energy_slot, slot)


def with_energy_used(account: Account, usage: int, slot: int) -> Account:
    used = _faded(energy_used(account, slot), usage, slot, slot)
    return replace(account, energy_used=used, energy_slot=slot)


def free_bandwidth_used(account: Account, slot: int) -> int:
    """What is left of the free bandwidth an account used, fading over a day [increase]."""
    return _faded(account.free_used, 0, account.free_slot, slot)


def _charge_size(
    transaction: Transaction, owner: Account, head: Moment, *, activates: bool
) -> tuple[Account, Receipt]:
    size = len(transaction.serialized) + _RESULT_BYTES
    if activates:
        bare = len(transaction.serialized) - 65 * len(transaction.signatures)
        if bare > PARAMETERS["getMaxCreateAccountTxSize"]:
            _refuse("TOO_BIG_TRANSACTION_ERROR", "Too big new account transaction")
        return _burn(owner, PARAMETERS["getCreateAccountFee"])
    used = free_bandwidth_used(owner, head.slot)
    if size <= PARAMETERS["getFreeNetLimit"] - used:
        total = _faded(used, size, head.slot, head.slot)
        return replace(owner, free_used=total, free_slot=head.slot), Receipt(0, size, 0)
    return _burn(owner, size * PARAMETERS["getTransactionFee"])


def _burn(owner: Account, fee: int) -> tuple[Account, Receipt]:
    if owner.balance < fee:
        _refuse("BANDWITH_ERROR", "Account resource insufficient error.")
    return replace(owner, balance=owner.balance - fee), Receipt(fee, 0, fee)


def _check_transfer(transfer: Transfer, owner: Account, activation: int) -> None:
    if len(transfer.recipient) != 21 or transfer.recipient[0] != 0x41:
        invalid("Invalid toAddress!")
    if transfer.recipient == transfer.owner:
        invalid("Cannot transfer TRX to yourself.")
    if transfer.amount <= 0:
        invalid("Amount must be greater than 0.")
    if owner.balance < transfer.amount + activation:
        invalid("Validate TransferContract error, balance is not sufficient.")


def _faded(used: int, added: int, since: int, slot: int) -> int:
    average = _divide_up(used * _PRECISION, _WINDOW_SLOTS)
    if slot - since >= _WINDOW_SLOTS:
        average = 0
    elif slot != since:
        # java's Math.round: halves go up. Python's round would take them to the even neighbour.
        average = int(average * ((_WINDOW_SLOTS - (slot - since)) / _WINDOW_SLOTS) + 0.5)
    average += _divide_up(added * _PRECISION, _WINDOW_SLOTS)
    return average * _WINDOW_SLOTS // _PRECISION


def _divide_up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _signer(digest: bytes, signature: bytes) -> bytes:
    recovery = signature[64] - 27 if signature[64] >= 27 else signature[64]
    try:
        key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([recovery]), digest, hasher=None
        )
    except ValueError:
        _refuse("SIGERROR", "Validate signature error: Could not recover public key")
    point = key.format(compressed=False)[1:]
    return b"\x41" + keccak.new(digest_bits=256, data=point).digest()[-20:]


def invalid(message: str) -> NoReturn:
    _refuse("CONTRACT_VALIDATE_ERROR", f"Contract validate error : {message}")


def _refuse(code: str, message: str) -> NoReturn:
    raise Refused(code, message)
