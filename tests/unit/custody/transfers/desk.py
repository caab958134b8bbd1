"""A desk that sends money: custody's services and workers around a fake chain and a fake signer.

Nothing runs by itself: tests call `work` for one round of everything a process does in a loop, so
that what happened before a crash and what after it is the test's choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from pydantic import SecretStr
from sqlalchemy import func, select, update

from chains.catalogue import built_in
from chains.costs import Costs
from chains.families import CODECS
from chains.model import Address, TxId
from custody.apikeys.model import Caller, Scope
from custody.bootstrap import Custody
from custody.config import Settings
from custody.db.feed_tables import EventRow
from custody.db.tables import IdempotencyRow, OutboxRow, Row, VaultRow
from custody.db.transfer_tables import ClaimRow, MandateRow, TransactionRow, TransferRow
from custody.errors import Unprocessable
from custody.reconcile.report import Report
from custody.reconcile.verify import verify
from custody.services import make_services
from custody.transactions import repository as transactions
from custody.transfers import repository as transfers
from custody.transfers.request import Answer, Idempotency, Output, Shown, TransferRequest
from custody.workers.workers import Workers
from signer.client import SignerClient
from signer.wire import canonical_json
from tests.support.custody import World
from tests.support.fakes import FakeCodec, changed_policy

ANYONE = Caller("key_00000000000000000000000000", "robot", None, frozenset(Scope))


class Plain:
    """Renders an answer as its status and the transfer's id or the refusal's code."""

    def created(self, made: Shown) -> Answer:
        return Answer(201, made.row.id.encode())

    def denied(self, made: Shown) -> Answer:
        return Answer(422, f"policy_denied {made.row.id}".encode())

    def refused(self, error: Unprocessable) -> Answer:
        return Answer(422, error.code.encode())


@dataclass
class Desk(World):
    """`fund` first; `ask` for transfers; `work` until they are where you want them."""

    lifetime: timedelta = timedelta(hours=1)
    keys: int = field(default=0, init=False)
    woken: int = field(default=0, init=False)

    def restart(self) -> None:
        super().restart()
        settings = Settings(
            database_url=SecretStr("sqlite+aiosqlite:///unused"),
            nodes={},
            poll_interval_s=0.01,
            transfer_lifetime=self.lifetime,
            _env_file=None,  # type: ignore[call-arg]
        )
        self.custody = Custody(
            settings=settings,
            database=self.database,
            signer=cast(SignerClient, self.signer),
            catalogue=built_in(),
            networks={self.network.id: self.network},
            codecs={self.network.id: self.adapter.codec},
            adapters={self.network.id: self.adapter},
            clock=self.clock,
        )
        families = dict.fromkeys(CODECS, FakeCodec)
        self.services = make_services(self.custody, self._wake, families=families)
        self.workers = Workers(self.services)
        self.worker = self.workers.networks[self.network.id]
        self.follower = self.worker._follower

    def _wake(self) -> None:
        self.woken += 1

    async def fund(self, vault: VaultRow, *amounts: int) -> None:
        """Deposits to the vault's first address, credited."""
        address = await self.new_address(vault)
        for amount in amounts:
            await self.node.fund(Address(address.address), amount)
        await self.node.mine()
        await self.node.finalize()
        await self.follow()

    async def open_funded(self, *amounts: int) -> VaultRow:
        vault = await self.new_vault()
        await self.fund(vault, *(amounts or (1_000_000,)))
        return vault

    async def outside(self) -> str:
        return await self.node.outside_address()

    async def ask(
        self,
        vault: VaultRow,
        amount: int | None,
        *,
        to: str | None = None,
        key: str | None = None,
        caller: Caller = ANYONE,
        memo: str | None = None,
        **more: Any,
    ) -> Answer:
        self.keys += 1
        said = {k: str(v) for k, v in more.items()}
        request = TransferRequest(
            vault_id=vault.id,
            network=self.network.id,
            asset=self.native,
            outputs=more.pop("outputs", None)
            or (Output(to or await self.outside(), amount, memo),),
            **more,
        )
        asked = canonical_json(
            {
                "vault": vault.id,
                "amount": str(amount),
                "to": to,
                "memo": memo,
                **said,
            }
        )
        idempotency = Idempotency("test", key or f"key-{self.keys}", asked)
        return await self.services.transfers.create(request, caller, idempotency, Plain())

    async def send(self, vault: VaultRow, amount: int | None, **more: Any) -> str:
        """Ask for a transfer that must be accepted; its id."""
        answer = await self.ask(vault, amount, **more)
        assert answer.status == 201, answer
        return answer.body.decode()

    async def work(self, rounds: int = 1) -> None:
        """What a process's loops do, `rounds` times: effects, blocks, tracking, expiry."""
        for _ in range(rounds):
            await self.run_outbox()
            await self.track()
            await self.services.transfers.expire()
            await self.services.versions.expire(self.clock())
            await self.services.renewal.renew()

    async def run_outbox(self) -> None:
        """Everything that is due, and what becomes due by it. Backoffs are skipped."""
        for _ in range(10):
            await self.make_due()
            before = await self.outbox()
            await self.worker.run_due()
            if await self.outbox() == before:
                return

    async def make_due(self) -> None:
        """Backoffs are over."""
        async with self.database.write() as session:
            await session.execute(
                update(OutboxRow)
                .where(OutboxRow.claim.is_(None))
                .values(attempts=0, held_until=None, last_error=None)
            )

    async def outbox_claims_end(self) -> None:
        """As time does it for a worker that died."""
        async with self.database.write() as session:
            await session.execute(update(OutboxRow).values(held_until=OutboxRow.held_since))

    async def reconcile(self, **how: Any) -> Report:
        """Where the ledger equals the chain, it must also be in order within itself."""
        report = await super().reconcile(**how)
        if report.is_clean:
            verified = await verify(self.database)
            assert verified.passed, [each for each in verified.findings if not each.passed]
        return report

    async def track(self) -> None:
        await self.follow()
        await self.worker._tracker.track(self.network.id)

    async def settle(self, transfer_id: str) -> TransferRow:
        """Mine until the transfer has ended."""
        for _ in range(12):
            await self.work()
            row = await self.transfer(transfer_id)
            if row.state in ("final", "failed", "cancelled"):
                return row
            await self.node.mine()
            await self.node.finalize()
        raise AssertionError(f"still {await self.state(transfer_id)}")

    # What is in the database

    async def transfer(self, transfer_id: str) -> TransferRow:
        async with self.database.read() as session:
            row = await session.get(TransferRow, transfer_id)
        assert row is not None
        return row

    async def state(self, transfer_id: str) -> str:
        return (await self.transfer(transfer_id)).state

    async def phase(self, transfer_id: str) -> str:
        """The state of its newest transaction, or its own where it has none with bytes."""
        found = await self.transactions(transfer_id)
        return found[-1].state if found else await self.state(transfer_id)

    async def newest(self, transfer_id: str) -> TransactionRow:
        """Its newest transaction."""
        return (await self.transactions(transfer_id))[-1]

    async def mandates(self, transfer_id: str) -> Sequence[MandateRow]:
        async with self.database.read() as session:
            return await transfers.mandates_of(session, transfer_id)

    async def transaction_events(self, transfer_id: str) -> list[str]:
        """Of all its transactions, in order."""
        ids = [each.id for each in await self.transactions(transfer_id)]
        async with self.database.read() as session:
            rows = await session.all(
                select(EventRow.event).where(EventRow.subject.in_(ids)).order_by(EventRow.seq)
            )
        return list(rows)

    async def events(self, transfer_id: str) -> list[str]:
        async with self.database.read() as session:
            rows = await session.all(
                select(EventRow.event).where(EventRow.subject == transfer_id).order_by(EventRow.seq)
            )
        return list(rows)

    async def claims(self) -> list[str]:
        async with self.database.read() as session:
            return list(await session.all(select(ClaimRow.key).order_by(ClaimRow.key)))

    async def transactions(self, transfer_id: str) -> Sequence[TransactionRow]:
        """Those that have bytes, the oldest first."""
        async with self.database.read() as session:
            found = await transactions.contest(session, transfer_id)
        return [each for each in found if each.payload is not None]

    async def outbox(self) -> list[tuple[str, str]]:
        async with self.database.read() as session:
            rows = await session.all(select(OutboxRow).order_by(OutboxRow.seq))
        return [(row.kind, row.subject) for row in rows]

    async def counts(self) -> dict[str, int]:
        """Rows in every table: what "nothing changed" means."""
        async with self.database.read() as session:
            return {
                mapper.class_.__tablename__: await session.one(
                    select(func.count()).select_from(mapper.class_)
                )
                for mapper in Row.registry.mappers
                if mapper.class_ is not IdempotencyRow
            }

    async def received(self, transfer_id: str) -> int:
        """What arrived outside, as the chain tells it."""
        row = await self.transfer(transfer_id)
        to, found = Address(row.destination), await self.transactions(transfer_id)
        sent = [TxId(each.txid) for each in found if each.txid]
        return sum([await self.node.received(txid, to, self.native) for txid in sent])

    def use_policy(self, **changes: Any) -> None:
        """The fake signer's policy with other rules, persons or groups; one version later."""
        version = 1 if self.signer.signed_policy is None else self._version() + 1
        self.signer.signed_policy = changed_policy(version, **changes)
        self.services.policies._fresh_until = None

    def _version(self) -> int:
        import json

        assert self.signer.signed_policy is not None
        version: int = json.loads(self.signer.signed_policy.document)["version"]
        return version


def total(costs: Costs | None) -> int:
    """Of all kinds together; nothing is known while it is in no block."""
    assert costs is not None
    return sum(costs.values())


def bound_to(client_id: str) -> Caller:
    return replace(ANYONE, key_id="key_11111111111111111111111111", client_id=client_id)
