"""What of our tokens their issuers let nobody move, asked of contracts that speak as `abi` says.
Knows no node: who asks says how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from chains.assets import Asset
from chains.balances import Restrained
from chains.errors import PayeeFrozen
from chains.model import Address
from chains.restraints import asked

Ask = Callable[[Sequence[bytes]], Awaitable[Sequence[int]]]
"""The contract's answers to calls, each a number; raises ChainError where it does not answer."""


async def restrained(
    token: Asset,
    accounts: Mapping[Address, bytes],
    ask: Ask,
    balance_of: Callable[[Address], bytes],
) -> Mapping[Address, Restrained]:
    """`accounts`: each address as contracts know it. A contract stops an account with all that it
    has; balances are asked of those alone, so of nearly nobody."""
    stops = {
        each: [stop for stop in asked(token, raw, raw) if stop.error is not PayeeFrozen]
        for each, raw in accounts.items()
    }
    data = list(dict.fromkeys(stop.data for those in stops.values() for stop in those))
    answers = dict(zip(data, await ask(data), strict=True)) if data else {}
    codes = {
        each: next(stop.error.code for stop in those if answers[stop.data])
        for each, those in stops.items()
        if any(answers[stop.data] for stop in those)
    }
    held = await ask([balance_of(each) for each in codes]) if codes else ()
    has = zip(codes.items(), held, strict=True)
    return {address: Restrained(units, code) for (address, code), units in has if units}
