"""Writes what a rebuilt transfer belongs to: the row of the time at which its rule asked for it,
and the link between a vault that was moved and its successor. In the transaction that rebuilds it.

What can't be proven is told to people (`told_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from chains.codec import TransactionCodec
from custody.db.gas_tables import GasTopUpRow
from custody.db.move_tables import VaultMoveRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import AddressRow
from custody.db.transfer_tables import TransferRow
from custody.gas.model import Bearer
from custody.journal import repository
from custody.journal.naming import Rule, Time, payee_of, payments_of, time_of, young_coin_of
from custody.transfers import child_repository, gas_repository
from custody.transfers.begun import BegunState
from custody.transfers.request import transfer_id_of
from custody.vaults import moved_repository as moved
from custody.vaults import repository as vaults
from signer.records import SignedRecord
from signer.wire import Mandate

BY: Final = "custody recover"
"""Who set a move that was rebuilt."""
FORGOTTEN: Final = "forgotten"
"""Why nothing came of a time that no transfer is known of, and that another one followed."""


async def bearer_of(session: ReadSession, mandate: Mandate, time: Time, vault: str) -> Bearer:
    """Who bears a top-up of the vault: what its name says, else what its row says; else the rule
    on record, if the same vault pays by it. Else nobody is charged."""
    if time.series.bears is not None:
        return time.series.bears
    row = await repository.begun(session, GasTopUpRow, time.series.at, time.number)
    if row is not None:
        return Bearer(row.bears)
    theirs, core = (await vaults.vault(session, vault)).client_id, mandate.core
    rule = await gas_repository.rule_for(session, core.network, theirs, vault)
    if rule is None or rule.bears is None or rule.payer_id != core.vault:
        return Bearer.HOUSE
    return Bearer(rule.bears)


async def is_owed(session: ReadSession, mandate: Mandate, time: Time) -> bool:
    """Whether the vault whose payment a carrier submits owes what that cost: the row says whose it
    is, so where none can be written nobody is charged."""
    series = time.series
    if time.rule is not Rule.CARRIER or series.bears is not Bearer.CLIENT or series.vault is None:
        return False
    row = await repository.begun(session, series.table, series.at, time.number)
    if row is None and await repository.key_of(session, mandate.core.initiator) is None:
        return False
    theirs = (await vaults.vault(session, series.vault)).client_id
    return theirs != mandate.core.client


async def link(
    session: WriteSession, transfer: TransferRow, mandate: Mandate, time: Time, coins: int
) -> None:
    """`transfer`: of the mandate, written before. `coins`: that its transaction spends."""
    series, number = time.series, time.number
    if series.vault is None:
        return
    to = await payee_of(session, mandate)
    await vaults.lock_vaults(session, [series.vault])
    row = await repository.begun(session, series.table, series.at, number)
    if row is not None:
        row.transfer_id = row.transfer_id or transfer.id
    else:
        key = await repository.key_of(session, mandate.core.initiator)
        if key is not None:
            newest = await repository.newest_number(session, series.table, series.at)
            if number > newest:
                await _end_before(session, mandate, time)
            fields = {**series.more, **await _more(session, transfer, mandate, time, coins)}
            is_open = number > newest
            fields |= {
                **series.at,
                "number": number,
                "key_id": key,
                "state": (BegunState.OPEN if is_open else BegunState.DONE).value,
                "open_key": series.open_key if is_open else None,
                "transfer_id": transfer.id,
                "code": None,
                "created_at": mandate.core.requested_at,
                "ended_at": None if is_open else mandate.core.requested_at,
            }
            await session.insert(series.table, [fields])
    if time.rule is Rule.MOVE and to is not None:
        await _link_vaults(session, mandate.core.vault, to, transfer.updated_at)


async def _more(
    session: ReadSession, transfer: TransferRow, mandate: Mandate, time: Time, coins: int
) -> dict[str, object]:
    match time.rule:
        case Rule.GAS:
            assert time.series.vault is not None
            bears = await bearer_of(session, mandate, time, time.series.vault)
            return {"bears": bears.value}
        case Rule.CARRIER:
            assert time.series.bears is not None
            return {"bears": time.series.bears.value}
        case Rule.SWEEP:
            return {"closes": transfer.closes}
        case Rule.COINS:
            paid = payments_of(mandate)
            return {"coins": len(paid) if len(paid) > 1 else coins}
        case _:
            return {}


async def _end_before(session: WriteSession, mandate: Mandate, time: Time) -> None:
    """One that was open when the backup was made had ended before this one began: it has a
    transfer, or nothing came of it."""
    series = time.series
    for row in await repository.lock_begun(session, series.table, series.at):
        named = transfer_id_of(mandate.core.client, series.name(row.number))
        if row.transfer_id is None and await repository.is_known_transfer(session, named):
            row.transfer_id = named
        done = row.transfer_id is not None
        row.state = (BegunState.DONE if done else BegunState.FAILED).value
        row.code = None if done else FORGOTTEN
        row.open_key, row.ended_at = None, mandate.core.requested_at
    await session.flush()


async def _link_vaults(session: WriteSession, vault: str, to: AddressRow, now: datetime) -> None:
    """Stopped: whether somebody had stopped it meanwhile is in no journal."""
    if await moved.successor_of(session, vault) is not None:
        return
    row = {
        "vault_id": vault,
        "number": 1,
        "successor_id": to.vault_id,
        "key_id": None,
        "reason": "rebuilt from the signer's journal",
        "set_by": BY,
        "set_at": now,
    }
    await session.insert(VaultMoveRow, [row])


async def told_of(
    session: ReadSession, codec: TransactionCodec, record: SignedRecord
) -> Sequence[str]:
    """What people have to know of a transfer that was rebuilt, since the journal can't say it."""
    time, mandate = await time_of(session, record.mandate), record.mandate
    words = [await _of_child(session, codec, record)]
    if time is not None:
        to = await payee_of(session, mandate)
        if time.rule is Rule.GAS:
            words.append(await _of_top_up(session, mandate, time, to))
        if time.rule is Rule.MOVE:
            words.append(await _of_move(session, mandate, to))
        if time.series.vault is not None:
            words.append(await _of_row(session, mandate, time))
    return [each for each in words if each]


async def _of_row(session: ReadSession, mandate: Mandate, time: Time) -> str:
    if await repository.begun(session, time.series.table, time.series.at, time.number) is not None:
        return ""
    core = mandate.core
    return (
        f"{core.transfer}: no list shows it as {time.rule}, since no API key of {core.initiator} is"
        " on record"
    )


async def _of_top_up(
    session: ReadSession, mandate: Mandate, time: Time, to: AddressRow | None
) -> str:
    core, paid = mandate.core, payments_of(mandate)[0]
    brought = f"{core.transfer}: {paid.amount} of {paid.asset} for fees were brought to"
    said = time.series.bears
    if to is None:
        bears = "nobody knows who" if said is None else f"the {said}"
        return (
            f"{brought} {paid.address}, which is no vault's here any more: it is booked as paid to"
            f" somebody else; {bears} was to bear it"
        )
    theirs = (await vaults.vault(session, to.vault_id)).client_id
    if said is not None or theirs == core.client:
        return ""
    charged = await bearer_of(session, mandate, time, to.vault_id) is Bearer.CLIENT
    whom = f"{theirs} is charged with it" if charged else "nobody is charged with it"
    return (
        f"{brought} {to.vault_id} by {core.vault}: its name does not say who bears that; by what is"
        f" on record {whom}"
    )


async def _of_move(session: ReadSession, mandate: Mandate, to: AddressRow | None) -> str:
    core, paid = mandate.core, payments_of(mandate)[0]
    history = await moved.history_of(session, core.vault)
    if to is None and not history:
        return (
            f"{core.vault} was being moved to the vault of {paid.address}, which is no vault's here"
            f" any more: custody vault move begin {core.vault} --to SUCCESSOR --key KEY --reason"
            " TEXT"
        )
    if not history or history[-1].set_by != BY:
        return ""
    return (
        f"{core.vault} is moved to {history[-1].successor_id} again, and nothing more is asked for:"
        f" custody vault move begin {core.vault} --key KEY --reason TEXT goes on with it"
    )


async def _of_child(session: ReadSession, codec: TransactionCodec, record: SignedRecord) -> str:
    core = record.mandate.core
    coin = await young_coin_of(session, codec, record)
    if coin is None or await child_repository.coins(session, [core.transfer]):
        return ""
    return (
        f"{core.transfer} spends a coin of {coin[0]}, which no followed block has and no node here"
        " has waiting: if another transaction took that one's place, nothing ends this one"
    )
