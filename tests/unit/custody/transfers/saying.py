"""A desk whose policy lets a vault sign messages, on a chain that is not there."""

from __future__ import annotations

from typing import Final, Self

import pytest

from chains import families
from chains.effects import Allow
from chains.evm.messages import EvmMessages
from chains.messages.model import ANYBODY, Kind, Message, Said
from chains.messages.recoverable import recoverable
from chains.model import Address, AddressType, Signature
from chains.networks import Family, Network
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.transfers.request import Answer, Idempotency, TransferRequest, Wording
from signer.wire import canonical_json
from tests.support.fakes import FakeCodec
from tests.unit.custody.transfers.desk import ANYONE, Desk, Plain
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS

_NAMED: Final = [{"kind": "eip-191", "domains": [ANYBODY]}]
SAYS: Final = {
    "scope": {"actions": ["transfer", "sign", "allow"]},
    "grant": {"messages": _NAMED},
}
ALLOWING: Final = b"let somebody take 5"
UNITS: Final = 5


class FakeMessages(EvmMessages):
    """Texts of real wallets, signed by addresses of the fake chain. One of them gives something
    away."""

    def __init__(self, network: Network) -> None:
        self._codec = FakeCodec(network)

    def said(self, network: Network, sender: Address, message: Message) -> Said:
        said = super().said(network, sender, message)
        if message.content != ALLOWING:
            return said
        spender = self._codec._address(AddressType.EVM, "5e" * 20)
        effects = (Allow(spender, network.native.id, UNITS, None),)
        return Said(effects, said.algorithm, said.signed, said.name)

    def sealed(self, said: Said, sender: Address, signature: Signature) -> str:
        kind = self._codec.parse_address(sender).address_type
        return recoverable(
            said, sender, signature, lambda key: self._codec.derive_address(key, kind)
        )


class SayingDesk(Desk):
    vault: VaultRow

    @classmethod
    async def opened(cls, database: Database, patch: pytest.MonkeyPatch) -> Self:
        desk = cls(database, ACCOUNT)
        patch.setitem(families.MESSAGES, Family("evm"), FakeMessages(desk.network))
        desk.use_policy(**SAYS)
        desk.vault = await desk.open_funded(FUNDS)
        return desk

    async def ask_saying(self, content: bytes, key: str | None = None) -> Answer:
        self.keys += 1
        said = Wording(Kind.EIP191, content)
        request = TransferRequest(self.vault.id, self.network.id, self.native, (), message=said)
        asked = canonical_json({"said": content.hex()})
        retry = Idempotency("test", key or f"message-{self.keys}", asked)
        return await self.services.transfers.create(request, ANYONE, retry, Plain())

    async def say(self, content: bytes = b"my word", key: str | None = None) -> str:
        answer = await self.ask_saying(content, key)
        assert answer.status == 201, answer
        return answer.body.decode()

    async def signature(self, transfer: str) -> bytes | None:
        return (await self.newest(transfer)).raw

    async def costs_nothing(self) -> None:
        balance = await self.balance(self.vault)
        assert (balance.available, balance.reserved) == (FUNDS, 0)
