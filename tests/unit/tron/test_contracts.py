"""What each contract type of java-tron moves: one line for each way that an actuator goes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message

from chains.block import Reading
from chains.tron import address
from chains.tron import tron_pb2 as pb
from tests.unit.tron.scripted import (
    CONTRACT_RAW,
    OURS,
    PAYER,
    Script,
    block,
    block_of,
    contract_of,
    info,
    transaction,
)

A, B, C = address.to_bytes(PAYER.address), address.to_bytes(OURS), CONTRACT_RAW
KIND = pb.Contract
UNHEARD_OF = 99
OWNED, SECOND = pb.Owned(owner_address=A), pb.OwnedSecond(owner_address=A)
FREEZING = pb.Freezing(owner_address=A, frozen_balance=9)
CREATION = pb.Creation(owner_address=A, new_contract=pb.Creation.Contract(call_value=7))


def use(token: bytes, exchange: int = 1) -> pb.ExchangeUse:
    """Exchange 1 deals in TRX and token 10, exchange 2 in tokens 11 and 10."""
    return pb.ExchangeUse(owner_address=A, exchange_id=exchange, token_id=token, quant=6)


def opening(first: bytes, second: bytes) -> pb.ExchangeCreation:
    return pb.ExchangeCreation(
        owner_address=A,
        first_token_id=first,
        first_token_balance=6,
        second_token_id=second,
        second_token_balance=4,
    )


def trigger(call_value: int = 0, **token: Any) -> pb.TriggerSmartContract:
    return pb.TriggerSmartContract(
        owner_address=A, contract_address=C, call_value=call_value, **token
    )


def sale(token: bytes) -> pb.MarketSale:
    return pb.MarketSale(owner_address=A, sell_token_id=token, sell_token_quantity=6)


TRANSFER = pb.TransferContract(owner_address=A, to_address=B, amount=5)
PARTICIPATION = pb.Participation(owner_address=A, to_address=B, amount=5)
EXPIRED = {"withdraw_expire_amount": 8}
INJECTED, TAKEN, GOT = (
    {f"exchange_{what}_amount": 3} for what in ("inject_another", "withdraw_another", "received")
)
MOVES: list[tuple[int, Message, Script, list[tuple[bytes, int]]]] = [
    (KIND.TRANSFER, TRANSFER, {}, [(A, -5), (B, 5)]),
    (KIND.PARTICIPATE_ASSET_ISSUE, PARTICIPATION, {}, [(A, -5), (B, 5)]),
    (KIND.FREEZE_BALANCE, FREEZING, {}, [(A, -9)]),
    (KIND.FREEZE_BALANCE_V2, FREEZING, {}, [(A, -9)]),
    (KIND.UNFREEZE_BALANCE, OWNED, {"unfreeze_amount": 8}, [(A, 8)]),
    (KIND.WITHDRAW_BALANCE, OWNED, {"withdraw_amount": 8}, [(A, 8)]),
    (KIND.UNFREEZE_BALANCE_V2, OWNED, EXPIRED, [(A, 8)]),
    (KIND.UNFREEZE_BALANCE_V2, OWNED, {}, []),
    (KIND.WITHDRAW_EXPIRE_UNFREEZE, OWNED, EXPIRED, [(A, 8)]),
    (KIND.CANCEL_ALL_UNFREEZE_V2, OWNED, EXPIRED, [(A, 8)]),
    (KIND.CREATE_SMART_CONTRACT, CREATION, {"contract_address": C.hex()}, [(A, -7), (C, 7)]),
    (KIND.TRIGGER_SMART_CONTRACT, trigger(call_value=7), {}, [(A, -7), (C, 7)]),
    (KIND.TRIGGER_SMART_CONTRACT, trigger(call_token_value=7, token_id=1), {}, []),
    (KIND.EXCHANGE_CREATE, opening(b"_", b"10"), {}, [(A, -6)]),
    (KIND.EXCHANGE_CREATE, opening(b"10", b"_"), {}, [(A, -4)]),
    (KIND.EXCHANGE_CREATE, opening(b"10", b"11"), {}, []),
    (KIND.EXCHANGE_INJECT, use(b"_"), INJECTED, [(A, -6)]),
    (KIND.EXCHANGE_INJECT, use(b"10"), INJECTED, [(A, -3)]),
    (KIND.EXCHANGE_WITHDRAW, use(b"_"), TAKEN, [(A, 6)]),
    (KIND.EXCHANGE_WITHDRAW, use(b"10"), TAKEN, [(A, 3)]),
    (KIND.EXCHANGE_TRANSACTION, use(b"_"), GOT, [(A, -6)]),
    (KIND.EXCHANGE_TRANSACTION, use(b"10"), GOT, [(A, 3)]),
    (KIND.EXCHANGE_TRANSACTION, use(b"10", exchange=2), GOT, []),
    (KIND.MARKET_SELL_ASSET, sale(b"_"), {}, [(A, -6)]),
    (KIND.MARKET_SELL_ASSET, sale(b"10"), {}, []),
]
MOVE_NOTHING: list[tuple[int, Message, Script, list[tuple[bytes, int]]]] = [
    (KIND.TRANSFER_ASSET, SECOND, {}, []),
    (KIND.SET_ACCOUNT_ID, SECOND, {}, []),
    (KIND.ACCOUNT_UPDATE, SECOND, {}, []),
    (KIND.ACCOUNT_CREATE, OWNED, {}, []),
    (KIND.VOTE_ASSET, OWNED, {}, []),
    (KIND.VOTE_WITNESS, OWNED, {}, []),
    (KIND.WITNESS_CREATE, OWNED, {}, []),
    (KIND.ASSET_ISSUE, OWNED, {}, []),
    (KIND.WITNESS_UPDATE, OWNED, {}, []),
    (KIND.UNFREEZE_ASSET, OWNED, {}, []),
    (KIND.UPDATE_ASSET, OWNED, {}, []),
    (KIND.PROPOSAL_CREATE, OWNED, {}, []),
    (KIND.PROPOSAL_APPROVE, OWNED, {}, []),
    (KIND.PROPOSAL_DELETE, OWNED, {}, []),
    (KIND.UPDATE_SETTING, OWNED, {}, []),
    (KIND.UPDATE_ENERGY_LIMIT, OWNED, {}, []),
    (KIND.ACCOUNT_PERMISSION_UPDATE, OWNED, {}, []),
    (KIND.CLEAR_ABI, OWNED, {}, []),
    (KIND.UPDATE_BROKERAGE, OWNED, {}, []),
    (KIND.SHIELDED_TRANSFER, OWNED, {}, []),
    (KIND.MARKET_CANCEL_ORDER, OWNED, {}, []),
    (KIND.DELEGATE_RESOURCE, OWNED, {}, []),
    (KIND.UNDELEGATE_RESOURCE, OWNED, {}, []),
    (UNHEARD_OF, OWNED, {}, []),
]
ACTIVATING = (KIND.TRANSFER, KIND.TRANSFER_ASSET, KIND.ACCOUNT_CREATE)
READINGS = {
    KIND.MARKET_SELL_ASSET: Reading.PARTIAL,
    KIND.MARKET_CANCEL_ORDER: Reading.PARTIAL,
    UNHEARD_OF: Reading.PARTIAL,
    KIND.CREATE_SMART_CONTRACT: Reading.UNPROVEN,
    KIND.TRIGGER_SMART_CONTRACT: Reading.UNPROVEN,
}


@pytest.mark.parametrize(("kind", "parameter", "told", "moved"), MOVES + MOVE_NOTHING)
async def test_what_each_contract_moves(scripted, kind, parameter, told, moved):
    """And what it costs its owner: beside bandwidth and energy, a fee or an activation."""
    raw = contract_of(kind, parameter)
    infos = [info(raw, 7, fee=57, receipt={"net_fee": 20, "energy_fee": 7}, **told)]
    pairs = {1: ("5f", "3130"), 2: ("3131", "3130")}

    def exchange(request: Script) -> Script:
        first, second = pairs[request["id"]]
        return {"exchange_id": request["id"], "first_token_id": first, "second_token_id": second}

    read = await block_of(scripted, block(7, transaction(raw)), infos, getexchangebyid=exchange)
    expected = [(address.to_text(party), units, "call:") for party, units in moved]
    costs = {"cost:fee": -50, "cost:energy": -7}
    if kind in ACTIVATING:
        costs = {"cost:fee": -20, "cost:energy": -7, "cost:activation": -30}
    expected += [(PAYER.address, units, place) for place, units in costs.items()]
    assert [(one.address, one.units, one.place) for one in read.movements] == expected
    assert [(one.sender, one.failure) for one in read.included] == [(PAYER.address, None)]
    assert read.reading is READINGS.get(kind, Reading.COMPLETE)


def test_every_contract_type_is_decided():
    assert {kind for kind, *_ in MOVES + MOVE_NOTHING} == {UNHEARD_OF, *KIND.Type.values()}


async def test_what_has_no_owner_or_several_contracts_stops_nothing(scripted):
    shielded = contract_of(KIND.SHIELDED_TRANSFER, pb.Owned())
    several = pb.RawData(contract=[pb.Contract(), pb.Contract()]).SerializeToString()
    found = block(7, transaction(shielded), transaction(several))
    read = await block_of(scripted, found, [info(shielded, 7), info(several, 7)])
    assert (read.movements, read.included, read.reading) == ((), (), Reading.PARTIAL)
