"""Bundles of evidence for tests of the verifier: decided and signed by the real signer in this
process, with test keys, in blocks that are made here. The house's code is the oracle: nothing of it
is shared with what reads the bundle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from custody_verify import bundle
from custody_verify.claims import Claim, Pins, examine
from custody_verify.errors import Unreadable
from custody_verify.log import LogKey
from custody_verify.model import Anchors
from custody_verify.people import Administrators

from chains.bitcoin.codec import BitcoinCodec
from chains.costs import CostKind, costs_in
from chains.effects import Pay
from chains.families import messages_of
from chains.model import BlockRef, SignedTx, UnsignedTx
from chains.networks import Network
from chains.tron.build import build_transfer
from signer.canonical import canonical_json, format_time
from signer.ceremonies.words import words_of
from signer.checkpoint import Checkpoint, signed_note
from signer.proof import Proof
from signer.proving import prove_record
from signer.tree import Frontier, inclusion_path, leaf_hash, node_hash
from signer.wire import Mandate, Purpose, Receipt, SignRequest, Verdict, tx_digest
from tests.support import families
from tests.support.blocks import proof_of
from tests.support.paper import Paper, paper_coin, spend, transfer
from tests.support.signer import (
    ADA,
    BOB,
    ENTROPY,
    EVE,
    Bench,
    Person,
    administrators_json,
    agreed,
    policy_document,
    rule,
)
from tests.support.wallet import Wallet

ORDER = (
    "request", "mandates", "approvals", "policies", "records", "transactions", "entries", "chain"
)  # fmt: skip
FAMILIES = ("bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local", "solana-local")
BOUNDED: Sequence[CostKind] = [kind for kind in CostKind if kind is not CostKind.L1_DATA]
MAGIC = b"custody-evidence/v1\n"
RULE = rule("pay", needs=[("treasury", 2), ("risk", 1)])
ENTRY: Mapping[str, Any] = {
    "id": "ent_1", "sequence": 1, "created_at": "2026-09-30T12:00:00Z", "kind": "reserve",
    "reason": "transfer", "subject": "t1", "asset": "coin", "amount": "5", "debit_kind": "vault",
    "debit_vault_id": "v2", "credit_kind": "chain", "credit_vault_id": None, "ends": None,
}  # fmt: skip


@dataclass
class Made:
    """A bundle in pieces, to be changed and put together again with digests that fit."""

    manifest: dict[str, Any]
    parts: dict[str, bytes]
    withheld: list[str] = field(default_factory=list)

    def bytes(self) -> bytes:
        names = sorted(self.parts, key=_place)
        salted = {name: sha256(name.encode()).digest()[:16] + self.parts[name] for name in names}
        rows = [
            {"name": name, "length": len(part), "sha256": sha256(part).hexdigest()}
            for name, part in salted.items()
        ]
        head = [canonical_json({**self.manifest, "parts": rows}), canonical_json(self.withheld)]
        body = b"".join(part for name, part in salted.items() if name not in self.withheld)
        return MAGIC + b"\n".join(head) + b"\n" + body

    def json(self, name: str) -> Any:
        return json.loads(self.parts[name])

    def put(self, name: str, value: Any) -> Made:
        """Another bundle, in which this part says something else."""
        data = value if isinstance(value, bytes) else canonical_json(value)
        return Made(self.manifest, {**self.parts, name: data}, self.withheld)

    def without(self, name: str) -> Made:
        kept = {each: part for each, part in self.parts.items() if each != name}
        return Made(self.manifest, kept, self.withheld)

    def only(self, kind: str) -> str:
        """The name of the only part of this kind."""
        (name,) = [name for name in self.parts if name.partition("/")[0] == kind]
        return name


def _place(name: str) -> tuple[int, int, str]:
    kind, _, key = name.partition("/")
    return ORDER.index(kind), int(key) if key.isdigit() and kind != "chain" else 0, key


@dataclass
class Signed:
    """What the signer decided, and what came of it."""

    id: str
    purpose: Purpose
    tx: UnsignedTx
    made: SignedTx
    receipt: Receipt
    keys: Sequence[Mapping[str, str]]


class House:
    """A signer with one rule, which two of the treasury and one of risk have to fill."""

    def __init__(self, folder: Path, document: bytes | None = None) -> None:
        self.bench = Bench(folder, scripted=False, document=document or policy_document(RULE))
        self.wallet = Wallet(words_of(bytearray(ENTROPY)))

    def pins(self, **changes: Any) -> Pins:
        """What an auditor of this house pins; of chains nothing, unless `changes` say so."""
        key = LogKey.parse(self.bench.session.status(()).verifier_key)
        return Pins(key, Administrators.parse(administrators_json()), Anchors(**changes))

    def mandate(self, network: Network, payments: Sequence[Pay], **changes: Any) -> Mandate:
        coins = dict.fromkeys(BOUNDED, 10**17)
        given = {
            "source": "v2",
            "client": "c2",
            "effects": tuple(payments),
            "costs_max": costs_in(network.native.id, coins),
            **changes,
        }
        return self.bench.mandate(network.alias, **given)

    def pay(
        self, alias: str, salt: int = 0, amount: int = 10_000, **changes: Any
    ) -> tuple[Mandate, UnsignedTx]:
        """A payment to somebody outside, not decided yet."""
        codec = self.bench.codec(alias)
        if isinstance(codec, BitcoinCodec):
            return self._coins(codec, salt, amount, **changes)
        paper = transfer(codec, self.wallet, amount, salt)
        (source,) = paper.sources
        tx = paper.tx if codec.network.family != families.TRON else self._in_time(paper)
        where = {"source_path": source.path, "source_address": source.address}
        return self.mandate(codec.network, [paper.payment], **where, **changes), tx

    def _coins(
        self, codec: BitcoinCodec, salt: int, amount: int, **changes: Any
    ) -> tuple[Mandate, UnsignedTx]:
        """Out of two coins of P2WPKH, of P2TR where `salt` is odd; with change."""
        kind = codec.network.address_types[salt % 2]
        owners = [self.wallet.owned(codec, kind, 1, salt + at) for at in range(2)]
        coins = [paper_coin(codec, owner, amount, salt) for owner in owners]
        change = self.wallet.owned(codec, kind, 1, salt, change=True)
        paid = transfer(codec, self.wallet, amount, salt).payment
        where = {"source_path": codec.account_path(kind, 1), "source_address": None}
        mandate = self.mandate(codec.network, [paid], **where, **changes)
        return mandate, spend(codec, coins, [paid], change, tip=0)

    def pay_both(self, codec: BitcoinCodec) -> tuple[list[Mandate], UnsignedTx]:
        """Two transfers to different people in one transaction."""
        owners = [self.wallet.owned(codec, None, 1, at) for at in range(2)]
        coins = [paper_coin(codec, owner, 20_000) for owner in owners]
        paid = [transfer(codec, self.wallet, 10_000 + at, 2 * at).payment for at in range(2)]
        kind = codec.network.address_types[0]
        where = {"source_path": codec.account_path(kind, 1), "source_address": None}
        mandates = [
            self.mandate(codec.network, [each], transfer=f"t{at}", **where)
            for at, each in enumerate(paid, 1)
        ]
        change = self.wallet.owned(codec, kind, 1, 0, change=True)
        return mandates, spend(codec, coins, paid, change, tip=0)

    def _in_time(self, paper: Paper) -> UnsignedTx:
        """The same payment of TRX, by the signer's clock: it has to end soon."""
        now_ms = 1000 * int(self.bench.clock.now.timestamp())
        payload = build_transfer(
            paper.sources[0].address,
            paper.payment.address,
            paper.payment.amount,
            reference=BlockRef(7, "00" * 7 + "07" + "ab" * 24),
            expiration_ms=now_ms + 60_000,
            timestamp_ms=now_ms,
        )
        return UnsignedTx(paper.tx.network, payload)

    def decide(
        self, mandates: Sequence[Mandate], tx: UnsignedTx, approvers: Sequence[Person],
        purpose: Purpose = Purpose.PAY, name: str = "txn_1",
    ) -> Signed:  # fmt: skip
        codec: Any = self.bench.session.guard.in_force.catalogue.codec(tx.network)
        if purpose is Purpose.MESSAGE:
            codec = messages_of(codec)
        consents = tuple(agreed(mandate, *approvers) for mandate in mandates)
        receipt = self.bench.sign(SignRequest(purpose, tx, consents))
        assert isinstance(receipt, Receipt), receipt
        keys = [
            {"key": key.text, "excludes": key.excludes.value}
            for key in codec.summarize(tx).conflict_keys
        ]
        return Signed(name, purpose, tx, codec.attach(tx, receipt.signatures), receipt, keys)

    def proof(self, sequence: int) -> bytes:
        proven = prove_record(self.bench.session.journal, sequence)
        assert proven is not None
        return replace(proven.proof, record=proven.record).text().encode()

    def policy_record(self) -> int:
        journal = self.bench.session.journal
        return next(n for n in range(1, journal.sequence + 1) if _kind(journal, n) == "policy")

    def bundle(
        self, mandate: Mandate, signed: Sequence[Signed], approvers: Sequence[Person],
        mined: Signed | None = None,
    ) -> Made:  # fmt: skip
        """Everything about the transfer of `mandate`, with a block that has `mined`."""
        core = mandate.to_json()["core"]
        request = {
            name: core[name]
            for name in ("client", "vault", "network", "initiator", "effects", "requested_at")
        }
        request |= {"id": core["transfer"], "retry_key_sha256": None}
        policy = self.bench.session.guard.in_force
        assert policy.signed is not None
        version = mandate.version
        numbers = {place.sequence for each in signed for place in each.receipt.records}
        parts = {
            "request": canonical_json(request),
            f"mandates/{version}": mandate.canonical,
            f"approvals/{version}": canonical_json([_verdict(p, mandate) for p in approvers]),
            f"policies/{policy.version}": canonical_json(policy.signed.to_json()),
            "entries": canonical_json([ENTRY]),
        }
        for number in sorted({*numbers, self.policy_record()}):
            parts[f"records/{number}"] = self.proof(number)
        for each in signed:
            parts[f"transactions/{each.id}"] = canonical_json(_transaction(each))
        if mined is not None:
            parts[f"chain/{mined.made.txid}"] = canonical_json(_chain(mined))
        manifest = {
            "format": 1, "kind": "transfer", "subject": core["transfer"],
            "network": core["network"], "made_at": format_time(self.bench.clock.now),
        }  # fmt: skip
        return Made(manifest, parts)


def plain(folder: Path, alias: str, salt: int = 0) -> tuple[House, Made]:
    """A house and the bundle of its one payment."""
    house = House(folder)
    mandate, tx = house.pay(alias, salt)
    signed = house.decide([mandate], tx, [ADA, BOB, EVE])
    return house, house.bundle(mandate, [signed], [ADA, BOB, EVE], signed)


def claims_of(made: Made | bytes, pins: Pins) -> list[Claim]:
    data = made.bytes() if isinstance(made, Made) else made
    return examine(bundle.read(data), pins)


def refuted(made: Made | bytes, pins: Pins) -> dict[str, str]:
    """The words of what is refuted, by claim; all of it, if the bundle can't be read."""
    try:
        claims = claims_of(made, pins)
    except Unreadable as error:
        return {"bundle": str(error)}
    return {each.claim: each.words for each in claims if each.state == "refuted"}


SECOND_LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "test.example/log/1"


def second_key() -> LogKey:
    return LogKey(ORIGIN, SECOND_LOG.public_key().public_bytes_raw())


def checkpoint_of(leaves: Sequence[bytes]) -> str:
    """Signed by the second key."""
    tree = Frontier()
    for leaf in leaves:
        tree, _ = tree.grown(leaf)
    told = Checkpoint(ORIGIN, tree.size, tree.root())
    key = SECOND_LOG.public_key().public_bytes_raw()
    return signed_note(told, key, SECOND_LOG.sign(told.text()))


def relogged(made: Made, change: Callable[[dict[str, Any]], None]) -> Made:
    """The same in a log of another key, by a signer that recorded what `change` makes of each
    record: all digests, proofs and signatures fit."""
    names = [name for name in made.parts if name.startswith("records/")]
    bodies = [json.loads(Proof.parse(made.parts[name].decode()).record) for name in names]
    for body in bodies:
        change(body)
    records = [canonical_json(body) for body in bodies]
    leaves = [leaf_hash(record) for record in records]
    note = checkpoint_of(leaves)

    def node(level: int, position: int) -> bytes:
        if not level:
            return leaves[position]
        return node_hash(node(level - 1, 2 * position), node(level - 1, 2 * position + 1))

    for at, name in enumerate(names):
        path = inclusion_path(at, len(leaves), node)
        made = made.put(name, Proof(at, path, note, records[at]).text().encode())
    for name in [name for name in made.parts if name.startswith("transactions/")]:
        row = made.json(name)
        row["receipt"]["checkpoint"] = note
        for at, place in enumerate(row["receipt"]["records"]):
            place[1] = names.index(f"records/{place[0]}")
            row["receipt"]["mandates"][at] = bodies[place[1]]["mandate"]
        made = made.put(name, row)
    return made


def _kind(journal: Any, number: int) -> str:
    found = journal.record_at(number)
    return "" if found is None else str(found[0])


def _verdict(person: Person, mandate: Mandate) -> dict[str, str]:
    signature = person.approve(mandate).signature.hex()
    return {"approver": person.name, "verdict": Verdict.APPROVE.value, "signature": signature}


def _transaction(signed: Signed) -> dict[str, Any]:
    return {
        "id": signed.id,
        "purpose": signed.purpose.value,
        "network": signed.tx.network,
        "sender": signed.tx.sender,
        "txid": signed.made.txid,
        "signer_digest": tx_digest(signed.tx).hex(),
        "unsigned": signed.tx.payload.hex(),
        "signed": signed.made.raw.hex(),
        "conflict_keys": list(signed.keys),
        "receipt": signed.receipt.to_json(),
    }


def _chain(signed: Signed) -> dict[str, Any]:
    network = signed.tx.network
    family = {"bip122": "bitcoin", "eip155": "evm"}.get(network.partition(":")[0])
    proof, height, block_hash = proof_of(family or network.partition(":")[0], signed.made.raw)
    nodes = [
        {"name": name, "height": height, "hash": block_hash, "final_height": height + 3}
        for name in ("first", "second")
    ]
    return {
        "family": family or network.partition(":")[0],
        "network": network,
        "txid": signed.made.txid,
        "captured_at": "2026-09-30T13:00:00Z",
        "nodes": nodes,
        "proof": proof,
    }
