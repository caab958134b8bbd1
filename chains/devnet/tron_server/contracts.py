"""Contracts on the local TRON chain: who may call them, what that costs whom, how it ends. Follows
java-tron's `VMActuator`, `ReceiptCapsule` and `DelegateResourceActuator`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from Crypto.Hash import keccak

from chains.devnet.tron_server import rules
from chains.devnet.tron_server.rules import (
    Account,
    Accounts,
    Moment,
    Ran,
    Receipt,
    Refused,
    invalid,
)
from chains.devnet.tron_server.wire import Creation, Delegation, Transaction, Transfer, Trigger

if TYPE_CHECKING:
    from chains.devnet.tron_server.machine import Call, Ended, Machine, Setting

EMPTY_ROOT: Final = bytes.fromhex(
    "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
)
"""Of a tree with nothing in it."""
CONSTANT_ENERGY: Final = 100_000_000
"""The most that a call that changes nothing may use [maxEnergyLimitForConstant]."""
_PREFIX: Final = b"\x41"
_ENERGY: Final = 1
_TRX: Final = 10**6
_PERCENT: Final = 100
_NAME_MAX: Final = 32


class Workshop:
    """The machine, loaded when the first contract needs it, and the factors of busy contracts."""

    def __init__(self) -> None:
        self.factors: dict[bytes, int] = {}

    @cached_property
    def machine(self) -> Machine:
        from chains.devnet.tron_server.machine import Machine

        return Machine()

    def setting(self, head: Moment) -> Setting:
        """Of the block after `head`."""
        from chains.devnet.tron_server.machine import Setting

        after_s = (head.timestamp_ms + rules.BLOCK_INTERVAL_MS) // 1000
        return Setting(head.slot + 1, after_s, self.factors)


@dataclass(slots=True)
class World:
    """What transactions change: accounts, and what contracts keep (a root)."""

    accounts: Accounts
    kept: bytes
    workshop: Workshop


def execute(transaction: Transaction, world: World, head: Moment) -> Receipt:
    """Raises Refused with nothing changed. Code that fails is no refusal: it costs."""
    body = rules.the_body(transaction)
    if isinstance(body, Transfer):
        return rules.execute(transaction, body, world.accounts, head)
    if isinstance(body, Delegation):
        return _delegate(transaction, body, world, head)
    if isinstance(body, Creation):
        return _create(transaction, body, world, head)
    return _trigger(transaction, body, world, head)


def ask(world: World, body: Trigger, head: Moment) -> Ended:
    """A call that changes nothing. Raises Refused where no contract is, and for more TRX than the
    caller has."""
    account = world.accounts.get(body.contract)
    if account is None or account.creation is None:
        raise Refused("CONTRACT_VALIDATE_ERROR", "Smart contract is not exist.")
    from chains.devnet.tron_server.machine import Call

    _check_coins(body.call_value, world.accounts.get(body.owner))
    asked = Call(body.owner[1:], body.contract[1:], body.data, value=body.call_value)
    return _ended(world, asked, CONSTANT_ENERGY, head)


def address_of(transaction: Transaction, owner: bytes) -> bytes:
    """Where a transaction puts its new contract [generateContractAddress]."""
    digest = keccak.new(digest_bits=256, data=transaction.digest + owner).digest()
    return _PREFIX + digest[-20:]


def _create(transaction: Transaction, body: Creation, world: World, head: Moment) -> Receipt:
    from chains.devnet.tron_server.machine import Call

    contract = address_of(transaction, body.owner)
    if body.owner != body.origin:
        invalid("OwnerAddress is not equals OriginAddress")
    if len(body.name.encode()) > _NAME_MAX:
        invalid("contractName's length cannot be greater than 32")
    if body.percent != _PERCENT or body.call_value:
        invalid("on this local chain callers pay all energy, and contracts begin without TRX")
    if body.energy_limit <= 0:
        invalid("The originEnergyLimit must be > 0")
    if contract in world.accounts:
        invalid("Trying to create a contract with existing contract address")
    receipt = _run(
        transaction, Call(body.owner[1:], contract[1:], body.bytecode, True), world, head
    )
    if receipt.result == "SUCCESS":
        world.accounts[contract] = Account(0, head.timestamp_ms, creation=body)
    return receipt


def _trigger(transaction: Transaction, body: Trigger, world: World, head: Moment) -> Receipt:
    from chains.devnet.tron_server.machine import Call

    account = world.accounts.get(body.contract)
    if account is None or account.creation is None:
        invalid("No contract or not a smart contract")
    if body.call_value < 0 or body.token_value:
        invalid("on this local chain contracts have no TRC-10")
    asked = Call(body.owner[1:], body.contract[1:], body.data, value=body.call_value)
    return _run(transaction, asked, world, head)


def _run(transaction: Transaction, asked: Call, world: World, head: Moment) -> Receipt:
    """The fee limit bounds all energy, staked or burned, and what goes with the call pays for none
    (`getAccountEnergyLimitWithFixRatio`)."""
    payer, contract = _PREFIX + asked.caller, _PREFIX + asked.contract
    most = rules.PARAMETERS["getMaxFeeLimit"]
    if not 0 <= transaction.fee_limit <= most:
        invalid(f"feeLimit must be >= 0 and <= {most}")
    owner, receipt = rules.charge(transaction, payer, world.accounts, head, activates=False)
    price = rules.PARAMETERS["getEnergyFee"]
    _check_coins(asked.value, owner)
    staked = max(0, rules.energy_limit(owner) - rules.energy_used(owner, head.slot))
    left = owner.balance - asked.value
    limit = min(staked + left // price, transaction.fee_limit // price)
    world.accounts[payer] = owner
    ended = _ended(world, asked, limit, head)
    usage = min(staked, ended.energy)
    burned = (ended.energy - usage) * price
    _hand_over(world.accounts, ended.balances, head)
    owner = rules.with_energy_used(world.accounts[payer], usage, head.slot)
    world.accounts[payer] = replace(
        owner, balance=owner.balance - burned, last_operation_ms=head.timestamp_ms
    )
    world.kept = ended.root
    ran = Ran(
        contract=contract,
        result=ended.result,
        message=ended.message,
        output=ended.output,
        energy=ended.energy,
        penalty=ended.penalty,
        usage=usage,
        burned=burned,
        logs=ended.logs,
        passed=tuple(
            (_PREFIX + one.caller, _PREFIX + one.called, one.value, one.rejected)
            for one in ended.passed
        ),
    )
    return replace(receipt, fee=receipt.fee + burned, ran=ran)


def _ended(world: World, asked: Call, limit: int, head: Moment) -> Ended:
    def purse(account: bytes) -> int | None:
        found = world.accounts.get(_PREFIX + account)
        return None if found is None else found.balance

    workshop = world.workshop
    return workshop.machine.run(world.kept, asked, limit, workshop.setting(head), purse)


def _check_coins(value: int, caller: Account | None) -> None:
    if value and (caller is None or caller.balance < value):
        invalid("Validate InternalTransfer error, balance is not sufficient.")


def _hand_over(accounts: Accounts, balances: Mapping[bytes, int], head: Moment) -> None:
    """Whoever a contract pays first is an account from then on."""
    for party, balance in balances.items():
        raw = _PREFIX + party
        known = accounts.get(raw, Account(0, head.timestamp_ms))
        accounts[raw] = replace(known, balance=balance)


def _delegate(transaction: Transaction, body: Delegation, world: World, head: Moment) -> Receipt:
    """Of energy; the owner keeps the TRX, and has so much less energy himself."""
    if body.resource != _ENERGY:
        invalid("on this local chain nobody stakes for bandwidth")
    if body.amount < _TRX:
        invalid("delegateBalance must be greater than or equal to 1 TRX")
    owner, receipt = rules.charge(transaction, body.owner, world.accounts, head, activates=False)
    if body.amount > owner.staked:
        invalid("delegateBalance must be less than or equal to available FreezeEnergyV2 balance")
    receiver = world.accounts.get(body.receiver)
    if receiver is None or body.receiver == body.owner or receiver.creation:
        invalid("receiverAddress must be another account, and no contract")
    world.accounts[body.owner] = replace(owner, staked=owner.staked - body.amount)
    world.accounts[body.receiver] = replace(receiver, delegated=receiver.delegated + body.amount)
    return receipt


Results = Mapping[str, int]
RESULTS: Final[Results] = {
    "SUCCESS": 1,
    "REVERT": 2,
    "BAD_JUMP_DESTINATION": 3,
    "STACK_TOO_SMALL": 6,
    "STACK_TOO_LARGE": 7,
    "ILLEGAL_OPERATION": 8,
    "OUT_OF_ENERGY": 10,
    "UNKNOWN": 13,
}
"""As a block's bytes have them [contractResult]."""
