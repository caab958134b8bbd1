"""Large answers are read elsewhere: the same values, the same errors, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import from_json

from chains.errors import NodeMisbehaved
from chains.evm import shrink
from chains.transport.child import MEMORY_BYTES_MAX
from chains.transport.connection import Connection
from chains.transport.jsonrpc import JsonRpc
from chains.transport.offload import (
    LARGE_BYTES,
    WORKERS,
    Offload,
    Unreadable,
    frame,
    read_answer,
)
from tests.support.node_answers.server import NodeServer

pytestmark = pytest.mark.slow


def receipt(number: int) -> dict[str, Any]:
    return {
        "transactionHash": f"0x{number:064x}",
        "status": "0x1",
        "gasUsed": "0x5208",
        "contractAddress": None,
        "logs": [
            {"address": "0x" + "11" * 20, "topics": ["0x" + "22" * 32], "data": "0x" + "3" * 200}
        ],
    }


def answer(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


def elsewhere(_: Any) -> Any:
    """Stands for the reader `shrink.receipts`, and must not run in this process."""
    raise AssertionError("read in this process")


elsewhere.__module__, elsewhere.__qualname__ = shrink.receipts.__module__, "receipts"


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    made = Offload()
    yield made
    await made.close()


async def test_what_a_child_reads_is_what_would_be_read_here(offload: Offload) -> None:
    for result in ([], [receipt(n) for n in range(2_000)], None):
        body = answer(result)
        assert await offload.read(body, elsewhere) == read_answer(body, from_json, shrink.receipts)
    refused = b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "pruned"}}'
    assert await offload.read(refused, elsewhere) == json.loads(refused)


async def test_what_is_no_json(offload: Offload) -> None:
    for body in (b"<html>", b"", b'{"result": [', b"\xff"):
        with pytest.raises(ValueError, match="JSON"):
            await offload.read(body, elsewhere)
        with pytest.raises(ValueError, match="line 1"):
            read_answer(body, from_json, shrink.receipts)


async def test_another_shape_than_expected(offload: Offload) -> None:
    shapes: list[Any] = ["text", 7, [7], [None], {"a": 1}]
    for result in shapes:
        with pytest.raises(Unreadable):
            await offload.read(answer(result), elsewhere)
        with pytest.raises(Unreadable):
            read_answer(answer(result), from_json, shrink.receipts)


async def test_amounts_of_any_size_arrive(offload: Offload) -> None:
    rows = [receipt(1) | {"gasUsed": 2**256 - 1}]
    read = await offload.read(answer(rows), elsewhere)
    assert read["result"][0]["gasUsed"] == 2**256 - 1


async def test_large_answers_of_a_node_go_to_a_child_and_small_ones_do_not() -> None:
    rows = [receipt(n) for n in range(1_000)]
    async with NodeServer({"large": rows, "small": rows[:1], "odd": ["x" * LARGE_BYTES]}) as node:
        rpc = JsonRpc(Connection(node.url, 30.0))
        try:
            found = await rpc.ask("large", [], reader=elsewhere)
            assert found == shrink.receipts(rows)
            assert len(rpc._offload._all) == 1
            with pytest.raises(NodeMisbehaved, match="can't be read"):
                await rpc.ask("odd", [], reader=elsewhere)
            assert await rpc.ask("small", [], reader=shrink.receipts) == shrink.receipts(rows[:1])
            with pytest.raises(AssertionError, match="in this process"):
                await rpc.ask("small", [], reader=elsewhere)
        finally:
            await rpc.close()
        assert not rpc._offload._all


# Children


async def test_there_are_never_more_children_than_allowed(offload: Offload) -> None:
    bodies = [answer([receipt(n)] * 500) for n in range(8)]
    found = await asyncio.gather(*(offload.read(body, elsewhere) for body in bodies))
    assert [each["result"][0] for each in found] == [
        shrink.receipts([receipt(n)])[0] for n in range(8)
    ]
    assert len(offload._all) == WORKERS


async def test_a_child_that_dies_fails_one_answer_and_is_replaced(offload: Offload) -> None:
    await offload.read(answer([]), elsewhere)
    (child,) = offload._all
    child.kill()
    await child.wait()
    with pytest.raises(NodeMisbehaved):
        await offload.read(answer([receipt(1)]), elsewhere)
    assert len((await offload.read(answer([receipt(1)]), elsewhere))["result"]) == 1


async def test_an_answer_that_nobody_waits_for_is_never_given_to_another(offload: Offload) -> None:
    await offload.read(answer([]), elsewhere)
    asked = asyncio.create_task(offload.read(answer([receipt(1)] * 20_000), elsewhere))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    found = await offload.read(answer([receipt(2)]), elsewhere)
    assert found["result"] == shrink.receipts([receipt(2)])


async def test_an_answer_that_takes_too_long_to_read_ends_its_child() -> None:
    offload = Offload(timeout_s=0.0)
    with pytest.raises(NodeMisbehaved, match="too long"):
        await offload.read(answer([receipt(1)] * 1_000), elsewhere)
    assert not offload._all


async def test_a_child_knows_no_secret_and_little_memory(
    offload: Offload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTODY_NODES", "hunter2")
    await offload.read(answer([]), elsewhere)
    (child,) = offload._all
    process = Path(f"/proc/{child.pid}")
    assert {
        entry.partition("=")[0] for entry in process.joinpath("environ").read_text().split("\0")
    } <= {
        "PYTHONPATH",
        "",
    }
    limits = process.joinpath("limits").read_text()
    assert f"Max address space         {MEMORY_BYTES_MAX}" in limits


async def test_a_child_ends_with_its_input() -> None:
    """As it happens when the parent is killed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "chains.transport.child",
        stdin=PIPE,
        stdout=PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdin is not None
    child.stdin.write(frame(b"chains.evm.shrink:receipts") + frame(answer([])) + b"\0\0")
    child.stdin.close()
    said, _ = await child.communicate()
    assert json.loads(said[8:]) == {"value": {"jsonrpc": "2.0", "id": 1, "result": []}}
    assert child.returncode == 0
