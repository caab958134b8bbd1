"""Step 4 where coins are spent: whose they are, and where the rest returns to."""

from typing import Any

import pytest

from chains.effects import Pay
from chains.model import Address, AddressType
from signer.guard import CHANGE_AHEAD_MAX
from tests.support.networks import find_network
from tests.support.signer import (
    Bench,
    agreed,
    aimed,
    native,
    outcome_word,
    paying,
    refused_and_logged,
)

BTC = native("bitcoin-regtest")
REGTEST = find_network("bitcoin-regtest").id


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def coins_mandate(bench, **changes):
    outputs = (Pay(Address("someone"), BTC, 100),)
    account = {"source_path": "m/84'/1'/0'", "source_address": None, "effects": outputs}
    return bench.mandate("bitcoin-regtest", **{**account, **changes})


def change(bench, index):
    """Address, amount and path of what comes back."""
    owned = bench.change(index)
    return [owned.address, 50, owned.path]


def coins(bench, mandate, **changes):
    path = bench.path("bitcoin-regtest")
    ours = bench.address("bitcoin-regtest")
    row = {
        "sources": [ours],
        "payments": [["someone", BTC, 100]],
        "inputs": [[ours, "ecdsa-recoverable", path]],
        "change": [change(bench, 1)],
    }
    own = {name: aimed(value, ours) for name, value in changes.items()}
    return bench.sign(paying(agreed(mandate), **{**row, **own}))


def test_coins_of_the_account_are_spent_and_change_comes_back(bench):
    assert outcome_word(coins(bench, coins_mandate(bench))) == "signed"


def test_change_comes_back_where_somebody_looks(bench):
    """Not further ahead of the highest that was signed than can be searched, also after a restart
    and in one batch."""

    def come_back(index, number):
        mandate = coins_mandate(bench, transfer=f"c{number}")
        keys = [f"outpoint:{number}"]
        return outcome_word(
            coins(bench, mandate, change=[change(bench, index)], conflict_keys=keys)
        )

    most = CHANGE_AHEAD_MAX - 1
    assert come_back(most + 1, 1) == "mismatch/change-index"
    assert come_back(2**31 - 1, 2) == "mismatch/change-index"
    assert come_back(most, 3) == "signed"
    bench.restart()
    assert come_back(most + CHANGE_AHEAD_MAX + 1, 4) == "mismatch/change-index"
    assert come_back(0, 5) == "signed"
    assert come_back(most + CHANGE_AHEAD_MAX, 6) == "signed"


COINS: dict[str, tuple[dict[str, Any], str]] = {
    "change to a foreign address": (
        {"change": [["thief", 50, "m/84'/1'/0'/0/1"]]},
        "mismatch/not-ours",
    ),
    "change to an address of ours at another path": (
        {"change": [["SELF", 50, "m/84'/1'/0'/0/1"]]},
        "mismatch/not-ours",
    ),
    "change to an address for receiving": (
        {"change": [["SELF", 50, "m/84'/1'/0'/0/0"]]},
        "mismatch/change-path",
    ),
    "change into another vault": ({"change": [["SELF", 50, "m/84'/1'/1'/0/0"]]}, "mismatch/path"),
    "change into another type of address": (
        {"change": [["SELF", 50, "m/86'/1'/0'/0/0"]]},
        "mismatch/path",
    ),
    "change at the end of the world": (
        {"change": [["SELF", 50, "m/84'/1'/0'/7/0"]]},
        "mismatch/path",
    ),
    "an input of another vault": (
        {"inputs": [["SELF", "ecdsa-recoverable", "m/84'/1'/1'/0/0"]]},
        "mismatch/path",
    ),
    "an input without path": (
        {"inputs": [["SELF", "ecdsa-recoverable", None]]},
        "mismatch/not-ours",
    ),
    "an input with another's address": (
        {
            "inputs": [["stranger", "ecdsa-recoverable", "m/84'/1'/0'/0/0"]],
            "sources": ["stranger"],
        },
        "mismatch/not-ours",
    ),
    "a foreign input beside ours": ({"sources": ["SELF", "stranger"]}, "mismatch/source"),
}


@pytest.mark.parametrize("case", COINS)
def test_coins_and_change_that_are_not_what_they_claim(bench, case):
    changes, expected = COINS[case]
    refused_and_logged(bench, coins(bench, coins_mandate(bench), **changes), expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source_path": "m/84'/1'/1'"}, "mismatch/path"),
        ({"source_path": "m/84'/1'/0'/0/0"}, "mismatch/source"),
        ({"source_path": "m/84'/1'"}, "mismatch/path"),
        ({"source_address": Address("x")}, "mismatch/source"),
    ],
)
def test_coins_are_spent_from_the_vaults_account_alone(bench, changes, expected):
    refused_and_logged(bench, coins(bench, coins_mandate(bench, **changes)), expected)


def test_an_account_of_taproot_coins(bench):
    network = find_network("bitcoin-regtest")
    (key,) = bench.session.vaults.public_keys("v1", network.id, AddressType.P2TR, 0, 1)
    ours = bench.codecs[network.id].derive_address(key, AddressType.P2TR)
    inputs = [[ours, "bip340-taproot", "m/86'/1'/0'/0/0"]]
    mandate = coins_mandate(bench, source_path="m/86'/1'/0'")
    outcome = coins(bench, mandate, sources=[ours], inputs=inputs, change=[])
    assert outcome_word(outcome) == "signed"
    assert outcome.signatures[0].public_key == key
