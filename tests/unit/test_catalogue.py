"""Rows of networks and assets: what is read, and what each defect is refused with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chains.catalogue import Catalogue, built_in
from chains.catalogue import changed as changed_networks
from chains.costs import CostKind
from chains.errors import NetworkInvalid
from chains.lasting import Lasting
from chains.model import AssetId, NetworkId
from chains.networks import Environment, Finality
from custody.cli.rows import read_rows
from tests.support.rows import coin_row, evm_row, token_row

LAGOON = NetworkId("eip155:31339")
ROOT = Path(__file__).resolve().parents[2]


def with_rows(network: Any, *assets: Any) -> Catalogue:
    """The built-in networks and one more; its coin, if nothing is said of assets."""
    name = network.get("id") if isinstance(network, dict) else None
    coin = coin_row(name) if isinstance(name, str) else coin_row()
    return built_in().with_rows([network], assets or [coin])


def test_an_operators_network_is_like_a_built_in_one():
    catalogue = with_rows(evm_row(), token_row(), coin_row())
    network = catalogue.find_network("lagoon")
    assert network is catalogue.find_network("eip155:31339") is catalogue.networks[LAGOON]
    assert network.environment is Environment.LOCAL
    assert network.finality == Finality(node=False, confirmations=3)
    assert (network.follow_depth, network.block_ms) == (50, 250)
    assert network.costs_max == {(network.native.id, CostKind.FEE): 5 * 10**15}
    assert network.number("chain_id") == 31339
    assert [asset.symbol for asset in catalogue.assets_of(LAGOON)] == ["LGN", "USDX"]
    assert catalogue.find_asset(network.native.id) == network.native
    assert catalogue.codec(LAGOON).network is network
    assert catalogue.codec(LAGOON) is catalogue.codec(LAGOON)


def test_it_comes_on_top_and_changes_no_other_catalogue():
    catalogue = with_rows(evm_row())
    assert catalogue.networks.items() > built_in().networks.items()
    assert LAGOON not in built_in().networks
    for name in ("lagoon", "eip155:31339", "", "eip155:31339/slip44:60"):
        with pytest.raises(KeyError):
            built_in().find_network(name)


def test_equal_rows_are_equal_catalogues():
    assert with_rows(evm_row()) == with_rows(json.loads(json.dumps(evm_row())))
    assert with_rows(evm_row()) != with_rows(evm_row(block_ms=251))
    assert with_rows(evm_row()) != built_in()


def test_a_row_replaces_the_built_in_one_with_its_id():
    row = dict(built_in().network_rows[NetworkId("eip155:1")]) | {"name": "Ether's chain"}
    catalogue = built_in().with_rows([row], [])
    assert catalogue.find_network("ethereum").name == "Ether's chain"
    assert list(catalogue.networks) == list(built_in().networks)


def test_the_built_in_rows_are_plain_json():
    """So that an operator may copy one into the policy."""
    rows = [*built_in().network_rows.values(), *built_in().asset_rows.values()]
    assert json.loads(json.dumps(rows)) == rows


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def parameters(**changes: Any) -> dict[str, Any]:
    return evm_row(parameters=evm_row()["parameters"] | changes)


DIGITS = "a whole number of base units in quotes"
TYPE_MAX = 2**31 - 1
NAME = "text like BNB Smart Chain, in at most 64 characters"
ALIAS = "text like bitcoin-regtest"
LATER = "must be more than the confirmations that finality needs"
NONE = "there is no such member"
NEVER = "nothing would ever be final"
MISFIT = "its parameters are those of eip155:31339"


def number(least: int, most: int) -> str:
    return f"a whole number from {least} to {most}"


UNNAMED: list[tuple[Any, str]] = [
    ([], "a row without id: id: missing"),
    (without(evm_row(), "id"), "a row without id: id: missing"),
    (evm_row(id=5), "a row without id: id: missing"),
    (evm_row(alias=""), f"a row without alias: alias: {ALIAS}"),
    (evm_row(alias="a\nb"), f"a row without alias: alias: {ALIAS}"),
    (evm_row(alias="Lagoon"), f"Lagoon: alias: {ALIAS}"),
    (evm_row(alias="eip155:1"), f"eip155:1: alias: {ALIAS}"),
    (evm_row(alias="bsc"), "bsc: alias: eip155:56 and eip155:31339 have the same"),
]
NAMED: list[tuple[Any, str, str]] = [
    (evm_row(id="31339"), "id", "text like eip155:1 (CAIP-2)"),
    (evm_row(id="eip155:31340"), "id", MISFIT),
    (evm_row(id="bip122:31339"), "id", MISFIT),
    (parameters(chain_id="31339"), "parameters.chain_id", number(1, 2**53 - 1)),
    (parameters(chain_id=True), "parameters.chain_id", number(1, 2**53 - 1)),
    (parameters(coin_type=2**31), "parameters.coin_type", number(0, TYPE_MAX)),
    (parameters(transaction_type="blob"), "parameters.transaction_type", "one of eip1559, legacy"),
    (parameters(colour="red"), "parameters.colour", NONE),
    (evm_row(parameters={}), "parameters.chain_id", "missing"),
    (evm_row(parameters=[]), "parameters", "not a table"),
    (evm_row(family="cosmos"), "family", "one of bitcoin, evm, tron, solana"),
    (evm_row(environment="test"), "environment", "one of main, local"),
    (evm_row(finality={}), "finality", NEVER),
    (evm_row(finality={"node": False}), "finality", NEVER),
    (evm_row(finality={"node": 1}), "finality.node", "true or false"),
    (evm_row(finality={"confirmations": 0}), "finality.confirmations", number(1, 100_000)),
    (evm_row(finality={"blocks": 1}), "finality.blocks", NONE),
    (evm_row(follow_depth=3), "follow_depth", LATER),
    (evm_row(follow_depth="50"), "follow_depth", number(1, 200_000)),
    (evm_row(block_ms=0), "block_ms", number(1, 86_400_000)),
    (evm_row(block_ms=0.25), "block_ms", number(1, 86_400_000)),
    (evm_row(costs_max={}), "costs_max.fee", "missing"),
    (evm_row(costs_max={"fee": 5}), "costs_max.fee", DIGITS),
    (evm_row(costs_max={"fee": "-5"}), "costs_max.fee", DIGITS),
    (evm_row(costs_max={"fee": "1e9"}), "costs_max.fee", DIGITS),
    (evm_row(costs_max={"fee": str(2**256)}), "costs_max", "more than there is of LGN"),
    (evm_row(costs_max={"fee": "1", "rent": "1"}), "costs_max.rent", NONE),
    (evm_row(address_types=[]), "address_types", "at least one"),
    (evm_row(address_types="evm"), "address_types", "not a list"),
    (evm_row(address_types=["evm", "evm"]), "address_types", "the same twice"),
    (evm_row(address_types=["p2wpkh"]), "address_types", "one of evm"),
    (evm_row(native="slip44:061"), "native", "text like slip44:60"),
    (evm_row(native="slip44:9999999999"), "native", "no coin type is that high"),
    (evm_row(native="slip44:966"), "native", "there is no asset eip155:31339/slip44:966"),
    (evm_row(name=""), "name", NAME),
    (evm_row(name="Ethereum "), "name", NAME),
    (evm_row(name="\u0395thereum"), "name", NAME),
    (evm_row(traits="x"), "traits", "not a list"),
    (evm_row(explorer="x"), "explorer", NONE),
    (without(evm_row(), "block_ms"), "block_ms", "missing"),
]
DEFECTS = [*UNNAMED, *((row, f"lagoon: {member}: {why}") for row, member, why in NAMED)]


@pytest.mark.parametrize(("row", "words"), DEFECTS, ids=[words for _, words in DEFECTS])
def test_a_defect_of_a_network_is_named(row: Any, words: str):
    with pytest.raises(NetworkInvalid) as caught:
        with_rows(row)
    assert str(caught.value) == words
    assert caught.value.code == "network_invalid"


def test_an_unknown_trait_is_refused():
    with pytest.raises(NetworkInvalid, match="lagoon: traits: "):
        with_rows(evm_row(traits=["warp-drive"]))


SIGNED_FOR = "there with the traits that holders sign by, and with no others"
DOMAIN = {"domain_name": "A dollar", "domain_version": "2"}

ME = "eip155:31339/slip44:60"
TOKEN = token_row()["id"]
ASSETS: list[tuple[list[Any], str]] = [
    ([], "lagoon: native: there is no asset eip155:31339/slip44:60"),
    ([coin_row(), coin_row()], f"{ME}: stands there twice"),
    ([coin_row(decimals=37)], f"{ME}: decimals: {number(0, 36)}"),
    ([coin_row(decimals=-1)], f"{ME}: decimals: {number(0, 36)}"),
    ([coin_row(decimals="18")], f"{ME}: decimals: {number(0, 36)}"),
    ([coin_row(maximum="0")], f"{ME}: maximum: from 1 to 2^256 - 1"),
    ([coin_row(maximum=str(2**256))], f"{ME}: maximum: from 1 to 2^256 - 1"),
    ([coin_row(maximum=1)], f"{ME}: maximum: {DIGITS}"),
    ([coin_row(symbol="L G N")], f"{ME}: symbol: text like BTC, in at most 16 characters"),
    ([coin_row(symbol="ЕТН")], f"{ME}: symbol: text like BTC, in at most 16 characters"),
    ([coin_row(kind="spl")], f"{ME}: kind: one of native, erc20"),
    ([coin_row(kind="erc20")], f"{ME}: kind: the id is not of erc20"),
    ([coin_row(traits=["rebasing"])], f"{ME}: traits: there is none"),
    (
        [coin_row(), coin_row(id="eip155:31339/slip44:1")],
        "eip155:31339/slip44:1: kind: the native asset of lagoon is eip155:31339/slip44:60",
    ),
    (
        [coin_row(), coin_row("eip155:5")],
        "eip155:5/slip44:60: id: of a network that does not exist",
    ),
    ([coin_row(), token_row(id="eip155:31339/erc20:0x00")], "eip155:31339/erc20:0x00: id: "),
    ([coin_row(), token_row(id=TOKEN.lower())], f"{TOKEN.lower()}: id: must be written 0x5290"),
    (
        [coin_row(), token_row(id="eip155:31339")],
        "eip155:31339: id: text like eip155:1/slip44:60 (CAIP-19)",
    ),
    ([coin_row(), without(token_row(), "symbol")], f"{TOKEN}: symbol: missing"),
    ([coin_row(), token_row(traits=["eip-3009"])], f"{TOKEN}: domain_name: {SIGNED_FOR}"),
    (
        [coin_row(), token_row(traits=["eip-2612"], domain_name="D")],
        f"{TOKEN}: domain_name: {SIGNED_FOR}",
    ),
    ([coin_row(), token_row(**DOMAIN)], f"{TOKEN}: domain_name: {SIGNED_FOR}"),
    ([coin_row(), token_row(traits=["pausable"], **DOMAIN)], f"{TOKEN}: domain_name: {SIGNED_FOR}"),
    ([coin_row(**DOMAIN)], f"{ME}: domain_name: {SIGNED_FOR}"),
    (
        [coin_row(), token_row(traits=["eip-3009"], domain_name="D", domain_version=2)],
        f"{TOKEN}: domain_version: text like",
    ),
    (
        [coin_row(), token_row(traits=["eip-3009"], domain_name="D\u043ellar", domain_version="2")],
        f"{TOKEN}: domain_name: text like",
    ),
]


def test_a_token_names_the_domain_that_its_holders_sign_for() -> None:
    row = token_row(traits=["eip-3009", "eip-2612"], **DOMAIN)
    assert with_rows(evm_row(), coin_row(), row).find_asset(TOKEN).domain == ("A dollar", "2")
    assert with_rows(evm_row(), coin_row(), token_row()).find_asset(TOKEN).domain is None


@pytest.mark.parametrize(("rows", "words"), ASSETS, ids=[words for _, words in ASSETS])
def test_a_defect_of_an_asset_is_named(rows: list[Any], words: str):
    with pytest.raises(NetworkInvalid) as caught:
        built_in().with_rows([evm_row()], rows)
    assert str(caught.value).startswith(words)


def changed(of: str, /, **changes: Any) -> dict[str, Any]:
    """A built-in row with other members; of `parameters`, those named."""
    found = dict(built_in().network_rows[built_in().find_network(of).id])
    if "parameters" in changes:
        changes["parameters"] = found["parameters"] | changes["parameters"]
    return found | changes


def second(alias: str, network_id: str, **parameters: Any) -> Catalogue:
    """With another network of a family, and its coin."""
    native = built_in().find_network(alias).native.id
    coin = dict(built_in().asset_rows[native]) | {"id": f"{network_id}/{native.partition('/')[2]}"}
    network = changed(alias, id=network_id, alias="second", parameters=parameters)
    return built_in().with_rows([network], [coin])


def test_nothing_is_held_back_for_what_a_payment_never_costs():
    """Energy is burned by contracts only, and no contract's call makes an account."""
    tron = built_in().find_network("tron")
    (usdt,) = tron.tokens
    coins, tokens = tron.bounds(7), tron.bounds(asset=usdt)
    assert {kind for _, kind in coins} == {CostKind.FEE, CostKind.ACTIVATION}
    assert coins == tron.bounds(7, tron.native.id)
    assert coins[tron.native.id, CostKind.FEE] == 7
    assert {kind for _, kind in tokens} == {CostKind.FEE, CostKind.ENERGY}
    assert tron.bounds(calls=True) == tron.bounds(asset=tron.native.id, calls=True) == tokens
    assert tokens.items() <= tron.costs_max.items()


def test_usdt_on_tron_is_the_contract_that_everybody_means():
    (usdt,) = built_in().find_network("tron").tokens.values()
    assert usdt.id == "tron:0x2b6653dc/trc20:TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    assert (usdt.symbol, usdt.decimals) == ("USDT", 6)


NILE, NILES_GENESIS = "tron:0xcd8690dc", "0" * 56 + "cd8690dc"


def test_two_networks_whose_bytes_name_no_network_share_no_keys():
    """What is signed for a test network of TRON would be good on TRON."""
    with pytest.raises(NetworkInvalid, match=r"second: .*: would share its keys with tron"):
        second("tron", NILE, genesis=NILES_GENESIS)
    with pytest.raises(NetworkInvalid, match="1 on local networks and on no other"):
        second("tron", NILE, genesis=NILES_GENESIS, coin_type=1)
    network = second("tron", NILE, genesis=NILES_GENESIS, coin_type=777).find_network("second")
    assert network.number("coin_type") == 777


@pytest.mark.parametrize(
    ("alias", "network_id"),
    [
        ("bitcoin", "bip122:" + "a" * 32),
        ("tron", "tron:0x" + "a" * 8),
        ("solana", "solana:" + "a" * 32),
    ],
)
def test_an_id_is_that_of_its_genesis_block(alias: str, network_id: str):
    with pytest.raises(NetworkInvalid, match="second: id: its parameters are those of"):
        second(alias, network_id)


def test_a_trait_is_asked_for_by_name_and_brings_its_costs():
    most = {"fee": "1", "l1-data": "2"}
    network = with_rows(evm_row(traits=["l1-data-fee"], costs_max=most)).find_network("lagoon")
    assert network.traits == {"l1-data-fee"}
    assert network.costs_max[network.native.id, CostKind.L1_DATA] == 2
    with pytest.raises(NetworkInvalid, match="l1-data: there is no such member"):
        with_rows(evm_row(costs_max=most))
    with pytest.raises(NetworkInvalid, match="traits: the same twice"):
        with_rows(evm_row(traits=["arbos", "arbos"]))


def test_garbage_raises_nothing_else():
    makers: list[Callable[[Any], Any]] = [lambda x: x, lambda x: [x], lambda x: {"id": x}]
    refused = 0
    values: tuple[Any, ...] = (None, True, 7, 1.5, "x", "\ud800", [], {}, [[]], {"id": {}})
    for value in values:
        for garbage in (make(value) for make in makers):
            rows = [(garbage, coin_row()), (evm_row(), garbage)]
            rows += [(evm_row(**{name: garbage}), coin_row()) for name in evm_row()]
            rows += [(evm_row(), coin_row(**{name: garbage})) for name in coin_row()]
            for network, asset in rows:
                try:
                    with_rows(network, asset)
                except NetworkInvalid:
                    refused += 1
    assert refused > 500


def test_amounts_know_the_new_asset():
    from chains.assets import Amount

    asset = with_rows(evm_row()).find_asset(AssetId(ME))
    assert str(Amount(asset, 15 * 10**17)) == "1.5 LGN"


def test_the_example_of_an_operators_file_is_read():
    """Five networks that nothing in the code names, with traits that it has."""
    networks, assets = read_rows(ROOT / "docs" / "examples" / "networks-l2.toml")
    catalogue = built_in().with_rows(networks, assets)
    names = changed_networks(built_in(), catalogue)
    assert names == ("arbitrum", "base", "optimism", "polygon", "xlayer")
    found = [catalogue.find_network(name) for name in names]
    assert [each.id for each in found] == [f"eip155:{n}" for n in (42161, 8453, 10, 137, 196)]
    assert all(each.environment is Environment.MAIN and each.finality.node for each in found)
    Lasting().check(catalogue)
    for package in ("api", "chains", "custody", "signer"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert not any(f"eip155:{n}" in text for n in (42161, 8453, 137, 196)), path
