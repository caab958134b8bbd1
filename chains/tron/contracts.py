"""What each of java-tron's contract types does to balances beside its costs. Pure.

A balance is what `getaccount.balance` says. So TRX that an owner stakes or sells leaves it, and
what comes back from stakes and votes arrives, though nobody else is paid: "call:" then has one side
only. What moves other tokens, resources, votes or permissions moves nothing here, except in its
costs.

Sources: java-tron's actuators, in brackets the names of constants. The amounts that no byte of the
transaction tells (what was unstaked, what an exchange gave) stand in its info.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError, Message

from chains.costs import CostKind
from chains.errors import NodeMisbehaved
from chains.tron import address
from chains.tron import tron_pb2 as pb
from chains.tron.rpc import TransactionInfo

_TYPE: Final = pb.Contract
TRX: Final = b"_"
"""As exchanges and the market name it [TRX_SYMBOL_BYTES]."""

Pairs = Mapping[int, tuple[bytes, bytes]]
"""The two tokens of each exchange, by its id. They never change."""
Moves = Iterator[tuple[bytes, int]]
"""Raw address and sun, below zero for what leaves it."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A contract that the chain has executed, with success. `parameter` is of its `Kind`."""

    parameter: Message
    info: TransactionInfo
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Kind:
    """How a type is read. `complete`: `moves` tells all; else no answer of a node does."""

    message: type[Message] = pb.Owned
    moves: Callable[[Executed], Moves] = lambda executed: iter(())
    complete: bool = True

    def parse(self, contract: pb.Contract) -> Message:
        """Leniently: the chain has already executed it. Raises NodeMisbehaved."""
        try:
            return self.message.FromString(contract.parameter.value)
        except DecodeError as error:
            raise NodeMisbehaved("a contract that can't be decoded") from error


def kind_of(contract: pb.Contract) -> Kind:
    return _KINDS.get(contract.type, UNKNOWN)


def owner_of(parameter: Message) -> bytes | None:
    """Whose account pays. None for a shielded transfer out of nobody's account, and where a type
    that we don't know keeps it elsewhere."""
    found: bytes = parameter.owner_address  # type: ignore[attr-defined]
    return found if address.is_address(found) else None


def _transfer(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.TransferContract | pb.Participation)
    yield found.owner_address, -found.amount
    yield found.to_address, found.amount


def _create(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.Creation)
    yield found.owner_address, -found.new_contract.call_value
    yield executed.info.contract, found.new_contract.call_value


def _trigger(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.TriggerSmartContract)
    yield found.owner_address, -found.call_value
    yield found.contract_address, found.call_value


def _freeze(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.Freezing)
    yield found.owner_address, -found.frozen_balance


def _returned(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.Owned)
    yield found.owner_address, executed.info.returned


def _exchange_create(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.ExchangeCreation)
    if found.first_token_id == TRX:
        yield found.owner_address, -found.first_token_balance
    if found.second_token_id == TRX:
        yield found.owner_address, -found.second_token_balance


def _exchange(named: int, other: int) -> Callable[[Executed], Moves]:
    """`named`, `other`: whether the token that the contract names, and the exchange's other one,
    come to the owner (1) or leave (-1). The contract says how much of the first."""

    def moves(executed: Executed) -> Moves:
        found = executed.parameter
        assert isinstance(found, pb.ExchangeUse)
        if found.token_id == TRX:
            yield found.owner_address, named * found.quant
        elif TRX in executed.pairs.get(found.exchange_id, ()):
            yield found.owner_address, other * executed.info.exchanged

    return moves


def _market_sell(executed: Executed) -> Moves:
    found = executed.parameter
    assert isinstance(found, pb.MarketSale)
    if found.sell_token_id == TRX:
        yield found.owner_address, -found.sell_token_quantity


def exchange_of(contract: pb.Contract) -> int | None:
    """Of which exchange the tokens must be known to tell what the contract moved."""
    kind = kind_of(contract)
    if kind.message is not pb.ExchangeUse:
        return None
    found = kind.parse(contract)
    assert isinstance(found, pb.ExchangeUse)
    return None if found.token_id == TRX else found.exchange_id


def paid(contract: pb.Contract | None, info: TransactionInfo) -> Mapping[CostKind, int]:
    """What a transaction in a block burned, in sun. Beside bandwidth and energy, that is the
    recipient's activation where the contract may activate one, else a fee of the contract itself;
    what several signatures or a memo cost is not told apart."""
    rest = info.fee - info.bandwidth_fee - info.energy_fee
    activation = rest if contract is not None and contract.type in _ACTIVATING else 0
    return {
        CostKind.FEE: info.fee - info.energy_fee - activation,
        CostKind.ENERGY: info.energy_fee,
        CostKind.ACTIVATION: activation,
    }


_ACTIVATING: Final = frozenset({_TYPE.ACCOUNT_CREATE, _TYPE.TRANSFER, _TYPE.TRANSFER_ASSET})
UNKNOWN: Final = Kind(complete=False)
"""Of a java-tron that is newer than this."""
_NOTHING: Final = Kind()
_KINDS: Final[Mapping[int, Kind]] = {
    _TYPE.ACCOUNT_CREATE: _NOTHING,
    _TYPE.TRANSFER: Kind(pb.TransferContract, _transfer),
    _TYPE.TRANSFER_ASSET: Kind(pb.OwnedSecond),
    _TYPE.VOTE_ASSET: _NOTHING,
    _TYPE.VOTE_WITNESS: _NOTHING,
    _TYPE.WITNESS_CREATE: _NOTHING,
    _TYPE.ASSET_ISSUE: _NOTHING,
    _TYPE.WITNESS_UPDATE: _NOTHING,
    _TYPE.PARTICIPATE_ASSET_ISSUE: Kind(pb.Participation, _transfer),
    _TYPE.ACCOUNT_UPDATE: Kind(pb.OwnedSecond),
    _TYPE.FREEZE_BALANCE: Kind(pb.Freezing, _freeze),
    _TYPE.UNFREEZE_BALANCE: Kind(pb.Owned, _returned),
    _TYPE.WITHDRAW_BALANCE: Kind(pb.Owned, _returned),
    _TYPE.UNFREEZE_ASSET: _NOTHING,
    _TYPE.UPDATE_ASSET: _NOTHING,
    _TYPE.PROPOSAL_CREATE: _NOTHING,
    _TYPE.PROPOSAL_APPROVE: _NOTHING,
    _TYPE.PROPOSAL_DELETE: _NOTHING,
    _TYPE.SET_ACCOUNT_ID: Kind(pb.OwnedSecond),
    _TYPE.CREATE_SMART_CONTRACT: Kind(pb.Creation, _create),
    _TYPE.TRIGGER_SMART_CONTRACT: Kind(pb.TriggerSmartContract, _trigger),
    _TYPE.UPDATE_SETTING: _NOTHING,
    _TYPE.EXCHANGE_CREATE: Kind(pb.ExchangeCreation, _exchange_create),
    _TYPE.EXCHANGE_INJECT: Kind(pb.ExchangeUse, _exchange(-1, -1)),
    _TYPE.EXCHANGE_WITHDRAW: Kind(pb.ExchangeUse, _exchange(1, 1)),
    _TYPE.EXCHANGE_TRANSACTION: Kind(pb.ExchangeUse, _exchange(-1, 1)),
    _TYPE.UPDATE_ENERGY_LIMIT: _NOTHING,
    _TYPE.ACCOUNT_PERMISSION_UPDATE: _NOTHING,
    _TYPE.CLEAR_ABI: _NOTHING,
    _TYPE.UPDATE_BROKERAGE: _NOTHING,
    # Moves the token of the shielded pool, which is not TRX.
    _TYPE.SHIELDED_TRANSFER: _NOTHING,
    # Orders of others are filled too, and of those the info tells numbers and no owners.
    _TYPE.MARKET_SELL_ASSET: Kind(pb.MarketSale, _market_sell, complete=False),
    _TYPE.MARKET_CANCEL_ORDER: Kind(complete=False),
    _TYPE.FREEZE_BALANCE_V2: Kind(pb.Freezing, _freeze),
    _TYPE.UNFREEZE_BALANCE_V2: Kind(pb.Owned, _returned),
    _TYPE.WITHDRAW_EXPIRE_UNFREEZE: Kind(pb.Owned, _returned),
    _TYPE.DELEGATE_RESOURCE: _NOTHING,
    _TYPE.UNDELEGATE_RESOURCE: _NOTHING,
    _TYPE.CANCEL_ALL_UNFREEZE_V2: Kind(pb.Owned, _returned),
}
