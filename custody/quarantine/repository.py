"""Queries on quarantines and their rules. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import or_, select

from chains.model import NetworkId
from custody.db.chunks import all_in, chunks
from custody.db.quarantine_tables import QuarantineRow, QuarantineRuleRow, QuarantineSenderRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import DepositRow, FollowerRow, VaultRow
from custody.deposits.states import DepositState
from custody.errors import NotFound
from custody.quarantine.model import Rule


def key_of(network: str, txid: str, place: str) -> str:
    """What came there is held at most once at a time."""
    return f"{network} {txid} {place}"


# Rules


async def rules_on(
    session: ReadSession, network: NetworkId, senders: Collection[str]
) -> list[Rule]:
    """Those that stand for the network, the oldest first, with whoever of `senders` is on them."""
    rows = await session.all(
        select(QuarantineRuleRow)
        .where(
            QuarantineRuleRow.ended_at.is_(None),
            or_(QuarantineRuleRow.network.is_(None), QuarantineRuleRow.network == network),
        )
        .order_by(QuarantineRuleRow.id)
    )
    listed: dict[str, set[str]] = {row.id: set() for row in rows if row.by_sender}
    if listed:
        for chunk in chunks(senders):
            found = select(QuarantineSenderRow.rule_id, QuarantineSenderRow.address).where(
                QuarantineSenderRow.rule_id.in_(list(listed)),
                QuarantineSenderRow.address.in_(chunk),
            )
            for rule, address in await session.rows(found):
                listed[rule].add(address)
    return [
        Rule(
            id=row.id,
            reason=row.reason,
            set_by=row.set_by,
            client=row.client_id,
            vault=row.vault_id,
            asset=row.asset,
            amount_from=row.amount_from,
            senders=listed.get(row.id),
        )
        for row in rows
    ]


async def rules(
    session: ReadSession, *, only: str | None = None, open_only: bool = True
) -> Sequence[QuarantineRuleRow]:
    """The oldest first. `only`: those that a client's deposits feel."""
    wanted = select(QuarantineRuleRow)
    if open_only:
        wanted = wanted.where(QuarantineRuleRow.ended_at.is_(None))
    if only is not None:
        mine = select(VaultRow.id).where(VaultRow.client_id == only)
        everybodys = QuarantineRuleRow.client_id.is_(None) & QuarantineRuleRow.vault_id.is_(None)
        wanted = wanted.where(
            or_(
                everybodys,
                QuarantineRuleRow.client_id == only,
                QuarantineRuleRow.vault_id.in_(mine),
            )
        )
    return await session.all(wanted.order_by(QuarantineRuleRow.id))


async def senders_of(session: ReadSession, ids: Iterable[str]) -> dict[str, list[str]]:
    """The list of each rule that has one."""
    found: dict[str, list[str]] = {}
    rows = await all_in(
        session,
        ids,
        lambda part: select(QuarantineSenderRow).where(QuarantineSenderRow.rule_id.in_(part)),
    )
    for row in sorted(rows, key=lambda each: each.address):
        found.setdefault(row.rule_id, []).append(row.address)
    return found


async def lock_rule(session: WriteSession, rule_id: str) -> QuarantineRuleRow:
    """Raises NotFound quarantine_rule_not_found."""
    mine = select(QuarantineRuleRow).where(QuarantineRuleRow.id == rule_id)
    found = await session.for_update(mine.order_by(QuarantineRuleRow.id))
    if not found:
        raise NotFound("quarantine_rule_not_found", "There is no such rule.")
    return found[0]


async def lock_followers(session: WriteSession, network: NetworkId | None) -> None:
    """Of the network, or of all: then no block is half written that was judged by other rules."""
    every = select(FollowerRow)
    if network is not None:
        every = every.where(FollowerRow.network == network)
    await session.for_update(every.order_by(FollowerRow.network))


# What is held


async def quarantines_of(
    session: ReadSession, network: NetworkId, txids: Iterable[str]
) -> list[QuarantineRow]:
    """All of what the transactions brought, the oldest first, the released ones too."""
    mine = select(QuarantineRow).where(QuarantineRow.network == network)
    rows = await all_in(session, txids, lambda part: mine.where(QuarantineRow.txid.in_(part)))
    return sorted(rows, key=lambda each: each.id)


async def newest_of(
    session: ReadSession, deposits: Iterable[DepositRow]
) -> dict[str, QuarantineRow]:
    """Of each deposit that was ever held, by `key_of` it; the one that stands before any other."""
    rows = await all_in(
        session,
        {each.txid for each in deposits},
        lambda part: select(QuarantineRow).where(QuarantineRow.txid.in_(part)),
    )
    rows.sort(key=lambda each: (each.open_key is not None, each.created_at, each.id))
    return {key_of(row.network, row.txid, row.place): row for row in rows}


async def held(session: ReadSession) -> Sequence[tuple[DepositRow, QuarantineRow]]:
    """All deposits that are held now, with why; the oldest first."""
    return await session.rows(
        select(DepositRow, QuarantineRow)
        .join(
            QuarantineRow,
            (QuarantineRow.txid == DepositRow.txid)
            & (QuarantineRow.network == DepositRow.network)
            & (QuarantineRow.place == DepositRow.place),
        )
        .where(
            DepositRow.state == DepositState.QUARANTINED.value, QuarantineRow.open_key.is_not(None)
        )
        .order_by(DepositRow.id)
    )


async def lock_open(session: WriteSession, key: str) -> QuarantineRow | None:
    mine = select(QuarantineRow).where(QuarantineRow.open_key == key)
    return next(iter(await session.for_update(mine.order_by(QuarantineRow.id))), None)
