"""What an honest caller gets, so that refusals mean something; and what is decided, not refused.

Some things look like attacks and are harmless: here stands why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from coincurve import PublicKeyXOnly

from chains.bitcoin.address import taproot_output_key
from chains.bitcoin.sighash import SignatureHashes
from chains.bitcoin.transaction import TxOutput, parse_transaction
from chains.families import CODECS
from chains.model import AddressType
from signer.client import SignerClient
from signer.clock import utc_now
from tests.hostile import lies, memory
from tests.hostile.consent import by
from tests.hostile.house import House, NoStart, Process, in_process, serving, serving_here
from tests.hostile.transactions import (
    BITCOIN,
    BSC,
    ETHEREUM,
    SOLANA,
    THIEF_EVM,
    TRON,
    UNSIGNED_TX,
    WITNESS_UTXO,
    Coins,
    evm,
    honest,
    leave_to_miner,
    solana_proven,
    transaction,
    with_tx,
)
from tests.hostile.world import World, approved_by, mandate_in
from tests.support.networks import all_networks
from tests.support.signer import ADA, EVE, Clock, is_repetition, outcome_word
from tests.unit.bitcoin.support import PsbtMap, script_of, split_psbt

CHAINS = (BITCOIN, ETHEREUM, BSC, TRON, SOLANA)


@pytest.fixture
def world(house: House, tmp_path: Path) -> Iterator[World]:
    with in_process(house.copy(tmp_path), Clock(utc_now())) as made:
        yield made


@pytest.mark.parametrize("alias", CHAINS)
def test_the_honest_request_is_signed_and_the_transaction_complete(
    alias: str, world: World
) -> None:
    request = honest(world, alias)
    receipt = world.must_sign(request)
    codec = world.codecs[world.network(alias).id]
    assert codec.attach(request.tx, receipt.signatures).raw


def test_a_listed_token_that_is_paid_as_agreed_is_signed(world: World) -> None:
    """So that what the table's lies about tokens are refused for is the lie."""
    assert lies.token_lie(lies.TOKEN_PAID)(world) == "signed"


def test_a_payment_of_which_as_much_is_kept_as_was_agreed_is_signed(world: World) -> None:
    assert lies.solana_keeps(30)(world) == "signed"


def test_an_accepted_approval_of_two_groups(world: World) -> None:
    assert by(ADA, EVE, vault="joint")(world) == "signed"


def test_a_replacement_that_shares_the_nonce_is_signed(world: World) -> None:
    request = honest(world, ETHEREUM, nonce=1)
    receipt = world.must_sign(request)
    dearer = with_tx(request, evm(world, nonce=1, fee_per_gas_max=2))
    assert world.must_sign(dearer).sequence == receipt.sequence + 1


def test_a_retry_gets_the_same_receipt_though_it_was_refused_since(world: World) -> None:
    """Its signature must be assumed to have left the house; nothing is decided a second time."""
    request = honest(world, TRON)
    receipt = world.must_sign(request)
    other = with_tx(request, transaction(world, TRON, nonce=1))
    assert world.word(other) == "conflict/both-could-confirm"
    (again,) = world.ask(approved_by(mandate_in(request), request.tx))
    assert is_repetition(again, receipt)


def test_a_taproot_amount_lied_about_makes_a_worthless_signature(world: World) -> None:
    """There is no previous transaction to look at: the lie is signed, and BIP-341 has every
    signature commit to the amounts, so no node takes it for the coin that really exists."""
    lied = 60_000
    coins = Coins(world, kind=AddressType.P2TR)
    owner = coins.owner(0)
    truth = TxOutput(coins.made()[0][0].amount, script_of(owner))
    falsehood = TxOutput(lied, truth.script)

    def lie(maps: list[PsbtMap]) -> None:
        leave_to_miner(maps)
        maps[1][WITNESS_UTXO] = falsehood.serialize()

    request = honest(world, BITCOIN, source_path=owner.path.rpartition("/0/")[0])
    request = with_tx(request, coins.tx(lie))
    receipt = world.must_sign(request)
    (signature,) = receipt.signatures
    unsigned = parse_transaction(split_psbt(request.tx.payload)[0][UNSIGNED_TX])
    key = PublicKeyXOnly(taproot_output_key(owner.public_key[1:]))
    verdicts = [
        key.verify(signature.signature, SignatureHashes(unsigned, (spent,)).p2tr_key_path(0))
        for spent in (falsehood, truth)
    ]
    assert verdicts == [True, False]


def test_keys_of_one_network_are_no_keys_of_another_that_takes_its_signatures() -> None:
    """Bitcoin's, TRON's and Solana's signatures name no network. Where rules are lax for a local
    network, a signature made for it must not be good on the main one: there the keys differ."""
    paths: dict[tuple[str, str], str] = {}
    for network in all_networks().values():
        if network.family == "evm":
            continue  # EIP-155: the chain id is signed
        for kind in network.address_types:
            path = CODECS[network.family](network).account_path(kind, 0)
            assert paths.setdefault((network.family, path), network.alias) == network.alias


@pytest.mark.xdist_group("hostile")
def test_through_the_client_that_custody_uses(shared: Process) -> None:
    """A lie is an outcome like any other."""
    world = shared.world()
    world.name = "client"
    good = honest(world, ETHEREUM)
    bad = with_tx(honest(world, ETHEREUM), evm(world, to=THIEF_EVM))

    async def ask() -> list[str]:
        client = SignerClient(shared.socket)
        outcomes = await client.sign([bad, good])
        await client.close()
        return [outcome_word(outcome) for outcome in outcomes]

    assert asyncio.run(ask()) == ["mismatch/destination", "signed"]


@pytest.mark.xdist_group("hostile")
def test_a_second_signer_on_the_same_files_does_not_start(shared: Process) -> None:
    """Each would not know what the other signed."""
    with pytest.raises(NoStart, match="another process works"), serving(shared.state):
        pass
    assert shared.running


async def test_the_client_tells_of_its_newest_receipt(house: House, tmp_path: Path) -> None:
    """A signer restored from a backup hears of it with the first connection."""
    state = house.copy(tmp_path)
    memory.all_restored(state)
    async with serving_here(state) as path:
        client = SignerClient(path, newest=house.newest)
        (outcome,) = await client.sign([house.again])
        await client.close()
    assert outcome_word(outcome) == "unavailable/journal-behind"


def test_what_stands_on_one_proven_nonce_value_is_replaced(world: World) -> None:
    """The network takes at most one of them into a block (ADR 0062)."""
    request = honest(world, SOLANA)
    signed = [
        world.must_sign(with_tx(request, solana_proven(world, 4, unit_price=price))).signatures
        for price in (10_000, 10_001)
    ]
    assert signed[0] != signed[1]
