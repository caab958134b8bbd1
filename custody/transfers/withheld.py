"""What a token keeps of a payment, where its row says that it may: told to people before.

How much that is only the token says, and its issuer can change it. So a request for such a token
asks a node, outside of any transaction of the database, as one for all there is does (ADR 0055),
unless it names a bound itself. The bound is a part of the terms: people agree to it, and the signer
reads from the bytes that no more is kept (ADR 0100).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chains.adapter import ChainAdapter, TellsWithholding
from chains.assets import WITHHOLDS
from chains.costs import CostKind
from chains.errors import ChainError, DustAmount
from chains.model import NetworkId
from custody.errors import Unavailable, Unprocessable
from custody.transfers.asking import Ask


async def told(adapters: Mapping[NetworkId, ChainAdapter], ask: Ask) -> Ask:
    """With what the token keeps of payments now. Raises Unavailable."""
    network, asset = ask.codec.network, ask.request.asset
    token, named = network.tokens.get(asset), CostKind.WITHHELD in ask.request.costs_max
    if token is None or WITHHOLDS not in token.traits or named:
        return ask
    adapter = adapters[network.id]
    if not isinstance(adapter, TellsWithholding):
        return ask
    try:
        return replace(ask, withholding=await adapter.withholding(asset))
    except ChainError as error:
        words = f"what {token.symbol} keeps of a payment can't be said now"
        raise Unavailable(error.code, words) from error


def bounded(ask: Ask) -> Ask:
    """With the most that is kept of its payments among its bounds. Raises Unprocessable amount_dust
    for one of which nothing may arrive."""
    if ask.withholding is None:
        return ask
    kept = [ask.withholding.most_of(each.amount) for each in ask.payments]
    if any(units >= each.amount for units, each in zip(kept, ask.payments, strict=True)):
        words = "the token may keep all of it, and nothing would arrive"
        raise Unprocessable(DustAmount.code, words, field="amount")
    most = sum(kept)
    bound = {(ask.request.asset, CostKind.WITHHELD): most} if most else {}
    return replace(ask, costs_max={**ask.costs_max, **bound})
