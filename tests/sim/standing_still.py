"""What stands still, and what does not: for a vault that is paused or frozen nothing new is begun,
and for a paused one nothing is signed; what was signed before is tracked all the same."""

from __future__ import annotations

from random import Random
from typing import Final

from chains.model import TxId
from signer.agreement import Purpose
from signer.records import SignedRecord
from tests.sim.house import Found, House
from tests.sim.machine import Died
from tests.sim.people import begun, pause

ON_ITS_WAY_S: Final = 30.0
"""A request may be so long on the wire, and its answer as well."""
_UNDER_WAY: Final = "('signed', 'broadcast', 'included')"


def check_frozen(house: House) -> None:
    """What had no transaction when the vault had been frozen, and nobody was at work any more, has
    none. Raises Found."""
    names = "SELECT id FROM vaults WHERE frozen_reason IS NOT NULL"
    frozen = set(house.books.column(names))
    for vault in house.frozen.keys() - frozen:
        del house.frozen[vault]
    if not frozen:
        return
    is_quiet = all(done.done() for done in house.working.values())
    now = begun(house)
    for vault in sorted(frozen):
        if vault not in house.frozen and is_quiet:
            house.frozen[vault] = now
        new = now - house.frozen.get(vault, now)
        owned = "SELECT vault_id FROM transfers WHERE id = ?"
        if any(house.books.column(owned, each) == [vault] for each in new):
            raise Found(f"{sorted(new)} have transactions, and {vault} is frozen")


def check_signed_while_paused(house: House, record: SignedRecord) -> None:
    """A request that was on its way when the pause began is answered. Raises Found."""
    if record.purpose is not Purpose.PAY:
        return
    vault, known = record.mandate.core.vault, house.journal.transfers
    transfer = record.mandate.core.transfer
    for since, (named, _) in zip(house.paused_at.values(), house.paused.values(), strict=True):
        late = house.checked_at > since + ON_ITS_WAY_S
        if late and named in (None, vault) and transfer not in known:
            raise Found(f"signed for {transfer}, and it is paused")


async def pause_and_track(house: House, dice: Random) -> None:
    """What is signed by then goes on to its end: whatever is in a final block is known to be."""
    await pause(house, dice)
    await house.node.mine(dice.choice((1, 2)))
    await house.node.finalize()
    trouble = house.trouble
    if trouble.until or trouble.lag or trouble.failing or trouble.lost:
        return
    process = house.any_process(dice)
    try:
        followed = await process.machine.start(house.tried("follow", process.follow))
    except Died:
        return
    if not followed or not house.paused or not house.is_whole:
        return
    house.counts["tracked while paused"] += 1
    rows = house.books.rows(
        f"SELECT txid, state FROM transactions WHERE txid IS NOT NULL AND state IN {_UNDER_WAY}"
    )
    for txid, state in rows:
        place = house.node.locate(TxId(txid))
        if place is not None and place[0].ref.height <= _final(house):
            raise Found(f"{txid} is in a final block, and {state} since the pause")


def _final(house: House) -> int:
    confirmations = house.network.finality.confirmations
    if confirmations is None:
        return house.node.final_height
    return house.node.tip.height - confirmations + 1
