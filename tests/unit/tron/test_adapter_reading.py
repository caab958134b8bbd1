"""Blocks, balances and outcomes as scripted nodes tell them: what is absent by rule is nothing, and
what is left out is an error.

Shapes are java-tron's. What the local chain does say is tested in tests/nodes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from chains.block import Reading
from chains.costs import CostKind
from chains.errors import (
    BlockUnreadable,
    NodeMisbehaved,
    NodeUnavailable,
)
from chains.model import (
    BlockRef,
    TxId,
)
from chains.transaction import TxState
from chains.tron import address
from tests.support.costs import left
from tests.support.single import one
from tests.support.tron import LOCAL
from tests.unit.tron.scripted import (
    CONTRACT_RAW,
    OTHER,
    OURS,
    PAYER,
    Script,
    block,
    block_id,
    block_of,
    call,
    info,
    internal,
    transaction,
    transfer,
)


async def moves_of(scripted, found: Script, infos: Any = None) -> list[tuple[str, int, str]]:
    read = await block_of(scripted, found, infos)
    return [(one.address, one.units, one.place) for one in read.movements]


# Blocks


async def test_what_failed_moves_its_costs_only(scripted):
    good, failed = transfer(5), transfer(6)
    found = block(7, transaction(good), transaction(failed, "OUT_OF_TIME"))
    burned = info(failed, 7, fee=1_345_000, receipt={"net_fee": 345_000})
    read = await block_of(scripted, found, [burned, info(good, 7)])
    assert [(one.address, one.units, one.place) for one in read.movements] == [
        (PAYER.address, -5, "call:"),
        (OURS, 5, "call:"),
        (PAYER.address, -345_000, "cost:fee"),
        (PAYER.address, -1_000_000, "cost:activation"),
    ]
    assert [(one.sender, one.failure) for one in read.included] == [
        (PAYER.address, None),
        (PAYER.address, "OUT_OF_TIME"),
    ]
    assert (read.consumed, read.reading) == ({}, Reading.COMPLETE)


async def test_a_payment_without_its_result_is_not_taken_for_none(scripted):
    with pytest.raises(BlockUnreadable):
        await moves_of(scripted, block(7, transaction(transfer(7), None)))


async def test_a_call_that_passes_trx_on_to_nobody_is_not_overlooked(scripted):
    move = internal(b"", 15)
    infos = [info(call(), 7, receipt={"result": "SUCCESS"}, internal_transactions=[move])]
    with pytest.raises(NodeMisbehaved, match="to nobody"):
        await moves_of(scripted, block(7, transaction(call())), infos)


async def test_contracts_pass_trx_on(scripted):
    """Places count what every node lists: with or without the internal transactions that only some
    nodes keep, they are the same."""
    ours, other = address.to_bytes(OURS), address.to_bytes(OTHER)
    moves = [
        internal(CONTRACT_RAW, 9),  # to itself
        internal(ours, 10),
        internal(ours, 11, rejected=True),
        internal(ours, 12, token="1000001"),
        internal(ours, 13, note="freezeForEnergy"),
        internal(ours, 0),
        internal(other, 14, note="suicide"),
        internal(CONTRACT_RAW, 16, note="suicide"),  # burned
    ]
    contract = address.to_text(CONTRACT_RAW)
    found = block(7, transaction(call()))
    expected = [
        (contract, -10, "internal:1"),
        (OURS, 10, "internal:1"),
        (contract, -14, "internal:5"),
        (OTHER, 14, "internal:5"),
        (contract, -16, "internal:6"),
    ]
    for listed in (moves, moves[:4] + moves[5:]):
        infos = [info(call(), 7, receipt={"result": "SUCCESS"}, internal_transactions=listed)]
        assert await moves_of(scripted, found, infos) == expected


async def test_a_reverted_call_passes_nothing_on(scripted):
    """Neither its value nor what was passed on; what it cost leaves who called."""
    moves = [internal(address.to_bytes(OURS), 10)]
    receipt = {"result": "REVERT", "net_fee": 300, "energy_fee": 4_000}
    raw = call(PAYER.address, value=77)
    infos = [info(raw, 7, fee=4_300, receipt=receipt, internal_transactions=moves)]
    assert await moves_of(scripted, block(7, transaction(raw, "REVERT")), infos) == [
        (PAYER.address, -300, "cost:fee"),
        (PAYER.address, -4_000, "cost:energy"),
    ]


async def test_a_block_that_both_pays_and_charges_one_address(scripted):
    """A refund inside the payer's own call."""
    moves = [internal(address.to_bytes(PAYER.address), 30)]
    raw = call(PAYER.address, value=77)
    infos = [info(raw, 7, fee=4_000, receipt={"energy_fee": 4_000}, internal_transactions=moves)]
    found = await moves_of(scripted, block(7, transaction(raw)), infos)
    assert [(units, place) for party, units, place in found if party == PAYER.address] == [
        (-77, "call:"),
        (30, "internal:0"),
        (-4_000, "cost:energy"),
    ]
    assert sum(units for _, units, _ in found) == -4_000, "what is burned"


@pytest.mark.parametrize(
    "infos",
    [
        [],
        [info(call(), 8)],
        [info(call(), 7, blockTimeStamp=1)],
        [info(call(), 7), info(transfer(), 7)],
    ],
)
async def test_infos_of_another_block_are_refused(scripted, infos):
    with pytest.raises(NodeUnavailable):
        await moves_of(scripted, block(7, transaction(call())), infos)


async def test_a_block_that_is_not_there_yet(scripted):
    with pytest.raises(NodeUnavailable):
        await moves_of(scripted, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found.pop("blockID"),
        lambda found: found.update(blockID=block_id(8)),
        lambda found: found.update(blockID="zz"),
        lambda found: found["block_header"].pop("raw_data"),
        lambda found: found["block_header"]["raw_data"].update(number=8),
        lambda found: found["transactions"][0].update(txID="00" * 32),
        lambda found: found["transactions"][0].update(raw_data_hex="0"),
        lambda found: found.update(transactions=5),
    ],
)
async def test_blocks_that_contradict_themselves(scripted, damage):
    found = block(7, transaction(transfer()))
    damage(found)
    with pytest.raises(NodeMisbehaved):
        await moves_of(scripted, found)


async def test_another_block_than_asked_for(scripted):
    with pytest.raises(NodeMisbehaved):
        await moves_of(scripted, block(8))


# Status


async def status(scripted, infos: Any, found: Script, known: Any = None):
    adapter = scripted(
        {
            "/wallet/gettransactioninfobyid": infos,
            "/wallet/getblockbynum": found,
            "/wallet/gettransactionbyid": known or {},
            "/wallet/gettransactionfrompending": {},
        }
    )
    return await one(adapter.statuses, TxId(sha256(call()).hexdigest()))


async def test_unknown_and_pending(scripted):
    assert (await status(scripted, {}, {})).state is TxState.UNKNOWN
    waiting = transaction(call(), "SUCCESS")  # java-tron writes SUCCESS before any block has it
    assert (await status(scripted, {}, {}, waiting)).state is TxState.PENDING


async def test_a_balance_is_believed_only_of_the_account_that_was_asked_for(scripted):
    """`{}` says that the chain does not know the account: it holds nothing. Another account, or
    fields without one, say nothing about it."""
    raw, native = address.to_bytes(OURS).hex(), LOCAL.native.id
    empty = scripted({"/wallet/getaccount": {}})
    assert await empty.balance(OURS, native) == 0
    spent = scripted({"/wallet/getaccount": {"address": raw, "create_time": 1}})
    assert await spent.balance(OURS, native) == 0
    held = scripted({"/wallet/getaccount": {"address": raw, "balance": 5}})
    assert await held.balance(OURS, native) == 5
    for other in ({"balance": 5}, {"address": "41" + "00" * 20}, {"create_time": 1}):
        with pytest.raises(NodeMisbehaved, match="another account"):
            await scripted({"/wallet/getaccount": other}).balance(OURS, native)
    for away in ({"Error": "closed"}, {"Error": "lite fullnode", "StatusCode": 404}):
        with pytest.raises(NodeUnavailable):
            await scripted({"/wallet/getaccount": away}).balance(OURS, native)


async def test_an_outcome_without_result_or_cost_is_not_taken_for_success(scripted):
    with pytest.raises(NodeMisbehaved, match="without its result"):
        await status(scripted, info(call(), 7), block(7, transaction(call(), None)))
    free = info(call(), 7, receipt={})
    with pytest.raises(NodeMisbehaved, match="burned nothing"):
        await status(scripted, free, block(7, transaction(call())))
    for torn in ({"net_fee": 268_000}, {"energy_fee": 1}, {"net_fee": -1}):
        told = info(call(), 7, receipt=torn)
        with pytest.raises(NodeMisbehaved, match="less than its bandwidth"):
            await status(scripted, told, block(7, transaction(call())))


async def test_a_block_without_its_transactions_is_no_block(scripted):
    """What is absent in proto3 is empty; the root of the transactions' hashes is not."""
    empty = block(8)
    empty["block_header"]["raw_data"]["txTrieRoot"] = "00" * 32
    assert (await scripted({"/wallet/getblockbynum": empty}).block(8)).movements == ()
    empty["block_header"]["raw_data"]["txTrieRoot"] = "17" * 32
    with pytest.raises(NodeMisbehaved, match="without its transactions"):
        await scripted({"/wallet/getblockbynum": empty}).block(8)
    del empty["block_header"]["raw_data"]["txTrieRoot"]
    with pytest.raises(NodeMisbehaved, match="without the fields"):
        await scripted({"/wallet/getblockbynum": empty}).block(8)


async def test_success_needs_both_the_block_and_the_info(scripted):
    good = info(call(), 7, fee=345_000, receipt={"result": "SUCCESS", "net_fee": 45_000})
    found = await status(scripted, good, block(7, transaction(call())))
    assert (found.state, found.reason, found.held) == (TxState.INCLUDED, "", {})
    native = LOCAL.native.id
    assert found.costs == {(native, CostKind.FEE): 345_000}
    assert found.block == BlockRef(7, block_id(7))


@pytest.mark.parametrize(
    ("fields", "result", "reason"),
    [
        ({"receipt": {"result": "OUT_OF_ENERGY"}}, "OUT_OF_ENERGY", "OUT_OF_ENERGY"),
        ({"receipt": {"result": "REVERT"}, "result": "FAILED"}, "SUCCESS", "REVERT"),
        ({"result": "FAILED", "resMessage": b"no".hex()}, "SUCCESS", "no"),
        ({"result": "FAILED"}, "SUCCESS", "FAILED"),
        ({}, "TRANSFER_FAILED", "TRANSFER_FAILED"),
    ],
)
async def test_inclusion_is_not_success(scripted, fields, result, reason):
    """java-tron#3037, cake_wallet#3595: out of energy shown as success."""
    there = info(call(), 7, fee=9, **fields)
    found = await status(scripted, there, block(7, transaction(call(), result)))
    assert (found.state, found.reason, left(found)) == (TxState.REVERTED, reason, 9)


async def test_a_reorganisation_between_two_answers(scripted):
    with pytest.raises(NodeUnavailable):
        await status(scripted, info(call(), 7), block(7))
