"""What transfers pay to whom, as rows: one payment in the transfer's own row, several beside it.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chains.effects import Allow, Call, Effect, Pay, Sign
from chains.model import AssetId
from chains.networks import Network
from chains.outcomes import taken_by
from custody.db.transfer_tables import SEVERAL


def payments_in(effects: Sequence[Effect], native: AssetId) -> tuple[Pay, ...]:
    """A call pays its contract the coins that go with it, if any do; who allows, or signs
    a message, pays nothing."""
    paid = (
        Pay(each.contract, native, each.value) if isinstance(each, Call) else each
        for each in effects
        if isinstance(each, Pay | Call)
    )
    return tuple(each for each in paid if each.amount)


def leaving(effects: Sequence[Effect], network: Network) -> Mapping[AssetId, int]:
    """The most that leaves with it beside what it costs, by asset. A token that is not listed
    stands in no book: nothing of it can be held."""
    most, native = dict[AssetId, int](), network.native.id
    for each in payments_in(effects, native):
        most[each.asset] = most.get(each.asset, 0) + each.amount
    for told in effects:
        if isinstance(told, Call):
            for asset, units in taken_by(told, native).items():
                if network.is_listed(asset):
                    most[asset] = most.get(asset, 0) + units
    return most


def paid(effects: Sequence[Effect], native: AssetId) -> dict[str, Any]:
    """The columns of a transfer that say what is paid to whom. All are of one asset. A message is
    for whom it names, and pays nothing."""
    first = effects[0]
    if isinstance(first, Call):
        beside = {"destination": first.contract, "memo": None, "amount": first.value}
        return {"asset": native, **beside}
    if isinstance(first, Allow):
        return {"asset": first.asset, "destination": first.spender, "memo": None, "amount": 0}
    if isinstance(first, Sign):
        return {"asset": native, "destination": first.domain, "memo": None, "amount": 0}
    payments = payments_in(effects, native)
    (asset,) = {each.asset for each in payments}
    only = payments[0] if len(effects) == 1 else None
    return {
        "asset": asset,
        "destination": SEVERAL if only is None else only.address,
        "memo": None if only is None else only.memo,
        "amount": sum(each.amount for each in payments),
    }


def output_fields(transfer: str, payments: Sequence[Pay]) -> list[dict[str, Any]]:
    """The rows beside it; none where the transfer's own row says it all."""
    if len(payments) <= 1:
        return []
    return [
        {
            "transfer_id": transfer,
            "position": position,
            "destination": each.address,
            "memo": each.memo,
            "amount": each.amount,
        }
        for position, each in enumerate(payments, start=1)
    ]
