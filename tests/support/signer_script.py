"""Transactions that do what a test says: their bytes are a JSON description of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from chains.codec import CallsNothing, TransactionCodec
from chains.costs import CostKind, CostsMost, costs_in
from chains.effects import Allow, Call, Create, Effect, Pay, Return
from chains.errors import InvalidAmount, MalformedTransaction
from chains.families import CODECS
from chains.model import (
    Address,
    AddressType,
    ConflictKey,
    Excludes,
    NetworkId,
    ParsedAddress,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.shares import most_together
from chains.transaction import TxSummary
from signer.agreement import effect_to_json, parse_effect
from signer.wire import Mandate
from tests.support.networks import find_network


class ScriptedCodec(CallsNothing):
    """A `TransactionCodec` for transactions made by `script`. Everything about addresses is asked
    of the network's real codec."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._real: TransactionCodec = CODECS[network.family](network)
        self.traits = self._real.traits
        self.key_scheme = self._real.key_scheme
        self.account_path = self._real.account_path
        self.address_path = self._real.address_path
        self.derive_address = self._real.derive_address

    @property
    def network(self) -> Network:
        return self._network

    def parse_address(self, text: str) -> ParsedAddress:
        return ParsedAddress(Address(text.strip().lower()), self._network.address_types[0])

    def check_payment(self, payment: Pay) -> None:
        """Of anybody: a script's addresses are names."""
        if payment.amount <= 0:
            raise InvalidAmount("an amount is above zero")

    def check_outputs(self, payments: Sequence[Pay]) -> None: ...

    def check_call(self, call: Call | Allow, sender: Address | None) -> None: ...

    def size_of(self, effects: Sequence[Effect]) -> int:
        return len(effects)

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None: ...

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        row = self._read(tx)
        native = self._network.native.id
        binding = row.get("binding_keys", row["conflict_keys"])
        claims = set(row["conflict_keys"]) - set(binding)
        return TxSummary(
            network=NetworkId(row["network"]),
            sources=tuple(row["sources"]),
            effects=(
                *(Pay(*item) for item in row["payments"]),
                *map(parse_effect, row["others"]),
            ),
            returns=tuple(Return(to, native, units, path) for to, units, path in row["change"]),
            creates=tuple(Create(*item) for item in row.get("creates", ())),
            costs=CostsMost(
                costs_in(native, {CostKind.FEE: row["fee_max"], CostKind.RENT: row["rent"]}),
                frozenset(map(CostKind, row.get("uncapped", ()))),
            ),
            conflict_keys=frozenset(
                {ConflictKey(text, Excludes.INCLUSION) for text in binding}
                | {ConflictKey(text, Excludes.NOTHING) for text in claims}
            ),
            identity=row.get("identity", sha256(tx.payload).hexdigest()),
            unexplained=tuple(row["unexplained"]),
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        return tuple(
            SigningInput(
                address,
                SignatureAlgorithm(algorithm),
                sha256(tx.payload + bytes([position])).digest(),
                path,
            )
            for position, (address, algorithm, path) in enumerate(self._read(tx)["inputs"])
        )

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        raw = tx.payload + b"".join(s.signature for s in signatures)
        return SignedTx(tx.network, TxId(sha256(raw).hexdigest()), raw)

    def _read(self, tx: UnsignedTx) -> dict[str, Any]:
        try:
            row: dict[str, Any] = json.loads(tx.payload)
        except ValueError as error:
            raise MalformedTransaction("not a script") from error
        return row


_ALGORITHM = {
    AddressType.P2WPKH: SignatureAlgorithm.ECDSA_RECOVERABLE,
    AddressType.P2TR: SignatureAlgorithm.BIP340_TAPROOT,
    AddressType.EVM: SignatureAlgorithm.ECDSA_RECOVERABLE,
    AddressType.TRON: SignatureAlgorithm.ECDSA_RECOVERABLE,
    AddressType.SOLANA: SignatureAlgorithm.ED25519,
}


def script(*mandates: Mandate, **changes: Any) -> UnsignedTx:
    """The transaction that does exactly what mandates say together, from an account's address;
    `changes` make it lie. `nonce` names its conflict key, None for none; the keys bind unless
    `binding_keys` names others. `fee_max`, `rent`: the most that it costs; as much as the share of
    each may be, if nothing is said. `identity` makes two scripts one transaction. `on`: the
    network, where it is not built in."""
    core = mandates[0].core
    network = changes.pop("on", None) or find_network(core.network)
    nonce = changes.pop("nonce", 0)
    native = network.native.id
    bounds = [mandate.costs_max for mandate in mandates]
    sizes = [len(mandate.core.effects) for mandate in mandates]
    row = {
        "network": core.network,
        "sources": [core.source_address],
        "payments": [
            [pay.address, pay.asset, pay.amount, pay.memo]
            for mandate in mandates
            for pay in mandate.core.effects
            if isinstance(pay, Pay)
        ],
        "others": [
            effect_to_json(effect)
            for mandate in mandates
            for effect in mandate.core.effects
            if not isinstance(effect, Pay)
        ],
        "change": [],
        "fee_max": most_together(bounds, sizes).get((native, CostKind.FEE), 0),
        "rent": 0,
        "conflict_keys": [] if nonce is None else [f"{core.network}/nonce:x:{nonce}"],
        "unexplained": [],
        "inputs": [[core.source_address, _ALGORITHM[network.address_types[0]], None]],
    }
    return UnsignedTx(core.network, json.dumps({**row, **changes}).encode())


def cancelling(*mandates: Mandate, **changes: Any) -> UnsignedTx:
    """As `script`, but it does nothing."""
    return script(*mandates, **{"payments": [], "others": [], **changes})
