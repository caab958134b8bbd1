"""Contracts on the local TRON chain: who may call them, what that costs whom, how it ends. Follows
java-tron's `VMActuator`, `ReceiptCapsule` and `DelegateResourceActuator`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from Crypto.Hash import keccak

from chains.devnet.tron_server import rules
from chains.devnet.tron_server.rules import Account, Accounts, Moment, Ran, Receipt, invalid
from chains.devnet.tron_server.wire import Creation, Delegation, Transaction, Transfer, Trigger

if TYPE_CHECKING:
    from chains.devnet.tron_server.machine import Ended, Machine, Setting

EMPTY_ROOT: Final = bytes.fromhex(
    "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
)
"""Of a tree with nothing in it."""
CONSTANT_ENERGY: Final = 100_000_000
"""The most that a call that changes nothing may use [maxEnergyLimitForConstant]."""
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


def ask(world: World, caller: bytes, contract: bytes, data: bytes, head: Moment) -> Ended | None:
    """A call that changes nothing; None where no contract is."""
    account = world.accounts.get(contract)
    if account is None or account.creation is None:
        return None
    from chains.devnet.tron_server.machine import Call

    asked = Call(caller[1:], contract[1:], data)
    workshop = world.workshop
    return workshop.machine.run(world.kept, asked, CONSTANT_ENERGY, workshop.setting(head))


def address_of(transaction: Transaction, owner: bytes) -> bytes:
    """Where a transaction puts its new contract [generateContractAddress]."""
    digest = keccak.new(digest_bits=256, data=transaction.digest + owner).digest()
    return b"\x41" + digest[-20:]


def _create(transaction: Transaction, body: Creation, world: World, head: Moment) -> Receipt:
    contract = address_of(transaction, body.owner)
    if body.owner != body.origin:
        invalid("OwnerAddress is not equals OriginAddress")
    if len(body.name.encode()) > _NAME_MAX:
        invalid("contractName's length cannot be greater than 32")
    if body.percent != _PERCENT or body.call_value:
        invalid("on this local chain callers pay all energy, and contracts have no TRX")
    if body.energy_limit <= 0:
        invalid("The originEnergyLimit must be > 0")
    if contract in world.accounts:
        invalid("Trying to create a contract with existing contract address")
    receipt = _run(transaction, body.owner, contract, body.bytecode, world, head, creates=True)
    if receipt.result == "SUCCESS":
        world.accounts[contract] = Account(0, head.timestamp_ms, creation=body)
    return receipt


def _trigger(transaction: Transaction, body: Trigger, world: World, head: Moment) -> Receipt:
    account = world.accounts.get(body.contract)
    if account is None or account.creation is None:
        invalid("No contract or not a smart contract")
    if body.call_value or body.token_value:
        invalid("on this local chain contracts have no TRX and no TRC-10")
    return _run(transaction, body.owner, body.contract, body.data, world, head, creates=False)


def _run(
    transaction: Transaction,
    payer: bytes,
    contract: bytes,
    data: bytes,
    world: World,
    head: Moment,
    *,
    creates: bool,
) -> Receipt:
    """The fee limit bounds all energy, staked or burned (`getAccountEnergyLimitWithFixRatio`)."""
    from chains.devnet.tron_server.machine import Call

    most = rules.PARAMETERS["getMaxFeeLimit"]
    if not 0 <= transaction.fee_limit <= most:
        invalid(f"feeLimit must be >= 0 and <= {most}")
    owner, receipt = rules.charge(transaction, payer, world.accounts, head, activates=False)
    price = rules.PARAMETERS["getEnergyFee"]
    staked = max(0, rules.energy_limit(owner) - rules.energy_used(owner, head.slot))
    limit = min(staked + owner.balance // price, transaction.fee_limit // price)
    asked = Call(payer[1:], contract[1:], data, creates)
    ended = world.workshop.machine.run(world.kept, asked, limit, world.workshop.setting(head))
    usage = min(staked, ended.energy)
    burned = (ended.energy - usage) * price
    owner = rules.with_energy_used(owner, usage, head.slot)
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
    )
    return replace(receipt, fee=receipt.fee + burned, ran=ran)


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
