"""What comes back to the payer is no effect. A cancel is a transaction that does nothing else.

A codec says so only where the bytes show it: a path that the container claims (which the signer
derives), or the paying address itself.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.bitcoin.build import build_psbt, order_of
from chains.bitcoin.selection import settle
from chains.costs import CostKind
from chains.effects import Create, Pay, Return
from chains.evm import build as evm_build
from chains.evm.codec import EvmCodec
from chains.model import Address, UnsignedTx
from chains.solana.build import Payment
from chains.solana.codec import SolanaCodec
from chains.transaction import TxSummary
from chains.tron.codec import TronCodec
from tests.support.costs import most
from tests.support.networks import find_network
from tests.unit.bitcoin.support import CODEC as BITCOIN
from tests.unit.bitcoin.support import REGTEST, example, funding
from tests.unit.solana.test_codec import CREATION, RECIPIENT, SOURCE, TRANSFER
from tests.unit.solana.test_codec import built as solana
from tests.unit.tron.test_codec import FIRST, edited

ETHEREUM, BSC = find_network("ethereum"), find_network("bsc")
PAYER = Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94")
OTHER = Address("0x3535353535353535353535353535353535353535")


def _evm(alias: str, to: Address, value: int, nonce: int = 9, data: bytes = b"") -> TxSummary:
    network = find_network(alias)
    transaction = evm_build.transfer(
        network,
        nonce=nonce,
        to=to,
        value=value,
        gas=21_000,
        fee_per_gas_max=30 * 10**9,
        priority_fee=10**9,
    )
    payload = evm_build.encode_unsigned(replace(transaction, data=data))
    return EvmCodec(network).summarize(UnsignedTx(network.id, payload, PAYER))


@pytest.mark.parametrize("alias", ["ethereum", "bsc"])
@pytest.mark.parametrize("value", [0, 10**18])
def test_an_evm_cancel_has_the_nonce_of_what_it_cancels(alias: str, value: int) -> None:
    cancelled, cancel = _evm(alias, OTHER, 10**18), _evm(alias, PAYER, value)
    native = find_network(alias).native.id
    assert (cancel.effects, cancel.unexplained) == ((), ())
    assert cancel.returns == (Return(PAYER, native, value, None),)
    assert cancel.costs.most == {(native, CostKind.FEE): 21_000 * 30 * 10**9}
    assert cancel.binding_keys == cancelled.binding_keys != frozenset()
    assert cancel.identity != cancelled.identity
    assert not cancel.binding_keys & _evm(alias, PAYER, value, nonce=10).binding_keys


def test_nothing_to_somebody_else_is_no_cancel() -> None:
    """What a contract does with a call of no value, nobody can tell from the bytes."""
    summary = _evm("ethereum", OTHER, 0)
    assert (summary.effects, summary.returns) == ((), ())
    assert summary.unexplained == ("pays nothing",)


def test_a_call_of_the_payers_own_code_is_unexplained() -> None:
    """An account that was handed to code (EIP-7702) is a contract to itself, too."""
    said = _evm("ethereum", PAYER, 0, data=b"\x01").unexplained
    assert "1 bytes of calldata" in said


def test_a_bitcoin_cancel_spends_the_coins_of_what_it_cancels() -> None:
    wallet, intent, cancelled = example()
    made = dict(
        funding(wallet.address(n, coin.owner.address_type), coin.amount, n)
        for n, coin in enumerate(intent.coins)
    )
    assert intent.change is not None
    order = replace(order_of(REGTEST, BITCOIN.addresses, intent, 5_000), outputs=())
    plan = settle(order, intent.coins)
    previous = {coin.txid: transaction for coin, transaction in made.items()}
    payload = build_psbt(BITCOIN.addresses, order, plan, intent.change, previous, 200)
    tx = UnsignedTx(REGTEST.id, payload)
    summary = BITCOIN.summarize(tx)
    assert (summary.effects, summary.creates, summary.unexplained) == ((), (), ())
    change, total = intent.change, sum(coin.amount for coin in intent.coins)
    rest = total - most(summary)
    assert summary.returns == (Return(change.address, REGTEST.native.id, rest, change.path),)
    assert summary.binding_keys == BITCOIN.summarize(cancelled).binding_keys
    assert BITCOIN.attach(tx, wallet.sign(BITCOIN.signing_inputs(tx))).txid == summary.identity


def test_a_tron_payment_to_oneself_comes_back_although_the_chain_refuses_it() -> None:
    def to_owner(raw: object, contract: object, transfer: object) -> None:
        transfer.to_address = transfer.owner_address  # type: ignore[attr-defined]

    network = find_network("tron")
    summary = TronCodec(network).summarize(edited(FIRST, to_owner))
    (source,) = summary.sources
    assert (summary.effects, summary.unexplained) == ((), ())
    assert summary.returns == (Return(source, network.native.id, int(FIRST["amount"]), None),)
    assert summary.binding_keys == frozenset(), "nothing that it could cancel"


@pytest.mark.parametrize("amount", [0, 1_234_567_890])
def test_a_solana_payment_to_oneself_comes_back(amount: int) -> None:
    network = find_network("solana")
    source = Address(str(SOURCE))
    for plan in (TRANSFER, CREATION):
        summary = SolanaCodec(network).summarize(
            solana(replace(plan, payments=(Payment(SOURCE, amount),)))
        )
        assert (summary.effects, summary.unexplained) == ((), ())
        assert summary.returns == (Return(source, network.native.id, amount, None),)
        assert summary.binding_keys == frozenset(), "nothing that it could cancel"


def test_an_account_that_is_made_is_told_with_who_holds_its_rent() -> None:
    network = find_network("solana")
    summary = SolanaCodec(network).summarize(solana(CREATION))
    account = Address(str(CREATION.nonce_account))
    assert summary.creates == (Create(account, Address(str(SOURCE)), CREATION.rent),)
    assert summary.costs.most[network.native.id, CostKind.RENT] == CREATION.rent
    payee = Address(str(RECIPIENT))
    assert summary.effects == (Pay(payee, network.native.id, CREATION.amount),)
