"""Packages of periods of the golden house: made by the real exporter from its database and its
signer's log, and put together again with digests that fit."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from custody_period.claims import examine_period
from custody_verify import bundle
from custody_verify.claims import Claim, Pins
from custody_verify.errors import Unreadable
from custody_verify.log import LogKey
from custody_verify.people import Administrators
from sqlalchemy import select

from chains.catalogue import built_in
from custody.apikeys.model import Caller
from custody.audit.bundling import Bundling
from custody.audit.period import Asked, PeriodExport
from custody.db.proof_tables import ChainProofRow
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow
from custody.log.bundles import BundleLog
from custody.log.reading import LogReader
from signer.canonical import canonical_json
from signer.checkpoint import verifier_key
from signer.client import SignerClient
from signer.logfile import walk
from signer.proving import prove_from_log
from signer.records import RecordProof
from signer.tree import leaf_hash
from tests.golden import files
from tests.support.evidence import Made
from tests.support.signer import administrators_json

SEED = bytes(range(32))
LOG = files.SIGNER / "audit.jsonl"
EVERYBODY = Caller("", "auditor", None, frozenset())
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ORDER = (
    "period", "balances", "controls", "encumbrances", "policies", "requests", "events", "entries",
    "transactions", "records", "samples",
)  # fmt: skip


def golden_key() -> bytes:
    """The log key of the golden signer, as its house's database has it."""
    found = re.search(
        r'"signer_checkpoints" VALUES\(.*?X\'([0-9A-Fa-f]{64})\'', files.SQLITE.read_text()
    )
    assert found is not None
    return bytes.fromhex(found[1])


def at(second: int) -> datetime:
    """Of the minute in which the golden house lived."""
    return datetime(2026, 11, 27, 11, 47, second, tzinfo=UTC)


class LogSigner:
    """Proves records from the copy of its log, as the signer would."""

    async def prove_record(self, sequence: int) -> RecordProof | None:
        proof = prove_from_log(LOG, golden_key(), sequence)
        return RecordProof(leaf_hash(proof.record), proof)


async def say_blocks(database: Database) -> None:
    """What nodes said of the payments' blocks, without which there is no bundle."""
    async with database.write() as session:
        for row in await session.all(select(TransactionRow)):
            if row.state == "final":
                said = {"name": "one", "height": row.block_height, "hash": row.block_hash}
                kept = {
                    "transaction_id": row.id, "block_hash": row.block_hash, "number": 1,
                    "captured_at": NOW, "proof": None,
                    "said": json.dumps([said | {"final_height": 10**6}]),
                }  # fmt: skip
                await session.insert_missing(ChainProofRow, [kept])


async def exported(
    database: Database, first: int, before: int, samples: int = 3, log: Path = LOG
) -> bytes:
    """Between two seconds of the golden minute."""
    signer = cast(SignerClient, LogSigner())
    told = BundleLog(database, LogReader(database, None), 0)
    export = PeriodExport(database, Bundling(database, signer, built_in(), told), log)
    asked = Asked(at(first), at(before), SEED, samples)
    return (await export.export(asked, EVERYBODY, NOW)).data


def pins(**changes: Any) -> Pins:
    end = next(end for end, _, _ in walk(LOG, golden_key()))
    key = LogKey.parse(verifier_key(end.origin, golden_key()))
    people = Administrators.parse(administrators_json())
    return Pins(**{"log_key": key, "administrators": people, **changes})


class Package(Made):
    """A package in pieces. Parts of rows are read and changed as one list."""

    @classmethod
    def read(cls, data: bytes) -> Package:
        _, named, _, body = data.split(b"\n", 3)
        manifest, parts = json.loads(named), {}
        for row in manifest["parts"]:
            parts[row["name"]], body = body[16 : row["length"]], body[row["length"] :]
        return cls(manifest, parts)

    def bytes(self) -> bytes:
        names = sorted(self.parts, key=_place)
        salted = {name: sha256(name.encode()).digest()[:16] + self.parts[name] for name in names}
        rows = [
            {"name": name, "length": len(part), "sha256": sha256(part).hexdigest()}
            for name, part in salted.items()
        ]
        head = canonical_json({**self.manifest, "parts": rows})
        return b"custody-evidence/v1\n" + head + b"\n[]\n" + b"".join(salted.values())

    def put(self, name: str, value: Any) -> Package:
        data = value if isinstance(value, bytes) else canonical_json(value)
        return Package(self.manifest, {**self.parts, name: data})

    def without(self, name: str) -> Package:
        return Package(self.manifest, {k: v for k, v in self.parts.items() if k != name})


def _place(name: str) -> tuple[int, int]:
    kind, _, key = name.partition("/")
    return ORDER.index(kind), int(key or 0)


def shown(package: Package | bytes, trusted: Pins) -> list[Claim]:
    data = package.bytes() if isinstance(package, Package) else package
    return examine_period(bundle.read(data, "period"), trusted)


def refuted(package: Package | bytes, trusted: Pins) -> dict[str, str]:
    """By claim; what can't be read at all is the claim `package`."""
    try:
        claims = shown(package, trusted)
    except Unreadable as error:
        return {"package": str(error)}
    return {each.claim: each.words for each in claims[::-1] if each.state == "refuted"}
