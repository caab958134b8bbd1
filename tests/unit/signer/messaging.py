"""A signer that may sign messages, and what is asked of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chains.effects import Allow, Effect, Sign
from chains.evm import build
from chains.families import CODECS, messages_of
from chains.messages.model import ANYBODY, Kind, Message
from chains.messages.reading import MessageReader
from chains.model import Address, AssetId, NetworkId, UnsignedTx
from chains.networks import Family
from signer.wire import Action, Mandate, Purpose, Receipt, SignRequest
from tests.support import messages as said
from tests.support.rows import token_row
from tests.support.signer import (
    Bench,
    agreed,
    policy_document,
    rule,
    window,
)

LOCAL = "ethereum-local"
NETWORK = NetworkId("eip155:31337")
NATIVE = f"{NETWORK}/slip44:60"
ASSET = AssetId(f"{NETWORK}/erc20:{said.TOKEN}")
DAY = 24 * 3600
TEXT = "app.example asks for your word: nonce 4f1b9a77"
MESSAGES = {
    "eip-191": [ANYBODY],
    "siwe": ["app.example"],
    "eip-712": [f"{said.MAIL}/Mail"],
}


def document(*rules: dict[str, Any]) -> bytes:
    signs = {"domain_name": "A dollar", "domain_version": "2"}
    row = token_row(NETWORK, traits=["eip-2612", "eip-3009"], **signs)
    fees = window(NATIVE, DAY, 10**18)
    usual = (
        rule("says", actions=["sign"], messages=MESSAGES),
        rule("allows", actions=["allow"], windows=[window(ASSET, DAY, 100), fees]),
        rule("pays"),
    )
    return policy_document(*(rules or usual), assets=[row])


class Scene(Bench):
    def __init__(self, folder: Path, *rules: dict[str, Any]) -> None:
        super().__init__(folder, document=document(*rules), scripted=False)

    @property
    def signer(self) -> Address:
        return self.address()

    @property
    def soon(self) -> int:
        return int(self.clock.now.timestamp()) + 600

    def tx(self, kind: Kind, content: bytes, **changes: Any) -> UnsignedTx:
        payload = Message(kind, changes.pop("reference", "t1"), content).payload
        return replace(UnsignedTx(NETWORK, payload, self.signer), **changes)

    def typed(self, document: dict[str, Any], **changes: Any) -> UnsignedTx:
        return self.tx(Kind.EIP712, said.spelled(document), **changes)

    def agree(self, *effects: Effect, transfer: str = "t1", **changes: Any) -> Mandate:
        action = Action.SIGN if isinstance(effects[0], Sign) else Action.ALLOW
        plain: dict[str, Any] = {"action": action, "costs_max": {}, "effects": effects}
        return self.mandate(transfer=transfer, **plain | changes)

    def say(self, mandate: Mandate, tx: UnsignedTx, *approvers: Any) -> Any:
        request = SignRequest(Purpose.MESSAGE, tx, (agreed(mandate, *approvers),))
        return self.sign(request)

    def say_text(self, text: str = TEXT, **changes: Any) -> Any:
        content = text.encode()
        return self.say(self.agree(Sign("eip-191", ANYBODY, content), **changes), self.text(text))

    def text(self, text: str = TEXT) -> UnsignedTx:
        return self.tx(Kind.EIP191, text.encode())

    def out(self, tx: UnsignedTx, receipt: Any) -> str:
        """The signature as wallets pass it."""
        assert isinstance(receipt, Receipt), receipt
        return self.reader.attach(tx, receipt.signatures).raw.decode()

    @property
    def reader(self) -> MessageReader:
        """Of the network with the tokens that the policy lists."""
        return messages_of(CODECS[Family("evm")](self.network(LOCAL)))


def ordinary(scene: Scene, data: bytes = b"") -> UnsignedTx:
    plain = build.transfer(
        scene.network(LOCAL),
        nonce=0,
        to=Address(said.SPENDER),
        value=0 if data else 100,
        gas=100_000,
        fee_per_gas_max=10**9,
        priority_fee=0,
        data=data,
    )
    return UnsignedTx(NETWORK, build.encode_unsigned(plain), scene.signer)


def allows(units: int | None = 60, ends: int | None = None) -> Allow:
    moment = None if ends is None else datetime.fromtimestamp(ends, UTC)
    return Allow(Address(said.SPENDER), ASSET, units, moment)
