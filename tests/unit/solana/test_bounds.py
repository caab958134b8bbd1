"""How much rent is held for a transfer that says nothing about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.hash import Hash
from solders.pubkey import Pubkey

from chains.costs import CostKind, costs_in
from chains.families import bounds_of
from chains.model import UnsignedTx
from chains.solana import spl
from chains.solana.build import Payment, TransferPlan, build_message
from chains.solana.codec import SolanaCodec
from tests.support.networks import find_network
from tests.support.solana import LOCAL
from tests.support.solana_tokens import Bank

NATIVE = LOCAL.native.id
RENT = (NATIVE, CostKind.RENT)
NONCE_RENT = 1_447_680


def test_a_payment_of_coins_holds_what_a_nonce_account_costs() -> None:
    """The runtime's own price of 80 bytes, and the bytes that make one may cost no more."""
    assert Bank().svm.minimum_balance_for_rent_exemption(80) == NONCE_RENT
    assert bounds_of(LOCAL)[RENT] == bounds_of(LOCAL, asset=NATIVE)[RENT] == NONCE_RENT
    payer, payee = Pubkey(b"\3" * 32), Pubkey(b"\4" * 32)
    plan = TransferPlan(payer, (Payment(payee, 1),), 0, Hash.default(), 1_000, 0, NONCE_RENT)
    summary = SolanaCodec(LOCAL).summarize(UnsignedTx(LOCAL.id, build_message(plan)))
    assert not summary.unexplained
    assert summary.costs.most[RENT] == bounds_of(LOCAL)[RENT]


def test_a_bound_that_is_less_counts_and_one_on_the_fee_changes_no_rent() -> None:
    less = replace(LOCAL, costs_max={**LOCAL.costs_max, RENT: 7})
    assert bounds_of(less)[RENT] == 7
    assert bounds_of(LOCAL, 5) == costs_in(NATIVE, {CostKind.FEE: 5, CostKind.RENT: NONCE_RENT})


def test_a_payment_of_tokens_holds_what_the_network_says() -> None:
    """It may make the payee's account beside a nonce account."""
    asset = spl.asset_of(LOCAL.id, Pubkey(b"\5" * 32))
    assert bounds_of(LOCAL, asset=asset)[RENT] == LOCAL.costs_max[RENT] > NONCE_RENT


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "tron-local"])
def test_elsewhere_the_networks_word_counts(alias: str) -> None:
    network = find_network(alias)
    assert bounds_of(network) == network.bounds()
