"""Requests to one endpoint: what is sent, what is kept to ourselves, and every bound."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chains.errors import NodeDenied, NodeError, NodeLimited, NodeMisbehaved, NodeUnavailable
from chains.patience import patient
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Fault, JsonRpc
from tests.support.node_answers.server import Answer, NodeServer

SECRET = "s3cr3t-31415926"


@pytest.fixture
async def node() -> AsyncIterator[NodeServer]:
    async with NodeServer({"*": 7}) as started:
        yield started


def connect(node: NodeServer, path: str = "", **fields: Any) -> Connection:
    return Connection(Endpoint(SecretStr(node.url + path), **fields), 30.0)


def sent(node: NodeServer, name: str) -> list[str]:
    """The values of a header in all requests."""
    lines = [line for head in node.heads for line in head.splitlines()]
    return [v.strip() for k, _, v in (line.partition(":") for line in lines) if k == name]


async def test_headers_keys_and_paths_arrive(node: NodeServer, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{SECRET}\n")
    url = node.url.replace("//", "//us%20er:p%C3%A4ss%40@") + "/base?token=a%2Fb"
    connection = Connection(
        Endpoint(
            SecretStr(url),
            headers={"X-Tenant": SecretStr("t")},
            header_files={"TRON-PRO-API-KEY": key},
        ),
        30.0,
    )
    node.dialect, node.script = "http", {"*": Answer(json={})}
    await connection.post(b"{}", path="/wallet/getblock")
    await connection.close()
    assert node.heads[0].startswith("POST /base/wallet/getblock?token=a%2Fb HTTP/1.1")
    assert sent(node, "TRON-PRO-API-KEY") == [SECRET]
    assert sent(node, "X-Tenant") == ["t"]
    [basic] = sent(node, "Authorization")
    assert base64.b64decode(basic.split()[1]).decode() == "us er:päss@"


async def test_a_cookie_is_read_again_when_the_node_has_a_new_one(
    node: NodeServer, tmp_path: Path
) -> None:
    cookie = tmp_path / ".cookie"
    rpc = JsonRpc(connect(node, cookie_file=cookie))
    with pytest.raises(NodeDenied, match="cookie"):
        await rpc.ask("a", [])
    cookie.write_text("__cookie__:old")
    assert await rpc.ask("a", []) == 7
    cookie.write_text("__cookie__:new")
    valid = "Basic " + base64.b64encode(b"__cookie__:new").decode()

    def judge() -> Any:
        return 8 if sent(node, "Authorization")[-1] == valid else Answer(status=401)

    node.script["*"] = judge
    assert await rpc.ask("a", []) == 8
    cookie.write_text("__cookie__:newer")
    valid = "Basic " + base64.b64encode(b"__cookie__:newer").decode()
    assert await asyncio.gather(*(rpc.ask("a", []) for _ in range(5))) == [8] * 5
    requests = len(node.heads)
    node.script["*"] = Answer(status=401)
    with pytest.raises(NodeDenied):
        await rpc.ask("a", [])
    assert len(node.heads) == requests + 1, "the same credentials are not tried twice"
    await rpc.close()


@pytest.mark.parametrize("content", ["", "two\nlines", "ü", "a\x00b"])
async def test_a_key_file_holds_one_line(node: NodeServer, tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    connection = connect(node, header_files={"X-KEY": tmp_path / "key"})
    with pytest.raises(NodeDenied, match="key"):
        await connection.post(b"{}")
    assert node.heads == []


PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@pytest.mark.parametrize("variable", PROXIES)
async def test_the_environments_proxy_needs_a_word_in_the_configuration(
    node: NodeServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("no_proxy", "NO_PROXY", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    async with NodeServer({"*": "by the proxy"}) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.invalid")
        direct, proxied = JsonRpc(connect(node)), JsonRpc(connect(node, proxy=True))
        assert await direct.ask("a", []) == 7
        by_proxy = 7 if variable.lower() == "https_proxy" else "by the proxy"
        assert await proxied.ask("a", []) == by_proxy
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        excepted = JsonRpc(connect(node, proxy=True))
        assert await excepted.ask("a", []) == 7
        for rpc in (direct, proxied, excepted):
            await rpc.close()


async def test_a_netrc_file_adds_no_credentials(
    node: NodeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    rpc = JsonRpc(connect(node, proxy=True))
    await rpc.ask("a", [])
    await rpc.close()
    assert sent(node, "Authorization") == []


async def test_no_secret_reaches_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = f"no such key: {SECRET} in /v3/{SECRET}?key={SECRET}"
    answers = [
        Answer(status=status, body=words) for status in (302, 400, 401, 403, 404, 429, 500, 503)
    ]
    answers += [Answer(body=words), Answer(drop=True), Answer(body=words, cut=5)]
    answers += [Answer(error={"code": code, "message": words}) for code in (-1, 429, -32401)]
    answers += [Answer(json={"message": words}), Answer(json={"error": words})]
    told = []
    async with NodeServer() as node:
        url = node.url.replace("//", f"//user:{SECRET}@") + f"/v3/{SECRET}?key={SECRET}"
        for answer in answers:
            node.script["*"] = answer
            rpc = JsonRpc(Connection(Endpoint(SecretStr(url)), 30.0))
            try:
                told.append(repr(await rpc.ask("a", [])))
            except NodeError as error:
                told += [repr(error), error.advice, *traceback.format_exception(error)]
                told.append(repr(error.__cause__))
            told += [repr(rpc), repr(vars(rpc))]
            await rpc.close()
    text = "".join(told) + caplog.text
    assert SECRET not in text
    assert base64.b64encode(f"user:{SECRET}".encode()).decode() not in text


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
async def test_an_answer_has_a_greatest_size(node: NodeServer, headers: dict[str, str]) -> None:
    body = b" " * 2_000_000
    data = gzip.compress(body) if headers else body
    node.script["*"] = Answer(body=data, headers=headers)
    small = Connection(node.url, 30.0, answer_bytes_max=1_999_999)
    with pytest.raises(NodeMisbehaved, match="above"):
        await small.post(b'{"method":"a","params":[]}')
    large = Connection(node.url, 30.0, answer_bytes_max=2_000_000)
    reply = await large.post(b'{"method":"a","params":[]}')
    assert len(reply.body) == 2_000_000
    await small.close()
    await large.close()


async def test_a_node_that_asks_for_rest_gets_it(node: NodeServer) -> None:
    clock = [100.0]
    connection = Connection(node.url, 30.0, clock=lambda: clock[0], delay_share=lambda: 1.0)
    rpc = JsonRpc(connection)
    node.script["*"] = Answer(status=429, headers={"Retry-After": "7"})
    with pytest.raises(NodeLimited) as caught:
        await rpc.ask("a", [])
    assert caught.value.delay_s == 7
    node.script["*"] = 5
    clock[0] = 106.9
    with pytest.raises(NodeLimited):
        await rpc.ask("a", [])
    assert len(node.heads) == 1, "it was left alone"
    clock[0] = 107.0
    assert await rpc.ask("a", []) == 5
    delays = []
    for _ in range(3):
        node.script["*"] = Answer(error={"code": 429, "message": "slow down"})
        with pytest.raises(NodeLimited) as caught:
            await rpc.ask("a", [])
        delays.append(caught.value.delay_s)
        clock[0] += caught.value.delay_s
    assert delays == [1, 2, 4], "without a time of its own, longer each time"
    node.script["*"] = 5
    await rpc.ask("a", [])
    node.script["*"] = Answer(error={"code": 429, "message": "slow down"})
    with pytest.raises(NodeLimited) as caught:
        await rpc.ask("a", [])
    assert caught.value.delay_s == 1
    await rpc.close()


async def test_our_own_rate(node: NodeServer) -> None:
    clock = [0.0]
    endpoint = Endpoint(SecretStr(node.url), rate_per_s=2)
    rpc = JsonRpc(Connection(endpoint, 0.4, clock=lambda: clock[0]))
    await rpc.ask("a", [])
    await rpc.ask("a", [])
    with pytest.raises(NodeLimited, match="our own"):
        await rpc.ask("a", [])
    clock[0] = 0.5
    await rpc.ask("a", [])
    assert len(node.heads) == 3
    await rpc.close()


async def test_a_closed_connection_stays_closed(node: NodeServer) -> None:
    rpc = JsonRpc(connect(node))
    await rpc.ask("a", [])
    await rpc.close()
    with pytest.raises(NodeUnavailable, match="closed"):
        await rpc.ask("a", [])


async def test_nothing_is_sent_twice(node: NodeServer) -> None:
    """Not even when the node closes a kept connection: the first may have taken effect."""
    rpc = JsonRpc(connect(node))
    await rpc.ask("a", [])
    node.script["*"] = Answer(drop=True)
    with pytest.raises(NodeUnavailable):
        await rpc.ask("send", [])
    assert [method for method, _ in node.asked] == ["a", "send"]
    await rpc.close()


async def test_batches(node: NodeServer) -> None:
    rpc = JsonRpc(connect(node))
    node.script = {"a": 1, "b": {"error": {"code": -5, "message": "no"}}, "c": lambda x: x}
    calls = [("a", ()), ("b", ()), ("c", (3,))]
    assert await rpc.ask_all(calls) == [1, Fault(-5, "no"), 3]
    assert await rpc.ask_all(calls[:1]) == [1]
    assert len(node.heads) == 2
    await rpc.close()


REFUSED_BATCHES = [
    ([{"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "batch too large"}}]),
    (
        {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": -32600, "message": "batch limit 1 exceeded"},
        }
    ),
    ({"jsonrpc": "2.0", "error": {"code": -32005, "message": "Batch size limit exceeded"}}),
]


@pytest.mark.parametrize("answer", REFUSED_BATCHES)
async def test_a_refused_batch_is_no_answer_to_any_of_its_questions(
    node: NodeServer, answer: object
) -> None:
    """geth and erigon answer as if to the first one, older erigon and nethermind to none."""
    rpc = JsonRpc(connect(node))
    node.script = {"*": Answer(raw_batch=answer)}
    with pytest.raises(NodeUnavailable, match="batch"):
        await rpc.ask_all([("a", ()), ("b", ())])
    await rpc.close()


async def test_many_at_once_share_few_connections(node: NodeServer) -> None:
    rpc = JsonRpc(connect(node))
    found = await asyncio.gather(*(rpc.ask("a", []) for _ in range(200)))
    assert found == [7] * 200
    assert node.connections <= 32
    await rpc.close()


async def test_a_time_limit_grows_with_the_patience_of_whoever_asks() -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = Connection(Endpoint(SecretStr(f"http://127.0.0.1:{port}")), 0.05)
    for factor, limit in ((1, r"\(0\.05 s\)"), (4, r"\(0\.2 s\)")):
        with patient(factor):
            asked = asyncio.create_task(connection.post(b"{}"))
        with pytest.raises(NodeUnavailable, match=limit):
            await asked
    await connection.close()
    server.close()
