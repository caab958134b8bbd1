"""The restore drill on real engines: real nodes, the signer's process, the operator's commands.

What lies in the database and on the signer's disk is put back to what it was, one of them or both;
then every client repeats every request. Nothing may be paid twice.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import select

from chains.devnet.node import DevNode
from chains.model import Address
from custody.alarms.codes import AlarmCode
from custody.bootstrap import open_custody
from custody.config import Settings
from custody.db.migrate import upgrade
from custody.db.tables import AlarmRow
from custody.db.transfer_tables import TransferRow
from custody.devnet.nodes import NODES
from custody.devnet.policy import MACHINE, administrators, standing_policy
from custody.errors import CustodyError
from custody.ledger import repository as balances
from custody.services import Services, make_services
from custody.transfers.request import Idempotency, Output, TransferRequest
from custody.workers.workers import Workers
from signer.client import SignerClient
from signer.state import StateDirectory
from signer.wire import canonical_json
from tests.support.networks import find_network
from tests.support.signer import prepare_state, run_keys, running_signer
from tests.unit.custody.transfers.desk import ANYONE, Plain

pytestmark = [pytest.mark.engine, pytest.mark.timeout(420)]
RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "runbook.md").read_text()
"""All that the operator has: each command that is typed here is written there."""
ABOUT_THE_JOURNAL = {
    "signed_elsewhere",
    "signer_ahead",
    "signer_behind",
    "signer_lost_records",
    "recovered_unheld",
}
PATIENCE_S = 120.0
"""For what takes a second on an idle machine."""
CALLER = replace(ANYONE, initiator=MACHINE)


@dataclass
class Drill:
    """One network, one vault, one signer. `asked`: amount and payee of each key."""

    folder: Path
    node: DevNode
    state: StateDirectory
    administrator: Ed25519PrivateKey
    alias: str
    vault: str = ""
    asked: dict[str, tuple[int, Address]] = field(default_factory=dict)
    at_rest: bool = False
    """No new blocks: a node that counts at its tip only is compared while the tip stands still, and
    on a busy machine ten blocks a second come faster than they are followed."""

    @property
    def file(self) -> Path:
        return self.folder / "custody.db"

    @property
    def policy(self) -> Path:
        """The signed policy, as an administrator keeps it."""
        return self.folder / "policy.json"

    @property
    def url(self) -> str:
        return f"sqlite+aiosqlite:///{self.file}"

    @property
    def socket(self) -> Path:
        return self.folder / "signer.sock"

    @property
    def unit(self) -> int:
        """A thousandth of a coin."""
        return int(10 ** (find_network(self.alias).native.decimals - 3))

    def settings(self) -> Settings:
        return Settings(
            database_url=SecretStr(self.url),
            signer_socket=self.socket,
            nodes=cast(Any, {self.alias: self.node.url}),
            poll_interval_s=0.05,
            _env_file=None,  # type: ignore[call-arg]
        )

    @asynccontextmanager
    async def living(self) -> AsyncIterator[Services]:
        """Custody with its workers, while blocks come. As after a restart each time. If one of
        the two fails, who waits hears it at once."""
        async with open_custody(self.settings()) as custody, asyncio.TaskGroup() as group:
            services = make_services(custody)
            workers = Workers(services)
            group.create_task(workers.run())
            blocks = group.create_task(self._produce())
            yield services
            workers.stop()
            blocks.cancel()

    async def _produce(self) -> None:
        while True:
            if not self.at_rest:
                await self.node.mine()
            await asyncio.sleep(0.1)

    async def move_in(self, services: Services) -> None:
        client = await services.vaults.create_client("Example Ltd")
        vault = await services.vaults.create_vault(client.id, "Treasury")
        self.vault = vault.id
        network = find_network(self.alias)
        (row,) = await services.vaults.create_addresses(vault.id, network.id)
        for _ in range(6):  # coins enough for payments side by side
            await self.node.fund(Address(row.address), 10_000 * self.unit)

        async def arrived() -> bool:
            async with services.custody.database.read() as session:
                found = await balances.balances_of_vault(session, self.vault)
            return [each.available for each in found] == [60_000 * self.unit]

        await until(arrived)

    async def ask(self, services: Services, key: str) -> str:
        """The transfer's id, or the code of the refusal."""
        if key not in self.asked:
            amount = (100 + len(self.asked)) * self.unit
            self.asked[key] = amount, await self.node.outside_address()
        amount, to = self.asked[key]
        network = find_network(self.alias)
        request = TransferRequest(self.vault, network.id, network.native.id, (Output(to, amount),))
        idempotency = Idempotency("POST /v1/transfers", key, f"{to} {amount}".encode())
        try:
            answer = await services.transfers.create(request, CALLER, idempotency, Plain())
        except CustodyError as error:
            return error.code
        return answer.body.decode()

    async def repeat_all(self, services: Services) -> dict[str, str]:
        return {key: await self.ask(services, key) for key in list(self.asked)}

    async def pay(self, services: Services, *keys: str) -> dict[str, str]:
        """Ask, and wait until all of it is final."""
        ids = {key: await self.ask(services, key) for key in keys}
        await until(lambda: self.all_in(services, "final", ids.values()))
        return ids

    async def all_in(self, services: Services, state: str, ids: Iterable[str]) -> bool:
        async with services.custody.database.read() as session:
            rows = [await session.get(TransferRow, transfer) for transfer in ids]
        return all(row is not None and row.state == state for row in rows)

    async def received(self) -> dict[str, int]:
        """By the engines themselves."""
        return {key: await self.node.balance(to) for key, (_, to) in self.asked.items()}

    def amounts(self, *keys: str) -> dict[str, int]:
        return {key: self.asked[key][0] if key in keys else 0 for key in self.asked}

    # What an operator does

    def back_up(self, name: str) -> None:
        target = self.folder / name
        target.mkdir()
        with sqlite3.connect(self.file) as connection:
            connection.execute("VACUUM INTO ?", (str(target / "custody.db"),))
        connection.close()
        shutil.copytree(self.state.path, target / "state", ignore=shutil.ignore_patterns("*.sock"))

    def restore_database(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.folder / name / "custody.db", self.file)

    def restore_signer(self, name: str) -> Path:
        """Returns a copy of the log as it was, as a log server would have it."""
        log = self.folder / "shipped.jsonl"
        shutil.copy(self.state.log, log)
        shutil.rmtree(self.state.path)
        shutil.copytree(self.folder / name / "state", self.state.path)
        return log

    async def custody(self, *arguments: str) -> str:
        """A command of the runbook, in a process of its own, while this one's loop goes on."""
        typed = " ".join(Path(each).name if "/" in each else each for each in arguments)
        assert f"`custody {typed}`" in RUNBOOK
        environment = os.environ | {
            "CUSTODY_DATABASE_URL": self.url,
            "CUSTODY_SIGNER_SOCKET": str(self.socket),
            "CUSTODY_NODES": f'{{"{self.alias}": "{self.node.url}"}}',
        }
        command = [str(Path(sys.executable).with_name("custody")), *arguments]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.05)


async def alarms(services: Services) -> set[str]:
    """Those that are open and about the signer's journal."""
    async with services.custody.database.read() as session:
        found = await session.all(select(AlarmRow.code).where(AlarmRow.cleared_at.is_(None)))
    return {code for code in found if code in ABOUT_THE_JOURNAL}


@asynccontextmanager
async def begun(alias: str, folder: Path, kind: type[Drill] = Drill) -> AsyncIterator[Drill]:
    """With an empty database, a running node, and a signer that nobody has started."""
    key = Ed25519PrivateKey.generate()
    node = NODES[alias](find_network(alias), folder / "node")
    await node.start()
    try:
        state = prepare_state(folder, administrators=administrators(key))
        made = kind(folder, node, state, key, alias)
        await upgrade(made.url)
        yield made
    finally:
        await node.stop()


@asynccontextmanager
async def funded(alias: str, folder: Path, kind: type[Drill] = Drill) -> AsyncIterator[Drill]:
    """With a signer that runs, and a vault that has money."""
    async with begun(alias, folder, kind) as made:
        with running_signer(made.state):
            client = SignerClient(made.socket)
            await client.publish_policy(standing_policy([find_network(alias)], made.administrator))
            await client.close()
            async with made.living() as services:
                await made.move_in(services)
            made.at_rest = True
            yield made


@pytest_asyncio.fixture
async def drill(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Drill]:
    async with begun(request.param, folder) as made:
        yield made


def on(*aliases: str, long: Sequence[str] = ()) -> pytest.MarkDecorator:
    """`long`: played by `make test-long`; what every drill shares is shown on the others."""
    later = [pytest.param(each, marks=pytest.mark.long) for each in long]
    return pytest.mark.parametrize("drill", [*aliases, *later], indirect=True)


async def first_day(drill: Drill) -> None:
    """A policy, a vault with money, a payment; then the backup; then two payments more."""
    with running_signer(drill.state):
        client = SignerClient(drill.socket)
        policy = standing_policy([find_network(drill.alias)], drill.administrator)
        drill.policy.write_bytes(canonical_json(policy.to_json()))
        await client.publish_policy(policy)
        await client.close()
        async with drill.living() as services:
            await drill.move_in(services)
            await drill.pay(services, "before")
        drill.back_up("backup")
        async with drill.living() as services:
            await drill.pay(services, "one", "two")


@on("solana-local", long=("tron-local", "ethereum-local", "bitcoin-regtest"))
async def test_an_older_database(drill: Drill) -> None:
    await first_day(drill)
    drill.restore_database("backup")
    with running_signer(drill.state):
        async with drill.living() as services:
            await until(lambda: _is(alarms(services), {"signer_ahead"}))
            said = await drill.repeat_all(services)
            assert (said["one"], said["two"]) == ("signer_ahead", "signer_ahead")
        assert "transfer tfr_" in await drill.custody("recover", "--dry-run")
        assert "rebuilt 0 vaults" in await drill.custody("recover")
        async with drill.living() as services:
            ids = await drill.repeat_all(services)
            assert all(each.startswith("tfr_") for each in ids.values()), ids
            await until(lambda: drill.all_in(services, "final", ids.values()))
            assert await drill.repeat_all(services) == ids
            await drill.pay(services, "three")
            assert await alarms(services) == set()
        assert await drill.received() == drill.amounts("before", "one", "two", "three")


@on("bitcoin-regtest", long=("ethereum-local", "tron-local"))
async def test_an_older_signer(drill: Drill) -> None:
    """Custody is restarted too: what it tells the signer comes from its database."""
    await first_day(drill)
    log = drill.restore_signer("backup")
    with running_signer(drill.state):
        async with drill.living() as services:
            await drill.ask(services, "three")
            await until(lambda: _is(alarms(services), {"signer_behind"}))
            await until(lambda: _waits(services, drill, "three"))
            ids = await drill.repeat_all(services)
    assert await drill.received() == drill.amounts("before", "one", "two")
    assert "`custody-keys recover --log COPY`" in RUNBOOK
    run_keys("recover", "--state-dir", drill.state.path, "--log", log)
    with running_signer(drill.state):
        async with drill.living() as services:
            assert await drill.repeat_all(services) == ids
            await until(lambda: drill.all_in(services, "final", ids.values()))
            await until(lambda: _is(alarms(services), set()))
    assert await drill.received() == drill.amounts("before", "one", "two", "three")


@on("ethereum-local", long=("bitcoin-regtest", "tron-local"))
async def test_both_older_and_no_copy_of_the_log(drill: Drill) -> None:
    """What was paid in the lost stretch is known to the chain alone: a person has to look."""
    await first_day(drill)
    drill.restore_database("backup")
    drill.restore_signer("backup")
    vaults = drill.folder / "vaults.jsonl"
    known = await drill.custody("recover", "--vaults", str(vaults))
    sequence = known.split("record ")[1].split()[0]
    skipped = ("--sequence", sequence, "--policy-version", "1", "--policy", drill.policy)
    typed = "--sequence N --policy-version VERSION --policy FILE --vaults vaults.jsonl"
    assert f"`custody-keys recover {typed}`" in RUNBOOK
    run_keys("recover", "--state-dir", drill.state.path, *skipped, "--vaults", vaults)
    with running_signer(drill.state):
        async with drill.living() as services:
            await until(lambda: _is(alarms(services), {"signer_ahead"}))
            assert (await drill.repeat_all(services))["one"] == "signer_ahead"
        assert "1 vaults are frozen" in await drill.custody("recover")
        async with drill.living() as services:
            said = await drill.repeat_all(services)
            assert (said["one"], said["two"]) == ("vault_frozen", "vault_frozen")
            assert said["before"].startswith("tfr_")
            drill.at_rest = True
            await until(lambda: _is_told(services))
    assert await drill.received() == drill.amounts("before", "one", "two")


async def _is(found: Awaitable[set[str]], wanted: set[str]) -> bool:
    return await found == wanted


async def _waits(services: Services, drill: Drill, key: str) -> bool:
    transfer = await drill.ask(services, key)
    async with services.custody.database.read() as session:
        row = await session.get(TransferRow, transfer)
    return row is not None and row.waiting == "signer_unavailable"


async def _is_told(services: Services) -> bool:
    """What was paid and forgotten left without a transaction that custody knows: it is booked, a
    person is called, and the ledger equals the chain again, once that has been followed."""
    async with services.custody.database.read() as session:
        codes = await session.all(select(AlarmRow.code).where(AlarmRow.cleared_at.is_(None)))
    report = await services.reconciliation.run()
    return AlarmCode.FOREIGN_DEBIT in codes and report.is_clean
