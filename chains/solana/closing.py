"""Which token accounts of a payer can be closed beside what it pays, and what comes back for them.

Only the associated accounts of listed tokens, which is all that the codec explains. An account that
was paid meanwhile is left open: nobody's tokens are in the way of a payment, and none are lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from solders.pubkey import Pubkey

from chains.errors import ChainError, FeesWithheld, NothingToClose
from chains.model import Address
from chains.solana import TRANSACTION_BYTES_MAX, UNITS_PER_CLOSING, spl
from chains.solana.address import to_key
from chains.solana.build import AnyPayment, TransferPlan, build_message, size_of
from chains.solana.codec import SolanaCodec
from chains.solana.rpc import Commitment, SolanaRpc
from chains.solana.spl import Closing, Holding, TokenPayment, associated
from chains.transaction import TransferIntent


@dataclass(frozen=True, slots=True)
class Own:
    """An associated account of a payer, and the lamports in it."""

    account: Pubkey
    program: Pubkey
    holding: Holding
    lamports: int


async def accounts_of(
    rpc: SolanaRpc, codec: SolanaCodec, sources: Sequence[Pubkey]
) -> dict[Pubkey, list[Own]]:
    """Those that there are, in the order of the listing."""
    tokens = codec.closable().items()
    keys = [
        (source, associated(source, mint, program), program)
        for source in sources
        for mint, program in tokens
    ]
    shown = await rpc.accounts([key for _, key, _ in keys], Commitment.CONFIRMED) if keys else ()
    found: dict[Pubkey, list[Own]] = {source: [] for source in sources}
    for (source, key, program), account in zip(keys, shown, strict=True):
        if account is None or account.owner != program:
            continue
        holding = spl.parse_holding(account.owner, account.data)
        if holding is not None:
            found[source].append(Own(key, program, holding, account.lamports))
    return found


def left_empty(
    source: Pubkey, own: Iterable[Own], payments: Iterable[AnyPayment]
) -> tuple[Closing, ...]:
    """Those that can be closed behind the payments."""
    spent: dict[Pubkey, int] = {}
    for each in payments:
        if isinstance(each, TokenPayment):
            spent[each.account] = spent.get(each.account, 0) + each.units
    return tuple(
        Closing(each.account, each.program)
        for each in own
        if each.holding.units == spent.get(each.account, 0) and each.holding.is_closable(source)
    )


def fitting(plan: TransferPlan, closings: Sequence[Closing]) -> TransferPlan:
    """With as many as a transaction has room for."""
    best = plan
    for count in range(1, len(closings) + 1):
        units = plan.unit_limit + count * UNITS_PER_CLOSING
        more = replace(plan, closings=tuple(closings[:count]), unit_limit=units)
        if size_of(more) > TRANSACTION_BYTES_MAX:
            break
        best = more
    return best


async def without_closings(
    rpc: SolanaRpc,
    drawn: Mapping[int, TransferPlan],
    simulated: dict[int, tuple[Any, int] | ChainError],
) -> dict[int, TransferPlan]:
    """Of those that would fail the plans that close nothing, which are simulated instead: no rent
    is worth a payment."""
    again = {
        at: replace(drawn[at], closings=())
        for at, said in simulated.items()
        if drawn[at].closings and not isinstance(said, ChainError) and said[0] is not None
    }
    outcomes = await rpc.simulate([build_message(plan) for plan in again.values()])
    simulated.update(zip(again, outcomes, strict=True))
    return again


async def promised(
    rpc: SolanaRpc, codec: SolanaCodec, intent: TransferIntent
) -> Mapping[Address, int]:
    """By account that would be closed, the lamports that come back. Of one that pays all of a
    token, that token's counts as empty. NothingToClose, FeesWithheld."""
    assert intent.source is not None
    source = to_key(intent.source.address)
    own = (await accounts_of(rpc, codec, [source]))[source]
    native = codec.network.native.id
    swept = {
        spl.mint_of(codec.network.id, each.asset)
        for each in intent.payments
        if each.asset != native
    }
    empty = [each for each in own if each.holding.units == 0 or each.holding.mint in swept]
    if any(each.holding.withheld for each in empty if each.holding.mint in swept or not swept):
        raise FeesWithheld("fees that its mint withheld lie in the account")
    found = {
        Address(str(each.account)): each.lamports
        for each in empty
        if each.holding.is_closable(source)
    }
    if not found:
        raise NothingToClose(
            "no account of a listed token would be empty, and the address's to close"
        )
    return found
