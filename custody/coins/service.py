"""Rules that move a vault's coins: set, and taken away. Whoever sets one asks for its transfers,
again and again, as if by hand: with an API key, and by the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.families import traits_of
from chains.networks import Network
from custody.coins import repository
from custody.coins.model import Consolidate, Keep, left_alone
from custody.db.coin_rule_tables import CoinRuleRow
from custody.db.session import WriteSession
from custody.errors import Invalid
from custody.reasons import checked_reason
from custody.refills.repository import first_address
from custody.transfers.by_rule import check_key
from custody.transfers.everything import COINS_MAX
from custody.vaults import repository as vaults

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewRule:
    """One of the first two at least. `key`: the API key that asks."""

    consolidate: Consolidate | None
    keep: Keep | None
    key: str


async def set_rule(
    session: WriteSession,
    vault: str,
    network: Network,
    new: NewRule | None,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> CoinRuleRow:
    """From now on; None: no coins are moved by rule any more. What is open goes on as it began.

    Raises Invalid (coin_rule_invalid, reason_invalid), NotFound vault_not_found, Forbidden
    (scope_missing, key_bound_to_client).
    """
    reason = checked_reason(reason)
    owner = await vaults.vault(session, vault)
    if new is not None:
        _check(network, new)
        if await first_address(session, vault, network.id) is None:
            raise _wrong("The vault has no address on this network yet: make one.", "network")
        wrong = await check_key(session, new.key, owner.client_id)
        if wrong is not None:
            raise _wrong(wrong, "key")
    await vaults.lock_vaults(session, [vault])
    before = await repository.rule_of(session, vault, network.id)
    consolidate, keep = (None, None) if new is None else (new.consolidate, new.keep)
    row = {
        "vault_id": vault,
        "network": network.id,
        "number": 1 if before is None else before.number + 1,
        "coins_min": None if consolidate is None else consolidate.coins_min,
        "coins_most": None if consolidate is None else consolidate.coins_most,
        "rate_max": None if consolidate is None else consolidate.rate_max,
        "keep": None if keep is None else keep.coins,
        "keep_size": None if keep is None else keep.size,
        "keep_rate_max": None if keep is None else keep.rate_max,
        "key_id": None if new is None else new.key,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(CoinRuleRow, [row])
    log.warning("coin_rule_set", vault=vault, network=network.id, reason=reason, by=by)
    return CoinRuleRow(**row)


def halves(row: CoinRuleRow) -> tuple[Consolidate | None, Keep | None]:
    """What a rule says, as `set_rule` checked it."""
    consolidate = keep = None
    if row.coins_min is not None and row.coins_most is not None and row.rate_max is not None:
        consolidate = Consolidate(row.coins_min, row.coins_most, row.rate_max)
    if row.keep is not None and row.keep_size is not None and row.keep_rate_max is not None:
        keep = Keep(row.keep, row.keep_size, row.keep_rate_max)
    return consolidate, keep


def _check(network: Network, new: NewRule) -> None:
    if not traits_of(network).coins:
        raise _wrong("There are no coins on this network.", "network")
    if new.consolidate is None and new.keep is None:
        raise _wrong("Say from how many coins on, or how many are to be kept.", "coins_min")
    if new.keep is not None:
        _check_keep(network, new.keep)
    if new.consolidate is not None:
        _check_consolidate(network, new.consolidate, left_alone(new.keep))


def _check_keep(network: Network, keep: Keep) -> None:
    if keep.coins < 2:
        raise _wrong("Two at least.", "keep")
    if not 0 < keep.size <= network.native.maximum:
        raise _wrong("More than nothing, and no more than can exist.", "keep_size")
    if not 0 < keep.rate_max <= network.native.maximum:
        raise _wrong("More than nothing.", "keep_rate_max")


def _check_consolidate(network: Network, new: Consolidate, left: int) -> None:
    if not 2 <= new.coins_most <= COINS_MAX:
        raise _wrong(f"From 2 to {COINS_MAX}.", "coins_most")
    if new.coins_min < left + 2:
        words = f"The {left} largest are left alone, so {left + 2} at least."
        raise _wrong(words, "coins_min")
    if not 0 < new.rate_max <= network.native.maximum:
        raise _wrong("More than nothing.", "rate_max")


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("coin_rule_invalid", words, field=field)
