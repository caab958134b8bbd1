"""Everything that can go wrong between us and a chain, as one tree with stable codes.

    ChainError
    ├── InvalidInput               what somebody typed; nothing has happened yet
    │   ├── InvalidAddress         address_malformed
    │   │   ├── WrongChecksum      address_checksum
    │   │   ├── WrongNetwork       address_wrong_network
    │   │   └── ZeroAddress        address_zero
    │   ├── InvalidAmount          amount_invalid
    │   │   ├── MalformedAmount    amount_malformed
    │   │   ├── TooManyDecimals    amount_too_many_decimals
    │   │   ├── NegativeAmount     amount_negative
    │   │   ├── ZeroAmount         amount_zero
    │   │   └── DustAmount         amount_dust
    │   ├── MemoUnsupported        memo_unsupported
    │   ├── OutputsUnsupported     outputs_unsupported
    │   ├── TooManyOutputs         outputs_too_many
    │   ├── PayeeUnpayable         payee_unpayable (found by asking the chain what would happen)
    │   ├── NothingToClose         nothing_to_close (no token account would be empty)
    │   │   └── FeesWithheld       fees_withheld (its mint's fees lie in it)
    │   ├── NothingToHasten        nothing_to_hasten (what a child was to pay for does not wait)
    │   └── MessageRefused         message_refused (its own tree is in `chains.messages.errors`)
    ├── NetworkInvalid             network_invalid (a row that describes a network or an asset)
    │   └── NetworkFixed           network_fixed (it says otherwise what must stay as it was)
    ├── MalformedDescription       description_malformed (of a contract's function)
    ├── CodecError                 bytes that we refuse to read, sign or complete
    │   ├── MalformedTransaction   transaction_malformed
    │   └── SignatureMismatch      signature_mismatch
    ├── BuildError                 the transfer can't be built as things stand; it may later
    │   ├── CallReverts            call_reverts
    │   ├── InsufficientFunds      insufficient_funds
    │   │   ├── TooManyCoins       too_many_coins
    │   │   ├── CoinsInUse         coins_in_use
    │   │   ├── RentReserve        rent_reserve
    │   │   └── InsufficientGas    insufficient_gas
    │   ├── FeeAboveMaximum        fee_above_maximum
    │   │   └── RentAboveMaximum   rent_above_maximum
    │   ├── FeeUnknown             fee_unknown
    │   ├── BalanceFrozen          balance_frozen (the token's issuer has frozen the payer)
    │   ├── PayeeFrozen            payee_frozen
    │   ├── TokenPaused            token_paused
    │   ├── ClaimUnusable          claim_unusable
    │   └── TooManyInFlight        too_many_in_flight
    ├── BroadcastRejected          broadcast_rejected (the node looked at it and said no)
    ├── NotSimulated               not_simulated (nobody can show what a call would change)
    ├── InclusionUnproven          inclusion_unproven (no proof that a block has it; it may have)
    └── NodeError                  the node itself
        ├── NodeUnavailable        node_unavailable
        │   ├── BlockUnreadable    block_unreadable
        │   ├── NodeLimited        node_limited
        │   ├── NodeDenied         node_denied
        │   └── PrivateNodesAway   private_nodes_away
        ├── NodeMisbehaved         node_misbehaved
        ├── NodeUnfit              node_unfit
        └── WrongChain             node_wrong_chain

`str(error)` is for people and never contains a secret; `code` is for programs and never changes;
`advice` tells the operator what to do. This module knows no chain in particular.
"""

from __future__ import annotations

from typing import ClassVar


class ChainError(Exception):
    """Base of the tree. Subclasses set `code`; `advice` is optional help for the operator."""

    code: ClassVar[str] = "chain_error"

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class InvalidInput(ChainError):
    code = "input_invalid"


class InvalidAddress(InvalidInput):
    """Not an address in any format of this network."""

    code = "address_malformed"


class WrongChecksum(InvalidAddress):
    """It looks like an address, but a character is wrong."""

    code = "address_checksum"


class WrongNetwork(InvalidAddress):
    """A valid address of another network."""

    code = "address_wrong_network"


class ZeroAddress(InvalidAddress):
    """The burn address: money sent there is gone."""

    code = "address_zero"


class InvalidAmount(InvalidInput):
    code = "amount_invalid"


class MalformedAmount(InvalidAmount):
    """Not a number in the form that we read."""

    code = "amount_malformed"


class TooManyDecimals(InvalidAmount):
    """Finer than the asset can be divided."""

    code = "amount_too_many_decimals"


class NegativeAmount(InvalidAmount):
    code = "amount_negative"


class ZeroAmount(InvalidAmount):
    code = "amount_zero"


class DustAmount(InvalidAmount):
    """Too small: the network would refuse to carry or keep it."""

    code = "amount_dust"


class MemoUnsupported(InvalidInput):
    """The chain's payments carry no memo: nobody would ever read it."""

    code = "memo_unsupported"


class OutputsUnsupported(InvalidInput):
    """A transaction of this chain makes one payment. Ask for several transfers."""

    code = "outputs_unsupported"


class CallUnknown(InvalidInput):
    """Nothing describes what is called here, or it is not called in the one form that has words."""

    code = "call_unknown"


class TooManyOutputs(InvalidInput):
    """More than one transaction of this chain holds. Ask for several transfers."""

    code = "outputs_too_many"


class PayeeUnpayable(InvalidInput):
    """The chain would refuse the payment to one of the payees, and so the whole transaction."""

    code = "payee_unpayable"


class NothingToClose(InvalidInput):
    """No token account of the address would be empty and its own to close."""

    code = "nothing_to_close"


class FeesWithheld(NothingToClose):
    """Token-2022: an account in which fees lie that the mint withheld can't be closed."""

    code = "fees_withheld"


class NothingToHasten(InvalidInput):
    """What a child was to pay for does not wait to be in a block, or its coin is spent already."""

    code = "nothing_to_hasten"


class NetworkInvalid(ChainError):
    """A row that describes a network or an asset is not one. `row`: its alias or id, as far as it
    says one; `member`: what is wrong in it; `why`: with both left out."""

    code = "network_invalid"

    def __init__(self, why: str, *, row: str = "", member: str = "") -> None:
        super().__init__(": ".join(part for part in (row, member, why) if part))
        self.why = why
        self.row = row
        self.member = member


class NetworkFixed(NetworkInvalid):
    """A row says otherwise what addresses and money hang on since an earlier one was in force."""

    code = "network_fixed"


class MalformedDescription(ChainError):
    """What describes a contract's function is not in a form that has words here."""

    code = "description_malformed"


class CodecError(ChainError):
    code = "codec_error"


class MalformedTransaction(CodecError):
    """The bytes are not exactly one well-formed transaction in canonical encoding."""

    code = "transaction_malformed"


class SignatureMismatch(CodecError):
    """A signature is missing, surplus, or not made by the key the transaction needs."""

    code = "signature_mismatch"


class BuildError(ChainError):
    code = "build_error"


class CallReverts(BuildError):
    """The contract that is called refuses it as things stand; its word is in the message."""

    code = "call_reverts"


class InsufficientFunds(BuildError):
    code = "insufficient_funds"


class TooManyCoins(InsufficientFunds):
    """The money is there, in more small coins than one transaction can carry. Consolidate them."""

    code = "too_many_coins"


class CoinsInUse(InsufficientFunds):
    """The money is there, in coins that other transactions spend. Their change comes with a
    block."""

    code = "coins_in_use"


class InsufficientGas(InsufficientFunds):
    """The token is there, and too little of the coin that its payment costs."""

    code = "insufficient_gas"


class NotSignedApart(BuildError):
    """The payer's signature alone would not let others submit the payment. It needs a transaction
    of its own, and the coin that this costs."""

    code = "not_signed_apart"


class RentReserve(InsufficientFunds):
    """What would stay in the account is less than the chain lets stand. Send less, or all."""

    code = "rent_reserve"


class FeeAboveMaximum(BuildError):
    """The network asks for more than the transfer allows. Wait, or allow more. `needed`: the fee in
    base units, where that is known."""

    code = "fee_above_maximum"

    def __init__(self, message: str, *, advice: str = "", needed: int | None = None) -> None:
        super().__init__(message, advice=advice)
        self.needed = needed


class ReplacementPinned(FeeAboveMaximum):
    """Somebody spends what the transaction pays before it is in a block, and its replacement has to
    pay for that too. Wait, or allow more."""

    code = "replacement_pinned"


class RentAboveMaximum(FeeAboveMaximum):
    """An account has to be opened, and its rent is more than the transfer allows. Allow more."""

    code = "rent_above_maximum"


class FeeUnknown(BuildError):
    """The node can't say yet what the network charges."""

    code = "fee_unknown"


class BalanceFrozen(BuildError):
    """The token's issuer lets nothing leave the address that pays."""

    code = "balance_frozen"


class PayeeFrozen(BuildError):
    """The token's issuer lets nothing come to the payee."""

    code = "payee_frozen"


class TokenPaused(BuildError):
    """The token's issuer lets nobody pay."""

    code = "token_paused"


class ClaimUnusable(BuildError):
    """The claimed nonce, coin or durable nonce is gone from the chain. Claim again."""

    code = "claim_unusable"


class TooManyInFlight(BuildError):
    """As many transactions of the address as may be under way wait for a block."""

    code = "too_many_in_flight"


class BroadcastRejected(ChainError):
    """The node refused the transaction. `reason` is the node's own word, shortened.

    Never proof that the transaction is dead: another node may hold it.
    """

    code = "broadcast_rejected"

    def __init__(self, reason: str, *, advice: str = "") -> None:
        super().__init__(f"the node refused the transaction: {reason}", advice=advice)
        self.reason = reason


class MalformedOutcome(InvalidInput):
    """Bounds of a call's outcome that are not in the one form that is read."""

    code = "outcome_malformed"


class NotSimulated(ChainError):
    """The node, or the chain, can't show what a call would change. Only what the signed bytes
    themselves bound is certain then."""

    code = "not_simulated"


class InclusionUnproven(ChainError):
    """What a node says of a block does not give the block's hash, or the chain's blocks prove
    nothing. Not the node's fault: it may be a kind of block that we do not know yet."""

    code = "inclusion_unproven"


class NodeError(ChainError):
    code = "node_error"


class NodeUnavailable(NodeError):
    """No usable answer (connection, time-out, syncing). The request may have taken effect."""

    code = "node_unavailable"


class BlockUnreadable(NodeUnavailable):
    """The node answers, but not about this block: it is pruned, lost, or too slow to trace. `hash_`
    is known if another block named it."""

    code = "block_unreadable"

    def __init__(
        self, message: str, *, height: int, hash_: str | None = None, advice: str = ""
    ) -> None:
        super().__init__(f"block {height}: {message}", advice=advice)
        self.height = height
        self.hash = hash_

    @classmethod
    def of(cls, error: NodeError, height: int) -> BlockUnreadable:
        """Whatever went wrong while the block was read."""
        if isinstance(error, BlockUnreadable):
            return error
        return cls(f"{error.code}: {error}", height=height, advice=error.advice)


class NodeLimited(NodeUnavailable):
    """The node, or a gateway before it, wants fewer questions. Wait `delay_s` seconds."""

    code = "node_limited"

    def __init__(self, message: str, *, delay_s: float, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.delay_s = delay_s


class NodeDenied(NodeUnavailable):
    """The node does not accept our credentials, or we sent none."""

    code = "node_denied"


class PrivateNodesAway(NodeUnavailable):
    """No private node takes what only they are to see. No other one is given it."""

    code = "private_nodes_away"


class NodeMisbehaved(NodeError):
    """An answer that contradicts itself or the protocol."""

    code = "node_misbehaved"


class NodeUnfit(NodeError):
    """The node works, but lacks something; without it we would overlook money."""

    code = "node_unfit"


class WrongChain(NodeError):
    """The node serves another chain than the one configured."""

    code = "node_wrong_chain"
