"""What the OP stack takes beside gas: asked before, and told by receipts afterwards."""

from __future__ import annotations

import pytest

from chains.costs import CostKind, costs_in
from chains.errors import FeeAboveMaximum
from chains.evm import build, fees
from chains.evm.codec import EvmCodec
from chains.evm.traits import Trait, l1_data_fee, traits_of
from chains.model import Address, UnsignedTx
from tests.support.evm_networks import OP_STACK, network_with
from tests.support.networks import find_network

PAYER = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
PAYEE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
GAS = 21_000


def test_the_oracle_is_asked_by_its_abi():
    """Selectors as 4byte lists carry them, and one word."""
    data, least, sample = l1_data_fee.questions(120)
    assert data == {"to": l1_data_fee.ORACLE, "data": "0xf1c7a58b" + f"{120:064x}"}
    assert least["data"] == "0x275aedd2" + "0" * 64
    assert sample["data"] == "0x275aedd2" + f"{10**9:064x}"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((0, 0, 0), 0),
        ((1000, 0, 0), 1500),
        ((1001, 0, 0), 1502),
        # 7 for each million of gas and 100 in any case (Isthmus): 1000 + 100 + 1 for 21,000 gas.
        ((1000, 100, 100 + 7 * 10**3), 1652),
        # 100 * 7 for each unit of gas (Jovian).
        ((1000, 100, 100 + 700 * 10**9), (1000 + 100 + 700 * GAS) * 3 // 2),
    ],
)
def test_half_as_much_again_is_kept_ready(told: tuple[int, int, int], expected: int):
    fee = l1_data_fee.told(*(f"0x{word:064x}" for word in told))
    assert fee.with_margin(GAS) == expected


@pytest.mark.parametrize(
    "told", [("0x", "0x", "0x"), (f"0x{1:064x}", f"0x{2:064x}", f"0x{1:064x}")]
)
def test_an_oracle_that_is_none_is_not_believed(told: tuple[str, str, str]):
    with pytest.raises(ValueError, match=r"word|less"):
        l1_data_fee.told(*told)


RECEIPT = {"gasUsed": "0x5208", "effectiveGasPrice": "0x1", "l1Fee": "0x64"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, 100),
        ({"operatorFeeScalar": "0x0", "operatorFeeConstant": "0x5"}, 105),
        # Isthmus: gas * scalar / 10^6, rounded down.
        ({"operatorFeeScalar": "0xc8", "operatorFeeConstant": "0x5"}, 100 + 4 + 5),
        # Jovian: gas * scalar * 100.
        (
            {
                "operatorFeeScalar": "0xc8",
                "operatorFeeConstant": "0x5",
                "daFootprintGasScalar": "0x190",
            },
            100 + 21_000 * 200 * 100 + 5,
        ),
    ],
)
def test_a_receipt_tells_what_was_taken(fields: dict[str, str], expected: int):
    assert l1_data_fee.taken(RECEIPT | fields) == expected


def test_a_receipt_that_keeps_the_charge_back_tells_nothing():
    with pytest.raises(KeyError):
        l1_data_fee.taken({"gasUsed": "0x5208"})


def test_what_is_paid_beside_gas_has_a_bound_of_its_own():
    fees.check_data_fee(5, 5)
    with pytest.raises(FeeAboveMaximum):
        fees.check_data_fee(6, 5)


@pytest.mark.parametrize("charges", [False, True])
def test_the_bytes_bound_gas_and_nothing_beside_it(charges: bool):
    network = OP_STACK if charges else find_network("ethereum-local")
    payment = build.transfer(
        network, nonce=3, to=PAYEE, value=5, gas=GAS, fee_per_gas_max=7, priority_fee=1
    )
    tx = UnsignedTx(network.id, build.encode_unsigned(payment), PAYER)
    costs = EvmCodec(network).summarize(tx).costs
    assert costs.most == costs_in(network.native.id, {CostKind.FEE: 7 * GAS})
    assert costs.uncapped == ({CostKind.L1_DATA} if charges else frozenset())


def test_a_row_says_by_name_which_traits_a_network_has():
    assert traits_of(find_network("ethereum-local")) == frozenset()
    assert traits_of(network_with(Trait.L1_GAS)) == {Trait.L1_GAS}
