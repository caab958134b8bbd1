"""A Solana node that answers what a test wants, and the adapter that asks it."""

from __future__ import annotations

import base64
import json

import httpx2
import pytest
from solders.hash import Hash
from solders.keypair import Keypair

from chains.model import Address, UnsignedTx
from chains.solana.adapter import SolanaAdapter
from chains.solana.build import TransferPlan, build_message
from chains.solana.codec import SolanaCodec
from chains.solana.nonce import accounts_of
from tests.support.solana import LOCAL, sign

CODEC = SolanaCodec(LOCAL)
SECRET = "api-key-31415926"
KEY = Keypair.from_seed(bytes(range(32)))
TO = Address(str(Keypair.from_seed(b"\x07" * 32).pubkey()))
HASH, PARENT = str(Hash(b"\x01" * 32)), str(Hash(b"\x02" * 32))
VALUE = Hash(b"\x03" * 32)
ACCOUNT = accounts_of(KEY.pubkey())[0]
SYSTEM = "1" * 32
SOL = 10**9
NOT_AVAILABLE = {"error": {"code": -32004, "message": "Block not available for slot 7"}}


class FakeNode:
    """Answers each method with what `answers` has for it: a result, or `{"error": …}`."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[dict] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        call = json.loads(request.content)
        self.asked.append(call)
        answer = self.answers[call["method"]]
        if callable(answer):
            answer = answer(*call["params"])
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, Exception):
            raise answer
        body = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        return httpx2.Response(200, json={"jsonrpc": "2.0", "id": call["id"], **body})

    def options(self, method: str) -> dict:
        return [call["params"] for call in self.asked if call["method"] == method][-1][-1]


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
async def adapter(node, monkeypatch):
    session = httpx2.AsyncClient(transport=httpx2.MockTransport(node.handle))
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **_: session)
    opened = SolanaAdapter(LOCAL, f"http://node.invalid/{SECRET}")
    yield opened
    await opened.close()


def at(slot: int, value: object) -> dict:
    return {"context": {"slot": slot}, "value": value}


def nonce_account(value: Hash = VALUE) -> dict:
    data = bytes.fromhex("0100000001000000") + bytes(KEY.pubkey()) + bytes(value) + bytes(8)
    return {
        "lamports": 1_447_680,
        "owner": SYSTEM,
        "data": [base64.b64encode(data).decode(), "base64"],
    }


def wallet(lamports: int) -> dict:
    return {"lamports": lamports, "owner": SYSTEM, "data": ["", "base64"]}


def signed(rent: int = 0):
    plan = TransferPlan(
        source=KEY.pubkey(),
        recipient=Keypair.from_seed(b"\x07" * 32).pubkey(),
        amount=SOL,
        nonce_index=0,
        lifetime=VALUE,
        unit_limit=3_000,
        unit_price=10_000,
        rent=rent,
    )
    return sign(CODEC, UnsignedTx(LOCAL.id, build_message(plan)), KEY)


def block(entries: list) -> dict:
    return {
        "blockhash": HASH,
        "previousBlockhash": PARENT,
        "parentSlot": 6,
        "blockTime": None,
        "transactions": entries,
    }
