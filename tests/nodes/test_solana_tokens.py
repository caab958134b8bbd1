"""SPL tokens on the real programs: Token and Token-2022, received, paid, and what they refuse.

The oracle is the token account's own bytes, read past the adapter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import pytest_asyncio
from solana.rpc.models import TxOpts
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py
from spl.token import models

from chains.adapter import DescribesTokens
from chains.block import Block, cost_kind
from chains.catalogue import built_in
from chains.costs import CostKind, withheld_in
from chains.effects import Pay
from chains.errors import (
    BalanceFrozen,
    BuildError,
    InsufficientFunds,
    InsufficientGas,
    InvalidAmount,
    NodeMisbehaved,
    PayeeFrozen,
    PayeeUnpayable,
)
from chains.model import Address, AssetId, OwnedAddress, SignedTx, UnsignedTx
from chains.networks import Network
from chains.solana import spl
from chains.solana.adapter import SolanaAdapter
from chains.solana.build import build_payload
from chains.solana.codec import message_of
from chains.solana.explain import explain, parse_message
from chains.solana.spl import associated, rent_most
from chains.transaction import TransferIntent, TxState
from custody.cli.rows import read_rows
from tests.support import solana_node
from tests.support.cli import done, refused
from tests.support.single import one
from tests.support.solana import LOCAL, owned, sign
from tests.support.solana_issuer import Shop
from tests.support.solana_node import SOL
from tests.support.solana_tokens import LEGACY, NEW, listed, set_fee, token_row

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]

node, peer = solana_node.node, solana_node.peer
adapter = solana_node.adapter
NATIVE = LOCAL.native.id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(node, peer) -> Shop:
    opened = Shop(node, peer)
    await node.fund(Address(str(opened.boss.pubkey())), 1_000 * SOL)
    await node.mine()
    return opened


class Desk:
    """A paying address of ours on a network where one token is listed."""

    def __init__(self, shop: Shop, network: Network, mint: Pubkey, program: Pubkey) -> None:
        self.shop, self.network, self.mint, self.program = shop, network, mint, program
        self.adapter = SolanaAdapter(network, shop.node.url, timeout_s=60.0)
        self.key = Keypair()
        self.owned: OwnedAddress = owned(self.key)
        self.me = self.owned.address
        self.asset = spl.asset_of(network.id, mint)

    def at(self, owner: Address | Pubkey) -> Pubkey:
        return associated(Pubkey.from_string(str(owner)), self.mint, self.program)

    async def fund(self, units: int, coins: int = SOL) -> None:
        if coins:
            await self.shop.node.fund(self.me, coins)
            await self.shop.node.mine()
        if units:
            await self.shop.give(self.mint, self.program, self.me, units)

    def intent(self, to: Address | Pubkey, units: int) -> TransferIntent:
        """The token may keep what it would."""
        paid = (Pay(Address(str(to)), self.asset, units),)
        bounds = {**self.network.bounds(), (self.asset, CostKind.WITHHELD): units}
        return TransferIntent(self.network.id, paid, bounds, source=self.owned)

    async def signed(self, to: Address | Pubkey, units: int) -> SignedTx:
        wish = self.intent(to, units)
        wish = replace(wish, claim=await one(self.adapter.claim, wish))
        return sign(self.adapter.codec, await one(self.adapter.prepare, wish), self.key)

    async def pay(self, to: Address | Pubkey, units: int) -> tuple[SignedTx, Block]:
        tx = await self.signed(to, units)
        await one(self.adapter.broadcast, tx)
        await self.shop.node.mine()
        return tx, await self.tip()

    async def tip(self) -> Block:
        block = await self.adapter.block((await self.adapter.tip()).height)
        assert block is not None
        return block

    def moved(self, block: Block, address: Address, asset: AssetId | None = None) -> list[int]:
        wanted = asset or self.asset
        return [
            each.units
            for each in block.movements
            if each.address == address and each.asset == wanted
        ]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(shop, node) -> AsyncIterator:
    made: list[Desk] = []

    async def open_(
        program: Pubkey = LEGACY, traits: Sequence[str] = (), says: Sequence[str] | None = None
    ) -> Desk:
        mint = await shop.mint(program, traits)
        named = ["freeze-authority", *(traits if says is None else says)]
        network = listed(LOCAL, token_row(LOCAL, mint, program, traits=named))
        made.append(Desk(shop, network, mint, program))
        return made[-1]

    yield open_
    node.heal()
    for each in made:
        await each.adapter.close()


BOTH = pytest.mark.parametrize("program", [LEGACY, NEW], ids=["token", "token-2022"])


def wallet() -> Address:
    return Address(str(Keypair().pubkey()))


@BOTH
async def test_receive_and_send(desk, shop, program) -> None:
    mine = await desk(program)
    await mine.fund(0)
    assert await mine.adapter.balance(mine.me, mine.asset) == 0
    await mine.fund(5_000, 0)
    block = await mine.tip()
    assert mine.moved(block, mine.me) == [5_000]
    assert mine.moved(block, mine.me, NATIVE) == [], "the rent of its account is no money of ours"
    assert await mine.adapter.balance(mine.me, mine.asset) == 5_000
    payee = wallet()
    before = await mine.adapter.balance(mine.me, NATIVE)
    tx, block = await mine.pay(payee, 1_200)
    assert mine.moved(block, mine.me) == [-1_200] and mine.moved(block, payee) == [1_200]
    assert await shop.has(mine.at(payee)) == 1_200
    assert await mine.adapter.balance(mine.me, mine.asset) == 3_800

    status = await one(mine.adapter.statuses, tx.txid)
    assert (status.state, status.block) == (TxState.INCLUDED, block.ref)
    rent = status.costs[NATIVE, CostKind.RENT]
    assert 0 < rent <= rent_most(program)
    left = await mine.adapter.balance(mine.me, NATIVE)
    assert sum(status.costs.values()) + sum(status.held.values()) == before - left
    costs = {each.place: each.units for each in block.movements if each.place.startswith("cost:")}
    assert costs == {
        "cost:fee": -status.costs[NATIVE, CostKind.FEE],
        "cost:rent": -rent,
    }
    assert sum(mine.moved(block, mine.me, NATIVE)) == left - before

    await shop.node.finalize()
    again, block = await mine.pay(payee, 800)
    status = await one(mine.adapter.statuses, again.txid)
    assert set(status.costs) == {(NATIVE, CostKind.FEE)}, "the account was there"
    assert await shop.has(mine.at(payee)) == 2_000


async def test_a_token_account_is_paid_itself(desk, shop) -> None:
    mine = await desk()
    await mine.fund(500)
    payee = wallet()
    await shop.give(mine.mint, LEGACY, payee, 1)
    named = mine.at(payee)
    _, block = await mine.pay(named, 200)
    assert mine.moved(block, payee) == [200] and await shop.has(named) == 201


async def test_what_is_missing_is_named(desk) -> None:
    mine = await desk()
    await mine.fund(100, 0)
    with pytest.raises(InsufficientGas, match="short for fee and rent"):
        await one(mine.adapter.claim, mine.intent(wallet(), 100))
    with pytest.raises(InsufficientFunds, match="account of USDX has 100, not 101") as caught:
        await one(mine.adapter.claim, mine.intent(wallet(), 101))
    assert not isinstance(caught.value, InsufficientGas)


async def test_a_fee_arrives_less_and_leaves_whole(desk, shop) -> None:
    mine = await desk(NEW, ["transfer-fee"])
    await mine.fund(10_000)
    payee = wallet()
    tx, block = await mine.pay(payee, 4_000)
    assert mine.moved(block, mine.me) == [-100, -3_900] and mine.moved(block, payee) == [3_900]
    kept = [each for each in block.movements if cost_kind(each.place) is CostKind.WITHHELD]
    assert [(each.address, each.units) for each in kept] == [(mine.me, -100)]
    assert await shop.has(mine.at(payee)) == 3_900
    status = await one(mine.adapter.statuses, tx.txid)
    assert status.state is TxState.INCLUDED
    assert withheld_in(status.costs) == {mine.asset: 100}


async def test_the_bytes_say_what_arrives_or_nothing_does(desk, shop) -> None:
    """Another fee is in force by then: who pays loses the network's fee, and no token moves."""
    mine = await desk(NEW, ["transfer-fee"])
    await mine.fund(10_000)
    plan = explain(parse_message(message_of((await mine.signed(wallet(), 4_000)).raw)))
    (paid,) = plan.tokens
    assert paid.fee == 100
    less = build_payload(replace(plan, payments=(replace(paid, fee=99),)))
    tx = sign(mine.adapter.codec, UnsignedTx(mine.network.id, less), mine.key)
    await shop.peer.send_raw_transaction(tx.raw, TxOpts(skip_preflight=True))
    await shop.node.mine()
    assert (await one(mine.adapter.statuses, tx.txid)).state is TxState.REVERTED
    assert mine.moved(await mine.tip(), mine.me) == []
    assert await shop.has(mine.at(mine.me)) == 10_000


async def test_a_fee_that_is_yet_to_come_counts(desk, shop) -> None:
    """Set now, it begins two epochs later, and a payment may be in a block of then."""
    mine = await desk(NEW, ["transfer-fee"])
    assert (await mine.adapter.withholding(mine.asset)).rates == ((250, 5_000),)
    await shop.do([set_fee(mine.mint, shop.boss.pubkey(), 400, 9_000)])
    said = await mine.adapter.withholding(mine.asset)
    assert said.rates == ((250, 5_000), (400, 9_000))
    assert [said.most_of(units) for units in (4_000, 10**9)] == [160, 9_000]
    await shop.do([set_fee(mine.mint, shop.boss.pubkey(), 1, 9_000)])
    said = await mine.adapter.withholding(mine.asset)
    assert [said.most_of(units) for units in (4_000, 10**9)] == [100, 9_000], "the greater of both"


async def test_an_account_that_is_handed_over_is_a_movement(desk, shop) -> None:
    """Nothing was transferred; and what lies elsewhere than in the associated account is paid."""
    mine = await desk()
    await mine.fund(0)
    giver = Keypair()
    other = await shop.account(mine.mint, LEGACY, giver.pubkey())
    minted = models.MintToParams(
        program_id=LEGACY,
        mint=mine.mint,
        dest=other,
        mint_authority=shop.boss.pubkey(),
        amount=77,
    )
    await shop.do([spl_py.mint_to(minted)])
    params = models.SetAuthorityParams(
        program_id=LEGACY,
        account=other,
        authority=models.AuthorityType.ACCOUNT_OWNER,
        current_authority=giver.pubkey(),
        new_authority=Pubkey.from_string(mine.me),
    )
    await shop.do([spl_py.set_authority(params)], giver)
    block = await mine.tip()
    assert mine.moved(block, mine.me) == [77]
    assert mine.moved(block, Address(str(giver.pubkey()))) == [-77]
    places = {each.place for each in block.movements if each.asset == mine.asset}
    assert len(places) == 1 and places.pop().startswith("token:")
    assert await mine.adapter.balance(mine.me, mine.asset) == 77
    payee = wallet()
    _, block = await mine.pay(payee, 70)
    assert await shop.has(other) == 7 and await shop.has(mine.at(payee)) == 70


@BOTH
async def test_frozen_accounts_are_not_paid_from_or_to(desk, shop, program) -> None:
    mine = await desk(program)
    await mine.fund(100)
    payee = wallet()
    await shop.give(mine.mint, program, payee, 1)
    await shop.freeze(mine.mint, program, mine.at(payee))
    with pytest.raises(PayeeFrozen, match="frozen"):
        await mine.signed(payee, 10)
    await shop.freeze(mine.mint, program, mine.at(mine.me))
    with pytest.raises(BalanceFrozen, match="that has enough is frozen"):
        await mine.signed(wallet(), 10)
    with pytest.raises(InsufficientFunds, match="another one is frozen"):
        await mine.signed(wallet(), 101)
    assert await mine.adapter.balance(mine.me, mine.asset) == 100, "it is there all the same"


async def test_a_payment_that_fails_moves_no_tokens(desk, shop) -> None:
    """Frozen after it was signed, and sent past the node's own simulation."""
    mine = await desk()
    await mine.fund(100)
    tx = await mine.signed(wallet(), 40)
    await shop.freeze(mine.mint, LEGACY, mine.at(mine.me))
    await shop.peer.send_raw_transaction(tx.raw, TxOpts(skip_preflight=True))
    await shop.node.mine()
    status = await one(mine.adapter.statuses, tx.txid)
    block = await mine.tip()
    assert status.state is TxState.REVERTED and mine.moved(block, mine.me) == []
    assert set(status.costs) == {(NATIVE, CostKind.FEE)}
    assert await shop.has(mine.at(mine.me)) == 100


TRAITS = (
    "transfer-fee mint-close default-frozen scaled permanent-delegate transfer-hook confidential"
    " pausable"
).split()


@pytest.mark.parametrize("trait", TRAITS)
async def test_a_mint_that_does_more_than_its_row_says_is_not_paid(desk, trait) -> None:
    mine = await desk(NEW, [trait], says=[])
    await mine.fund(0)
    with pytest.raises(BuildError, match=f"what its row does not name: {trait}"):
        await one(mine.adapter.claim, mine.intent(wallet(), 1))


PAID = "mint-close scaled permanent-delegate transfer-hook confidential pausable".split()


@pytest.mark.parametrize("trait", PAID)
async def test_with_the_trait_in_its_row_it_is_paid(desk, shop, trait) -> None:
    mine = await desk(NEW, [trait])
    await mine.fund(100)
    payee = wallet()
    tx, _ = await mine.pay(payee, 60)
    assert await shop.has(mine.at(payee)) == 60
    status = await one(mine.adapter.statuses, tx.txid)
    assert 0 < status.costs[NATIVE, CostKind.RENT] <= rent_most(NEW)


async def test_new_accounts_that_begin_frozen_are_not_made(desk) -> None:
    mine = await desk(NEW, ["default-frozen"])
    await mine.fund(0)
    with pytest.raises(PayeeFrozen, match="may begin frozen"):
        await one(mine.adapter.claim, mine.intent(wallet(), 1))


async def test_what_can_never_be_transferred_is_refused_without_a_node(desk) -> None:
    mine = await desk(NEW, ["non-transferable"])
    with pytest.raises(InvalidAmount, match="can't be paid to anybody"):
        mine.adapter.codec.check_payment(mine.intent(wallet(), 1).effects[0])


async def test_payees_that_would_lose_it(desk, shop) -> None:
    mine = await desk()
    await mine.fund(100)
    other = await shop.mint()
    for payee, words in (
        (mine.at(wallet()), "nobody has a key"),
        (other, "account of another token"),
        (LEGACY, "account of the program"),
    ):
        with pytest.raises(PayeeUnpayable, match=words):
            await one(mine.adapter.claim, mine.intent(payee, 1))


async def test_a_reorg_takes_tokens_back(desk, shop) -> None:
    mine = await desk()
    await mine.fund(0)
    block = await mine.tip()
    await mine.fund(9, 0)
    assert mine.moved(await mine.tip(), mine.me) == [9]
    await shop.node.reorg(1)
    again = await mine.adapter.block(block.ref.height + 1)
    assert again is None or mine.moved(again, mine.me) == []


async def test_a_mint_is_described(desk, shop, adapter) -> None:
    assert isinstance(adapter, DescribesTokens)
    mint = await shop.mint(NEW, ["transfer-fee", "pausable"], decimals=4)
    asset, said = await adapter.describe(str(mint))
    assert asset == spl.asset_of(LOCAL.id, mint)
    assert (said.decimals, said.kind, said.maximum) == (4, spl.KIND_2022, 2**64 - 1)
    assert said.traits == {"freeze-authority", "transfer-fee", "pausable"}
    with pytest.raises(NodeMisbehaved, match="no mint"):
        await adapter.describe(str(shop.boss.pubkey()))


async def test_a_mint_becomes_a_row(node, shop, tmp_path) -> None:
    """By the command that an operator types, up to the file that administrators sign."""
    mint = await shop.mint(NEW, ["transfer-fee", "pausable"], decimals=4)
    file = tmp_path / "rows.toml"
    env = {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}",
        "CUSTODY_NODES": json.dumps({LOCAL.alias: node.url}),
    }
    await asyncio.to_thread(done, "migrate", env=env)
    add = ("asset", "add", LOCAL.alias, str(mint), "--file", file)
    assert "use --symbol" in await asyncio.to_thread(refused, 2, *add, env=env)
    named = (*add, "--symbol", "FEE", "--name", "With a fee")
    assert "pausable, transfer-fee" in await asyncio.to_thread(done, *named, env=env)
    token = built_in().with_rows(*read_rows(file)).find_asset(spl.asset_of(LOCAL.id, mint))
    assert (token.symbol, token.decimals, token.kind) == ("FEE", 4, spl.KIND_2022)
    assert token.traits == {"freeze-authority", "transfer-fee", "pausable"}
    nowhere = ("asset", "add", LOCAL.alias, str(shop.boss.pubkey()), "--file", file)
    assert "no mint" in await asyncio.to_thread(refused, 1, *nowhere, env=env)


@pytest.mark.parametrize("extension", ["pausable", "transfer-hook", "scaled"])
async def test_a_mint_with_an_extension_that_is_not_known_becomes_no_row(
    node, shop, tmp_path, monkeypatch, extension
) -> None:
    """The token program made the mint, and this program reads as one that is older than the
    extension. Named and described as it may be, the mint is refused and no file is made."""
    mint = await shop.mint(NEW, ["transfer-fee", extension])
    (number,) = await shop.extensions(mint) - {1}
    monkeypatch.delitem(spl._EXTENSIONS, number)
    file = tmp_path / "rows.toml"
    env = {
        "CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'custody.sqlite3'}",
        "CUSTODY_NODES": json.dumps({LOCAL.alias: node.url}),
    }
    await asyncio.to_thread(done, "migrate", env=env)
    add = ("asset", "add", LOCAL.alias, str(mint), "--file", file)
    named = (*add, "--symbol", "NEW", "--name", "Of tomorrow")
    said = await asyncio.to_thread(refused, 2, *named, env=env)
    assert "address_malformed" in said and f"not known here: ({number},)" in said
    assert not file.exists()
    monkeypatch.undo()
    assert extension in await asyncio.to_thread(done, *named, env=env)
