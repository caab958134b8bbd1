"""Rules of the gas station: set, and taken away. Whoever sets one asks for its transfers, again and
again, as if by hand: with an API key, and by the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from chains.families import traits_of
from chains.networks import Network
from custody.db.gas_tables import EVERYBODY, GasRuleRow
from custody.db.session import WriteSession
from custody.errors import Invalid
from custody.gas.model import Bearer
from custody.reasons import checked_reason
from custody.transfers import gas_repository
from custody.transfers.by_rule import check_key
from custody.vaults import repository as vaults

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewRule:
    """Native base units. `payer`: a vault; `key`: the API key that asks. `carries`: payments are
    submitted, where the token can, and coins brought only elsewhere."""

    payer: str
    most_each: int
    most_day: int
    bears: Bearer
    key: str
    carries: bool = False


async def set_rule(
    session: WriteSession,
    network: Network,
    client: str | None,
    new: NewRule | None,
    reason: str,
    now: datetime,
    *,
    by: str,
) -> GasRuleRow:
    """From now on; None: by this rule nothing is topped up any more. `client`: None for all that
    have no rule of their own. What is open goes on as it began.

    Raises Invalid (gas_rule_invalid, reason_invalid), NotFound (vault_not_found,
    client_not_found), Forbidden (scope_missing, key_bound_to_client).
    """
    reason = checked_reason(reason)
    if client is not None:
        await vaults.client(session, client)
    if new is not None:
        await _check(session, network, client, new)
    whose = client or EVERYBODY
    before = await gas_repository.rule_of(session, network.id, whose)
    row = {
        "network": network.id,
        "client": whose,
        "number": 1 if before is None else before.number + 1,
        "payer_id": None if new is None else new.payer,
        "most_each": None if new is None else new.most_each,
        "most_day": None if new is None else new.most_day,
        "bears": None if new is None else new.bears.value,
        "key_id": None if new is None else new.key,
        "carries": new is not None and new.carries,
        "reason": reason,
        "set_by": by,
        "set_at": now,
    }
    await session.insert(GasRuleRow, [row])
    log.warning("gas_rule_set", network=network.id, client=client, reason=reason, by=by)
    return GasRuleRow(**row)


async def _check(session: WriteSession, network: Network, client: str | None, new: NewRule) -> None:
    if traits_of(network).coins:
        raise _wrong("Coins pay for themselves here: nothing needs to be topped up.", "network")
    if not 0 < new.most_each <= new.most_day <= network.native.maximum:
        raise _wrong("More than nothing, and a day not less than one time.", "most_day")
    payer = await vaults.vault(session, new.payer)
    if payer.client_id == client and new.bears is not Bearer.CLIENT:
        raise _wrong("What a client's own vault pays, the client bears.", "bears")
    wrong = await check_key(session, new.key, payer.client_id)
    if wrong is not None:
        raise _wrong(wrong, "key")


def _wrong(words: str, field: str) -> Invalid:
    return Invalid("gas_rule_invalid", words, field=field)
