"""Calls somebody about foreign debits, and stops the vaults of those that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import WriteSession
from custody.deposits.deciding import UNEXPLAINED, Found, Verdict
from custody.vaults.freezes import freeze

_NAMED: Final = 3
"""Transactions in one message; the list is complete."""
_ADVICE: Final = (
    "if the signer's journal knows the transaction, custody forgot it: `custody recover`"
)


async def tell(
    session: WriteSession, network: Network, found: Sequence[Found], now: datetime
) -> None:
    """One alarm for each vault and kind, which names the transactions that were just seen. Vaults
    are frozen before the debit is final: whoever has a key is quick."""
    unexplained = [each for each in found if each.verdict in UNEXPLAINED]
    allowed = [each for each in found if each.verdict is Verdict.ALLOWED]
    await freeze(
        session,
        {each.owner.vault_id for each in unexplained},
        AlarmCode.FOREIGN_DEBIT.value,
        now,
    )
    for code, those, advice in (
        (AlarmCode.FOREIGN_DEBIT, unexplained, f"; {_ADVICE}"),
        (AlarmCode.ALLOWANCE_USED, allowed, ""),
    ):
        for vault in sorted({each.owner.vault_id for each in those}):
            mine = [each for each in those if each.owner.vault_id == vault]
            words = _words(mine) + advice
            await raise_alarm(session, code, words, now, network=network.id, vault=vault)


def _words(found: Sequence[Found]) -> str:
    """What left, by transaction and asset."""
    sums: dict[tuple[str, str, Verdict], int] = {}
    for each in found:
        key = (each.movement.txid, each.movement.asset, each.verdict)
        sums[key] = sums.get(key, 0) - each.movement.units
    told = [
        f"{units} of {asset} left with {txid}"
        + (", which is ours, beyond its mandate" if verdict is Verdict.EXCESS else "")
        for (txid, asset, verdict), units in sums.items()
    ]
    more = f"; and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return "; ".join(told[:_NAMED]) + more
