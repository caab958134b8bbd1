"""Rules that sweep a vault's later addresses: set, and taken away. Whoever sets one asks for its
transfers, again and again, as if by hand: with an API key, and by the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.assets import Asset
from chains.families import traits_of
from chains.networks import Network
from custody.db.session import WriteSession
from custody.db.sweep_tables import SweepRuleRow
from custody.errors import Invalid
from custody.reasons import checked_reason
from custody.sweeps import repository
from custody.transfers.by_rule import check_key
from custody.vaults import repository as vaults

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewRule:
    """`threshold`: base units of the asset; `cost_max`, `price`: native base units, as
    `SweepRuleRow`. `key`: the API key that asks. `closes`: token accounts that are left empty."""

    threshold: int
    every_s: int | None
    cost_max: int | None
    percent: int | None
    price: int | None
    key: str
    closes: bool = False


async def set_rule(
    session: WriteSession,
    vault: str,
    network: Network,
    asset: Asset,
    new: NewRule | None,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> SweepRuleRow:
    """From now on; None: nothing is swept by rule any more. What is open goes on as it began.

    Raises Invalid (sweep_rule_invalid, reason_invalid), NotFound vault_not_found, Forbidden
    (scope_missing, key_bound_to_client).
    """
    reason = checked_reason(reason)
    swept = await vaults.vault(session, vault)
    if new is not None:
        _check(network, asset, new)
        wrong = await check_key(session, new.key, swept.client_id)
        if wrong is not None:
            raise _wrong(wrong, "key")
    await vaults.lock_vaults(session, [vault])
    before = await repository.rule_of(session, vault, asset.id)
    row = {
        "vault_id": vault,
        "asset": asset.id,
        "number": 1 if before is None else before.number + 1,
        "network": network.id,
        "threshold": None if new is None else new.threshold,
        "every_s": None if new is None else new.every_s,
        "cost_max": None if new is None else new.cost_max,
        "percent": None if new is None else new.percent,
        "price": None if new is None else new.price,
        "key_id": None if new is None else new.key,
        "closes": new is not None and new.closes,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(SweepRuleRow, [row])
    log.warning("sweep_rule_set", vault=vault, asset=asset.id, reason=reason, by=by)
    return SweepRuleRow(**row)


def _check(network: Network, asset: Asset, new: NewRule) -> None:
    if traits_of(network).coins:
        raise _wrong("Coins of all addresses are spent together here.", "network")
    if not 0 < new.threshold <= asset.maximum:
        raise _wrong("More than nothing.", "threshold")
    if new.every_s is not None and new.every_s < 60:
        raise _wrong("A minute at least.", "every")
    if new.closes and not traits_of(network).token_accounts:
        raise _wrong("Tokens lie in no accounts of their own here.", "close_accounts")
    if new.cost_max is None and new.percent is None:
        raise _wrong("Say what a sweep may cost: a bound, or a part of what it brings.", "percent")
    if new.cost_max is not None and not 0 < new.cost_max <= network.native.maximum:
        raise _wrong("More than nothing, and no more than can exist.", "cost_max")
    if new.percent is not None and not 0 < new.percent <= 100:
        raise _wrong("From 1 to 100.", "percent")
    needs_price = new.percent is not None and asset.id != network.native.id
    if needs_price != (new.price is not None) or (new.price is not None and new.price <= 0):
        raise _wrong("A part of a token's worth needs its price in the coin, no other.", "price")


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("sweep_rule_invalid", words, field=field)
