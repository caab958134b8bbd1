"""Custody and the signer with tokens of both Solana programs: what comes in, what goes out, what
goes wrong, and what a mint may do beside. At the end of each case the ledger is what the chain
says, of the token and of the coin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py
from spl.token import models

from chains.model import Address
from chains.solana.spl import rent_most
from custody.alarms.codes import AlarmCode
from custody.bootstrap import open_custody
from custody.deposits import repository as deposits
from custody.following.rescan import Rescan
from custody.ledger.service import Ledger
from tests.support.solana import LOCAL
from tests.support.solana_issuer import SolanaIssuer, SolanaToken
from tests.support.solana_tokens import set_fee
from tests.support.token_cases import (
    frozen_by_its_issuer,
    frozen_is_promised_to_nobody,
    moved_less_a_fee,
    paused_by_its_issuer,
    paused_is_promised_to_nobody,
    received_and_sent,
    refilled_less_a_fee,
    refused_by_name,
    reorganised,
    sent_whole,
    swept_less_a_fee,
    withheld_by_entries,
)
from tests.support.token_house import Refused, TokenHouse, Vault, opened

pytestmark = [
    pytest.mark.engine,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

House = TokenHouse[SolanaIssuer]
OurVault = Vault[SolanaIssuer]
MEMO_ACCOUNT_BYTES = 170 + 5
"""A token account of Token-2022 with room for the extension that asks for a memo."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with TemporaryDirectory(prefix="house-") as folder:
        async with opened("solana-local", Path(folder), SolanaIssuer) as made:
            yield made


def wallet() -> Address:
    return Address(str(Keypair().pubkey()))


async def stocked(vault: OurVault, token: SolanaToken, units: int) -> None:
    await vault.receive(None, SolanaIssuer.coin)
    await vault.receive(token, units)


async def costs_name_the_account(vault: OurVault, token: SolanaToken) -> None:
    """The first payment makes the payee's account, and the second one finds it."""
    await stocked(vault, token, 100)
    payee, rents = wallet(), []
    for _ in range(2):
        done = await vault.until(await vault.ask(token.asset.id, 40, payee), "final")
        (paid,) = done["transactions"]
        costs = {kind: int(each["amount_base_units"]) for kind, each in paid["costs"].items()}
        rents.append(costs.get("rent", 0))
        bound = int(done["costs_max"]["rent"]["amount_base_units"])
        assert rents[-1] <= min(rent_most(token.program), bound)
    assert rents[0] > 0 == rents[1]
    assert await token.has(payee) == 80


async def comes_to_another_account(vault: OurVault, token: SolanaToken) -> None:
    """Somebody made the owner a second account. It is his money, and it is paid from there."""
    await vault.receive(None, SolanaIssuer.coin)
    mine = Pubkey.from_string(vault.address)
    other = await token.shop.account(token.mint, token.program, mine)
    txid = await token.mint_to(other, 70, mine=False)
    await vault.house.until(lambda: vault.deposited(txid, "credited"))
    payee = wallet()
    await vault.until(await vault.ask(token.asset.id, 60, payee), "final")
    assert await token.has(payee) == 60 and await token.shop.has(other) == 10


async def handed_over(vault: OurVault, token: SolanaToken) -> None:
    """Nothing is transferred, and what is in the account is the vault's all the same."""
    await vault.receive(None, SolanaIssuer.coin)
    giver = Keypair()
    account = await token.shop.account(token.mint, token.program, giver.pubkey())
    await token.mint_to(account, 77)
    given = models.SetAuthorityParams(
        program_id=token.program,
        account=account,
        authority=models.AuthorityType.ACCOUNT_OWNER,
        current_authority=giver.pubkey(),
        new_authority=Pubkey.from_string(vault.address),
    )
    txid = await token.shop.do([spl_py.set_authority(given)], giver, mine=False)
    await vault.house.until(lambda: vault.deposited(txid, "credited"))
    (came,) = await vault.deposits(txid=txid)
    assert came["amount_base_units"] == "77"


async def pays_a_token_account(vault: OurVault, token: SolanaToken) -> None:
    """It is paid itself: no account is made for it."""
    await stocked(vault, token, 50)
    owner = wallet()
    account = await token.open(owner)
    done = await vault.until(await vault.ask(token.asset.id, 20, Address(str(account))), "final")
    assert await token.shop.has(account) == 20
    assert "rent" not in done["transactions"][0]["costs"]


async def arrives_less_a_fee(vault: OurVault, token: SolanaToken) -> None:
    """Two and a half in a hundred are withheld from what arrives, from ours and by us."""
    await vault.receive(None, SolanaIssuer.coin)
    giver = Keypair()
    await token.give(Address(str(giver.pubkey())), 10_000)
    to = await token.open(vault.address)
    paid = models.TransferCheckedParams(
        program_id=token.program,
        source=token.at(giver.pubkey()),
        mint=token.mint,
        dest=to,
        owner=giver.pubkey(),
        amount=10_000,
        decimals=6,
    )
    txid = await token.shop.do([spl_py.transfer_checked(paid)], giver, mine=False)
    await vault.house.until(lambda: vault.deposited(txid, "credited"))
    (came,) = await vault.deposits(txid=txid)
    assert came["amount_base_units"] == "9750"
    payee = wallet()
    await token.shop.do([set_fee(token.mint, token.shop.boss.pubkey(), 300, 5_000)])
    place = {"vault_id": vault.id, "network": vault.house.network.id, "asset": token.asset.id}
    wanted = {**place, "destination": payee, "amount_base_units": "4000"}
    told = await vault.house.post("transfers:estimate", wanted)
    assert told["arrives"]["amount_base_units"] == "3880", "by the fee that is yet to come"
    assert told["costs_max"]["withheld"]["amount_base_units"] == "120"
    assert told["holds"][token.asset.id]["amount_base_units"] == "4000"
    done = await vault.until(await vault.ask(token.asset.id, 4_000, payee), "final")
    assert await token.has(payee) == 3_900
    (paid,) = done["transactions"]
    assert paid["costs"]["withheld"]["amount_base_units"] == "100"
    assert (await vault.balance(token.asset.id))["available"] == 5_750
    assert await withheld_by_entries(vault, token) == [100]
    all_of_it = await vault.until(await vault.ask(token.asset.id, None, payee), "final")
    assert all_of_it["amount_base_units"] == "5750" and await token.has(payee) == 9_506
    assert (await vault.balance(token.asset.id))["available"] == 0


async def more_is_kept_than_was_agreed(vault: OurVault, token: SolanaToken) -> None:
    """Nothing is sent until people agree to more."""
    await stocked(vault, token, 10_000)
    payee = wallet()
    bound = {"costs_max": {"withheld": "0.000099"}}
    asked = await vault.ask(token.asset.id, 4_000, payee, **bound)
    await vault.until_waiting(asked, "fee_above_maximum")
    raised = {"costs_max": {"withheld": "0.0001"}}
    await vault.house.post(f"transfers/{asked['id']}/costs", raised)
    await vault.until(asked, "final")
    assert await token.has(payee) == 3_900


async def payee_is_frozen(vault: OurVault, token: SolanaToken) -> None:
    await stocked(vault, token, 30)
    payee = wallet()
    await token.give(payee, 1)
    await token.freeze(payee)
    asked = await vault.ask(token.asset.id, 10, payee)
    await vault.until_waiting(asked, "payee_frozen")
    await token.thaw(payee)
    await vault.until(asked, "final")
    assert await token.has(payee) == 11


async def accounts_begin_frozen(vault: OurVault, token: SolanaToken) -> None:
    """Nobody is paid into an account that nobody has opened."""
    await vault.receive(None, SolanaIssuer.coin)
    await token.open(vault.address)
    await token.thaw(vault.address)
    await vault.receive(token, 30)
    payee = wallet()
    asked = await vault.ask(token.asset.id, 10, payee)
    await vault.until_waiting(asked, "payee_frozen")
    await token.open(payee)
    await token.thaw(payee)
    await vault.until(asked, "final")
    assert await token.has(payee) == 10


async def never_leaves(vault: OurVault, token: SolanaToken) -> None:
    await stocked(vault, token, 5)
    with pytest.raises(Refused) as caught:
        await vault.ask(token.asset.id, 1, wallet())
    assert caught.value.problem["code"] == "amount_invalid"
    assert (await vault.balance(token.asset.id))["available"] == 5


async def payee_wants_a_memo(vault: OurVault, token: SolanaToken) -> None:
    """Our payments carry none, and so it would fail in its block."""
    await stocked(vault, token, 30)
    owner = Keypair()
    account = await token.shop.account(
        token.mint, token.program, owner.pubkey(), MEMO_ACCOUNT_BYTES
    )
    metas = [AccountMeta(account, False, True), AccountMeta(owner.pubkey(), True, False)]
    await token.shop.do([Instruction(token.program, bytes([30, 0]), metas)], owner)
    asked = await vault.ask(token.asset.id, 10, Address(str(account)))
    denied = await vault.until(asked, "denied", mining=False)
    assert denied["reason"].startswith("payee_unpayable: ") and "memo" in denied["reason"]
    assert await token.shop.has(account) == 0


async def taken_by_its_delegate(vault: OurVault, token: SolanaToken) -> None:
    """The row says that somebody can. It is booked, and the vault stands still."""
    await stocked(vault, token, 100)
    txid = await token.takes(vault.address, 60)
    await vault.house.until(lambda: vault.debited(txid))
    assert await token.has(vault.address) == 40 == await vault.ledger(token.asset.id)
    assert await vault.frozen() == AlarmCode.FOREIGN_DEBIT


async def a_program_runs(vault: OurVault, token: SolanaToken) -> None:
    """Without a program it is paid; while there is one nothing is."""
    await stocked(vault, token, 100)
    payee = wallet()
    await vault.until(await vault.ask(token.asset.id, 10, payee), "final")
    await token.hook_on(Pubkey(b"\7" * 32))
    try:
        asked = await vault.ask(token.asset.id, 20, payee)
        await vault.until_waiting(asked, "build_error")
    finally:
        await token.hook_on(Pubkey.default())
    await vault.until(asked, "final")
    assert await token.has(payee) == 30


async def does_more_than_its_row(vault: OurVault, token: SolanaToken) -> None:
    await stocked(vault, token, 100)
    asked = await vault.ask(token.asset.id, 20, wallet())
    await vault.until_waiting(asked, "build_error")
    assert await token.has(vault.address) == 100
    await vault.house.post(f"transfers/{asked['id']}/cancel", {})


Case = Callable[[OurVault, SolanaToken], Awaitable[None]]
CASES: dict[Case, tuple[str, ...]] = {
    received_and_sent: ("token", "token-2022"),
    sent_whole: ("token",),
    refused_by_name: ("token-2022",),
    reorganised: ("token-2022",),
    frozen_by_its_issuer: ("token", "token-2022"),
    paused_by_its_issuer: ("pausable",),
    frozen_is_promised_to_nobody: ("token", "token-2022"),
    paused_is_promised_to_nobody: ("pausable",),
    costs_name_the_account: ("token", "token-2022"),
    comes_to_another_account: ("token",),
    handed_over: ("token",),
    pays_a_token_account: ("token", "token-2022"),
    more_is_kept_than_was_agreed: ("fee",),
    arrives_less_a_fee: ("fee",),
    payee_is_frozen: ("token",),
    accounts_begin_frozen: ("sleeping",),
    never_leaves: ("bound",),
    payee_wants_a_memo: ("token-2022",),
    taken_by_its_delegate: ("delegate",),
    a_program_runs: ("hook",),
    does_more_than_its_row: ("says-less",),
}
"""Each with the kinds of mints that it is about."""


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(case, kind, id=f"{case.__name__}-{kind}")
        for case, kinds in CASES.items()
        for kind in kinds
    ],
)
async def test_on_solana(house: House, case: Case, kind: str) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens[kind]
    await case(vault, token)
    await vault.compare(token)


@pytest.mark.parametrize("case", [swept_less_a_fee, refilled_less_a_fee, moved_less_a_fee])
async def test_it_brings_what_arrives(house: House, case: Case) -> None:
    vault = await house.new_vault()
    await case(vault, house.issuer.tokens["fee"])


async def test_what_its_mint_would_keep_whole_is_refused(house: House) -> None:
    vault, token = await house.new_vault(), house.issuer.tokens["fee"]
    await stocked(vault, token, 100)
    with pytest.raises(Refused) as caught:
        await vault.ask(token.asset.id, 1, wallet())
    assert caught.value.problem["code"] == "amount_dust"


async def test_what_is_listed_later_is_credited_by_a_rescan(tmp_path: Path) -> None:
    """Until then it is shown apart and is no money. A process reads the list when it starts."""
    async with opened("solana-local", tmp_path, SolanaIssuer, listed=("token",)) as house:
        vault, token = await house.new_vault(), house.issuer.tokens["token-2022"]
        txid = await token.give(vault.address, 500)
        await house.until(lambda: shown_apart(vault, txid))
        assert await vault.deposits() == []
        await house.list_tokens("token", "token-2022")
        async with open_custody(house.services.custody.settings) as again:
            network, adapter = again.networks[LOCAL.id], again.adapters[LOCAL.id]
            assert token.asset.id in network.tokens
            rescan = Rescan(
                again.database,
                Ledger(again.clock),
                network,
                adapter,
                again.clock,
                again.minimums,
            )
            done = await rescan.transaction(txid)
            assert len(done.deposits) == 1
            assert (await rescan.transaction(txid)).deposits == []
            async with again.database.read() as session:
                (row,) = await deposits.deposits_of(session, LOCAL.id, {txid})
            assert (row.asset, row.amount, row.vault_id) == (token.asset.id, 500, vault.id)
        assert not await shown_apart(vault, txid)


async def shown_apart(vault: OurVault, txid: str) -> bool:
    found = await vault.house.get("unlisted", vault_id=vault.id)
    return [each["txid"] for each in found["items"]] == [txid]
