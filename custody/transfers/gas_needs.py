"""Costs that a vault can't bear yet: held as soon as somebody brought the coins.

Where a rule tops up the vault, a payment of tokens is accepted without them. What it pays is held
at once; what it costs is written down, and while that is not held nothing is built for it.

Where the rule says so and the token can, nobody brings coins: the payment is signed for others to
submit (ADR 0090), and costs its vault nothing. That is decided here, once, with what is held, and
changed only as long as nothing was signed (`custody.gas.carrying`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chains.costs import CostKind, Costs
from chains.model import AssetId, NetworkId
from custody.db.gas_tables import GasNeedRow, GasRuleRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import VaultRow
from custody.errors import Unprocessable
from custody.ledger.model import vault_account
from custody.ledger.repository import accounts_of_vault
from custody.ledger.service import Ledger
from custody.transfers import gas_repository, reservations
from custody.transfers.gas_repository import NeedState
from custody.transfers.reservations import EFFECT, Part

BY_CLIENT: Final = "client"
"""How a rule says that whose vault is topped up bears it (`gas.model.Bearer`)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a version of a transfer's terms holds, which pays `asset`. `source`: the address that
    pays, None where coins are. `coins`: what lies there of the native asset, None if the vault's
    books say it. `least`: of it the address has to keep. `apart`: whether the token's row says that
    its payments can be signed apart."""

    transfer: str
    version: int
    network: NetworkId
    client: str
    vault: str
    asset: AssetId
    kind: str
    source: str | None
    parts: Sequence[Part]
    coins: int | None = None
    least: int = 0
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Brought:
    """`units` of the native `asset` lack, and a gas station's rule brings them out of the vault
    `payer`. `charged`: the client whose transfer it is owes them, and what bringing them costs.
    `carried`: they are not brought, but the most that the payer may spend to submit the payment,
    which is what is owed then."""

    asset: AssetId
    units: int
    payer: str
    charged: bool
    carried: bool = False


async def foreseen(session: ReadSession, wanted: Wanted) -> Brought | None:
    """What `hold` would leave to a gas station; None: nothing lacks, or nothing brings it."""
    costs = [part for part in wanted.parts if part[1] != EFFECT]
    if not costs or costs[0][0] == wanted.asset or wanted.source is None:
        return None
    asset = costs[0][0]
    has = wanted.coins
    if has is None:
        has = await available(session, wanted.vault, asset)
    whole = sum(units for _, _, units in costs)
    lacks = whole + wanted.least - has
    rule = await gas_repository.rule_for(session, wanted.network, wanted.client, wanted.vault)
    if lacks <= 0 or rule is None or rule.payer_id is None:
        return None
    payer = await session.get(VaultRow, rule.payer_id)
    assert payer is not None
    charged = rule.bears == BY_CLIENT and payer.client_id != wanted.client
    if carries(rule, wanted.apart, whole):
        return Brought(asset, whole, payer.id, charged, carried=True)
    return Brought(asset, lacks, payer.id, charged)


def carries(rule: GasRuleRow, apart: bool, most: int) -> bool:
    """Whether the rule has a payment that can be signed apart submitted, for at most so much."""
    return apart and rule.carries and rule.most_each is not None and most <= rule.most_each


async def hold(session: WriteSession, ledger: Ledger, wanted: Wanted, now: datetime) -> None:
    """`reservations.hold`, or, where costs alone are missing and a rule brings them, of what is
    paid. Raises Unprocessable as it does."""
    costs = [part for part in wanted.parts if part[1] != EFFECT]
    place = (session, ledger, wanted.transfer, wanted.vault, wanted.version)
    short = await _is_short(session, wanted, costs)
    rule = await _rule(session, wanted) if short else None
    if rule is None:
        try:
            await reservations.hold(*place, wanted.parts, wanted.kind)
            return
        except Unprocessable as refusal:
            if short or refusal.named.get("asset") in (None, wanted.asset):
                raise
            rule = await _rule(session, wanted)
            if rule is None:
                raise
    paid = [part for part in wanted.parts if part[1] == EFFECT]
    if paid:
        await reservations.hold(*place, paid, wanted.kind)
    assert wanted.source is not None, "costs in another asset than is paid have an address"
    row = {
        "transfer_id": wanted.transfer,
        "version": wanted.version,
        "network": wanted.network,
        "vault_id": wanted.vault,
        "address": wanted.source,
        "costs": {(asset, CostKind(kind)): units for asset, kind, units in costs},
        "state": (await _way(session, wanted, rule, costs)).value,
        "created_at": now,
        "ended_at": None,
    }
    await session.insert(GasNeedRow, [row])


async def _is_short(session: ReadSession, wanted: Wanted, costs: Sequence[Part]) -> bool:
    """Whether what the books let it hold is not there, or would leave less than the address has to
    keep."""
    if wanted.coins is not None:
        has = wanted.coins
    elif wanted.least and costs and costs[0][0] != wanted.asset:
        has = await available(session, wanted.vault, costs[0][0])
    else:
        return False
    return has < sum(units for _, _, units in costs) + wanted.least


async def available(session: ReadSession, vault: str, asset: AssetId) -> int:
    """What the vault's paying address has of it, by the books, and nothing else holds."""
    books = await accounts_of_vault(session, vault)
    paying = vault_account(vault, asset)
    return sum(each.available for each in books if each.key == paying)


async def _rule(session: WriteSession, wanted: Wanted) -> GasRuleRow | None:
    """What helps it; nothing where no address pays."""
    if wanted.source is None:
        return None
    return await gas_repository.rule_for(session, wanted.network, wanted.client, wanted.vault)


async def _way(
    session: WriteSession, wanted: Wanted, rule: GasRuleRow, costs: Sequence[Part]
) -> NeedState:
    """A later version goes the way of the one before it."""
    if await gas_repository.needs_of(session, wanted.transfer):
        apart = await gas_repository.goes_apart(session, wanted.transfer)
    else:
        apart = carries(rule, wanted.apart, sum(units for _, _, units in costs))
    return NeedState.APART if apart else NeedState.OPEN


async def hold_now(
    session: WriteSession, ledger: Ledger, need: GasNeedRow, kind: str, now: datetime
) -> bool:
    """Hold what was missing. False, and nothing done, if it still is. The caller has locked the
    vault."""
    try:
        await reservations.hold(
            session,
            ledger,
            need.transfer_id,
            need.vault_id,
            need.version,
            _parts(need.costs),
            kind,
        )
    except Unprocessable:
        return False
    need.state, need.ended_at = NeedState.HELD.value, now
    return True


async def end_version(session: WriteSession, transfer: str, version: int, now: datetime) -> None:
    """A version of terms counts no more."""
    for each in await gas_repository.needs_of(session, transfer):
        if each.version == version and each.state in (NeedState.OPEN, NeedState.APART):
            each.state, each.ended_at = NeedState.ENDED.value, now


def _parts(costs: Costs) -> tuple[Part, ...]:
    return reservations.parts_of({}, costs)
