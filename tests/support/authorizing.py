"""The EVM codec with the words of ADR 0090, to play its rules against the real signer before
custody has hands for them. Nothing outside tests knows it."""

from __future__ import annotations

from chains.costs import CostsMost
from chains.effects import Call, Effect
from chains.errors import MalformedTransaction, SignatureMismatch
from chains.evm import erc20, permits
from chains.evm.build import Transaction
from chains.evm.codec import EvmCodec
from chains.evm.permits import Authorization, Kind, Typed
from chains.model import (
    Address,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.transaction import TxSummary

_NAMES = {
    Kind.TRANSFER: "transferWithAuthorization",
    Kind.RECEIVE: "receiveWithAuthorization",
}


def carried(typed: Typed) -> Call:
    """What the one that carries it does, for its own vault: a call that moves nothing of it."""
    pays = typed.said
    assert isinstance(pays, Authorization)
    arguments = (
        ("from", pays.payer),
        ("to", pays.payee),
        ("value", str(pays.units)),
        ("validAfter", str(pays.after)),
        ("validBefore", str(pays.before)),
        ("nonce", "0x" + pays.nonce.hex()),
    )
    return Call(typed.domain.contract, _NAMES[typed.kind], arguments, 0)


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

    def _called(self, parsed: Transaction, sender: Address) -> Effect | None:
        found = super()._called(parsed, sender)
        if found is not None or parsed.to is None or parsed.value:
            return found
        asset = self.network.tokens.get(erc20.asset_of(self.network.id, parsed.to))
        domain = None if asset is None else permits.domain_of(self.network, asset)
        submitted = None if domain is None else permits.submitted(domain, parsed.data)
        if submitted is None:
            return None
        typed, _ = submitted
        # One's own would be money that leaves by the name of a call.
        if typed.signer == sender or permits.unexplained(self.network, typed):
            return None
        return carried(typed)
