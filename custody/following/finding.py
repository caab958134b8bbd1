"""Asks what of some blocks is ours, and what that means. Writes only what is set apart.

The deciding itself is `custody.deposits.deciding`; here is gathered what it needs to know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from chains.block import Block, Movement, output_index
from chains.families import traits_of
from chains.model import Address, TxId
from custody.debits import repository as debits
from custody.deposits import repository
from custody.deposits.deciding import (
    INCOMES,
    Decision,
    Found,
    Ours,
    OwnCoin,
    OwnTransaction,
    decide,
    senders_of,
)
from custody.following.blocks import Chain
from custody.following.finality import final_height
from custody.following.unlisted import is_money, set_apart
from custody.vaults.watchlist import outpoint_key


async def find(chain: Chain, blocks: Sequence[Block]) -> list[Found]:
    """Everything in the blocks that came to, or left, what is ours. What is not listed is no money:
    it is set apart, and that it left somebody's contract says at will."""
    network, session = chain.network, chain.session
    touched = [chain.watchlist.movements(block.movements) for block in blocks]
    addresses = {each.address for movements in touched for each in movements}
    owners = await repository.owners(session, network, addresses)
    all_ours = [[each for each in movements if each.address in owners] for movements in touched]
    await set_apart(chain, zip(blocks, all_ours, strict=True), owners)
    mine = [[each for each in movements if is_money(network, each)] for movements in all_ours]
    ours = Ours(network.native.id, traits_of(network).coins, owners)
    if ours.has_coins:
        ours = await _with_coins(chain, ours, blocks, mine)
    elif txids := _left_or_sent(chain, blocks, mine):
        ours = await _with_accounts(chain, ours, blocks, mine, txids)
    return [
        each
        for block, movements in zip(blocks, mine, strict=True)
        for each in _found(chain, block, decide(movements, block.consumed, ours, _time(block)))
    ]


async def _with_coins(
    chain: Chain, ours: Ours, blocks: Sequence[Block], mine: Sequence[Sequence[Movement]]
) -> Ours:
    """With the coins that are consumed, those that the blocks themselves make included, and with
    our own transactions among those that pay us or consume them."""
    network = chain.network.id
    made = {
        outpoint_key(network, *_outpoint(each)): OwnCoin(
            ours.owners[each.address], each.address, each.units
        )
        for movements in mine
        for each in movements
        if each.units > 0
    }
    consumed = {
        key
        for block in blocks
        for key in (*chain.watchlist.spends(block.consumed), *(block.consumed.keys() & made.keys()))
    }
    coins = await repository.own_coins(chain.session, chain.network, consumed - made.keys())
    coins |= {key: made[key] for key in consumed & made.keys()}
    txids = {each.txid for movements in mine for each in movements} | {
        block.consumed[key] for block in blocks for key in coins if key in block.consumed
    }
    own = await repository.own_transactions(chain.session, chain.network, txids)
    return replace(ours, coins=coins, transactions=own)


def _left_or_sent(
    chain: Chain, blocks: Iterable[Block], mine: Sequence[Sequence[Movement]]
) -> set[TxId]:
    """Of what moved anything of ours: with what something left, and what an address of ours sent,
    which may have cost nothing."""
    moved = {each.txid for movements in mine for each in movements}
    sent = chain.watchlist.sent([i for b in blocks for i in b.included if i.txid in moved])
    left = {each.txid for movements in mine for each in movements if each.units < 0}
    return left | {each.txid for each in sent}


async def _with_accounts(
    chain: Chain,
    ours: Ours,
    blocks: Sequence[Block],
    mine: Sequence[Sequence[Movement]],
    txids: Collection[TxId],
) -> Ours:
    """With our own transactions among `txids`, and, if something left with others, with who paid
    for them and what our vaults allowed."""
    session, network = chain.session, chain.network
    left = [each for movements in mine for each in movements if each.units < 0]
    own = await repository.own_transactions(session, network, txids)
    own |= {each: _undone(own[each]) for each in _failed(blocks) & own.keys()}
    apart = await _apart(chain, blocks, {each.txid for each in left})
    foreign = [
        each for each in left if each.txid not in own or own[each.txid].source != each.address
    ]
    if not foreign:
        return replace(ours, transactions=own, apart=apart)
    vaults = {ours.owners[each.address].vault_id for each in foreign if each.asset != ours.native}
    return replace(
        ours,
        transactions=own,
        apart=apart,
        allowances=await debits.allowances(session, network, vaults),
        senders=await _senders(chain, blocks, {each.txid for each in foreign}),
    )


async def _apart(
    chain: Chain, blocks: Iterable[Block], txids: Collection[str]
) -> Mapping[str, Sequence[OwnTransaction]]:
    """Payments that vaults of ours signed apart, which those transactions made, whoever sent them.
    Such a payment is named by the key that it uses up."""
    used = [(key, by) for block in blocks for key, by in block.consumed.items() if by in txids]
    ours = await repository.own_transactions(chain.session, chain.network, {key for key, _ in used})
    found: dict[str, list[OwnTransaction]] = {}
    for key, by in used:
        if key in ours:
            found.setdefault(by, []).append(ours[key])
    return found


def _undone(own: OwnTransaction) -> OwnTransaction:
    """It failed, so its transfer is not paid: what all the same left with it, nobody agreed to."""
    return replace(own, effects=(), rent=0, calls=None)


def _failed(blocks: Iterable[Block]) -> set[TxId]:
    return {each.txid for block in blocks for each in block.included if each.failure is not None}


async def _senders(
    chain: Chain, blocks: Iterable[Block], txids: Collection[str]
) -> Mapping[str, Address]:
    """Those of the transactions that an address of ours pays for, with the address."""
    likely = {
        each.txid: each.sender
        for block in blocks
        for each in chain.watchlist.sent(each for each in block.included if each.txid in txids)
    }
    sure = await repository.owners(chain.session, chain.network, set(likely.values()))
    return {txid: sender for txid, sender in likely.items() if sender in sure}


def _found(chain: Chain, block: Block, decisions: Sequence[Decision]) -> Iterator[Found]:
    came = {each.movement.txid for each in decisions if each.verdict in INCOMES}
    senders = senders_of(block, came) if came else {}
    for decision in decisions:
        mature = decision.movement.mature_height if decision.movement.units > 0 else None
        final = final_height(chain.network, block.ref.height, mature)
        yield Found(block.ref, decision, final, senders.get(decision.movement.txid, frozenset()))


def _outpoint(movement: Movement) -> tuple[str, int]:
    return movement.txid, output_index(movement.place)


def _time(block: Block) -> datetime:
    """A block may say any number. One that is no time is the end of time, when no allowance that
    expires still stands."""
    try:
        return datetime.fromtimestamp(block.timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        return datetime.max.replace(tzinfo=UTC)
