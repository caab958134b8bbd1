"""Rules that refill a vault: set, and taken away. Whoever sets one asks for its transfers, again
and again, as if by hand: with their own API key, and by the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.model import AssetId, NetworkId
from custody.db.refill_tables import RefillRuleRow
from custody.db.session import WriteSession
from custody.errors import Invalid
from custody.reasons import checked_reason
from custody.refills import repository
from custody.transfers.by_rule import check_key
from custody.vaults import repository as vaults

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewRule:
    """Base units. `key`: the API key that asks."""

    source: str
    low: int
    target: int
    key: str


async def set_rule(
    session: WriteSession,
    vault: str,
    network: NetworkId,
    asset: AssetId,
    new: NewRule | None,
    reason: str,
    now: datetime,
    *,
    by: str,
    only: str | None = None,
) -> RefillRuleRow:
    """From now on; None: it is refilled no more. A refill that is open goes on as it began. `only`:
    for this client's vaults alone.

    Raises Invalid (refill_rule_invalid, reason_invalid), NotFound vault_not_found, Forbidden
    (scope_missing, key_bound_to_client).
    """
    reason = checked_reason(reason)
    filled = await vaults.vault(session, vault, only=only)
    if new is not None:
        source = await vaults.vault(session, new.source, only=only)
        if source.id == filled.id or source.client_id != filled.client_id:
            raise _wrong("It is refilled from another vault of its own client.", "source_vault_id")
        if not 0 < new.low <= new.target:
            raise _wrong("More than nothing, and the target not below the low water.", "target")
        if await repository.first_address(session, vault, network) is None:
            raise _wrong("The vault has no address on this network yet: make one.", "network")
        wrong = await check_key(session, new.key, filled.client_id)
        if wrong is not None:
            raise _wrong(wrong, "key")
    await vaults.lock_vaults(session, [vault])
    before = await repository.rule_of(session, vault, asset)
    row = {
        "vault_id": vault,
        "asset": asset,
        "number": 1 if before is None else before.number + 1,
        "network": network,
        "source_id": None if new is None else new.source,
        "low": None if new is None else new.low,
        "target": None if new is None else new.target,
        "key_id": None if new is None else new.key,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(RefillRuleRow, [row])
    log.warning("refill_rule_set", vault=vault, asset=asset, reason=reason, by=by)
    return RefillRuleRow(**row)


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("refill_rule_invalid", words, field=field)
