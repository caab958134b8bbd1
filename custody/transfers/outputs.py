"""What transfers pay to whom, as rows: one payment in the transfer's own row, several beside it.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chains.effects import Pay
from custody.db.transfer_tables import SEVERAL


def paid(payments: Sequence[Pay]) -> dict[str, Any]:
    """The columns of a transfer that say what is paid to whom. All are of one asset."""
    (asset,) = {each.asset for each in payments}
    only = payments[0] if len(payments) == 1 else None
    return {
        "asset": asset,
        "destination": SEVERAL if only is None else only.address,
        "memo": None if only is None else only.memo,
        "amount": sum(each.amount for each in payments),
    }


def output_fields(transfer: str, payments: Sequence[Pay]) -> list[dict[str, Any]]:
    """The rows beside it; none where the transfer's own row says it all."""
    if len(payments) == 1:
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
