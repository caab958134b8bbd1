"""Valid inputs to begin with: one of everything that the decoders read."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from chains.bitcoin.blocks import merkle_root
from chains.bitcoin.transaction import Transaction, TxInput, TxOutput, compact_size
from chains.contracts.types import parse_type
from chains.contracts.values import Value, encode
from chains.evm import address as evm_address
from chains.evm.build import Kind, encode_signed, encode_unsigned
from chains.evm.build import Transaction as EvmTransaction
from chains.evm.permits import FUNCTIONS, Authorization, Domain, Permit, Typed, call
from chains.evm.permits import Kind as TypedKind
from chains.families import CODECS
from chains.keys import ExtendedPublicKey
from chains.model import Address, AddressType, BlockRef, NetworkId, Signature, UnsignedTx
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.tron import address as tron_address
from chains.tron import tron_pb2 as pb
from chains.tron.build import build_transfer
from signer.checkpoint import Checkpoint, signed_note
from signer.keystore import Header, KeyDerivation
from signer.messages import frame, refusal, request, result
from signer.proof import Proof
from signer.token import WrappedSecret
from signer.tree import leaf_hash, node_hash
from signer.wire import (
    Need,
    Place,
    Purpose,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    canonical_json,
    format_time,
    outcome_to_json,
)
from tests.support.networks import all_networks, find_network
from tests.support.signer import (
    ADA,
    BOB,
    MANDATE,
    NOON,
    agreed,
    paying,
    policy_document,
    rule,
    sign_policy,
    window,
)
from tests.unit.bitcoin.support import P2TR, P2WPKH, example, split_psbt

KEY: Final = PrivateKey(sha256(b"fuzz").digest())
PUBLIC_KEY: Final = KEY.public_key.format()
EVM_SENDER: Final = evm_address.derive(PUBLIC_KEY)
DOMAIN: Final = Domain("USD Coin", "2", 31337, evm_address.checksum(b"\xa5" * 20))
TRON_OWNER: Final = tron_address.from_public_key(PUBLIC_KEY)
SOLANA_KEY: Final = Keypair.from_seed(sha256(b"fuzz").digest())
PAYEE: Final = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


def psbts() -> list[bytes]:
    kinds = ([P2WPKH], [P2TR], [P2WPKH, P2TR], [P2TR, P2TR, P2WPKH])
    return [example(types, change)[2].payload for types in kinds for change in (P2WPKH, P2TR)]


def bitcoin_transactions() -> list[bytes]:
    unsigned = [split_psbt(payload)[0][b"\0"] for payload in psbts()]
    spend = TxInput(bytes(range(32)), 1, 0xFFFFFFFD, b"\x51", (b"\x01" * 71, b"", PUBLIC_KEY))
    outputs = (TxOutput(5, b"\x00\x14" + bytes(20)), TxOutput(0, b"\x6a\x01x"))
    return [*unsigned, Transaction(2, (spend, replace(spend, witness=())), outputs, 7).serialize()]


def blocks() -> list[bytes]:
    """The transactions of a block, with their count; a header is put before them by the target."""
    coinbase = Transaction(
        1,
        (TxInput(bytes(32), 0xFFFFFFFF, 0xFFFFFFFF, b"\x02\xf4\x01", (bytes(32),)),),
        (TxOutput(50 * 10**8, b"\x00\x14" + bytes(20)), TxOutput(0, b"\x6a\x24" + bytes(36))),
        0,
    ).serialize()
    others = bitcoin_transactions()
    return [
        compact_size(1) + coinbase,
        compact_size(3) + coinbase + others[0] + others[-1],
    ]


def block_header(hashes: list[bytes]) -> bytes:
    root = merkle_root(hashes) if hashes else bytes(32)
    return bytes(4) + b"\x0f" * 32 + root + bytes(12)


def evm_unsigned() -> list[bytes]:
    return [encode_unsigned(tx) for tx in _evm_transactions()]


def evm_signed() -> list[bytes]:
    """By nobody we know: r and s are made up."""
    made_up = (2**254 - 19).to_bytes(32, "big") + bytes(31) + b"\x07"
    return [
        encode_signed(tx, made_up + bytes([parity]))
        for tx in _evm_transactions()
        for parity in (0, 1)
    ]


def evm_typed() -> list[bytes]:
    """What is signed, and the calldata that submits it."""
    pays = Authorization(EVM_SENDER, PAYEE, 1_500_000, 0, 1_764_000_600, b"\7" * 32)
    allows = Permit(EVM_SENDER, PAYEE, 7, 3, 1_764_000_600)
    each = [Typed(kind, DOMAIN, allows if kind is TypedKind.PERMIT else pays) for kind in TypedKind]
    signed = [
        call(typed, KEY.sign_recoverable(typed.digest, hasher=None))
        for typed in each
        if typed.kind in FUNCTIONS
    ]
    return [typed.payload for typed in each] + signed


ABI_TYPES: Final = [
    parse_type("uint8[]"),
    parse_type("tuple[2]", (("", parse_type("bytes")), ("", parse_type("int16")))),
    parse_type("string[][1]"),
    parse_type("bool"),
    parse_type("address"),
    parse_type("bytes3"),
]


def contract_values() -> list[bytes]:
    pairs = ((b"", -1), (b"\7" * 33, 7))
    full: list[Value] = [(1, 2), pairs, (("a", ""),), True, b"\xa5" * 20, b"abc"]
    return [encode(ABI_TYPES, full), encode(ABI_TYPES, [(), pairs, ((),), *full[3:]])]


def _evm_transactions() -> list[EvmTransaction]:
    plain = EvmTransaction(Kind.EIP1559, 31337, 3, 2, 10**10, 21_000, PAYEE, 10**18)
    return [
        plain,
        replace(
            plain,
            data=bytes.fromhex("a9059cbb") + bytes(64),
            access_list=((bytes(20), (bytes(32),)),),
        ),
        replace(plain, to=None, data=b"\x60\x00"),
        replace(plain, kind=Kind.LEGACY, chain_id=31338, priority_fee=10**10),
    ]


def tron_raw_data() -> list[bytes]:
    reference = BlockRef(70_000, (70_000).to_bytes(8, "big").hex() + "ab" * 24)
    plain = build_transfer(
        TRON_OWNER,
        tron_address.to_text(b"\x41" + b"\x11" * 20),
        2_000_000,
        reference=reference,
        expiration_ms=1_700_000_600_000,
        timestamp_ms=1_700_000_000_000,
    )
    raw = pb.RawData.FromString(plain)
    raw.data, raw.fee_limit, raw.ref_block_num = b"memo", 10**8, 5
    raw.contract[0].permission_id = 2
    return [plain, raw.SerializeToString(deterministic=True)]


def solana_messages() -> list[bytes]:
    plan = TransferPlan(
        SOLANA_KEY.pubkey(),
        (Payment(Pubkey(b"\x11" * 32), 10**9),),
        3,
        Hash(b"\x07" * 32),
        3_000,
        10_000,
    )
    memo = Instruction(Pubkey(b"\x05" * 32), b"memo", [])
    more = MessageV0.try_compile(plan.source, [*instructions(plan), memo], [], plan.lifetime)
    creating = replace(plan, rent=1_447_680)
    return [build_message(plan), build_message(creating), to_bytes_versioned(more)]


def addresses() -> list[bytes]:
    texts = [
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
        "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn",
        "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "0x" + "0" * 40,
        PAYEE.lower(),
        "41" + "11" * 20,
        "11111111111111111111111111111111",
        "1nc1nerator11111111111111111111111111111111",
        " ",
        "\u0130stanbul",
    ]
    for network in all_networks().values():
        codec = CODECS[network.family](network)
        for kind in network.address_types:
            key = bytes(SOLANA_KEY.pubkey()) if kind is AddressType.SOLANA else PUBLIC_KEY
            texts.append(codec.derive_address(key, kind))
    return [text.encode() for text in texts]


def extended_keys() -> list[bytes]:
    key = ExtendedPublicKey(PUBLIC_KEY, bytes(32))
    deep = replace(key, depth=3, parent_fingerprint=b"abcd", child_number=2**31, testnet=True)
    return [each.serialize().encode() for each in (key, deep)]


def sign_request() -> SignRequest:
    tx = UnsignedTx(NetworkId("eip155:31337"), evm_unsigned()[0], EVM_SENDER)
    return paying(agreed(MANDATE, ADA, BOB), tx=tx)


def messages() -> list[bytes]:
    """Requests of every kind, and answers to them."""
    network = find_network("ethereum-local").id
    receipt = Receipt(
        purpose=Purpose.PAY,
        transfers=("t1",),
        mandates=(bytes(32),),
        tx_digest=bytes(32),
        signatures=(Signature(PUBLIC_KEY, bytes(65)),),
        records=(Place(9, 8),),
        head=bytes(32),
        checkpoint="log\n1\n",
        signed_at=NOON,
    )
    needs = (Need("treasury", 1),)
    refused = Refusal("t2", RefusalCode.NEEDS_APPROVALS, "approvals", "1 of treasury", needs)
    outcomes = [outcome_to_json(receipt), outcome_to_json(refused)]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("sign", {"requests": [sign_request().to_json(), sign_request().to_json()]}),
        ("consider", {"consents": [agreed(MANDATE, ADA).to_json()]}),
        ("status", {}),
        ("expect", {"sequence": 9, "head": "00" * 32}),
        ("records", {"after": 9}),
        ("open_vault", {"client": "c1", "vault": "v1"}),
        (
            "attest",
            {"network": network, "vault": "v1", "path": "m/44'/60'/0'/0/0", "address": PAYEE},
        ),
        ("publish_policy", {"policy": sign_policy(policy()).to_json()}),
    ]
    answers = [result(outcomes), refusal(RefusalCode.DENIED, "no-rule", "no rule allows this")]
    return [*(request(name, arguments) for name, arguments in calls), *answers]


def frames() -> list[bytes]:
    return [b"".join(map(frame, messages())), frame(b"x")]


def policy() -> bytes:
    """With a rule of every kind."""
    asset = find_network("ethereum-local").native.id
    hours = {"zone": "Europe/Zurich", "days": ["mon", "fri"], "from": "08:30", "to": "24:00"}
    entry = {
        "network": find_network("ethereum-local").id,
        "address": PAYEE,
        "memo": None,
        "added_at": format_time(NOON - timedelta(days=2)),
    }
    return policy_document(
        rule("deny", effect="deny", vaults=["v9"], hours=hours),
        rule(
            "small",
            windows=[
                window(asset, 3600, 10**20, count=3, per_destination=True),
                window(asset, 3600, 10**20),
            ],
            per_transfer=[{"asset": asset, "amount": "1"}],
            destinations=["known"],
        ),
        rule("large", needs=[("treasury", 2), ("risk", 1)], order="sequence", time_lock_s=60),
        destinations=[{"id": "known", "cooling_s": 3600, "entries": [entry]}],
    )


def keystores() -> list[bytes]:
    plain = Header(KeyDerivation(), bytes(16), None)
    wrapped = replace(plain, wrapping=WrappedSecret("token", "key", bytes(16), bytes(48)))
    part = {"nonce": "00" * 12, "ciphertext": "00" * 80}
    return [
        canonical_json({"header": h.to_json(), "serving": part, "backup": part})
        for h in (plain, wrapped)
    ]


class _Prover:
    """Signs checkpoints of any origin, which the signer's own key does not."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.public_key = self._key.public_key().public_bytes_raw()

    def note(self, checkpoint: Checkpoint) -> str:
        signature = self._key.sign(checkpoint.text())
        return signed_note(checkpoint, self.public_key, signature)


PROVER: Final = _Prover()


def log_proofs() -> list[bytes]:
    """Of the second of three leaves, with its record and without."""
    left, record, right = (leaf_hash(each) for each in (b"left", b"a record", b"right"))
    root = node_hash(node_hash(left, record), right)
    proof = Proof(1, (left, right), PROVER.note(Checkpoint("fuzz/log", 3, root)), b"a record")
    return [each.text().encode() for each in (proof, replace(proof, record=b""))]


def log_lines() -> list[bytes]:
    """Two records and their seal, which verify under no key but have the right form."""
    salt = "00" * 16
    body = {"kind": "rejected", "at": format_time(NOON), "code": "malformed", "salt": salt}
    root = b64encode(bytes(32)).decode()
    lost = {"origin": "log/1", "size": 1, "root": "00" * 32, "head": "00" * 32}
    loss = {"kind": "recovered", "after": 1, "through": 6, "log": lost, "salt": salt}
    rows = [
        {"sequence": 1, "head": "00" * 32, "body": body},
        {"checkpoint": f"log/1\n1\n{root}\n\n— log/1 {root}\n", "sequence": 1},
        {"sequence": 7, "head": "00" * 32, "body": loss},
    ]
    return [b"".join(canonical_json(row) + b"\n" for row in rows)]
