"""How nodes are named: in the environment, in a file, and what is refused without its secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from chains.catalogue import built_in
from chains.errors import NodeLimited
from chains.transport.endpoint import Endpoints, Role
from custody.bootstrap import connect, open_custody
from custody.catalogue import served
from custody.cli.access import load_settings
from custody.cli.output import Misuse
from custody.config import Settings
from custody.errors import Invalid
from tests.support.networks import find_network
from tests.support.node_answers.server import Answer, NodeServer

SECRET = "s3cr3t-31415926"
URL = f"https://u:{SECRET}@node.invalid/{SECRET}"


def served_settings() -> Settings:
    """As every process that speaks to nodes reads them."""
    found = load_settings()
    served(found, built_in())
    return found


def settings(monkeypatch: pytest.MonkeyPatch, nodes: Any) -> Settings:
    monkeypatch.setenv("CUSTODY_NODES", nodes if isinstance(nodes, str) else json.dumps(nodes))
    return served_settings()


def test_a_url_an_object_and_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = {"url": "https://w.invalid", "role": "witness", "headers": {"X-KEY": SECRET}}
    private = {"url": "https://p.invalid", "role": "private"}
    found = settings(
        monkeypatch,
        {
            "bitcoin": {"url": "http://127.0.0.1:8332", "cookie_file": "/data/.cookie"},
            "ethereum": URL,
            "bsc": [
                "http://a.invalid",
                {"url": "http://b.invalid", "rate_per_s": 5},
                witness,
                private,
            ],
            "tron": {"url": "https://t.invalid", "header_files": {"TRON-PRO-API-KEY": "/run/key"}},
        },
    )
    [bitcoin] = found.nodes["bitcoin"]
    assert bitcoin.cookie_file == Path("/data/.cookie")
    bsc = Endpoints.of(found.nodes["bsc"])
    assert [each.name for each in bsc.primaries] == ["a.invalid", "b.invalid"]
    assert [each.role for each in bsc.witnesses] == [Role.WITNESS]
    assert [each.name for each in bsc.private] == ["p.invalid"]
    assert bsc.witnesses[0].headers["X-KEY"].get_secret_value() == SECRET
    assert found.nodes["tron"][0].header_files == {"TRON-PRO-API-KEY": Path("/run/key")}
    assert not any(each.proxy for nodes in found.nodes.values() for each in nodes)
    assert SECRET not in repr(found) + str(found)


REFUSED: list[tuple[Any, str]] = [
    ({"bitcoin": {"url": URL, "header": {"a": SECRET}}}, "CUSTODY_NODES at bitcoin.0.header: "),
    ({"bitcoin": {"urll": URL}}, "bitcoin.0.url"),
    ({"bitcoin": {"url": URL, "role": SECRET}}, "bitcoin.0.role"),
    ({"bitcoin": {"url": f"ftp://{SECRET}"}}, "bitcoin.0: the URL"),
    ({"bitcoin": {"url": URL, "headers": {"bad name": SECRET}}}, "not the name of a header"),
    ({"bitcoin": {"url": URL, "headers": {"X": f"{SECRET}\n"}}}, "one line"),
    ({"bitcoin": {"url": URL, "rate_per_s": SECRET}}, "bitcoin.0.rate_per_s"),
    ({"bitcoin": {"url": URL, "proxy": SECRET}}, "bitcoin.0.proxy"),
    ({"bitcoin": []}, "no node is a primary"),
    ({"bitcoin": [{"url": URL, "role": "witness"}]}, "no node is a primary"),
    ({"bitcoin": [{"url": URL, "role": "private"}]}, "no node is a primary"),
    (
        {"bitcoin": [URL, {"url": URL, "role": "private", "push": "ws://n.invalid", "name": "p"}]},
        "a private node has nothing to announce",
    ),
    ({"bitcoin": [URL, URL]}, "give them names"),
    ({"bitcoin": 7}, "bitcoin.0"),
    ({"bitcoin": [[URL]]}, "bitcoin.0"),
    ({"bitcoin": URL, "bip122:000000000019d6689c085ae165831e93": URL}, "twice"),
    ({"bitcon": URL}, "unknown networks: bitcon"),
    ([URL], "CUSTODY_NODES"),
]


@pytest.mark.parametrize(("nodes", "words"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
@pytest.mark.parametrize("by_file", [False, True])
def test_what_is_wrong_is_named_in_one_line_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nodes: Any, words: str, by_file: bool
) -> None:
    monkeypatch.delenv("CUSTODY_NODES", raising=False)
    if by_file:
        file = tmp_path / "nodes.json"
        file.write_text(json.dumps(nodes))
        monkeypatch.setenv("CUSTODY_NODES_FILE", str(file))
        words = words.replace("CUSTODY_NODES ", "CUSTODY_NODES_FILE ")
    else:
        monkeypatch.setenv("CUSTODY_NODES", json.dumps(nodes))
    with pytest.raises((Misuse, Invalid)) as caught:
        served_settings()
    told = str(caught.value)
    try:  # as whoever reads them without our commands would see it
        Settings()
    except (ValidationError, SettingsError) as raw:
        told += str(raw)
        assert SECRET not in told
    assert words in told
    assert "\n" not in str(caught.value) and SECRET not in told


def test_a_file_of_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUSTODY_NODES", raising=False)
    file = tmp_path / "nodes.json"
    monkeypatch.setenv("CUSTODY_NODES_FILE", str(file))
    with pytest.raises(Misuse, match="can't be read"):
        served_settings()
    file.write_text(f"{{{SECRET}")
    with pytest.raises(Misuse, match="does not hold JSON") as caught:
        served_settings()
    assert SECRET not in str(caught.value)
    file.write_text(json.dumps({"bitcoin": URL}))
    assert served_settings().nodes.keys() == {"bitcoin"}
    monkeypatch.setenv("CUSTODY_NODES", json.dumps({"bsc": URL}))
    with pytest.raises(Misuse, match="both"):
        served_settings()


async def test_nodes_as_configured_are_asked_as_configured(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    block = {"number": "0x5", "hash": "0x" + "b5" * 32, "parentHash": "0x" + "b4" * 32}
    script = {"eth_chainId": "0x7a69", "eth_getBlockByNumber": block, "*": []}
    async with NodeServer(script) as first, NodeServer(script) as second, NodeServer() as third:
        found = settings(
            monkeypatch,
            {
                "ethereum-local": [
                    first.url,
                    {"url": second.url, "headers": {"X-KEY": SECRET}},
                    {"url": third.url, "role": "witness"},
                ]
            },
        )
        found.database_url = SecretStr(sqlite_url)
        async with open_custody(found) as custody:
            [adapter] = custody.adapters.values()
            assert (await adapter.tip()).height == 5
            assert second.asked == third.asked == []
            first.script["*"] = first.script["eth_getBlockByNumber"] = Answer(status=429)
            assert (await adapter.tip()).height == 5
            assert f"X-KEY: {SECRET}" in second.heads[-1]
            [nodes] = custody.nodes.values()
            assert nodes.witnesses is not None and nodes.asked == f"127.0.0.1:{second.port}"
        assert third.asked == []


async def test_one_limited_node_says_so() -> None:
    async with NodeServer({"*": Answer(status=429)}) as node:
        nodes = connect(find_network("ethereum-local"), Endpoints.of([node.url]), 5.0)
        with pytest.raises(NodeLimited):
            await nodes.tip()
        await nodes.close()


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "solana-local"])
def test_a_private_node_where_nothing_is_private(
    monkeypatch: pytest.MonkeyPatch, alias: str
) -> None:
    """It would be given nothing, and whoever named it thinks otherwise."""
    nodes = [{"url": URL}, {"url": "https://relay.invalid", "role": "private"}]
    with pytest.raises(Invalid, match="it has none"):
        settings(monkeypatch, {alias: nodes})
    assert settings(monkeypatch, {"tron-local": nodes}).nodes
