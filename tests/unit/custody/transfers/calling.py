"""A desk whose policy lets a vault call contracts."""

from __future__ import annotations

from typing import Any, Self

from chains.effects import Call
from chains.model import Address
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.transfers.request import Answer, Idempotency, TransferRequest
from signer.agreement import effect_to_json
from signer.wire import canonical_json
from tests.unit.custody.transfers.desk import ANYONE, Desk, Plain, total
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS

CALLS = {"scope": {"actions": ["transfer", "call"]}}


class CallingDesk(Desk):
    vault: VaultRow
    contract: Address

    @classmethod
    async def opened(cls, database: Database, funds: int = FUNDS, alias: str = ACCOUNT) -> Self:
        desk = cls(database, alias)
        desk.use_policy(**CALLS)
        desk.vault = await desk.open_funded(funds)
        desk.contract = Address(await desk.outside())
        return desk

    def words(self, value: int = 0, nonce: str = "0x07") -> Call:
        return Call(self.contract, "carry", (("nonce", nonce), ("units", "5")), value)

    async def ask_call(
        self, call: Call | None = None, key: str | None = None, **more: Any
    ) -> Answer:
        self.keys += 1
        call = call or self.words()
        request = TransferRequest(
            more.pop("vault", self.vault).id,
            self.network.id,
            more.pop("asset", self.native),
            more.pop("outputs", ()),
            told=call,
            **more,
        )
        asked = canonical_json(effect_to_json(call))
        retry = Idempotency("test", key or f"call-{self.keys}", asked)
        return await self.services.transfers.create(request, ANYONE, retry, Plain())

    async def send_call(self, call: Call | None = None, **more: Any) -> str:
        answer = await self.ask_call(call, **more)
        assert answer.status == 201, answer
        return answer.body.decode()

    async def fee_of(self, transfer: str) -> int:
        return total((await self.newest(transfer)).costs)
