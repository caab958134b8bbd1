"""What must hold after every step of what people decide, and of what is done by their rules: held
deposits are credited by nobody, what is paused begins nothing, who has room waits for nobody, and
a vault is refilled once at a time."""

from __future__ import annotations

from itertools import product

from custody.ledger.model import quarantine_account
from custody.transfers.state import State
from tests.sim.house import Found, House, other_costs
from tests.sim.people import REFILLED_MOST, begun
from tests.sim.rotating import ALONE_MOST, room_of
from tests.sim.signed import refills_of
from tests.sim.standing_still import check_frozen


def check_desks(house: House) -> None:
    """Raises Found."""
    _held(house)
    _paused(house)
    check_frozen(house)
    _who_waits(house)
    _refilled_once(house)


def _held(house: House) -> None:
    """A held deposit is held by somebody, and no other is; together they are what is held."""
    wrong = house.books.rows(
        "SELECT d.id, d.state, q.id FROM deposits d LEFT JOIN quarantines q ON q.network ="
        " d.network AND q.txid = d.txid AND q.place = d.place AND q.open_key IS NOT NULL"
        " WHERE (d.state = 'quarantined' AND q.id IS NULL)"
        " OR (d.state IN ('pending', 'below_minimum', 'credited') AND q.id IS NOT NULL)"
    )
    if wrong:
        raise Found(f"held, and not held: {wrong}")
    assets = (house.network.native.id, *house.network.tokens)
    for vault, asset in product(house.vaults, assets):
        states = (
            "SELECT amount FROM deposits WHERE state = 'quarantined' AND vault_id = ? AND asset = ?"
        )
        deposits = sum(map(int, house.books.column(states, vault.id, asset)))
        key = quarantine_account(vault.id, asset).id
        pending = "SELECT credits_pending FROM ledger_accounts WHERE id = ?"
        kept = sum(map(int, house.books.column(pending, key)))
        if deposits != kept:
            raise Found(f"deposits of {deposits} are held for {vault.id}, and {kept} in the ledger")


def _paused(house: House) -> None:
    """What had no transaction when the pause began has none."""
    if not house.paused:
        return
    now = begun(house)
    for vault, before in house.paused.values():
        for transfer in sorted(now - before):
            (owner,) = house.books.column("SELECT vault_id FROM transfers WHERE id = ?", transfer)
            if vault in (None, owner):
                raise Found(f"{transfer} has a transaction, and is paused")


def _who_waits(house: House) -> None:
    """People are asked about what is much, or comes after much: never about what has room."""
    if house.has_lost:
        return
    vault = house.vaults[1]  # nothing leaves it but what clients ask for
    asked = [one for one in house.asked if one.vault is vault]
    if any(one.total is None or one.fee_max is None for one in asked):
        return
    native = house.network.native.id
    for asset in {native, *house.network.tokens}:
        paid = sum(one.total or 0 for one in asked if (one.asset or native) == asset)
        costs = sum(one.most + other_costs(house.network) for one in asked if asset == native)
        if paid + costs > room_of(asset):
            return
    waits = f"SELECT id FROM transfers WHERE state = '{State.AWAITING_APPROVAL}'"
    waiting = set(house.books.column(waits))
    for one in asked:
        if one.id in waiting and (one.total or 0) <= ALONE_MOST:
            raise Found(f"{one.id} waits for people, though all of the vault together has room")


def _refilled_once(house: House) -> None:
    hot = house.vaults[-1]
    rows = house.books.rows(
        "SELECT state, transfer_id, amount FROM refills WHERE vault_id = ? ORDER BY number",
        hot.id,
    )
    house.counts["refills"] = max(house.counts["refills"], len(rows))
    open_ones = [row for row in rows if row[0] == "open"]
    if len(open_ones) > 1 or any(int(row[2]) > REFILLED_MOST for row in rows):
        raise Found(f"refills of {hot.id}: {rows}")
    named = [row[1] for row in rows if row[1] is not None]
    if len(named) != len(set(named)):
        raise Found(f"one transfer for two refills: {rows}")
    asked = set(house.books.column("SELECT id FROM transfers WHERE note = 'refill'"))
    if strange := sorted(asked - refills_of(house)):
        raise Found(f"asked for by no refill: {strange}")
    house.counts["refills done"] = sum(row[0] == "done" for row in rows)
