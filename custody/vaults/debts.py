"""What a vault owes: made good from what it has, and told while something is left."""

from __future__ import annotations

from datetime import datetime

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database
from custody.ledger.service import Ledger
from custody.ledger.shortfall import cover


async def cover_and_tell(database: Database, ledger: Ledger, vault: str, now: datetime) -> str:
    """Let a vault pay what it owes as far as it can; what it still owes in words, or ""."""
    async with database.write() as session:
        owed = await cover(session, ledger, vault)
        words = "; ".join(f"{asset}: {amount} owed" for asset, amount in sorted(owed.items()))
        if words:
            await raise_alarm(session, AlarmCode.VAULT_OWES, words, now, vault=vault)
        else:
            await clear_alarm(session, AlarmCode.VAULT_OWES, now, vault=vault)
    return words
