"""Asking for a transfer: one transaction, no node, and a refusal that leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import delete

from chains.costs import CostKind
from chains.effects import Pay
from chains.errors import InvalidAddress, WrongNetwork, ZeroAddress
from chains.model import Address, AddressType
from custody.db import listing
from custody.db.session import Database
from custody.db.tables import IdempotencyRow
from custody.errors import Conflict, Invalid, NotFound
from custody.policies.windows import usage
from custody.transfers.filters import TransferFilter
from custody.transfers.request import Answer, transfer_id_of
from signer.client import SignerUnavailable
from signer.policy import Payee, Window
from signer.wire import Mandate, parse_json
from tests.unit.custody.transfers.desk import ANYONE, Desk, bound_to

FEE_MAX = 50_000


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_it_reserves_amount_and_greatest_fee_and_speaks_to_no_node(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    desk.node.go_away()
    asked = dict(desk.adapter.calls)
    transfer_id = await desk.send(vault, 300_000)
    row = await desk.transfer(transfer_id)
    balance = await desk.balance(vault)
    assert (row.state, row.amount, row.costs_max) == ("approved", 300_000, FEE_MAX)
    assert (balance.available, balance.reserved) == (650_000, 350_000)
    assert await desk.outbox() == [("sign", transfer_id)]
    assert await desk.events(transfer_id) == ["accept"]
    assert desk.adapter.calls == asked
    assert desk.woken == 1


async def test_a_coin_is_accepted_where_no_node_is_known(desk: Desk):
    """Whoever only accepts, as `make bench` does, has no adapters."""
    vault = await desk.open_funded(1_000_000)
    desk.services.transfers._adapters = {}
    assert await desk.state(await desk.send(vault, 300_000)) == "approved"


async def test_the_mandate_says_what_was_asked(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    (row,) = await desk.mandates(await desk.send(vault, 5_000, to=to, fee_max=2_000))
    mandate = Mandate.parse(parse_json(row.document))
    assert (mandate.canonical, mandate.digest) == (row.document, row.digest)
    core = mandate.core
    assert core.effects == (Pay(Address(to), desk.native, 5_000),)
    assert mandate.costs_max == {(desk.native, CostKind.FEE): 2_000}
    assert (core.client, core.vault) == (vault.client_id, vault.id)
    assert core.initiator == ANYONE.initiator
    assert (core.source_address, core.source_path) == (None, f"m/84'/1'/{vault.account}'")
    assert mandate.expires_at - mandate.offered_at == desk.lifetime


async def test_an_account_chain_pays_from_the_first_address(database: Database):
    desk = Desk(database, "ethereum-local")
    vault = await desk.open_funded(10**18)
    first = await desk.new_address(vault)
    assert first.position == 1
    (row,) = await desk.mandates(await desk.send(vault, 5_000))
    mandate = Mandate.parse(parse_json(row.document))
    assert mandate.core.source_path == f"m/44'/60'/{vault.account}'/0/0"
    assert mandate.core.source_address is not None


@pytest.mark.parametrize(("amount", "fee_max"), [(950_001, None), (1_000_000, 1), (10**15, None)])
async def test_more_than_there_is(desk: Desk, amount: int, fee_max: int | None):
    vault = await desk.open_funded(1_000_000)
    before = await desk.counts()
    assert await desk.ask(vault, amount, fee_max=fee_max) == Answer(422, b"amount_above_balance")
    assert await desk.counts() == before
    assert (await desk.balance(vault)).available == 1_000_000


async def test_exactly_what_there_is(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    assert (await desk.ask(vault, 950_000)).status == 201
    assert (await desk.balance(vault)).available == 0


async def test_what_can_mean_nothing_is_refused_before_anything_is_stored(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    before = await desk.counts()
    outside = await desk.outside()
    for to, error in {
        "nonsense": InvalidAddress,
        outside.replace("bitcoin-regtest", "bitcoin"): InvalidAddress,
    }.items():
        with pytest.raises(error):
            await desk.ask(vault, 1_000, to=to)
    with pytest.raises(Invalid, match="more BTC than can exist") as refused:
        await desk.ask(vault, 21 * 10**14 + 1)
    assert (refused.value.code, refused.value.field) == ("amount_above_maximum", "amount")
    with pytest.raises(Invalid, match="more BTC than can exist") as refused:
        await desk.ask(vault, 1_000, fee_max=21 * 10**14 + 1)
    assert refused.value.field == "fee_max"
    assert await desk.counts() == before


async def test_wrong_network_and_zero_address_have_their_own_errors(database: Database):
    desk = Desk(database, "ethereum-local")
    vault = await desk.open_funded(10**18)
    other = Desk(database, "bsc-local")
    with pytest.raises(WrongNetwork):
        await desk.ask(vault, 1_000, to=await other.outside())
    with pytest.raises(ZeroAddress):
        await desk.ask(vault, 1_000, to=desk.adapter.codec._address(AddressType.EVM, "0" * 40))


async def test_the_vault_itself_is_no_destination(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    own = await desk.new_address(vault)
    before = await desk.counts()
    assert (await desk.ask(vault, 1_000, to=own.address)).body == b"destination_in_same_vault"
    assert await desk.counts() == before
    other = await desk.open_funded(1_000)
    inside = await desk.new_address(other)
    assert (await desk.ask(vault, 1_000, to=inside.address)).status == 201


async def test_a_vault_without_an_address_on_the_network_has_nothing_there(database: Database):
    desk = Desk(database, "ethereum-local")
    vault = await desk.new_vault()
    assert (await desk.ask(vault, 1_000)).body == b"amount_above_balance"


async def test_unknown_and_foreign_vaults_look_the_same(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    stranger = bound_to((await desk.new_vault()).client_id)
    messages = []
    for asked, caller in ((vault, stranger), (_nobody(vault), ANYONE)):
        with pytest.raises(NotFound) as refused:
            await desk.ask(asked, 1_000, caller=caller)
        messages.append((refused.value.code, str(refused.value)))
    assert messages[0] == messages[1]


def _nobody(vault):
    class Nobody:
        id = "vlt_" + "0" * 26

    return Nobody()


async def test_a_frozen_vault_sends_nothing(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    async with desk.database.write() as session:
        from custody.vaults.freezes import freeze

        await freeze(session, [vault.id], "an operator looks", desk.clock())
    before = await desk.counts()
    assert (await desk.ask(vault, 1_000)).body == b"vault_frozen"
    assert await desk.counts() == before


async def test_the_same_key_gives_the_same_answer(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    first = await desk.ask(vault, 1_000, to=to, key="k")
    again = await desk.ask(vault, 1_000, to=to, key="k")
    assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
    with pytest.raises(Conflict) as refused:
        await desk.ask(vault, 1_001, to=to, key="k")
    assert refused.value.code == "idempotency_key_reused"
    assert (await desk.balance(vault)).reserved == 1_000 + FEE_MAX


async def test_the_same_key_gives_the_same_refusal_also_when_money_came_meanwhile(desk: Desk):
    vault = await desk.open_funded(1_000)
    to = await desk.outside()
    refused = await desk.ask(vault, 500_000, to=to, key="k")
    await desk.fund(vault, 10_000_000)
    again = await desk.ask(vault, 500_000, to=to, key="k")
    assert (again.body, again.replayed) == (refused.body, True)
    assert (await desk.ask(vault, 500_000, to=to, key="other")).status == 201


async def test_many_at_once_with_one_key_are_one(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    answers = await asyncio.gather(*(desk.ask(vault, 1_000, to=to, key="k") for _ in range(12)))
    assert len({answer.body for answer in answers}) == 1
    assert Counter(answer.replayed for answer in answers) == {True: 11, False: 1}
    assert (await desk.balance(vault)).reserved == 1_000 + FEE_MAX


async def test_one_key_for_two_vaults_at_once_is_one_transfer_and_a_conflict(desk: Desk):
    """They don't meet at a vault's lock: only the key itself stands between them."""
    one = await desk.open_funded(1_000_000)
    two = await desk.vaults.create_vault(one.client_id, "Second")
    await desk.fund(two, 1_000_000)
    to = await desk.outside()
    results = await asyncio.gather(
        *(desk.ask(vault, 1_000, to=to, key="k") for vault in (one, two)), return_exceptions=True
    )
    assert Counter(type(result) for result in results) == {Answer: 1, Conflict: 1}


async def test_a_key_is_the_clients_whoever_says_it(desk: Desk):
    """The successor of an API key, of one client or of the house, repeats what it did not do."""
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    successor = replace(ANYONE, key_id="key_22222222222222222222222222")
    callers = (ANYONE, successor, bound_to(vault.client_id))
    answers = [await desk.ask(vault, 1_000, to=to, key="k", caller=caller) for caller in callers]
    assert len({answer.body for answer in answers}) == 1
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert (await desk.balance(vault)).reserved == 1_000 + FEE_MAX


async def test_two_clients_may_use_the_same_key(desk: Desk):
    to = await desk.outside()
    answers = [
        await desk.ask(await desk.open_funded(1_000_000), 1_000, to=to, key="k") for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body != answers[1].body


async def test_a_refusal_is_the_clients_too(desk: Desk):
    vault = await desk.open_funded(1_000)
    to = await desk.outside()
    successor = bound_to(vault.client_id)
    refused = await desk.ask(vault, 500_000, to=to, key="k")
    await desk.fund(vault, 10_000_000)
    again = await desk.ask(vault, 500_000, to=to, key="k", caller=successor)
    assert (again.body, again.replayed) == (refused.body, True)


async def test_the_id_follows_from_client_and_key_alone(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    made = await desk.send(vault, 1_000, key="invoice-77")
    assert made == transfer_id_of(vault.client_id, "invoice-77")
    assert transfer_id_of("cli_1", "payout-1") == "tfr_6ye7qdc0je3v52k716qtf3s7hk"
    assert re.fullmatch(r"[a-z]{3}_[0-9a-z]{26}", made)
    assert transfer_id_of("ab", "c") != transfer_id_of("a", "bc")


async def test_a_transfer_whose_answer_was_lost_is_told_again_and_never_made_twice(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    first = await desk.ask(vault, 1_000, to=to, key="k")
    async with desk.database.write() as session:
        await session.execute(delete(IdempotencyRow))
    before = await desk.counts()
    again = await desk.ask(vault, 1_000, to=to, key="k")
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    for changed in ({"to": await desk.outside()}, {"fee_max": FEE_MAX + 1}, {"amount": 1_001}):
        async with desk.database.write() as session:
            await session.execute(delete(IdempotencyRow))
        amount = int(changed.pop("amount", 1_000))
        with pytest.raises(Conflict) as refused:
            await desk.ask(vault, amount, key="k", **({"to": to} | changed))
        assert refused.value.code == "idempotency_key_reused"
    assert await desk.counts() == before


async def test_lists_go_by_time_although_ids_do_not(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    made = [await desk.send(vault, 1_000 + n, key=f"key {n}") for n in range(7)]
    seen: list[str] = []
    window = listing.Window(limit=2)
    async with desk.database.read() as session:
        while page := await desk.services.transfers.page(session, TransferFilter(), window):
            seen += [each.row.id for each in page]
            window = listing.Window(after=page[-1].row.serial, limit=2)
    assert seen == made
    assert sorted(made) != made


async def test_of_two_that_only_together_exceed_the_balance_one_is_accepted(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    answers = await asyncio.gather(*(desk.ask(vault, 500_000) for _ in range(2)))
    assert Counter(answer.status for answer in answers) == {201: 1, 422: 1}
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (450_000, 550_000)


@pytest.mark.parametrize(
    ("limit", "accepted"),
    [({"amount": "150000"}, 2), ({"amount": "999999", "count": 3}, 3)],
    ids=["amount", "count"],
)
async def test_of_many_that_only_together_exceed_a_window_some_are_accepted(
    desk: Desk, limit: dict[str, object], accepted: int
):
    window = {
        "asset": desk.native,
        "seconds": 3600,
        "amount": None,
        "count": None,
        "per_destination": False,
    }
    desk.use_policy(limits={"windows": [window | limit]})
    vault = await desk.open_funded(1_000_000)
    answers = await asyncio.gather(*(desk.ask(vault, 40_000, fee_max=20_000) for _ in range(6)))
    assert sum(answer.status == 201 for answer in answers) == accepted
    assert (await desk.balance(vault)).reserved == accepted * 60_000
    desk.clock.forward(minutes=50)
    await desk.work()
    desk.clock.forward(minutes=50)  # an hour after they were asked for, not after they were signed
    assert (await desk.ask(vault, 40_000, fee_max=20_000)).status == 422
    desk.clock.forward(minutes=20)
    assert (await desk.ask(vault, 40_000, fee_max=20_000)).status == 201


async def test_a_window_per_destination(desk: Desk):
    window = {
        "asset": desk.native,
        "seconds": 3600,
        "amount": "50000",
        "count": None,
        "per_destination": True,
    }
    everybody = window | {"amount": "900000", "per_destination": False}
    desk.use_policy(limits={"windows": [window, everybody]})
    vault = await desk.open_funded(1_000_000)
    one, other, third = [await desk.outside() for _ in range(3)]
    asked = [(one, 20_000), (one, 20_000), (other, 30_000), (third, 30_001)]
    answers = [await desk.ask(vault, amount, to=to, fee_max=20_000) for to, amount in asked]
    assert [answer.status for answer in answers] == [201, 422, 201, 422]


async def test_a_denied_transfer_is_on_record_and_reserves_nothing(desk: Desk):
    desk.use_policy(limits={"per_transfer": [{"asset": desk.native, "amount": "1000"}]})
    vault = await desk.open_funded(1_000_000)
    answer = await desk.ask(vault, 1_001)
    assert answer.status == 422
    code, transfer_id = answer.body.decode().split()
    row = await desk.transfer(transfer_id)
    assert (code, row.state) == ("policy_denied", "denied")
    assert row.reason is not None
    assert row.reason.startswith("policy/amount-limit: 0.00001001 BTC in")
    assert (await desk.balance(vault)).reserved == 0
    assert await desk.outbox() == []


async def test_the_lifetime_is_the_longest_that_the_policy_likes(desk: Desk):
    desk.use_policy(grant={"mandate_lifetime_s": 600})
    vault = await desk.open_funded(1_000_000)
    (row,) = await desk.mandates(await desk.send(vault, 1_000))
    assert (row.expires_at - row.offered_at).total_seconds() == 600


async def test_without_a_policy_nothing_leaves_and_no_key_is_spent(desk: Desk):
    desk.signer.signed_policy = None
    vault = await desk.open_funded(1_000_000)
    to = await desk.outside()
    with pytest.raises(Exception, match="no policy"):
        await desk.ask(vault, 1_000, to=to, key="k")
    desk.use_policy()
    assert (await desk.ask(vault, 1_000, to=to, key="k")).status == 201


async def test_while_the_signer_is_away_the_last_policy_counts(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    desk.signer.away = True
    with pytest.raises(SignerUnavailable):
        await desk.ask(vault, 1_000)
    desk.signer.away = False
    await desk.send(vault, 1_000)
    desk.signer.away = True
    desk.services.policies._fresh_until = None
    await desk.send(vault, 1_000)


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local"])
async def test_windows_hold_what_is_on_its_way_and_nothing_of_what_was_called_off(
    database: Database, alias: str
):
    """Exactly: amounts of wei overflow what SQLite can add up in integers."""
    desk = Desk(database, alias)
    unit = 10**5 if alias == "bitcoin-regtest" else 10**21
    vault = await desk.open_funded(10**9 * unit)
    one, other = await desk.outside(), await desk.outside()
    for amount, to in ((3 * unit, one), (5 * unit + 1, one), (700, other)):
        await desk.send(vault, amount, to=to)
    cancelled = await desk.send(vault, 1100, to=one)
    await desk.services.transfers.cancel(cancelled, ANYONE)
    windows = [
        Window(vault.id, desk.native, destination, seconds)
        for destination in (None, Payee(Address(one)), Payee(Address(other)))
        for seconds in (60, 86400)
    ]
    desk.clock.forward(minutes=2)
    async with desk.database.read() as session:
        found = await usage(session, windows, desk.clock())
    fee = sum(desk.network.costs_max.values())
    # None is signed yet, so each counts in the shortest window too, however long it waits.
    amounts = [8 * unit + 701 + 3 * fee, 8 * unit + 1 + 2 * fee, 700 + fee]
    assert [found[window].amount for window in windows] == [a for a in amounts for _ in (60, 86400)]
    assert [found[window].count for window in windows] == [3, 3, 2, 2, 1, 1]
