"""A transfer's evidence as an auditor holds it: the API's JSON, read into values. Believes nothing.

`checks` says what of it is true. Knows no database and no server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chains.effects import Allow, Asked, Call, Pay
from chains.model import Address, AssetId, NetworkId
from signer.wire import Approval, MalformedMessage, Purpose, Receipt, Verdict


class NotEvidence(ValueError):
    """What was given is not a transfer's evidence. The message says where it stops being that."""


@dataclass(frozen=True, slots=True)
class Said:
    """A person's verdict on a mandate. `signed`: the bytes that `signature` claims to be of."""

    approver: str
    verdict: Verdict
    signed: bytes
    signature: bytes

    @property
    def approval(self) -> Approval:
        return Approval(self.approver, self.signature)


@dataclass(frozen=True, slots=True)
class Terms:
    """One version of a transfer's terms. `document`: the mandate's bytes."""

    version: int
    document: bytes
    digest: bytes
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """`keys`: each conflict key with what it excludes. `carries`: each transfer with the version of
    its terms. `digest`: the signer's name for the unsigned bytes."""

    id: str
    purpose: Purpose
    network: NetworkId
    sender: Address | None
    txid: str | None
    keys: frozenset[tuple[str, str]]
    digest: bytes | None
    unsigned: bytes | None
    signed: bytes | None
    receipt: Receipt | None
    carries: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Paper:
    """`effects`: what was asked for. `policies`: digests of those that are said to have been in
    force."""

    id: str
    client: str
    vault: str
    network: NetworkId
    initiator: str
    state: str
    effects: tuple[Asked, ...]
    terms: tuple[Terms, ...]
    transactions: tuple[Transaction, ...]
    policies: tuple[bytes, ...]

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Paper:
        """From the decoded answer of `GET /v1/audit/transfers/{id}`. Raises NotEvidence."""
        try:
            return _paper(row)
        except KeyError as error:
            raise NotEvidence(f"the evidence has no field {error}") from None
        except (MalformedMessage, TypeError, ValueError, AttributeError) as error:
            raise NotEvidence(f"the evidence can't be read: {error}") from None


def _paper(row: Mapping[str, Any]) -> Paper:
    asked = row["transfer"]
    return Paper(
        id=asked["id"],
        client=asked["client_id"],
        vault=asked["vault_id"],
        network=NetworkId(asked["network"]),
        initiator=asked["initiator"],
        state=asked["state"],
        effects=_effects(asked),
        terms=tuple(_terms(each) for each in row["mandates"]),
        transactions=tuple(_transaction(each) for each in row["transactions"]),
        policies=tuple(bytes.fromhex(each["digest"]) for each in row["policies"]),
    )


def _effects(asked: Mapping[str, Any]) -> tuple[Asked, ...]:
    """One payment, several, a call with the coins that go with it, or an allowance. Papers that are
    older than calls don't name them."""
    asset, units = AssetId(asked["asset"]), int(asked["amount_base_units"])
    if asked["destination"] is None:
        return tuple(
            Pay(Address(each["destination"]), asset, int(each["amount_base_units"]), each["memo"])
            for each in asked["outputs"]
        )
    payee, call, allow = Address(asked["destination"]), asked.get("call"), asked.get("allowance")
    if allow is not None:
        most = allow["amount_base_units"]
        return (Allow(payee, asset, None if most is None else int(most), None),)
    if call is None:
        return (Pay(payee, asset, units, asked["memo"]),)
    arguments = tuple((each["name"], each["value"]) for each in call["arguments"])
    moves = tuple((AssetId(e["asset"]), int(e["amount_base_units"])) for e in call.get("moves", ()))
    return (Call(payee, call["function"], arguments, units, moves=moves),)


def _terms(row: Mapping[str, Any]) -> Terms:
    return Terms(
        version=row["version"],
        document=bytes.fromhex(row["document"]),
        digest=bytes.fromhex(row["digest"]),
        said=tuple(
            Said(
                each["approver"],
                Verdict(each["verdict"]),
                bytes.fromhex(each["signed"]),
                bytes.fromhex(each["signature"]),
            )
            for each in row["approvals"]
        ),
    )


def _transaction(row: Mapping[str, Any]) -> Transaction:
    sender, receipt = row["sender"], row["receipt"]
    return Transaction(
        id=row["id"],
        purpose=Purpose(row["purpose"]),
        network=NetworkId(row["network"]),
        sender=None if sender is None else Address(sender),
        txid=row["txid"],
        keys=frozenset((each["key"], each["excludes"]) for each in row["conflict_keys"]),
        digest=_bytes(row["signer_digest"]),
        unsigned=_bytes(row["unsigned"]),
        signed=_bytes(row["signed"]),
        receipt=None if receipt is None else Receipt.parse(receipt),
        carries={each["transfer_id"]: each["version"] for each in row["carries"]},
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
