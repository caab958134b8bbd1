"""What the tests of moving transfers share: crashes, and what a good end is."""

from __future__ import annotations

from collections.abc import Callable

from custody.db.tables import VaultRow
from custody.transfers.mandates import stored_mandate
from signer.wire import Mandate
from tests.unit.custody.transfers.desk import Desk, total

FAMILIES = ["bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local"]
COINS, ACCOUNT, TRON = "bitcoin-regtest", "ethereum-local", "tron-local"
FUNDS = 10**17


class Crash(BaseException):
    """Not an Exception: nothing of ours may catch it, as nothing catches kill -9."""


def crash_on(call: str, times: int = 1) -> Callable[[str], None]:
    """A hook that kills us when we are about to ask the node something."""
    left = [times]

    def hook(name: str) -> None:
        if name == call and left[0]:
            left[0] -= 1
            raise Crash

    return hook


async def ended_well(
    desk: Desk, vault: VaultRow, transfer_id: str, amount: int, *, signed: int = 1
) -> None:
    """Paid once, by one of so many transactions, settled once, nothing held, books equal to the
    chain."""
    row = await desk.transfer(transfer_id)
    assert row.state == "final", (row.state, row.waiting, row.reason)
    assert await desk.received(transfer_id) == amount
    balance = await desk.balance(vault)
    (paid,) = [each for each in await desk.transactions(transfer_id) if each.state == "final"]
    fee, locked = total(paid.costs), total(paid.held)
    spent = amount + fee + locked
    assert (balance.available, balance.reserved) == (FUNDS - spent, 0)
    assert balance.locked == locked
    assert await desk.claims() == []
    assert await desk.outbox() == []
    assert len([tx for tx in await desk.transactions(transfer_id) if tx.raw]) == signed
    assert (await desk.reconcile()).is_clean


async def mandate_of(desk: Desk, transfer_id: str) -> Mandate:
    return stored_mandate((await desk.mandates(transfer_id))[-1])


async def lease_over(desk: Desk) -> None:
    """A dead worker's claims on the outbox run out."""
    await desk.outbox_claims_end()
