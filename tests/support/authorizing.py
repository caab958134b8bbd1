"""The EVM codec with the words of ADR 0090 for payments that are signed apart, to play its rules
against the real signer before custody has hands for them. Nothing outside tests knows it."""

from __future__ import annotations

from chains.costs import CostsMost
from chains.errors import MalformedTransaction, SignatureMismatch
from chains.evm import permits
from chains.evm.codec import EvmCodec
from chains.evm.permits import Kind, Typed
from chains.model import (
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.transaction import TxSummary


class AuthorizingCodec(EvmCodec):
    """Typed data begins with a brace, which no envelope of a transaction does."""

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        if (typed := self._typed(tx)) is not None:
            permits.check_lifetime(typed, now)

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        typed = self._typed(tx)
        if typed is None:
            return super().summarize(tx)
        unexplained = permits.unexplained(self.network, typed)
        if typed.kind is Kind.PERMIT:
            unexplained = (*unexplained, "an allowance that anybody may submit")
        return TxSummary(
            network=self.network.id,
            sources=(typed.signer,),
            effects=(permits.effect(self.network, typed),),
            returns=(),
            creates=(),
            costs=CostsMost({}),
            conflict_keys=frozenset(),
            identity=f"{typed.signer}:{typed.digest.hex()}",
            unexplained=unexplained,
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        typed = self._typed(tx)
        if typed is None:
            return super().signing_inputs(tx)
        return (SigningInput(typed.signer, SignatureAlgorithm.ECDSA_RECOVERABLE, typed.digest),)

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """The calldata that somebody submits."""
        typed = self._typed(tx)
        if typed is None:
            return super().attach(tx, signatures)
        if len(signatures) != 1:
            raise SignatureMismatch("one signature belongs")
        raw = permits.call(typed, signatures[0].signature)
        return SignedTx(self.network.id, TxId("0x" + typed.digest.hex()), raw)

    def _typed(self, tx: UnsignedTx) -> Typed | None:
        if not tx.payload.startswith(b"{"):
            return None
        typed = permits.parse(tx.payload)
        if (tx.network, tx.sender) != (self.network.id, typed.signer):
            raise MalformedTransaction("typed data of another network or signer than is named")
        return typed
