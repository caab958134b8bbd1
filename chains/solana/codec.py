"""Solana's pure half: v0 messages to meaning, signatures to transactions.

`UnsignedTx.payload` is the v0 message with its version byte, which is what is signed. Behind it may
stand the blockhash that its nonce value was made of: it proves that the value is no blockhash, so
that the transaction's key binds. The fee payer is in the message, so `sender` is not set. A
transaction id is its first signature.

A message that two sign is read for one of them, who is the `sender` (ADR 0097): for the owner of
the tokens it is a payment without costs, signed apart; for the fee payer, behind the owner's
signature, a call that costs fee and rent. The nonce value binds both.

Pure: no I/O, no clock, no randomness, no keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature as Ed25519Signature
from solders.transaction import SanitizeError, VersionedTransaction

from chains.codec import CallsNothing, Traits, check_listed, remember_small
from chains.costs import CostKind, Costs, CostsMost, costs_in
from chains.effects import Allow, Call, Create, Effect, Pay, Return
from chains.errors import (
    CallUnknown,
    InvalidAddress,
    InvalidAmount,
    InvalidInput,
    MalformedTransaction,
    SignatureMismatch,
    TooManyOutputs,
)
from chains.model import (
    Address,
    AddressType,
    AssetId,
    KeyScheme,
    ParsedAddress,
    Signature,
    SignatureAlgorithm,
    SignedTx,
    SigningInput,
    TxId,
    UnsignedTx,
)
from chains.networks import Network
from chains.solana import (
    BLOCKHASH_AGE_MAX,
    KEY_SCHEME,
    NONCE_ACCOUNT_BYTES,
    PURPOSE,
    RENT_BYTES_BESIDE,
    RENT_PER_BYTE,
    TRANSACTION_BYTES_MAX,
    WRAPPED_MINTS,
    address,
    carrying,
    spl,
)
from chains.solana.build import AnyPayment, Payment, TransferPlan, size_max
from chains.solana.claims import Claim, apart_key
from chains.solana.explain import Unexplained, explain, parse_payload
from chains.solana.schema import SCHEMA
from chains.solana.spl import TokenAllowance, TokenPayment, TokenTrait, associated
from chains.transaction import AfterBlock, TxSummary

_UNNAMED: Final = Pubkey(b"\2" * 32)
"""Some token account of the source."""
_READINGS: Final = 256
_READING_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class _Reading:
    """A message with the `signers` that it is read for and the plan behind it; without one, why
    there is none. `signed`: the message's bytes. `second`: the owner's signature, where it is read
    for who signs beside."""

    message: MessageV0
    signed: bytes
    signers: tuple[Pubkey, ...]
    plan: TransferPlan | None
    unexplained: tuple[str, ...]
    second: bytes | None = None


class SolanaCodec(CallsNothing):
    """Implements `chains.codec.TransactionCodec` for one cluster."""

    traits: Final = Traits(
        coins=False,
        conflict_keys=True,
        binding_keys=True,
        memo=False,
        account_least=RENT_BYTES_BESIDE * RENT_PER_BYTE,
        token_accounts=True,
        # What is not final yet, and slots without a block, come on top of its age.
        remembered_least=2 * BLOCKHASH_AGE_MAX,
        # Of a nonce account: a payee that is new has its own out of the amount (`prepare`).
        coin_rent_most=(RENT_BYTES_BESIDE + NONCE_ACCOUNT_BYTES) * RENT_PER_BYTE,
    )
    schema: Final = SCHEMA

    def __init__(self, network: Network) -> None:
        self._network = network
        self._coin_type = network.number("coin_type")
        # A message is summarized, signed and completed in quick succession.
        self._decode = remember_small(_decode, len, entries=_READINGS, bytes_max=_READING_BYTES_MAX)

    @property
    def network(self) -> Network:
        return self._network

    def key_scheme(self, address_type: AddressType) -> KeyScheme:
        self._check_type(address_type)
        return KEY_SCHEME

    def account_path(self, address_type: AddressType, account: int) -> str:
        self._check_type(address_type)
        return f"m/{PURPOSE}'/{self._coin_type}'/{account}'"

    def address_path(
        self, address_type: AddressType, account: int, index: int, *, change: bool = False
    ) -> str:
        """All levels hardened: SLIP-10 has no others for ed25519. Raises InvalidInput for `change`,
        which an account chain doesn't have."""
        if change:
            raise InvalidInput("accounts have no change")
        return f"{self.account_path(address_type, account)}/{index}'"

    def derive_address(self, public_key: bytes, address_type: AddressType) -> Address:
        self._check_type(address_type)
        return address.from_public_key(public_key)

    def parse_address(self, text: str) -> ParsedAddress:
        return address.parse(text)

    def check_payment(self, payment: Pay) -> None:
        """Whether an amount is too small to open a new account depends on the network's rent:
        `SolanaAdapter.prepare` knows it."""
        self.parse_address(payment.address)
        check_listed(self._network, payment)
        token = self._network.tokens.get(payment.asset)
        if token is not None and TokenTrait.NON_TRANSFERABLE in token.traits:
            raise InvalidAmount(f"{token.symbol} can't be paid to anybody, says its row")
        if (
            token is not None
            and spl.asset_of(self._network.id, address.to_key(payment.address)) == token.id
        ):
            raise InvalidAddress("the token's mint, not somebody who could hold it")

    def check_outputs(self, payments: Sequence[Pay]) -> None:
        """Counted for the larger of our two transactions: which of them it will be depends on the
        nonce accounts there are then."""
        paid = [self._drawn(each) for each in payments]
        if size_max(paid) > TRANSACTION_BYTES_MAX:
            room = f"{size_max(paid)} bytes of at most {TRANSACTION_BYTES_MAX}"
            raise TooManyOutputs(f"one transaction would have {room}")

    def check_call(self, call: Call | Allow, sender: Address | None) -> None:
        if not isinstance(call, Call):
            super().check_call(call, sender)
            return
        plan, _ = carrying.read(call, sender)
        if (why := self._uncarried(plan)) is not None:
            raise CallUnknown(why)

    def size_of(self, effects: Sequence[Effect]) -> int:
        return len(effects)

    def check_lifetime(self, tx: UnsignedTx, now: int) -> None:
        """One on a nonce has none, and a blockhash is good for minutes."""

    def lifetime(self, tx: UnsignedTx) -> AfterBlock | None:
        """One on a nonce lives for ever; on a blockhash, for 150 blocks."""
        plan = self._read(tx).plan
        if plan is None or Claim.of(plan).value is not None:
            return None
        return AfterBlock(str(plan.lifetime), BLOCKHASH_AGE_MAX)

    def summarize(self, tx: UnsignedTx) -> TxSummary:
        reading = self._read(tx)
        reasons = reading.unexplained
        if reading.plan is not None:
            plan = reading.plan
            differ = [*map(self._differs, plan.tokens), *map(self._unlisted, plan.allowances)]
            differ += self._unclosable(plan) if plan.closings else ()
            differ += [self._uncarried(plan)] if plan.owner is not None else ()
            reasons = tuple(each for each in differ if each is not None)
            if not reasons:
                return self._summary(plan, reading)
        return TxSummary(
            network=self._network.id,
            sources=(Address(str(reading.message.account_keys[0])),),
            effects=(),
            returns=(),
            creates=(),
            costs=CostsMost(),
            conflict_keys=frozenset(),
            identity=_identity(reading.signed),
            unexplained=reasons,
        )

    def signing_inputs(self, tx: UnsignedTx) -> tuple[SigningInput, ...]:
        reading = self._read(tx)
        return tuple(
            SigningInput(
                address=Address(str(signer)),
                algorithm=SignatureAlgorithm.ED25519,
                message=reading.signed,
            )
            for signer in reading.signers
        )

    def attach(self, tx: UnsignedTx, signatures: tuple[Signature, ...]) -> SignedTx:
        """Of a payment that is signed apart, the owner's signature under the name of its key."""
        reading = self._read(tx)
        signers = reading.signers
        if len(signatures) != len(signers):
            raise SignatureMismatch(f"{len(signers)} signatures needed, {len(signatures)} given")
        for signer, signature in zip(signers, signatures, strict=True):
            _verify(signer, signature, reading.signed)
        given = [signature.signature for signature in signatures]
        if (plan := _apart(reading)) is not None:
            key = apart_key(self._network.id, Address(str(plan.owner)), Claim.of(plan))
            return SignedTx(self._network.id, TxId(key.text), given[0])
        if reading.second is not None:
            given.append(reading.second)
        raw = VersionedTransaction.populate(reading.message, [*map(Ed25519Signature, given)])
        return SignedTx(network=self._network.id, txid=TxId(str(raw.signatures[0])), raw=bytes(raw))

    def signs_apart(self, asset: AssetId) -> bool:
        """Not where the mint withholds: what did not arrive is booked with who pays the costs."""
        token = self._network.tokens.get(asset)
        return token is not None and TokenTrait.TRANSFER_FEE not in token.traits

    def submitter(self, tx: UnsignedTx) -> Address:
        return Address(str(self._read(tx).message.account_keys[0]))

    def submits(self, tx: UnsignedTx, signed: SignedTx) -> Call:
        plan = _apart(self._read(tx))
        if plan is None:
            raise MalformedTransaction("a transaction, which submits itself")
        if not carrying.is_signed(plan, signed.raw):
            raise SignatureMismatch(f"the signature of {plan.owner} is not over this message")
        return carrying.words(plan, signed.raw)

    def detach(self, tx: SignedTx) -> UnsignedTx:
        """What was signed, for reading a stored transaction again; where its nonce value comes from
        is not in it. Raises MalformedTransaction."""
        return UnsignedTx(network=tx.network, payload=message_of(tx.raw))

    def _summary(self, plan: TransferPlan, reading: _Reading) -> TxSummary:
        """Of two transactions that create one account the loser is in a block too and pays, so
        that binds nothing (ADR 0010)."""
        if plan.owner is not None:
            return self._half(plan, reading)
        native, source = self._network.native.id, Address(str(plan.source))
        account = Address(str(plan.nonce_account))
        paid = [self._paid(each) for each in plan.payments]
        creates = [Create(account, source, plan.rent)] if plan.creates_nonce else []
        for made, (owner, rent) in plan.opened.items():
            creates.append(Create(Address(str(made)), Address(str(owner)), rent))
        return TxSummary(
            network=self._network.id,
            sources=(source,),
            effects=(
                *(each for each in paid if each.address != source),
                *map(self._allowed, plan.allowances),
            ),
            returns=(
                *(
                    Return(source, each.asset, each.amount, None)
                    for each in paid
                    if each.address == source
                ),
                # How much an account holds for its rent the bytes don't say.
                *(Return(source, native, 0, None) for _ in plan.closings),
            ),
            creates=tuple(creates),
            costs=CostsMost(self.costs_of(plan)),
            conflict_keys=frozenset({Claim.of(plan).key(self._network.id)}),
            identity=_identity(reading.signed),
        )

    def _half(self, plan: TransferPlan, reading: _Reading) -> TxSummary:
        """What one of two signers does by a message. Its identity says for whom it is read: each
        of them signs it for one set of transfers, and they are different ones."""
        (payment,), claim = plan.tokens, Claim.of(plan)
        (signer,) = (Address(str(each)) for each in reading.signers)
        key = claim.key(self._network.id)
        second = reading.second
        apart = second is None
        opened = () if apart else plan.opened.items()
        return TxSummary(
            network=self._network.id,
            sources=(signer,),
            effects=(
                self._paid(payment) if apart else carrying.words(plan, reading.second or b""),
            ),
            returns=(),
            creates=tuple(
                Create(Address(str(made)), Address(str(owner)), rent)
                for made, (owner, rent) in opened
            ),
            costs=CostsMost({} if apart else self.costs_of(plan)),
            conflict_keys=frozenset(
                {key, apart_key(self._network.id, signer, claim)} if apart else {key}
            ),
            identity=f"{_identity(reading.signed)}:{signer}",
        )

    def _uncarried(self, plan: TransferPlan) -> str | None:
        """Why nobody pays for another's payment: its token is not a listed one."""
        (payment,) = plan.tokens
        if spl.asset_of(self._network.id, payment.mint) not in self._network.tokens:
            return f"pays for a payment of a token that is not listed, {payment.mint}"
        return self._differs(payment)

    def _paid(self, payment: AnyPayment) -> Pay:
        to = Address(str(payment.recipient))
        if isinstance(payment, Payment):
            return Pay(to, self._network.native.id, payment.lamports)
        return Pay(to, spl.asset_of(self._network.id, payment.mint), payment.units)

    def costs_of(self, plan: TransferPlan) -> Costs:
        """The most that it costs. What of its payments does not arrive the bytes say to the unit:
        where the mint asks for another fee by then, the transaction fails."""
        costs = {CostKind.FEE: plan.fee, CostKind.RENT: plan.rent_most}
        kept: dict[AssetId, int] = {}
        for each in plan.tokens:
            asset = spl.asset_of(self._network.id, each.mint)
            kept[asset] = kept.get(asset, 0) + (each.fee or 0)
        withheld = {(asset, CostKind.WITHHELD): units for asset, units in kept.items() if units}
        return costs_in(self._network.native.id, costs) | withheld

    def _allowed(self, allowance: TokenAllowance) -> Allow:
        """Without a bound where no supply is larger."""
        bound = None if allowance.units == spl.UNITS_MAX else allowance.units
        asset = spl.asset_of(self._network.id, allowance.mint)
        return Allow(Address(str(allowance.spender)), asset, bound, None)

    def _unlisted(self, allowance: TokenAllowance) -> str | None:
        """Why an allowance is none of a listed token; None if it is one."""
        token = self._network.tokens.get(spl.asset_of(self._network.id, allowance.mint))
        if token is None:
            return f"allows a token that is not listed, {allowance.mint}"
        if allowance.program != spl.PROGRAMS[token.kind] or allowance.decimals != token.decimals:
            return f"{token.symbol} is allowed by another program or decimals than its row's"
        return None

    def _unclosable(self, plan: TransferPlan) -> list[str]:
        """What a closing names is an address, and whose money lies there only the chain knows. So
        it has to be the payer's associated account of a listed token, which derives from both.
        Never the wrapped coin's: that one pays out what it holds. No nonce account is one."""
        own = {
            (associated(plan.source, mint, program), program)
            for mint, program in self.closable().items()
        }
        strange = [
            each.account for each in plan.closings if (each.account, each.program) not in own
        ]
        return [f"closes {each}, no account of the payer of a listed token" for each in strange]

    def closable(self) -> dict[Pubkey, Pubkey]:
        """The tokens whose accounts may be closed: mint and program."""
        network = self._network.id
        found = {spl.mint_of(network, t.id): t.kind for t in self._network.tokens.values()}
        return {
            mint: spl.PROGRAMS[kind]
            for mint, kind in found.items()
            if str(mint) not in WRAPPED_MINTS
        }

    def _differs(self, payment: TokenPayment) -> str | None:
        """How a payment of tokens is another than one of the listed token; None if it is not, or
        if nobody listed it: then it is told as what it is, and refused as that."""
        token = self._network.tokens.get(spl.asset_of(self._network.id, payment.mint))
        if token is None:
            return None
        if payment.program != spl.PROGRAMS[token.kind]:
            return f"{token.symbol} is paid by another program than its own"
        if payment.decimals != token.decimals:
            return f"{token.symbol} is paid with {payment.decimals} decimals, not {token.decimals}"
        if (payment.fee is not None) != (TokenTrait.TRANSFER_FEE in token.traits):
            return f"{token.symbol} is paid with a fee, or without one, other than its row says"
        return None

    def _drawn(self, payment: Pay) -> AnyPayment:
        """As large as it can be."""
        to, token = address.to_key(payment.address), self._network.tokens.get(payment.asset)
        if token is None:
            return Payment(to, payment.amount)
        mint, program = spl.mint_of(self._network.id, token.id), spl.PROGRAMS[token.kind]
        fee = 0 if TokenTrait.TRANSFER_FEE in token.traits else None
        opens = to.is_on_curve()
        return TokenPayment(to, payment.amount, mint, program, token.decimals, _UNNAMED, opens, fee)

    def _read(self, tx: UnsignedTx) -> _Reading:
        if tx.network != self._network.id:
            raise MalformedTransaction(f"made for {tx.network}, not for {self._network.id}")
        reading = self._decode(tx.payload)
        if reading.plan is not None and reading.plan.owner is not None:
            return _read_for(tx.sender, reading, reading.plan)
        if tx.sender is not None:
            raise MalformedTransaction("a Solana message names its fee payer itself")
        if reading.second is not None:
            raise MalformedTransaction("a signature behind a message that one signs")
        return reading

    def _check_type(self, address_type: AddressType) -> None:
        if address_type is not AddressType.SOLANA:
            raise InvalidInput(f"{self._network.name} derives no {address_type} addresses")


def message_of(raw: bytes) -> bytes:
    """The message inside a signed v0 transaction. Raises MalformedTransaction."""
    try:
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
    except (ValueError, SanitizeError) as error:
        raise MalformedTransaction(f"not a Solana transaction: {error}") from error
    if not isinstance(transaction.message, MessageV0) or bytes(transaction) != raw:
        raise MalformedTransaction("not the canonical encoding of a version 0 transaction")
    return to_bytes_versioned(transaction.message)


def _identity(payload: bytes) -> str:
    """Ed25519 signs the message itself, so the message is the transaction."""
    return sha256(payload).hexdigest()


def _decode(payload: bytes) -> _Reading:
    """The first accounts of a message sign it, the fee payer before all."""
    message, origin, second = parse_payload(payload)
    signed = to_bytes_versioned(message)
    signers = tuple(message.account_keys[: message.header.num_required_signatures])
    try:
        plan = replace(explain(message), origin=origin)
        if plan.creates_nonce and origin is not None:
            raise Unexplained("what makes a nonce account consumes no nonce")
        return _Reading(message, signed, signers, plan, (), second)
    except Unexplained as unexplained:
        return _Reading(message, signed, signers, None, unexplained.reasons, second)


def _read_for(sender: Address | None, reading: _Reading, plan: TransferPlan) -> _Reading:
    """Of two signers, one. The owner signs first, so what the payer reads has his signature: what
    the owner's rules refuse costs the payer nothing. Raises MalformedTransaction."""
    if plan.owner is None or plan.origin is None:  # both could be in blocks
        raise MalformedTransaction("two sign it, and its nonce value is not proven")
    if sender == str(plan.owner) and reading.second is None:
        return replace(reading, signers=(plan.owner,))
    if sender != str(plan.source) or reading.second is None:
        raise MalformedTransaction("two sign it: it is read for one of them, the owner first")
    if not carrying.is_signed(plan, reading.second):
        raise MalformedTransaction("the owner of the tokens has not signed it")
    return replace(reading, signers=(plan.source,))


def _apart(reading: _Reading) -> TransferPlan | None:
    """Of what an owner of tokens signs for another to submit."""
    plan = reading.plan
    return plan if plan is not None and plan.owner is not None and reading.second is None else None


def _verify(signer: Pubkey, signature: Signature, payload: bytes) -> None:
    """Raise SignatureMismatch unless `signer` made `signature` over `payload` (RFC 8032; solders
    verifies as validators do, refusing keys and points of small order)."""
    if signature.public_key != bytes(signer):
        raise SignatureMismatch(f"a signature by another key than that of {signer}")
    if len(signature.signature) != Ed25519Signature.LENGTH:
        raise SignatureMismatch(f"an ed25519 signature has {Ed25519Signature.LENGTH} bytes")
    if not Ed25519Signature(signature.signature).verify(signer, payload):
        raise SignatureMismatch(f"the signature of {signer} is not over this message")
