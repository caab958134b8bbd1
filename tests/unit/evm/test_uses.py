"""Payments that were signed apart, as a block shows them: a key for each, of contracts that are
believed, in whoever's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.evm import erc20, movements, permits, shrink, transfers, uses
from chains.model import Address, Excludes
from chains.transaction import binding
from tests.unit.evm.test_permits import CONTRACT, ETHEREUM, PAYEE, SIGNER, USDC

NONCE = bytes(31) + b"\7"
KEY = permits.key(ETHEREUM.id, CONTRACT, SIGNER, NONCE)
TXID, SENDER = "0x" + "0c" * 32, "0x" + "05" * 20


def topic(address: str) -> str:
    return "0x" + "00" * 12 + address[2:].lower()


def used(**changes: Any) -> dict[str, Any]:
    topics = [uses.TOPIC, topic(SIGNER), "0x" + NONCE.hex()]
    return {"address": CONTRACT, "topics": topics, "data": "0x"} | changes


MOVED = {
    "address": CONTRACT,
    "topics": [erc20.TOPIC, topic(SIGNER), topic(PAYEE)],
    "data": f"0x{1_500_000:064x}",
}


def test_the_topic_is_that_of_the_standard() -> None:
    """Of the event as EIP-3009 declares it; Circle's own contract is asked in tests/nodes."""
    assert uses.TOPIC == "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5"


def test_a_log_is_a_key() -> None:
    found = uses.told([MOVED, used()])
    assert list(uses.keys(ETHEREUM, found)) == [KEY.text]
    assert KEY.text.startswith(f"{ETHEREUM.id}/authorization:{CONTRACT}:{SIGNER}:")


def test_it_excludes_a_second_effect_and_binds_nothing() -> None:
    """Both that share it may be signed for ever, so it frees no second signature."""
    assert KEY.excludes is Excludes.EFFECT
    assert binding([KEY]) == frozenset()


@pytest.mark.parametrize(
    "log",
    [
        MOVED,
        used(topics=[]),
        used(topics=[uses.TOPIC, topic(SIGNER)]),
        used(topics=[*used()["topics"], "0x" + "00" * 32]),
        used(topics=["0x" + "ab" * 32, *used()["topics"][1:]]),
        used(topics=[uses.TOPIC, "0x01" + topic(SIGNER)[4:], "0x" + NONCE.hex()]),
        used(topics=[uses.TOPIC, topic(SIGNER), "0x07"]),
    ],
    ids=["a payment", "none", "too few", "too many", "another", "no address", "a short nonce"],
)
def test_other_logs_are_none(log: dict[str, Any]) -> None:
    assert uses.told([log]) == []


def test_only_contracts_with_the_trait_are_believed() -> None:
    """Anybody's contract may log that somebody's nonce was used."""
    assert list(uses.keys(ETHEREUM, uses.told([used(address=PAYEE)]))) == []
    plain = replace(ETHEREUM, tokens={USDC.id: replace(USDC, traits=frozenset(), domain=None)})
    assert list(uses.keys(plain, uses.told([used()]))) == []


def block_with(*logs: dict[str, Any], status: str = "0x1") -> Any:
    tx = {
        "hash": TXID,
        "from": SENDER,
        "nonce": "0x3",
        "to": CONTRACT.lower(),
        "value": "0x0",
        "gasPrice": "0x5",
        "input": "0xe3ee160e",
    }
    receipt = {
        "transactionHash": TXID,
        "status": status,
        "gasUsed": "0x9",
        "effectiveGasPrice": "0x5",
        "contractAddress": None,
        "logs": list(logs),
    }
    block = {
        "number": "0x7",
        "hash": "0x" + "aa" * 32,
        "parentHash": "0x" + "bb" * 32,
        "timestamp": "0x1",
        "gasUsed": "0x9",
        "baseFeePerGas": "0x2",
        "miner": "0x" + "08" * 20,
        "logsBloom": transfers.shown([receipt]),
        "transactions": [tx],
    }
    (small,) = shrink.receipts([receipt])
    return movements.read(
        ETHEREUM,
        shrink.block(block),
        None,
        [small],
        movements.Logged({TXID: small["transfers"]}, {TXID: small["used"]}),
    )


def test_a_block_has_it_beside_the_senders_nonce() -> None:
    found = block_with(used(), MOVED)
    assert found.consumed[KEY.text] == TXID
    assert len(found.consumed) == 2
    assert {(each.address, each.units) for each in found.movements if each.asset == USDC.id} == {
        (SIGNER, -1_500_000),
        (PAYEE, 1_500_000),
    }


def test_places_of_payments_are_the_same_with_it_and_without() -> None:
    """So that no deposit gets another name."""
    places = [
        [each.place for each in block_with(*logs).movements if each.asset == USDC.id]
        for logs in ((used(), MOVED), (MOVED, used()), (MOVED,))
    ]
    assert places[0] == places[1] == places[2]


def test_the_first_that_uses_it_has_it() -> None:
    assert Address(block_with(used(), used(), MOVED).consumed[KEY.text]) == TXID
