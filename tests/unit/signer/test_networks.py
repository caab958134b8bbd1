"""Networks that only a policy describes: what the signer signs there, and what stays for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chains.catalogue import built_in
from chains.costs import CostKind, costs_in
from chains.effects import Pay
from chains.evm.build import encode_unsigned, transfer
from chains.model import Address, NetworkId, UnsignedTx
from signer.errors import Refused
from tests.support.rows import coin_row, evm_row, token_row
from tests.support.signer import (
    Bench,
    Clock,
    agreed,
    outcome_word,
    paying,
    policy_document,
    rule,
    sign_policy,
)

LAGOON = NetworkId("eip155:31339")
ROWS = {"networks": [evm_row()], "assets": [coin_row(), token_row()]}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """With `lagoon` enabled, which no policy describes yet."""
    return Bench(tmp_path / "s", clock=Clock(), enabled=["lagoon"])


def document(version: int, **rows: Any) -> bytes:
    """Allows payments on all local networks, and on the lagoon."""
    paying = [*[str(n) for n in LOCAL], *(row["id"] for row in rows.get("networks", []))]
    costs = [{"network": name, "kind": "fee", "amount": str(10**18)} for name in paying]
    return policy_document(rule("all", costs=costs), version=version, **rows)


LOCAL = [each.id for each in built_in().networks.values() if each.environment.value == "local"]


def publish(bench: Bench, version: int, **rows: Any) -> int:
    return bench.session.publisher.publish(sign_policy(document(version, **rows)))


def warnings(bench: Bench) -> list[str]:
    return [each.code for each in bench.session.status(()).warnings]


def test_a_published_row_is_signed_for_at_once_and_after_a_restart(bench: Bench):
    assert warnings(bench) == ["network-unknown"]
    publish(bench, 2, **ROWS)
    assert warnings(bench) == []
    lagoon = bench.network("lagoon")
    assert outcome_word(bench.send(bench.mandate("lagoon"), on=lagoon)) == "signed"
    bench.restart()
    mandate = bench.mandate("lagoon", transfer="t2", amount=7)
    assert outcome_word(bench.send(mandate, on=lagoon)) == "signed"


def test_what_only_custody_knows_is_not_signed(bench: Bench):
    """Custody's rows are the signer's, or no signature comes of them."""
    publish(bench, 2, **ROWS)
    mandate = bench.mandate("lagoon")
    other = Bench(bench.state.path.parent / "other", clock=Clock(), enabled=["lagoon"])
    assert (
        outcome_word(other.send(mandate, on=bench.network("lagoon")))
        == "malformed/network-not-enabled"
    )


def test_what_the_policy_describes_must_be_enabled_too(tmp_path: Path):
    bench = Bench(tmp_path / "s", clock=Clock())
    publish(bench, 2, **ROWS)
    with pytest.raises(Refused) as caught:
        bench.mandate("lagoon")
    assert caught.value.detail == "network-not-enabled"


def test_a_wrong_row_is_refused_with_its_name(bench: Bench):
    rows = {**ROWS, "networks": [evm_row(traits=["warp-drive"])]}
    with pytest.raises(Refused, match="network_invalid: lagoon: traits: ") as caught:
        publish(bench, 2, **rows)
    assert (caught.value.code.value, caught.value.detail) == ("malformed", "policy")
    assert bench.session.guard.in_force.version == 1


def parameters(**changes: Any) -> dict[str, Any]:
    return evm_row(parameters=evm_row()["parameters"] | changes)


FIXED: dict[str, tuple[list[Any], list[Any], str]] = {
    "left out": ([], [], "eip155:31339: has been in force and can't be left out"),
    "asset left out": ([evm_row()], [coin_row()], f"{token_row()['id']}: has been in force"),
    "chain id": (
        [evm_row(chain_id=31340)],
        [coin_row("eip155:31340")],
        "eip155:31339: has been in force and can't be left out",
    ),
    "coin type": (
        [parameters(coin_type=61)],
        ROWS["assets"],
        "eip155:31339: parameters.coin_type: has been 60 and can't become 61",
    ),
    "environment": (
        [evm_row(environment="main")],
        ROWS["assets"],
        "eip155:31339: environment: has been local and can't become main",
    ),
    "native": (
        [evm_row(native="slip44:61")],
        [coin_row(id="eip155:31339/slip44:61"), token_row()],
        "eip155:31339: native: has been slip44:60 and can't become slip44:61",
    ),
    "decimals": (
        [evm_row()],
        [coin_row(), token_row(decimals=18)],
        f"{token_row()['id']}: decimals: has been 6 and can't become 18",
    ),
    "alias of another": (
        [evm_row(alias="reef"), evm_row("lagoon", 31340)],
        [*ROWS["assets"], coin_row("eip155:31340")],
        "lagoon: alias: has named eip155:31339",
    ),
}


@pytest.mark.parametrize("case", FIXED)
@pytest.mark.parametrize("restarted", [False, True], ids=["", "restarted"])
def test_what_money_hangs_on_never_changes(bench: Bench, case: str, restarted: bool):
    networks, assets, words = FIXED[case]
    publish(bench, 2, **ROWS)
    publish(bench, 3, networks=[evm_row(name="Reef")], assets=ROWS["assets"])
    if restarted:
        bench.restart()
    with pytest.raises(Refused) as caught:
        publish(bench, 4, networks=networks, assets=assets)
    assert (caught.value.code.value, caught.value.detail) == ("denied", "network-fixed")
    assert str(caught.value).startswith(words)
    assert bench.session.guard.in_force.version == 3


def test_the_rest_may_change(bench: Bench):
    publish(bench, 2, **ROWS)
    changed = parameters(transaction_type="legacy") | {
        "alias": "reef",
        "name": "Reef",
        "finality": {"confirmations": 2},
        "follow_depth": 9,
        "block_ms": 1,
        "costs_max": {"fee": "7"},
    }
    asset = coin_row(symbol="REEF", name="Reef's coin", maximum="9")
    publish(bench, 3, networks=[changed], assets=[asset, token_row()])
    network = bench.network("eip155:31339")
    assert (network.alias, network.native.symbol, network.block_ms) == ("reef", "REEF", 1)


def own(of: str, /, **changes: Any) -> dict[str, Any]:
    """A built-in row, with other members."""
    return dict(built_in().network_rows[built_in().find_network(of).id]) | changes


WEAKER: list[tuple[dict[str, Any], str]] = [
    (own("bitcoin", finality={"confirmations": 5}), "bitcoin: finality: is lower"),
    (own("bitcoin", finality={"node": True, "confirmations": 6}), "bitcoin: finality: is lower"),
    (own("ethereum", finality={"node": True, "confirmations": 90}), "ethereum: finality: is lower"),
    (own("bsc", finality={"confirmations": 239}), "bsc: finality: is lower"),
    (own("bitcoin", follow_depth=99), "bitcoin: follow_depth: is lower than the built-in 100"),
    (own("bitcoin", alias="btc"), "btc: alias: is built in"),
    (own("ethereum", traits=[]), "ethereum: traits: is built in"),
    (
        own("ethereum", parameters=own("ethereum")["parameters"] | {"transaction_type": "legacy"}),
        "ethereum: parameters: is built in",
    ),
    (
        own("bitcoin", address_types=["p2tr", "p2wpkh"]),
        "bip122:000000000019d6689c085ae165831e93: address_types: has been",
    ),
]


@pytest.mark.parametrize(("row", "words"), WEAKER, ids=[words for _, words in WEAKER])
def test_a_built_in_network_is_made_no_weaker(bench: Bench, row: dict[str, Any], words: str):
    with pytest.raises(Refused) as caught:
        publish(bench, 2, networks=[row], assets=[])
    assert caught.value.detail == "network-fixed"
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    "row",
    [
        own("bitcoin", finality={"confirmations": 7}),
        own("bsc", finality={"node": True}),
        own("bsc", finality={"confirmations": 240}),
        own("bitcoin", name="Bitcoin (ours)", costs_max={"fee": "1"}, follow_depth=144),
    ],
    ids=str,
)
def test_a_built_in_network_may_be_made_stricter(bench: Bench, row: dict[str, Any]):
    assert publish(bench, 2, networks=[row], assets=[]) == 2


@pytest.mark.parametrize(
    ("named", "bound", "expected"),
    [
        (("fee", "l1-data"), ("fee", "l1-data"), "signed"),
        (("fee",), ("fee", "l1-data"), "denied/cost-limit"),
        (("fee", "l1-data"), ("fee",), "signed"),
        (("fee",), ("fee",), "denied/cost-limit"),
    ],
)
def test_a_rollups_data_fee_is_paid_only_by_a_rule_that_names_it(
    tmp_path: Path, named: tuple[str, ...], bound: tuple[str, ...], expected: str
):
    """A real transaction and the real codec: no byte of it says what its data will cost."""
    row = evm_row(traits=["l1-data-fee"], costs_max={"fee": "1000000", "l1-data": "1000000"})
    rollup = {"networks": [row], "assets": [coin_row()]}
    bench = Bench(tmp_path / "s", scripted=False, enabled=["lagoon"])
    costs = [{"network": row["id"], "kind": kind, "amount": str(10**18)} for kind in named]
    bench.session.publisher.publish(
        sign_policy(policy_document(rule("all", costs=costs), version=2, **rollup))
    )
    lagoon = bench.network("lagoon")
    to, coin = Address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), lagoon.native.id
    bounds = costs_in(coin, {CostKind(kind): 10**15 for kind in bound})
    offered = bench.mandate("lagoon", effects=(Pay(to, coin, 5),), costs_max=bounds)
    sent = transfer(
        lagoon, nonce=0, to=to, value=5, gas=21_000, fee_per_gas_max=10**9, priority_fee=10**9
    )
    tx = UnsignedTx(lagoon.id, encode_unsigned(sent), offered.core.source_address)
    assert outcome_word(bench.sign(paying(agreed(offered), tx=tx))) == expected
