"""Strangers can't stop a vault, and an operator who has only the runbook lets a stopped one go on.

On real engines, with the real signer and API: one network whose node doesn't show what contracts
pay, and one whose node does. What is typed here is read from docs/runbook.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.evm import address as evm_address
from chains.model import Address
from custody.devnet.demo import Api
from custody.devnet.launcher import House, running_custody
from custody.devnet.nodes import block_production
from tests.support.cli import done
from tests.support.evm import GAS, STOPS, pays
from tests.support.networks import find_network
from tests.support.rpc_proxy import without_methods

T = TypeVar("T")

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
BLIND, SEEING = "ethereum-local", "bsc-local"
ETHER = 10**18
WAIT_S = 150.0

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("devnet"), pytest.mark.timeout(400)]
in_one_house = pytest.mark.asyncio(loop_scope="module")


def commands(section: str) -> list[str]:
    """What the runbook's section says to type, without the remarks beside it."""
    text = re.split(rf"^## {section}\n", RUNBOOK.read_text(), flags=re.MULTILINE)[1]
    text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@dataclass
class Operator:
    """Has the runbook, a shell and custody's settings."""

    environment: dict[str, str]

    async def type(self, line: str, **words: str) -> subprocess.CompletedProcess[str]:
        """A line of the runbook, with the words in capitals filled in. In a thread: the nodes'
        proxies live in this event loop."""
        for word, value in words.items():
            line = re.sub(rf"\b{word}\b", value, line)
        command, *arguments = shlex.split(line, comments=True)
        program = Path(sys.executable).with_name(command)
        environment = {**os.environ, **self.environment}

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [program, *arguments],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )

        return await asyncio.to_thread(run)

    async def follow(self, section: str, **words: str) -> list[subprocess.CompletedProcess[str]]:
        return [await self.type(line, **words) for line in commands(section)]


@dataclass
class Bank:
    """One client with a vault on both networks."""

    house: House
    api: Api
    vault: str
    addresses: dict[str, Address] = field(default_factory=dict)

    def node(self, alias: str) -> AnvilNode:
        node = self.house.nodes[alias]
        assert isinstance(node, AnvilNode)
        return node

    async def frozen(self) -> str | None:
        return (await self.api.get(f"/vaults/{self.vault}"))["frozen_reason"]

    async def alarms(self) -> list[tuple[str, str]]:
        items = (await self.api.get("/alarms"))["items"]
        return [(item["code"], item["network"]) for item in items]

    async def deposits(self, alias: str) -> list[tuple[int, str]]:
        network = self.house.networks[alias].id
        items = (await self.api.get("/deposits", vault_id=self.vault, network=network))["items"]
        return [(int(item["amount_base_units"]), item["state"]) for item in items]

    async def pay(self, alias: str, to: str, amount: str) -> dict[str, Any]:
        """A transfer of the client's, until it is final."""
        body = {
            "vault_id": self.vault,
            "network": self.house.networks[alias].id,
            "destination": to,
            "amount": amount,
        }
        made = await self.api.post("/transfers", body, os.urandom(8).hex())

        async def ended() -> dict[str, Any] | None:
            found = await self.api.get(f"/transfers/{made['id']}")
            return found if found["state"] == "final" else None

        return await until(ended, "the transfer is final")

    async def create(self, alias: str, code: bytes, value: int = 0) -> tuple[str, Address]:
        """A stranger's contract: the transaction that made it, and its address."""
        txid = await self.node(alias).send(None, value, code, GAS)

        async def receipt() -> Any:
            return await self.node(alias).ask("eth_getTransactionReceipt", txid)

        found = await until(receipt, "the contract is in a block")
        assert found["status"] == "0x1"
        return txid, evm_address.canonical(found["contractAddress"])


async def until(ask: Callable[[], Awaitable[T | None]], what: str) -> T:
    deadline = time.monotonic() + WAIT_S
    while (found := await ask()) is None or found is False:
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.3)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    """One for all tests here, which each have a client of their own."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runbook-")))
        nodes = {alias: AnvilNode(find_network(alias), root / alias) for alias in (BLIND, SEEING)}
        for node in nodes.values():
            await node.start()
            stack.push_async_callback(node.stop)
        blind = await stack.enter_async_context(without_methods(nodes[BLIND].url, "debug_"))
        urls = {BLIND: blind, SEEING: nodes[SEEING].url}
        await stack.enter_async_context(block_production(nodes, 0.5))
        yield await stack.enter_async_context(
            running_custody(root, lambda text: None, nodes, urls=urls)
        )


@pytest_asyncio.fixture(loop_scope="module")
async def bank(house: House) -> AsyncIterator[Bank]:
    api = Api(house)
    client = await api.post("/clients", {"name": "Bank"})
    vault = await api.post("/vaults", {"client_id": client["id"], "name": "Treasury"})
    opened = Bank(house, api, vault["id"])
    for alias in house.nodes:
        network = house.networks[alias].id
        made = await api.post(f"/vaults/{vault['id']}/addresses", {"network": network})
        opened.addresses[alias] = Address(made["address"])
        await opened.node(alias).fund(opened.addresses[alias], 4 * ETHER)
    for alias in house.nodes:

        async def credited(alias: str = alias) -> bool:
            return await opened.deposits(alias) == [(4 * ETHER, "credited")]

        await until(credited, f"the deposit on {alias} is credited")
    yield opened
    await api.close()


def init_of(code: bytes) -> bytes:
    """Makes a contract that runs `code` on every call."""
    size, offset = len(code).to_bytes(2, "big"), (15).to_bytes(2, "big")
    made = b"\x61" + size + b"\x80\x61" + offset + b"\x60\0\x39\x60\0\xf3"
    return made.ljust(15, b"\0") + code


@in_one_house
async def test_outsiders_stop_nothing_and_a_rescan_shows_what_a_node_did_not(bank: Bank):
    txid = await stranger_who_is_not_seen(bank)
    await rescanned(bank, Operator(dict(bank.house.environment)), txid)


@in_one_house
async def test_a_payee_that_pays_back_stops_nothing(bank: Bank) -> None:
    """One wei, inside our own transaction: a deposit, and the books are equal."""
    code = pays(bank.addresses[SEEING], 1) + STOPS
    _, contract = await bank.create(SEEING, init_of(code))
    await bank.pay(SEEING, contract, "0.5")

    async def came_back() -> bool:
        return await bank.deposits(SEEING) == [(4 * ETHER, "credited"), (1, "credited")]

    await until(came_back, "the wei is credited")


async def stranger_who_is_not_seen(bank: Bank) -> str:
    """A payment through a contract, on a node without traces: a surplus, which stops nothing."""
    passes_on = bytes.fromhex("600080808034" + "73" + bank.addresses[BLIND][2:] + "5af100")
    txid, _ = await bank.create(BLIND, passes_on, 1_000)
    network = bank.house.networks[BLIND].id

    async def alarmed() -> bool:
        return ("chain_above_ledger", network) in await bank.alarms()

    await until(alarmed, "the surplus is noticed")
    assert await bank.frozen() is None
    shown = (await bank.api.get(f"/vaults/{bank.vault}/reconciliation"))["items"]
    (line,) = [item for item in shown if item["network"] == network]
    assert line["verdict"] == "surplus"
    assert int(line["chain_base_units"]) - int(line["ledger_base_units"]) == 1_000
    await bank.pay(BLIND, await bank.node(BLIND).outside_address(), "0.25")
    assert await bank.frozen() is None
    assert ("chain_above_ledger", bank.house.networks[SEEING].id) not in await bank.alarms()
    return txid


async def rescanned(bank: Bank, operator: Operator, txid: str) -> None:
    """With a node that shows it, for this one time."""
    network = bank.house.networks[BLIND]
    seeing = Operator(
        operator.environment | {"CUSTODY_NODES": json.dumps({BLIND: bank.node(BLIND).url})}
    )
    by_txid, _ = commands("Rescan")
    for missing in (1, 0):
        said = await seeing.type(by_txid, NETWORK=network.alias, TXID=txid)
        assert f"{missing} deposits" in said.stdout, said.stderr

    async def explained() -> bool:
        return ("chain_above_ledger", network.id) not in await bank.alarms()

    await until(explained, "the surplus is gone")
    assert (1_000, "credited") in await bank.deposits(BLIND)


@in_one_house
async def test_a_stopped_vault_goes_on_by_the_runbook_alone(bank: Bank) -> None:
    """Something left without a transfer; it comes back; an operator finds the way."""
    operator = Operator(dict(bank.house.environment))
    node, address = bank.node(SEEING), bank.addresses[SEEING]
    had = await node.balance(address)
    await node.ask("anvil_setBalance", address, hex(had - 7))

    async def stopped() -> bool:
        return await bank.frozen() == "chain_below_ledger"

    await until(stopped, "the shortage is noticed")
    listed = await operator.type("custody alarm list")
    assert "chain_below_ledger" in listed.stdout
    shown, refused, _ = commands("Unfreeze a vault")
    why = await operator.type(shown, VAULT=bank.vault)
    assert "chain_below_ledger" in why.stdout
    first = await operator.type(refused, VAULT=bank.vault)
    assert first.returncode == 1
    assert "7 less on the chain than in the ledger" in first.stderr
    assert await bank.frozen() == "chain_below_ledger"
    await node.ask("anvil_setBalance", address, hex(had))
    last = await operator.type(refused, VAULT=bank.vault)
    assert last.returncode == 0, last.stderr
    assert await bank.frozen() is None
    await bank.pay(SEEING, await node.outside_address(), "0.25")

    async def quiet() -> bool:
        return not any(code.startswith("chain_") for code, _ in await bank.alarms())

    await until(quiet, "the alarm has cleared itself")
    freezing = await operator.follow("Freeze a vault", VAULT=bank.vault)
    assert [each.returncode for each in freezing] == [0] * len(freezing)
    assert await bank.frozen() == "why"


def words_in_capitals(lines: Sequence[str]) -> set[str]:
    return {word for line in lines for word in re.findall(r"\b[A-Z]{4,}\b", line.split("#")[0])}


@pytest.mark.parametrize("section", ["Freeze a vault", "Unfreeze a vault", "Rescan", "Rewind"])
def test_every_command_of_the_runbook_is_one(section: str):
    """Each is understood; the words in capitals are all that has to be filled in."""
    lines = commands(section)
    assert lines
    assert words_in_capitals(lines) <= {"VAULT", "ALARM", "NETWORK", "HEIGHT", "TXID"}
    for line in lines:
        _, *arguments = shlex.split(line, comments=True)
        named = [each for each in arguments[:2] if each.islower() and not each.startswith("--")]
        helped = done(*named, "--help")
        assert all(each in helped for each in arguments if each.startswith("--")), line
