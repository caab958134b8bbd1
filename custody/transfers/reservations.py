"""Holds the money of transfers: what they pay and the most that they may cost, by kind, until they
have ended. Written with the ledger's entries, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from chains.costs import INSIDE, UNBOUNDED, CostKind, Costs, by_asset, withheld_in
from chains.errors import InsufficientGas
from chains.model import Address, AssetId, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ForeignDebitRow
from custody.db.transfer_tables import ReservationRow, TransferRow
from custody.debits import repository as debits
from custody.deposits.states import DebitState
from custody.errors import Unprocessable
from custody.ledger.model import (
    AccountKey,
    Movement,
    Post,
    Reason,
    Reserve,
    chain_account,
    fees_account,
    gas_account,
    locked_account,
    unswept_account,
    vault_account,
)
from custody.ledger.repository import accounts_of_vault
from custody.ledger.service import Ledger, settle_or_void
from custody.ledger.shortfall import Draft
from custody.transfers import repository
from custody.transfers.gas_repository import debtors, never_held
from custody.transfers.kinds import Kind, stays, tops_up
from custody.transfers.settlement import Charge
from custody.vaults.repository import find_address

EFFECT: Final = "effect"
"""The kind of what is paid; all others are kinds of costs."""

Part = tuple[AssetId, str, int]
"""Asset, kind and amount of one reservation."""


def parts_of(
    effects: Mapping[AssetId, int], costs_max: Costs, already: Costs | None = None
) -> tuple[Part, ...]:
    """What a version of a transfer's terms holds: the effects, and what it may cost beyond what is
    held `already` for the version before."""
    paid: list[Part] = [(asset, EFFECT, units) for asset, units in sorted(effects.items()) if units]
    for (asset, kind), most in sorted(costs_max.items()):
        more = most - (already or {}).get((asset, kind), 0)
        if more > 0 and kind not in INSIDE:
            paid.append((asset, kind.value, more))
    return tuple(paid)


def payer_account(of: str, vault: str, asset: AssetId) -> AccountKey:
    """Whose money a transfer of this kind takes."""
    return (unswept_account if of == Kind.SWEEP else vault_account)(vault, asset)


def reserve_of(transfer: str, vault: str, of: str, part: Part) -> Reserve:
    """The movement that holds it. `of`: the transfer's kind."""
    asset, kind, amount = part
    payer = payer_account(of, vault, asset)
    if kind == EFFECT:
        return Reserve(payer, chain_account(asset), amount, transfer, Reason.TRANSFER)
    return Reserve(payer, fees_account(asset), amount, transfer, Reason(kind))


async def hold(
    session: WriteSession,
    ledger: Ledger,
    transfer: str,
    vault: str,
    version: int,
    wanted: Sequence[Part],
    of: str = Kind.PAYMENT,
) -> None:
    """Reserve for one version of a transfer's terms; all or nothing. `of`: the transfer's kind.
    Raises Unprocessable(amount_above_balance), or insufficient_gas if what is paid is there and
    costs are what the vault can't bear; both name the asset."""
    try:
        entries = await ledger.reserve(
            session, *(reserve_of(transfer, vault, of, part) for part in wanted)
        )
    except Unprocessable as refusal:
        raise _of_costs(refusal, wanted) from None
    rows = [
        _fields(transfer, version, part, entry) for part, entry in zip(wanted, entries, strict=True)
    ]
    await session.insert(ReservationRow, rows)


def _of_costs(refusal: Unprocessable, wanted: Sequence[Part]) -> Unprocessable:
    """By its right name where the asset that is short is none that is paid."""
    short = refusal.named.get("asset")
    paid = {asset for asset, kind, _ in wanted if kind == EFFECT}
    if short is None or not paid or short in paid:
        return refusal
    words = f"The vault has too little of {short} for what the transfer may cost."
    return Unprocessable(InsufficientGas.code, words, named=refusal.named)


def _fields(transfer: str, version: int, part: Part, entry: str) -> dict[str, Any]:
    asset, kind, amount = part
    return {
        "transfer_id": transfer,
        "mandate_version": version,
        "asset": asset,
        "kind": kind,
        "amount": amount,
        "entry_id": entry,
        "spent": None,
    }


async def hold_again(session: WriteSession, ledger: Ledger, row: TransferRow) -> bool:
    """Hold anew what a transfer held before it ended. False, and nothing done, if the vault's
    available balance is too small."""
    rows = await repository.standing_reservations(session, row.id)
    assert all(each.spent is not None for each in rows), "it is held already"
    try:
        entries = await ledger.reserve(
            session, *(reserve_of(row.id, row.vault_id, row.kind, part_of(each)) for each in rows)
        )
    except Unprocessable:
        return False
    holds_again(rows, entries)
    return True


def holds_again(rows: Iterable[ReservationRow], entries: Iterable[str]) -> None:
    """The reservations stand again, by new entries of the ledger."""
    for row, entry in zip(rows, entries, strict=True):
        row.entry_id, row.spent = entry, None


def part_of(row: ReservationRow) -> Part:
    return AssetId(row.asset), row.kind, row.amount


async def release_version(
    session: WriteSession, ledger: Ledger, row: TransferRow, version: int
) -> None:
    """What a later version held beyond the one before comes back."""
    rows = [
        each
        for each in await repository.reservations_of(session, row.id)
        if each.mandate_version == version and each.spent is None
    ]
    for each in rows:
        each.spent = 0
    await ledger.void(session, *(each.entry_id for each in rows))


class Ending(NamedTuple):
    """How a transfer ends: its part of the costs is gone, with `paid` also what it pays, and
    without a `charge` nothing.

    Of a kind that nothing bounds more may be gone than was held: the rest is taken from what the
    vault has, or lent."""

    row: TransferRow
    charge: Charge | None
    paid: bool


async def _beyond(session: ReadSession, row: TransferRow, gone: Costs) -> list[Movement]:
    """What is gone beyond what was held."""
    unbounded = all(kind in UNBOUNDED for _, kind in gone)
    # The signer's journal may know better than a database that still waited for the costs.
    assert unbounded or await never_held(session, row.id), "more left than was reserved"
    draft = Draft({each.key.id: each for each in await accounts_of_vault(session, row.vault_id)})
    for (asset, kind), units in sorted(gone.items()):
        payer = payer_account(row.kind, row.vault_id, asset)
        draft.add(Post(payer, fees_account(asset), units, row.id, Reason(kind.value)))
    return draft.movements


async def end(session: WriteSession, ledger: Ledger, endings: Sequence[Ending]) -> None:
    """End what is held for the transfers. One call to the ledger, so that its locks are taken in
    order; only what is gone beyond what was held is booked by itself afterwards."""
    if not endings:
        return
    rows = await repository.reservations_by_transfer(session, [each.row.id for each in endings])
    calling = [each.row.id for each in endings if each.row.kind == Kind.CALL and each.paid]
    called = await debits.called(session, calling, ended=False) if calling else {}
    helped = await _helped(session, endings)
    owing = await _owing(session, endings)
    movements: list[Movement] = []
    beyond: list[tuple[TransferRow, Costs]] = []
    for each in endings:
        open_rows = [row for row in rows[each.row.id] if row.spent is None]
        gone = _spend(each, open_rows, _taken(called.get(each.row.id, ())))
        movements += [settle_or_void(row.entry_id, row.spent or 0) for row in open_rows]
        movements += [*_locked(each), *_stayed(each, open_rows), *_brought(each, helped)]
        movements += [*_returned(each), *_withheld(each), *_carried(each, owing)]
        if gone:
            beyond.append((each.row, gone))
        for debit in called.get(each.row.id, ()):
            debit.state, debit.decided_at = DebitState.BOOKED.value, each.row.updated_at
    await ledger.apply(session, movements)
    for row, gone in beyond:
        await ledger.apply(session, await _beyond(session, row, gone))


def _taken(rows: Iterable[ForeignDebitRow]) -> dict[str, int]:
    """What the contract took in a call, by asset."""
    taken: dict[str, int] = {}
    for row in rows:
        taken[row.asset] = taken.get(row.asset, 0) + row.amount
    return taken


def _spend(ending: Ending, rows: Sequence[ReservationRow], taken: Mapping[str, int]) -> Costs:
    """Say of each reservation what of it is gone. `taken`: of a call, what its contract took of
    tokens; its coins it takes whole. Returns what is gone beyond all of them."""
    charged, held = (
        ({}, {}) if ending.charge is None else (ending.charge.charged, ending.charge.held)
    )
    gone = {
        each: units - held.get(each, 0) for each, units in charged.items() if each[1] not in INSIDE
    }
    kept, calls = _kept(ending), ending.row.kind == Kind.CALL
    for row in rows:
        if row.kind == EFFECT and calls and row.asset != ending.row.asset:
            row.spent = min(taken.get(row.asset, 0), row.amount) if ending.paid else 0
        elif row.kind == EFFECT:
            row.spent = row.amount - kept.get(AssetId(row.asset), 0) if ending.paid else 0
        else:
            key = (AssetId(row.asset), CostKind(row.kind))
            row.spent = min(gone.get(key, 0), row.amount)
            gone[key] = gone.get(key, 0) - row.spent
    return {kind: units for kind, units in gone.items() if units}


def _locked(ending: Ending) -> list[Movement]:
    """What moved to accounts that stay the vault's."""
    held = {} if ending.charge is None else ending.charge.held
    vault = ending.row.vault_id
    return [
        Post(
            payer_account(ending.row.kind, vault, asset),
            locked_account(vault, asset),
            units,
            ending.row.id,
            Reason(kind.value),
        )
        for (asset, kind), units in sorted(held.items())
        if units
    ]


def _returned(ending: Ending) -> list[Movement]:
    """What closed accounts held is the payer's: it came from whoever made them."""
    back = {} if ending.charge is None else ending.charge.returned
    row = ending.row
    return [
        Post(
            chain_account(asset),
            payer_account(row.kind, row.vault_id, asset),
            units,
            row.id,
            Reason.RENT_RETURNED,
        )
        for (asset, _), units in sorted(back.items())
        if units
    ]


def _kept(ending: Ending) -> dict[AssetId, int]:
    """What the token's program kept of what was paid."""
    if ending.charge is None or not ending.paid:
        return {}
    return withheld_in(ending.charge.charged)


def _withheld(ending: Ending) -> list[Movement]:
    """It left with the payment, and arrived nowhere."""
    row = ending.row
    return [
        Post(
            payer_account(row.kind, row.vault_id, asset),
            chain_account(asset),
            units,
            row.id,
            Reason.WITHHELD,
        )
        for asset, units in sorted(_kept(ending).items())
        if units
    ]


async def _helped(session: ReadSession, endings: Sequence[Ending]) -> dict[str, AccountKey]:
    """Whose books get what a gas station paid, by transfer."""
    found: dict[str, AccountKey] = {}
    for row, _, paid in endings:
        if not (paid and tops_up(row.kind)):
            continue
        to = await find_address(session, NetworkId(row.network), Address(row.destination))
        assert to is not None, "a gas station pays addresses of ours"
        account = vault_account if to.position == 0 and not to.change else unswept_account
        found[row.id] = account(to.vault_id, AssetId(row.asset))
    return found


def _brought(ending: Ending, helped: Mapping[str, AccountKey]) -> list[Movement]:
    """Coins for fees come into the books of the vault whose address they were paid to. It may owe
    them to who paid, and what bringing them cost."""
    row, charge = ending.row, ending.charge
    account = helped.get(row.id)
    if account is None:
        return []
    assert account.vault is not None
    came = Post(chain_account(account.asset), account, row.amount, row.id, Reason.GAS)
    if row.kind != Kind.GAS_CHARGED:
        return [came]
    costs = 0 if charge is None else by_asset(charge.charged).get(account.asset, 0)
    owes, owed = gas_account(account.vault, account.asset), gas_account(row.vault_id, account.asset)
    return [came, Post(owes, owed, row.amount + costs, row.id, Reason.GAS)]


async def _owing(session: ReadSession, endings: Sequence[Ending]) -> dict[str, str]:
    """The vault that owes what submitting its payment cost, by transfer. One that came to nothing,
    since somebody else was faster, is the house's own cost."""
    charged = [row.id for row, _, paid in endings if paid and row.kind == Kind.CALL_CHARGED]
    return await debtors(session, charged) if charged else {}


def _carried(ending: Ending, owing: Mapping[str, str]) -> list[Movement]:
    row, charge = ending.row, ending.charge
    vault, asset = owing.get(row.id), AssetId(row.asset)
    costs = 0 if charge is None else by_asset(charge.charged).get(asset, 0)
    if vault is None or not costs:
        return []
    owes, owed = gas_account(vault, asset), gas_account(row.vault_id, asset)
    return [Post(owes, owed, costs, row.id, Reason.GAS)]


def _stayed(ending: Ending, rows: Sequence[ReservationRow]) -> list[Movement]:
    """What was paid to the vault itself comes back in the same breath: no deposit says it. What a
    token kept of it does not."""
    row = ending.row
    if not (ending.paid and stays(row.kind)):
        return []
    return [
        Post(
            chain_account(AssetId(each.asset)),
            vault_account(row.vault_id, AssetId(each.asset)),
            each.spent or 0,
            row.id,
            Reason.TRANSFER,
        )
        for each in rows
        if each.kind == EFFECT and each.spent
    ]
