"""A Solana node that answers what a test wants, and the adapter that asks it."""

from __future__ import annotations

import base64

import pytest
from solders.hash import Hash
from solders.keypair import Keypair

from chains.model import Address, UnsignedTx
from chains.solana.adapter import SolanaAdapter
from chains.solana.build import Payment, TransferPlan, build_message
from chains.solana.codec import SolanaCodec
from chains.solana.nonce import accounts_of
from tests.support.node_answers.server import NodeServer
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


class FakeNode(NodeServer):
    """Answers each method with what `answers` has for it: a result, or `{"error": …}`."""

    @property
    def answers(self) -> dict[str, object]:
        return self.script

    @answers.setter
    def answers(self, script: dict[str, object]) -> None:
        self.script = script

    def options(self, method: str) -> dict:
        return [params for asked, params in self.asked if asked == method][-1][-1]


@pytest.fixture
async def node():
    async with FakeNode() as started:
        yield started


@pytest.fixture
async def adapter(node):
    opened = SolanaAdapter(LOCAL, f"{node.url}/{SECRET}")
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
        payments=(Payment(Keypair.from_seed(b"\x07" * 32).pubkey(), SOL),),
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
