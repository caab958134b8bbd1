"""Holds the money of a transfer: its amount and its greatest costs, until it has ended."""

from __future__ import annotations

from chains.model import AssetId
from custody.db.session import WriteSession
from custody.db.tables import TransferRow
from custody.errors import Unprocessable
from custody.ledger.model import Reason, Reserve, chain_account, fees_account, vault_account
from custody.ledger.service import Ledger
from custody.transfers.apply import native_of


def reserves(
    transfer: str, vault: str, asset: AssetId, amount: int, native: AssetId, costs_max: int
) -> tuple[Reserve, Reserve]:
    """The amount, then the costs of all kinds."""
    payer, fee_payer = vault_account(vault, asset), vault_account(vault, native)
    return (
        Reserve(payer, chain_account(asset), amount, transfer, Reason.TRANSFER),
        Reserve(fee_payer, fees_account(native), costs_max, transfer, Reason.FEE),
    )


async def hold(session: WriteSession, ledger: Ledger, row: TransferRow) -> bool:
    """Reserve for the locked `row`, which holds nothing. False, and nothing done, if the vault's
    available balance is too small."""
    assert row.amount_reservation_id is None, "it is held already"
    asset, native = AssetId(row.asset), native_of(row.network)
    wanted = reserves(row.id, row.vault_id, asset, row.amount, native, row.costs_max)
    try:
        held = await ledger.reserve(session, *wanted)
    except Unprocessable:
        return False
    row.amount_reservation_id, row.fee_reservation_id = held
    return True
