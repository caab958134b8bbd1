"""The operator's rule: what waits for so many blocks is paid more for, within what its terms allow.

A worker that leads a network asks as a person would (`transfers.replacing`). The replacement is as
young as its bytes, so the rule waits for as many blocks again before it asks once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chains.transaction import binding
from custody.db.session import WriteSession
from custody.db.transfer_tables import TransactionRow
from custody.outbox import Work
from custody.transactions import beside_repository, repository
from custody.transactions.state import REPLACEABLE
from custody.transfers import replacing

BY: Final = "the operator's rule"


def late(
    rows: Sequence[TransactionRow], stands: int | None, after_blocks: int
) -> list[TransactionRow]:
    """Those that no block had since they were made, for so many blocks. Of what was rebuilt nobody
    knows when it was made, so it is for people to ask."""
    return [
        row
        for row in rows
        if row.state in REPLACEABLE
        and row.made_height is not None
        and stands is not None
        and stands - row.made_height >= after_blocks
    ]


async def hasten(session: WriteSession, rows: Sequence[TransactionRow], now: datetime) -> None:
    """Have each replaced, unless things are not what they were."""
    locked = await repository.lock_all(session, [row.id for row in rows])
    superseded = await repository.superseded(session, locked)
    superseded |= await beside_repository.fixed(session, locked)  # their costs were signed too
    keys = await repository.keys_by_transaction(session, list(locked))
    for row, transfers in locked.values():
        bound = bool(binding(keys[row.id]))
        if bound and row.state in REPLACEABLE and row.id not in superseded:
            for transfer in transfers:
                await replacing.ask(session, transfer, Work.SPEED_UP, BY, now)
