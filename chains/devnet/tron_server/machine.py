"""The virtual machine of the local TRON chain: py-evm with TRON's energy and results.

What contracts keep is a Merkle tree whose nodes are never deleted: a root is the whole of it, so
that a block that leaves the chain takes with it what its contracts did, and older blocks can be
asked.

Sources: java-tron's `EnergyCost`, `VM`, `VMActuator`, `TransactionTrace`. There is no charge for a
transaction as such or for its bytes, and nothing is given back for storage that is cleared.
Addresses are the last 20 bytes. What accounts have is kept beside the tree: the chain says it
before code runs, and is told it after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth import constants
from eth.abc import ComputationAPI, OpcodeAPI
from eth.db.atomic import AtomicDB
from eth.exceptions import (
    FullStack,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfGas,
    Revert,
)
from eth.vm import mnemonics, opcode_values
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.byzantium.computation import ByzantiumComputation
from eth.vm.forks.byzantium.opcodes import BYZANTIUM_OPCODES
from eth.vm.forks.byzantium.state import ByzantiumState
from eth.vm.forks.constantinople.opcodes import CONSTANTINOPLE_OPCODES
from eth.vm.forks.frontier.opcodes import FRONTIER_OPCODES
from eth.vm.forks.frontier.transaction_context import FrontierTransactionContext
from eth.vm.gas_meter import GasMeter
from eth.vm.logic import call
from eth.vm.message import Message
from eth_typing import Address, BlockNumber, Hash32

FACTOR_ONE: Final = 10_000
"""A contract's factor that costs no more than others [DYNAMIC_ENERGY_FACTOR_DECIMAL]."""
_NO_ONE: Final = Address(bytes(20))
_GAS_LIMIT: Final = 10**12
_CALL_ENERGY: Final = 40
_CALLS: Final = frozenset({"CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"})
_TAKES_ALL: Final = "Zeroing gas"
"""py-evm's words for what a failure costs."""
_SHIFTS: Final = (opcode_values.SHL, opcode_values.SHR, opcode_values.SAR)
_AS_FRONTIER: Final = (
    opcode_values.BALANCE,
    opcode_values.EXTCODESIZE,
    opcode_values.EXTCODECOPY,
    opcode_values.SLOAD,
    opcode_values.EXP,
)
_MISSING: Final = (opcode_values.CREATE, opcode_values.SELFDESTRUCT)
_FAILURES: Final = (
    (Revert, "REVERT"),
    (OutOfGas, "OUT_OF_ENERGY"),
    (InvalidJumpDestination, "BAD_JUMP_DESTINATION"),
    (InvalidInstruction, "ILLEGAL_OPERATION"),
    (InsufficientStack, "STACK_TOO_SMALL"),
    (FullStack, "STACK_TOO_LARGE"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """Of a contract, or the making of one: `data` is its creation code then. `value`: sun that go
    with it, which the caller has."""

    caller: bytes
    contract: bytes
    data: bytes
    creates: bool = False
    value: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What code is run in. `factors`: of busy contracts, in `FACTOR_ONE`."""

    number: int
    timestamp_s: int
    factors: Mapping[bytes, int]


Purse = Callable[[bytes], int | None]
"""What an account has, in sun; None where none is."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A call by code, with the sun that went with it. `rejected`: it was undone."""

    caller: bytes
    called: bytes
    value: int
    rejected: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """`root`: what is kept then; of a failure what was. `energy` includes `penalty`. `balances`: of
    those that have another one now. `passed`: in the order in which they were made."""

    root: bytes
    result: str
    message: str
    output: bytes
    energy: int
    penalty: int
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]
    balances: Mapping[bytes, int]
    passed: tuple[Passed, ...]


class Machine:
    def __init__(self) -> None:
        self._kept = AtomicDB()

    def run(self, root: bytes, asked: Call, energy: int, setting: Setting, purse: Purse) -> Ended:
        """Uses at most `energy`."""
        state = self._state(root, setting)
        state.purse, state.balances = purse, {}
        computation = _compute(state, asked, energy)
        penalty = _penalty(computation)
        passed = tuple(_passed(computation, computation.is_error))
        output = bytes(computation.output)
        if computation.is_error:
            result, message = _failure(computation)
            used = computation.get_gas_used()
            return Ended(root, result, message, output, used, min(penalty, used), (), {}, passed)
        state.persist()
        logs = tuple(
            (contract, tuple(topic.to_bytes(32) for topic in topics), bytes(data))
            for contract, topics, data in computation.get_log_entries()
        )
        used = computation.get_gas_used()
        return Ended(
            state.state_root, "SUCCESS", "", output, used, penalty, logs, state.balances, passed
        )

    def code(self, root: bytes, contract: bytes) -> bytes:
        return self._state(root, Setting(0, 0, {})).get_code(Address(contract))

    def _state(self, root: bytes, setting: Setting) -> _State:
        context = ExecutionContext(
            coinbase=_NO_ONE,
            timestamp=setting.timestamp_s,
            block_number=BlockNumber(setting.number),
            difficulty=0,
            mix_hash=Hash32(bytes(32)),
            gas_limit=_GAS_LIMIT,
            prev_hashes=(),
            chain_id=0,
        )
        state = _State(self._kept, context, Hash32(root))
        state.factors = setting.factors
        return state


class _Meter(GasMeter):
    """What a busy contract uses costs more. What it hands on to another one is charged there."""

    def __init__(self, start_gas: int, factor: int) -> None:
        super().__init__(start_gas)
        self._factor = factor
        self.penalty = 0

    def consume_gas(self, amount: int, reason: str) -> None:
        handed_on = reason in _CALLS and amount != _CALL_ENERGY
        is_all = reason.startswith(_TAKES_ALL)
        more = 0 if handed_on or is_all else amount * self._factor // FACTOR_ONE - amount
        super().consume_gas(amount + more, reason)
        self.penalty += more


_OPCODES: Final[dict[int, OpcodeAPI]] = {
    **{each: what for each, what in BYZANTIUM_OPCODES.items() if each not in _MISSING},
    **{each: FRONTIER_OPCODES[each] for each in _AS_FRONTIER},
    **{each: CONSTANTINOPLE_OPCODES[each] for each in _SHIFTS},
    **{
        number: kind.configure(
            __name__=f"opcode:{mnemonic}", mnemonic=mnemonic, gas_cost=_CALL_ENERGY
        )()
        for number, kind, mnemonic in (
            (opcode_values.CALL, call.CallByzantium, mnemonics.CALL),
            (opcode_values.CALLCODE, call.CallCodeEIP150, mnemonics.CALLCODE),
            (opcode_values.DELEGATECALL, call.DelegateCallEIP150, mnemonics.DELEGATECALL),
            (opcode_values.STATICCALL, call.StaticCall, mnemonics.STATICCALL),
        )
    },
}


class _Computation(ByzantiumComputation):
    opcodes = _OPCODES

    def _configure_gas_meter(self) -> _Meter:
        assert isinstance(self.state, _State)
        factor = self.state.factors.get(self.msg.storage_address, FACTOR_ONE)
        return _Meter(self.msg.gas, factor)


class _State(ByzantiumState):
    """`balances` goes back with the tree where code fails."""

    computation_class = _Computation
    factors: Mapping[bytes, int]
    purse: Purse
    balances: dict[bytes, int]

    def get_balance(self, address: Address) -> int:
        return self.balances.get(address, self.purse(address) or 0)

    def set_balance(self, address: Address, balance: int) -> None:
        self.balances[address] = balance

    def account_exists(self, address: Address) -> bool:
        return address in self.balances or self.purse(address) is not None

    def account_is_empty(self, address: Address) -> bool:
        return not self.account_exists(address)

    def snapshot(self) -> Any:
        return super().snapshot(), dict(self.balances)

    def revert(self, snapshot: Any) -> None:
        super().revert(snapshot[0])
        self.balances = snapshot[1]

    def commit(self, snapshot: Any) -> None:
        super().commit(snapshot[0])


def _compute(state: _State, asked: Call, energy: int) -> ComputationAPI:
    caller, contract = Address(asked.caller), Address(asked.contract)
    context = FrontierTransactionContext(gas_price=0, origin=caller)
    if asked.creates:
        message = Message(
            gas=energy,
            to=constants.CREATE_CONTRACT_ADDRESS,
            sender=caller,
            value=asked.value,
            data=b"",
            code=asked.data,
            create_address=contract,
        )
        return _Computation.apply_create_message(state, message, context)
    code = state.get_code(contract)
    message = Message(
        gas=energy, to=contract, sender=caller, value=asked.value, data=asked.data, code=code
    )
    return _Computation.apply_message(state, message, context)


def _penalty(computation: Any) -> int:
    own: int = computation.get_gas_meter().penalty
    return own + sum(_penalty(each) for each in computation.children)


def _passed(computation: Any, rejected: bool) -> Iterator[Passed]:
    for child in computation.children:
        message, undone = child.msg, rejected or child.is_error
        if message.code_address not in child.precompiles:
            value = message.value if message.should_transfer_value else 0
            yield Passed(message.sender, message.storage_address, value, undone)
        yield from _passed(child, undone)


def _failure(computation: ComputationAPI) -> tuple[str, str]:
    for kind, result in _FAILURES:
        if isinstance(computation.error, kind):
            said = "REVERT opcode executed" if kind is Revert else str(computation.error)
            return result, said
    return "UNKNOWN", str(computation.error)
