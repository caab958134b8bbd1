"""What transfers pay to whom, as rows: one payment in the transfer's own row, several beside it.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chains.effects import Allow, Asked, Call, Pay
from chains.model import AssetId
from custody.db.transfer_tables import SEVERAL


def payments_in(effects: Sequence[Asked], native: AssetId) -> tuple[Pay, ...]:
    """A call pays its contract the coins that go with it, if any do; who allows pays nothing."""
    paid = (
        Pay(each.contract, native, each.value) if isinstance(each, Call) else each
        for each in effects
        if not isinstance(each, Allow)
    )
    return tuple(each for each in paid if each.amount)


def paid(effects: Sequence[Asked], native: AssetId) -> dict[str, Any]:
    """The columns of a transfer that say what is paid to whom. All are of one asset."""
    only = effects[0] if len(effects) == 1 else None
    if isinstance(only, Call):
        beside = {"destination": only.contract, "memo": None, "amount": only.value}
        return {"asset": native, **beside}
    if isinstance(only, Allow):
        return {"asset": only.asset, "destination": only.spender, "memo": None, "amount": 0}
    payments = payments_in(effects, native)
    (asset,) = {each.asset for each in payments}
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
