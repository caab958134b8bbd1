"""A transfer with several outputs: one agreement, one transaction, all of them or none; and each is
told, counted and judged as a payment of its own."""

from __future__ import annotations

from typing import Any

import pytest

from chains.effects import Pay
from chains.errors import PayeeUnpayable
from chains.model import Address, TxId
from custody.audit.export import TRANSFERS
from custody.db import listing
from custody.db.session import Database
from custody.db.transfer_tables import SEVERAL
from custody.deposits.repository import own_transactions
from custody.errors import Conflict, Invalid
from custody.policies.windows import usage
from custody.transfers.filters import TransferFilter
from custody.transfers.mandates import effects_of, stored_mandate
from custody.transfers.repository import payments_of
from custody.transfers.request import Output
from signer.policy import Payee, Window
from tests.support.fake_codec import OUTPUTS_MAX
from tests.support.feeds import number_all
from tests.unit.custody.transfers.desk import ANYONE, Desk, total

ABLE = ["bitcoin-regtest", "solana-local"]
FUNDS = 10**12


async def several(desk: Desk, *amounts: int) -> tuple[Output, ...]:
    """To as many payees; the last one is paid twice."""
    outputs = [Output(await desk.outside(), amount) for amount in amounts]
    return (*outputs, Output(outputs[-1].destination, amounts[0]))


@pytest.mark.parametrize("alias", ABLE)
async def test_all_are_paid_by_one_transaction(database: Database, alias: str) -> None:
    desk = Desk(database, alias)
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    transfer = await desk.send(vault, 0, outputs=outputs)
    row = await desk.transfer(transfer)
    assert (row.destination, row.memo, row.amount) == (SEVERAL, None, 70_000)
    assert (await desk.balance(vault)).reserved == 70_000 + row.costs_max
    assert (await desk.settle(transfer)).state == "final"
    (tx,) = await desk.transactions(transfer)
    for to, amount in ((outputs[0].destination, 20_000), (outputs[1].destination, 50_000)):
        assert await desk.node.received(TxId(tx.txid or ""), Address(to), desk.native) == amount
    balance = await desk.balance(vault)
    spent = 70_000 + total(tx.costs) + total(tx.held)
    assert (balance.available, balance.reserved) == (FUNDS - spent, 0)


async def test_the_mandate_names_each_in_the_order_asked_for(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    transfer = await desk.send(vault, 0, outputs=outputs)
    asked = tuple(Pay(Address(each.destination), desk.native, each.amount or 0) for each in outputs)
    (terms,) = await desk.mandates(transfer)
    assert effects_of(stored_mandate(terms)) == asked
    async with database.read() as session:
        row = await desk.transfer(transfer)
        assert await payments_of(session, [row]) == {transfer: asked}
        found, _ = await desk.services.transfers.get(session, transfer, ANYONE)
    assert found.payments == asked


async def test_each_payee_has_its_own_window_and_the_vault_the_sum(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    row = await desk.transfer(await desk.send(vault, 0, outputs=outputs))
    payees = [Payee(Address(each.destination)) for each in outputs[:2]]
    windows = [Window(vault.id, desk.native, payee, 60) for payee in (None, *payees)]
    async with database.read() as session:
        found = await usage(session, windows, desk.clock())
    assert [found[each].amount - row.costs_max for each in windows] == [70_000, 20_000, 50_000]
    assert [found[each].count for each in windows] == [1, 1, 1]


async def test_one_payee_that_no_rule_allows_denies_them_all(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    entry = {
        "network": desk.network.id,
        "address": outputs[0].destination,
        "memo": None,
        "added_at": "2020-01-01T00:00:00Z",
    }
    group = {"id": "known", "cooling_s": 0, "entries": [entry]}
    desk.use_policy(scope={"destinations": ["known"]}, destinations=[group])
    answer = await desk.ask(vault, 0, outputs=outputs)
    assert answer.status == 422 and answer.body.startswith(b"policy_denied")
    assert (await desk.balance(vault)).reserved == 0


async def test_a_payee_in_the_paying_vault_is_refused_wherever_it_stands(
    database: Database,
) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    own = Output((await desk.new_address(vault)).address, 5_000)
    other = Output(await desk.outside(), 5_000)
    for outputs in ((own, other), (other, own)):
        answer = await desk.ask(vault, 0, outputs=outputs)
        assert (answer.status, answer.body) == (422, b"destination_in_same_vault")


@pytest.mark.parametrize("alias", ["ethereum-local", "tron-local"])
async def test_a_chain_that_pays_one_at_a_time_says_so(database: Database, alias: str) -> None:
    desk = Desk(database, alias)
    vault = await desk.open_funded(FUNDS)
    before = await desk.counts()
    with pytest.raises(Invalid) as refused:
        await desk.ask(vault, 0, outputs=await several(desk, 20_000))
    assert (refused.value.code, refused.value.field) == ("outputs_unsupported", "outputs")
    assert await desk.counts() == before


async def test_more_than_the_chain_holds_are_refused(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    before = await desk.counts()
    with pytest.raises(Invalid) as refused:
        await desk.ask(vault, 0, outputs=await several(desk, *[20_000] * OUTPUTS_MAX))
    assert (refused.value.code, refused.value.field) == ("outputs_too_many", "outputs")
    assert await desk.counts() == before


async def test_what_is_wrong_with_an_output_is_said_of_it(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    good = await desk.outside()
    for bad, code, field in (
        (Output(good, 1), "amount_dust", "outputs/1/amount"),
        (Output("nonsense", 5_000), "address_malformed", "outputs/1/destination"),
        (Output(good, 5_000, "17"), "memo_unsupported", "outputs/1/memo"),
    ):
        with pytest.raises(Invalid) as refused:
            await desk.ask(vault, 0, outputs=(Output(good, 5_000), bad))
        assert (refused.value.code, refused.value.field) == (code, field)


async def test_the_same_key_with_other_outputs_is_refused(database: Database) -> None:
    """Also where the answer was forgotten and only the transfer is known."""
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    one, other = await several(desk, 20_000)
    await desk.send(vault, 0, outputs=(one, other), key="same")
    with pytest.raises(Conflict):
        await desk.ask(vault, 0, outputs=(other, one, one), key="same")


async def test_a_list_by_destination_finds_every_payee(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    transfer = await desk.send(vault, 0, outputs=outputs)
    single = await desk.send(vault, 5_000, to=outputs[0].destination)
    found: list[Any] = []
    async with database.read() as session:
        for destination in (*(each.destination for each in outputs[:2]), await desk.outside()):
            wanted = TransferFilter(destinations=(destination,))
            shown = await desk.services.transfers.page(session, wanted, listing.Window())
            found.append([each.row.id for each in shown])
    assert found == [[transfer, single], [transfer], []]


async def test_a_statement_names_each(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000)
    await desk.send(vault, 0, outputs=outputs)
    await number_all(database)
    async with database.read() as session:
        (line,) = await TRANSFERS.read(session, desk.custody.catalogue, None, 0, 10)
    to = outputs[0].destination
    one = f'{{"amount_base_units":"20000","destination":"{to}","memo":null}}'
    assert line["destination"] is None
    assert line["outputs"] == f"[{one},{one}]"


async def test_the_follower_knows_each_as_ours(database: Database) -> None:
    desk = Desk(database, ABLE[0])
    vault = await desk.open_funded(FUNDS)
    outputs = await several(desk, 20_000, 30_000)
    transfer = await desk.send(vault, 0, outputs=outputs)
    await desk.settle(transfer)
    (tx,) = await desk.transactions(transfer)
    async with database.read() as session:
        known = await own_transactions(session, desk.network, [tx.txid or ""])
    effects = known[tx.txid or ""].effects
    assert [each.amount for each in effects if isinstance(each, Pay)] == [20_000, 30_000, 20_000]
    assert await desk.frozen(vault) is None


async def test_a_payee_that_the_chain_refuses_ends_the_transfer_by_name(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a simulation finds: nobody is paid, everything comes back, and the output is named."""
    desk = Desk(database, "solana-local")
    vault = await desk.open_funded(FUNDS)

    async def prepare(intents: Any) -> Any:
        return [PayeeUnpayable("output 2 of 3 can't be paid") for _ in intents]

    monkeypatch.setattr(desk.adapter, "prepare", prepare)
    transfer = await desk.send(vault, 0, outputs=await several(desk, 20_000, 30_000))
    await desk.work(2)
    row = await desk.transfer(transfer)
    assert row.state == "denied"
    assert row.reason == "payee_unpayable: output 2 of 3 can't be paid"
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS, 0)
