"""What transfers take of the windows, as they go through their lives. Vaults are locked here, so it
comes before the ledger, whose accounts are locked after them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from custody.db.session import WriteSession
from custody.db.transfer_tables import TransferRow
from custody.policies import windows
from custody.policies.windows import Taken
from custody.transfers import repository
from custody.transfers.mandates import shares_in, stored_mandate
from custody.transfers.state import TERMINAL, Event
from custody.vaults.repository import lock_vaults
from signer.wire import Mandate


async def follow(session: WriteSession, happened: Sequence[tuple[TransferRow, Event]]) -> None:
    """After each event: what the transfer's terms say while it may be signed under them, and
    nothing more once it has ended."""
    ended: dict[str, str] = {}
    for row, event in happened:
        if event in (Event.ASK, Event.RECOVER):
            terms = repository.current(await repository.mandates_of(session, row.id))
            shares = shares_in(stored_mandate(terms))
            await lock_vaults(session, [row.vault_id])
            await windows.promise(session, row.id, shares)
        elif row.state in TERMINAL:
            ended[row.id] = row.vault_id
    await windows.free(session, ended)


async def take(session: WriteSession, signed: Sequence[tuple[Mandate, datetime]]) -> None:
    """The signer has signed under these mandates, at its times, in its order. The caller has locked
    their vaults."""
    taken = [Taken(each.core.transfer, shares_in(each), at) for each, at in signed]
    await windows.take(session, taken)
