"""A signer in memory with the client's calls: real keys, real signatures, real refusals.

It compares the decoded transaction with the mandates, signs at most one transaction (or such that
share a binding key) per transfer, and answers a repetition with the same receipt. It evaluates no
policy and checks no approvals: those are the signer's own tests.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from embit.bip32 import HDKey

from chains.codec import Reader, TransactionCodec
from chains.costs import GRANTED, above, sum_of
from chains.families import messages_of
from chains.keys import ExtendedPublicKey, is_under
from chains.model import (
    Address,
    AddressType,
    ConflictKey,
    KeyScheme,
    NetworkId,
    Signature,
    SigningInput,
)
from chains.transaction import TxSummary
from signer.batches import in_turn
from signer.canonical import canonical_json
from signer.client import SignerRefused, SignerUnavailable
from signer.policy import SignedPolicy
from signer.records import JournalPage, record_fields
from signer.wire import (
    BATCH_MAX,
    Attestation,
    Mandate,
    Notice,
    OpenedVault,
    Outcome,
    Place,
    Purpose,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    Status,
    format_time,
    tx_digest,
)
from tests.support.fake_codec import FakeCodec, sign_ecdsa
from tests.support.networks import all_networks


class FakeSigner:
    """`warnings`: what status tells an operator to mend. `away`: every call raises
    SignerUnavailable. `lose_replies`: that many calls take effect and then raise it. `refuse`: the
    next requests to sign get this answer. `calls` counts."""

    def __init__(
        self,
        seed: int = 0,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        codecs: Callable[[NetworkId], TransactionCodec] | None = None,
    ) -> None:
        self._root = HDKey.from_seed(sha256(f"fake signer {seed}".encode()).digest())
        self._clock = clock
        self._codec = codecs or (lambda network: FakeCodec(all_networks()[network]))
        self.accounts: dict[str, tuple[str, int]] = {}
        self.opened: dict[str, OpenedVault] = {}
        self.signed_policy: SignedPolicy | None = allow_everything()
        self.away = False
        self.warnings: tuple[Notice, ...] = ()
        self.lose_replies = 0
        self.refuse: list[tuple[RefusalCode, str]] = []
        self.calls: dict[str, int] = {}
        self.receipts: dict[str, list[tuple[Receipt, frozenset[ConflictKey]]]] = {}
        self.journal: list[dict[str, Any]] = []

    async def status(self) -> Status:
        async with self._call("status"):
            version = 0 if self.signed_policy is None else 1
            sequence, head = len(self.journal), self._head()
            return Status(False, version, sequence, head, bytes(32), self.warnings, bytes(32))

    async def records(self, after: int) -> JournalPage:
        """In pages of two, so that whoever reads must turn them."""
        async with self._call("records"):
            end = after + 2
            while any(_is_part(row["body"]) for row in self.journal[end : end + 1]):
                end += 1
            rows = self.journal[after:end]
            through = after + len(rows)
            told = [row for row in rows if row["body"]["kind"] != "other"]
            head = rows[-1]["head"] if rows else bytes(32).hex()
            return JournalPage.parse({"records": told, "through": through, "head": head})

    def write(self, **body: Any) -> None:
        """One more record in the journal."""
        head = sha256(f"{self._head().hex()}{body}".encode()).digest()
        body["at"] = format_time(self._clock().replace(microsecond=0))
        row = {"sequence": len(self.journal) + 1, "head": head.hex(), "body": body}
        self.journal.append(row)

    def _head(self) -> bytes:
        return bytes.fromhex(self.journal[-1]["head"]) if self.journal else bytes(32)

    async def policy(self) -> SignedPolicy | None:
        async with self._call("policy"):
            return self.signed_policy

    async def open_vault(self, client: str, vault: str) -> OpenedVault:
        async with self._call("open_vault"):
            if vault not in self.accounts:
                account = len(self.accounts)
                self.write(kind="vault", client=client, vault=vault, account=account)
                self.accounts[vault] = (client, account)
                head = bytes.fromhex(self.journal[-1]["head"])
                self.opened[vault] = OpenedVault(account, len(self.journal), head)
            owner, _ = self.accounts[vault]
            if owner != client:
                raise SignerRefused(RefusalCode.DENIED, "vault-client", "another client's vault")
            return self.opened[vault]

    async def account_key(self, vault: str, network: NetworkId, address_type: AddressType) -> str:
        async with self._call("account_key"):
            codec = self._codec(network)
            assert codec.key_scheme(address_type) is KeyScheme.SECP256K1
            path = codec.account_path(address_type, self._account(vault))
            key = self._root.derive(path).to_public()
            return ExtendedPublicKey(key.key.sec(), key.chain_code).serialize()

    async def public_keys(
        self, vault: str, network: NetworkId, address_type: AddressType, start: int, count: int
    ) -> tuple[bytes, ...]:
        async with self._call("public_keys"):
            assert 1 <= count <= BATCH_MAX
            codec, account = self._codec(network), self._account(vault)
            paths = [codec.address_path(address_type, account, start + at) for at in range(count)]
            return tuple(self._public_key(codec.key_scheme(address_type), path) for path in paths)

    async def attest(
        self, network: NetworkId, vault: str, path: str, address: Address
    ) -> Attestation:
        async with self._call("attest"):
            codec, account = self._codec(network), self._account(vault)
            kind = codec.parse_address(address).address_type
            key = self._public_key(codec.key_scheme(kind), path)
            mine = is_under(path, codec.account_path(kind, account))
            if not mine or codec.derive_address(key, kind) != address:
                raise SignerRefused(RefusalCode.MISMATCH, "not-ours", "no key of this vault")
            return Attestation(network, vault, path, address, bytes(64))

    async def sign(
        self, requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        async with self._call("sign"):
            return in_turn(self._sign, requests, follows)

    async def close(self) -> None: ...

    def _sign(self, request: SignRequest) -> Outcome:
        if self.refuse:
            code, detail = self.refuse.pop(0)
            return Refusal(request.transfers[0], code, detail, "told to refuse")
        for receipt, _ in self.receipts.get(request.transfers[0], ()):
            same = (receipt.purpose, receipt.tx_digest) == (request.purpose, tx_digest(request.tx))
            if same and sorted(receipt.transfers) == sorted(request.transfers):
                return receipt
        summary = self._reader(request).summarize(request.tx)
        for consent in request.consents:
            refusal = self._refusal(request.purpose, consent.mandate, summary)
            if refusal is not None:
                return refusal
        mandates = [consent.mandate for consent in request.consents]
        doing = request.purpose is not Purpose.CANCEL
        agreed = [effect for m in mandates for effect in m.core.effects if doing]
        if Counter(summary.effects) != Counter(agreed):
            return Refusal(None, RefusalCode.MISMATCH, "effects", "other payments")
        if above(summary.costs.most, sum_of(m.costs_max for m in mandates)) is not None:
            return Refusal(None, RefusalCode.MISMATCH, "fee", "costs more")
        return self._receipt(request, summary)

    def _refusal(self, purpose: Purpose, mandate: Mandate, summary: TxSummary) -> Refusal | None:
        """What is in the way of one transfer."""
        name = mandate.core.transfer
        earlier = self.receipts.setdefault(name, [])
        if purpose is Purpose.CANCEL and not earlier:
            return Refusal(name, RefusalCode.CONFLICT, "nothing-to-cancel", "nothing was signed")
        if purpose is not Purpose.CANCEL and self._clock() >= mandate.expires_at:
            return Refusal(name, RefusalCode.EXPIRED, "mandate", "too late")
        if any(not keys & summary.binding_keys for _, keys in earlier):
            return Refusal(name, RefusalCode.CONFLICT, "guard", "both could confirm")
        return None

    def _receipt(self, request: SignRequest, summary: TxSummary) -> Receipt:
        tx, parts = request.tx, len(request.consents)
        places = []
        for part, consent in enumerate(request.consents):
            self.write(
                kind="signed",
                purpose=request.purpose.value,
                mandate=consent.mandate.digest.hex(),
                tx=tx_digest(tx).hex(),
                **record_fields(consent.mandate, tx, part, parts),
            )
            places.append(Place(len(self.journal), len(self.journal) - 1))
        receipt = Receipt(
            purpose=request.purpose,
            transfers=request.transfers,
            mandates=tuple(consent.mandate.digest for consent in request.consents),
            tx_digest=tx_digest(tx),
            signatures=tuple(
                self._signature(request, each) for each in self._reader(request).signing_inputs(tx)
            ),
            records=tuple(places),
            head=self._head(),
            checkpoint="",
            signed_at=self._clock().replace(microsecond=0),
        )
        for transfer in request.transfers:
            self.receipts[transfer].append((receipt, summary.binding_keys))
        return receipt

    def _reader(self, request: SignRequest) -> Reader:
        codec = self._codec(request.tx.network)
        return messages_of(codec) if request.purpose is Purpose.MESSAGE else codec

    def _signature(self, request: SignRequest, need: SigningInput) -> Signature:
        path = need.path or request.consents[0].mandate.core.source_path
        codec = self._codec(request.tx.network)
        scheme = codec.key_scheme(codec.parse_address(need.address).address_type)
        public_key = self._public_key(scheme, path)
        if scheme is KeyScheme.ED25519:
            return Signature(public_key, self._ed25519(path).sign(need.message))
        secret: bytes = self._root.derive(path).key.secret
        return Signature(public_key, sign_ecdsa(secret, need.message))

    def _public_key(self, scheme: KeyScheme, path: str) -> bytes:
        if scheme is KeyScheme.ED25519:
            return self._ed25519(path).public_key().public_bytes_raw()
        key: bytes = self._root.derive(path).to_public().key.sec()
        return key

    def _ed25519(self, path: str) -> Ed25519PrivateKey:
        secret = sha256(self._root.key.secret + path.encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(secret)

    def _account(self, vault: str) -> int:
        if vault not in self.accounts:
            raise SignerRefused(RefusalCode.UNKNOWN_VAULT, "vault", "never opened")
        return self.accounts[vault][1]

    def _call(self, name: str) -> _Call:
        self.calls[name] = self.calls.get(name, 0) + 1
        return _Call(self)


def _is_part(body: dict[str, Any]) -> bool:
    """Whether a record's transaction begins in an earlier one."""
    return body["kind"] == "signed" and body["part"] > 0


class _Call:
    """Waits a turn of the loop as a socket would, and loses what it is told to lose."""

    def __init__(self, signer: FakeSigner) -> None:
        self._signer = signer

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)
        if self._signer.away:
            raise SignerUnavailable("the fake signer is away")

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._signer.lose_replies:
            self._signer.lose_replies -= 1
            raise SignerUnavailable("the reply was lost")


def allow_everything() -> SignedPolicy:
    """A standing permission for every transfer; signed by nobody, which only a fake accepts."""
    costs = [
        {"network": name, "kind": kind, "amount": str(2**255)}
        for name in sorted(all_networks())
        for kind in GRANTED
    ]
    scope = {
        **dict.fromkeys("clients vaults networks assets destinations initiators".split(), "any"),
        "actions": ["transfer"],
    }
    rule = {
        "id": "everything",
        "effect": "allow",
        "scope": scope,
        "limits": {"per_transfer": [], "windows": [], "hours": None},
        "grant": {
            "costs": costs,
            "approvals": {"order": "any", "needs": []},
            "time_lock_s": 0,
            "mandate_lifetime_s": 30 * 86400,
        },
    }
    admin = {"id": "admin", "credentials": [{"kind": "ed25519", "key": "11" * 32}]}
    document = {
        "format": 2,
        "version": 1,
        "administrators": {"threshold": 1, "members": [admin]},
        "persons": [],
        "machines": [{"id": "robot", "operators": []}],
        "groups": [],
        "destinations": [],
        "rules": [rule],
        "networks": [],
        "assets": [],
    }
    return SignedPolicy(canonical_json(document), {})


def changed_policy(version: int, **changes: Any) -> SignedPolicy:
    """`allow_everything` with other fields of its rule (`limits`, `scope`, `grant`), or of the
    document. With windows, costs are granted on the networks of their assets only."""
    document = json.loads(allow_everything().document)
    rule = document["rules"][0]
    for name in ("limits", "scope", "grant"):
        rule[name] |= changes.pop(name, {})
    windowed = {limit["asset"].partition("/")[0] for limit in rule["limits"]["windows"]}
    if windowed:
        costs = rule["grant"]["costs"]
        rule["grant"]["costs"] = [cost for cost in costs if cost["network"] in windowed]
    return SignedPolicy(canonical_json(document | {"version": version} | changes), {})
