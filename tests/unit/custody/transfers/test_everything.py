"""All that a vault has on a network is paid: nothing is left, in the books and on the chain."""

from __future__ import annotations

import asyncio

import pytest

from chains.errors import NodeUnavailable
from chains.model import Address
from custody.db.tables import VaultRow
from custody.errors import Unavailable
from custody.transfers import everything
from tests.unit.custody.transfers.desk import Desk


async def books(desk: Desk, vault: VaultRow) -> tuple[int, int]:
    """What the vault may pay with, and what is held."""
    found = await desk.balance(vault)
    return found.available, found.reserved


async def on_chain(desk: Desk, vault: VaultRow) -> int:
    addresses = await desk.addresses(vault)
    return sum([await desk.node.balance(Address(each.address)) for each in addresses])


async def test_the_vault_is_empty(every: Desk) -> None:
    vault = await every.open_funded(700_000, 300_000)
    transfer = await every.send(vault, None)
    row = await every.transfer(transfer)
    assert (row.kind, row.amount) == ("emptying", 1_000_000 - every.node.fee)
    assert (await every.settle(transfer)).state == "final"
    assert await books(every, vault) == (0, 0)
    assert await on_chain(every, vault) == 0
    assert (await every.reconcile()).is_clean
    assert await every.received(transfer) == row.amount


async def test_what_approvers_see_is_a_number_that_stays(desk: Desk) -> None:
    """Somebody pays after it was asked for: that is the vault's."""
    vault = await desk.open_funded(1_000_000)
    transfer = await desk.send(vault, None)
    await desk.fund(vault, 50_000)
    row = await desk.settle(transfer)
    assert row.amount == 1_000_000 - desk.node.fee
    assert await books(desk, vault) == (50_000, 0)


async def test_what_others_hold_is_not_paid(every: Desk) -> None:
    part = 10**14
    vault = await every.open_funded(part, part)
    first = await every.send(vault, 100_000, fee_max=2 * every.node.fee)
    held = (await books(every, vault))[1]
    if every.adapter.codec.traits.coins:
        await every.run_outbox()  # it has taken a coin
    transfer = await every.send(vault, None)
    row = await every.transfer(transfer)
    assert row.amount <= 2 * part - held - every.node.fee
    assert (await every.settle(first)).state == "final"
    assert (await every.settle(transfer)).state == "final"


async def test_the_same_request_again_is_the_same_transfer(desk: Desk) -> None:
    """Also when the vault has nothing more, and when its node is away."""
    vault, to = await desk.open_funded(1_000_000), await desk.outside()
    made = await desk.ask(vault, None, to=to, key="k")
    await desk.settle(made.body.decode())

    def away(call: str) -> None:
        if call == "quote":
            raise NodeUnavailable("away")

    desk.adapter.before = away
    again = await desk.ask(vault, None, to=to, key="k")
    assert (again.status, again.body, again.replayed) == (201, made.body, True)


async def test_without_its_node_nothing_is_made(desk: Desk) -> None:
    vault = await desk.open_funded(1_000_000)
    before = await desk.counts()

    def away(call: str) -> None:
        if call == "quote":
            raise NodeUnavailable("away")

    desk.adapter.before = away
    with pytest.raises(Unavailable, match="can't be said") as raised:
        await desk.ask(vault, None, key="k")
    assert raised.value.code == "node_unavailable"
    assert await desk.counts() == before
    desk.adapter.before = lambda call: None
    assert (await desk.ask(vault, None, key="k")).status == 201


async def test_too_little_or_too_dear(every: Desk) -> None:
    vault = await every.open_funded(1_000_000)
    refused = await every.ask(vault, None, fee_max=every.node.fee - 1)
    assert (refused.status, refused.body) == (422, b"fee_above_maximum")
    poor = await every.open_funded(every.node.fee)
    refused = await every.ask(poor, None)
    assert (refused.status, refused.body) == (422, b"amount_above_balance")
    assert (await books(every, vault), (await books(every, poor))[1]) == ((1_000_000, 0), 0)


async def test_two_at_once_pay_it_once(every: Desk) -> None:
    vault = await every.open_funded(1_000_000)
    answers = await asyncio.gather(*(every.ask(vault, None) for _ in range(3)))
    assert sorted(each.status for each in answers) == [201, 422, 422]


async def test_more_coins_than_one_transaction_spends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are paid, the rest stays."""
    monkeypatch.setattr(everything, "COINS_MAX", 2)
    vault = await desk.open_funded(100_000, 100_000)
    await desk.fund(vault, 70_000)
    transfer = await desk.send(vault, None)
    assert (await desk.settle(transfer)).amount == 200_000 - desk.node.fee
    assert await books(desk, vault) == (70_000, 0)
