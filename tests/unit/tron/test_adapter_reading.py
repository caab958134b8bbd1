"""Blocks, balances and outcomes as scripted nodes tell them: what is absent by rule is nothing, and
what is left out is an error.

Shapes are java-tron's. What the local chain does say is tested in tests/nodes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

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
    Script,
    block,
    block_id,
    call,
    info,
    internal,
    transaction,
    transfer,
)


async def credits_of(scripted, found: Script, infos: Any = None) -> list[tuple[str, int, str]]:
    adapter = scripted(
        {"/wallet/getblockbynum": found, "/wallet/gettransactioninfobyblocknum": infos}
    )
    result = await adapter.block(7)
    return [(one.address, one.units, one.place) for one in result.movements]


# Blocks


async def test_only_executed_transfers_credit(scripted):
    good, failed = transfer(5), transfer(6)
    found = block(7, transaction(good), transaction(failed, "OUT_OF_TIME"))
    assert await credits_of(scripted, found) == [(OURS, 5, "call:")]


async def test_a_payment_without_its_result_is_not_taken_for_none(scripted):
    with pytest.raises(BlockUnreadable):
        await credits_of(scripted, block(7, transaction(transfer(7), None)))


async def test_a_call_that_passes_trx_on_to_nobody_is_not_overlooked(scripted):
    move = internal(b"", 15)
    infos = [info(call(), 7, receipt={"result": "SUCCESS"}, internal_transactions=[move])]
    with pytest.raises(NodeMisbehaved, match="to nobody"):
        await credits_of(scripted, block(7, transaction(call())), infos)


async def test_contracts_pass_trx_on(scripted):
    ours, other = address.to_bytes(OURS), address.to_bytes(OTHER)
    moves = [
        internal(CONTRACT_RAW, 9),  # to itself
        internal(ours, 10),
        internal(ours, 11, rejected=True),
        internal(ours, 12, token="1000001"),
        internal(ours, 13, note="freezeForEnergy"),
        internal(ours, 0),
        internal(other, 14, note="suicide"),
        internal(b"", 15, note="create"),
    ]
    infos = [info(call(), 7, receipt={"result": "SUCCESS"}, internal_transactions=moves)]
    found = block(7, transaction(call()))
    assert await credits_of(scripted, found, infos) == [
        (OURS, 10, "internal:0"),
        (OTHER, 14, "internal:9"),
    ]


async def test_a_reverted_call_passes_nothing_on(scripted):
    moves = [internal(address.to_bytes(OURS), 10)]
    infos = [info(call(), 7, receipt={"result": "REVERT"}, internal_transactions=moves)]
    assert await credits_of(scripted, block(7, transaction(call(), "REVERT")), infos) == []


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
        await credits_of(scripted, block(7, transaction(call())), infos)


async def test_a_block_that_is_not_there_yet(scripted):
    with pytest.raises(NodeUnavailable):
        await credits_of(scripted, {})


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
        await credits_of(scripted, found)


async def test_another_block_than_asked_for(scripted):
    with pytest.raises(NodeMisbehaved):
        await credits_of(scripted, block(8))


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
    torn = info(call(), 7, receipt={"net_fee": 268_000})
    with pytest.raises(NodeMisbehaved, match="less than its bandwidth"):
        await status(scripted, torn, block(7, transaction(call())))


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
    assert found.costs == {
        (native, CostKind.FEE): 45_000,
        (native, CostKind.ACTIVATION): 300_000,
    }
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
