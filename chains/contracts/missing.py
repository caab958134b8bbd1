"""What keeps a contract from taking what a call says, in words that help. Pure: what payers have
and spenders may take is asked elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chains.assets import Asset
from chains.effects import Asked, Call
from chains.model import Address
from chains.networks import Network


@dataclass(frozen=True, slots=True)
class Take:
    """`spender` takes `units` of a listed token."""

    token: Asset
    spender: Address
    units: int


def takes(network: Network, effects: Iterable[Asked]) -> list[Take]:
    return [
        Take(network.tokens[asset], each.contract, units)
        for each in effects
        if isinstance(each, Call)
        for asset, units in each.moves
        if asset in network.tokens
    ]


def words(taken: Sequence[Take], found: Sequence[tuple[int | None, int | None]]) -> list[str]:
    """`found`: of each what the payer has and what the spender may take; None where the token does
    not say."""
    told = []
    for each, (has, may) in zip(taken, found, strict=True):
        if has is not None and has < each.units:
            told.append(f"the balance of {each.token.id} is {has}, not {each.units}")
        elif may is not None and may < each.units:
            told.append(
                f"{each.spender} may take {may} of {each.token.id}: "
                f"an allowance of {each.units} would help"
            )
    return told
