"""A message that two sign (ADR 0097): what it says for each of them, that its bytes are those of
other libraries, and every other thing that two could sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.null_signer import NullSigner
from solders.pubkey import Pubkey
from solders.system_program import AdvanceNonceAccountParams, TransferParams, transfer
from solders.system_program import advance_nonce_account as advance
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl_py
from spl.token import models

from chains.costs import CostKind
from chains.effects import Call, Create, Pay
from chains.errors import CallUnknown, MalformedTransaction, SignatureMismatch
from chains.model import Address, ConflictKey, Excludes, Signature, UnsignedTx
from chains.solana import LAMPORTS_PER_SIGNATURE, carrying, spl
from chains.solana.build import Payment, TransferPlan, build_message, build_payload, size_of
from chains.solana.codec import SolanaCodec
from chains.solana.nonce import accounts_of, value_of
from chains.solana.spl import Closing, TokenAllowance, TokenPayment, associated, rent_most
from chains.transaction import TxSummary
from tests.support.solana import LOCAL
from tests.support.solana_tokens import LEGACY, NEW, listed, token_row

OWNER, HOUSE, THIRD = (Keypair.from_seed(bytes([n]) * 32) for n in (1, 2, 3))
OURS, THEIRS, OTHER = OWNER.pubkey(), HOUSE.pubkey(), THIRD.pubkey()
PAYEE = Keypair.from_seed(b"\x07" * 32).pubkey()
MINT, NEWER, FEEING, UNLISTED = (Pubkey(bytes([n]) * 32) for n in (31, 32, 33, 34))
NETWORK = listed(
    LOCAL,
    token_row(LOCAL, MINT, LEGACY),
    token_row(LOCAL, NEWER, NEW),
    token_row(LOCAL, FEEING, NEW, traits=["transfer-fee"]),
)
CODEC = SolanaCodec(NETWORK)
ORIGIN = Hash(b"\x09" * 32)


def paid(mint: Pubkey = MINT, program: Pubkey = LEGACY) -> TokenPayment:
    return TokenPayment(PAYEE, 1_234, mint, program, 6, associated(OURS, mint, program), True)


PLAN = TransferPlan(THEIRS, (paid(),), 3, value_of(ORIGIN), 90_000, 10_000, 0, ORIGIN, owner=OURS)


def text(key: Pubkey) -> Address:
    return Address(str(key))


def half(plan: TransferPlan = PLAN) -> UnsignedTx:
    """As its owner reads it."""
    return UnsignedTx(NETWORK.id, build_payload(plan), text(plan.owner or OURS))


def signed(plan: TransferPlan = PLAN, key: Keypair = OWNER) -> bytes:
    return bytes(key.sign_message(build_message(plan)))


def whole(plan: TransferPlan = PLAN, signature: bytes | None = None) -> UnsignedTx:
    """As who pays for it reads it, behind the owner's signature."""
    behind = signed(plan) if signature is None else signature
    return UnsignedTx(NETWORK.id, build_payload(plan) + behind, text(plan.source))


def by(key: Keypair, message: bytes) -> Signature:
    return Signature(bytes(key.pubkey()), bytes(key.sign_message(message)))


KEY = ConflictKey(
    f"{NETWORK.id}/durable-nonce:{accounts_of(THEIRS)[3]}:{value_of(ORIGIN)}", Excludes.INCLUSION
)


@pytest.mark.parametrize(("mint", "program"), [(MINT, LEGACY), (NEWER, NEW)])
def test_what_it_says_for_each(mint: Pubkey, program: Pubkey) -> None:
    plan = replace(PLAN, payments=(paid(mint, program),))
    asset = spl.asset_of(NETWORK.id, mint)
    mine, theirs = CODEC.summarize(half(plan)), CODEC.summarize(whole(plan))
    assert mine.unexplained == theirs.unexplained == ()
    assert (mine.sources, theirs.sources) == ((text(OURS),), (text(THEIRS),))
    assert mine.effects == (Pay(text(PAYEE), asset, 1_234),)
    assert mine.costs.most == {} and mine.creates == () and mine.returns == theirs.returns == ()
    (call,) = theirs.effects
    assert isinstance(call, Call) and (call.contract, call.value) == (text(program), 0)
    said = dict(call.arguments)
    assert (said["owner"], said["payee"], said["amount"]) == (str(OURS), str(PAYEE), "1234")
    made = associated(PAYEE, mint, program)
    assert theirs.creates == (Create(text(made), text(PAYEE), rent_most(program)),)
    native = NETWORK.native.id
    assert theirs.costs.most == {
        (native, CostKind.FEE): 2 * LAMPORTS_PER_SIGNATURE + 900,
        (native, CostKind.RENT): rent_most(program),
    }
    assert mine.binding_keys == theirs.binding_keys == theirs.conflict_keys == {KEY}
    (apart,) = mine.conflict_keys - {KEY}
    assert apart.excludes is Excludes.EFFECT
    assert mine.identity != theirs.identity


def test_the_bytes_are_those_of_other_libraries() -> None:
    steps = [
        advance(
            AdvanceNonceAccountParams(nonce_pubkey=accounts_of(THEIRS)[3], authorized_pubkey=THEIRS)
        ),
        set_compute_unit_price(10_000),
        set_compute_unit_limit(90_000),
        spl_py.create_idempotent_associated_token_account(THEIRS, PAYEE, MINT, LEGACY),
        spl_py.transfer_checked(
            models.TransferCheckedParams(
                program_id=LEGACY,
                source=associated(OURS, MINT, LEGACY),
                mint=MINT,
                dest=associated(PAYEE, MINT, LEGACY),
                owner=OURS,
                amount=1_234,
                decimals=6,
            )
        ),
    ]
    message = MessageV0.try_compile(THEIRS, steps, [], value_of(ORIGIN))
    assert to_bytes_versioned(message) == build_message(PLAN)
    first = CODEC.attach(half(), (by(OWNER, build_message(PLAN)),))
    last = CODEC.attach(whole(signature=first.raw), (by(HOUSE, build_message(PLAN)),))
    assert last.raw == bytes(VersionedTransaction(message, [HOUSE, OWNER]))
    assert VersionedTransaction.from_bytes(last.raw).verify_with_results() == [True, True]
    assert len(last.raw) == size_of(PLAN)
    (apart,) = CODEC.summarize(half()).conflict_keys - {KEY}
    assert first.txid == apart.text and len(first.raw) == 64


def test_each_signs_alone() -> None:
    for tx, signer in ((half(), OURS), (whole(), THEIRS)):
        (needed,) = CODEC.signing_inputs(tx)
        assert (needed.address, needed.message) == (text(signer), build_message(PLAN))
    with pytest.raises(SignatureMismatch):
        CODEC.attach(half(), (by(HOUSE, build_message(PLAN)),))
    with pytest.raises(SignatureMismatch):
        CODEC.attach(whole(), (by(OWNER, build_message(PLAN)),))


def test_the_words_give_the_bytes() -> None:
    first = CODEC.attach(half(), (by(OWNER, build_message(PLAN)),))
    call = CODEC.submits(half(), first)
    assert CODEC.summarize(whole()).effects == (call,)
    CODEC.check_call(call, None)
    CODEC.check_call(call, text(THEIRS))
    plan, signature = carrying.read(call, text(THEIRS))
    assert build_payload(plan) + signature == whole().payload
    assert CODEC.submitter(half()) == text(THEIRS)
    with pytest.raises(MalformedTransaction):
        CODEC.submits(whole(), first)


CALL = carrying.words(PLAN, signed())
SPELLINGS = {
    "more units": ("amount", "1235"),
    "a plus sign": ("amount", "+1234"),
    "a blank": ("amount", " 1234"),
    "too many units": ("amount", str(2**64)),
    "below zero": ("amount", "-1"),
    "another payee": ("payee", str(OTHER)),
    "another price": ("unit_price", "10001"),
    "another blockhash": ("blockhash", str(Hash(b"\x08" * 32))),
    "another nonce value": ("nonce", str(ORIGIN)),
    "another's nonce account": ("nonce_account", str(accounts_of(OTHER)[3])),
    "no address": ("owner", "nobody"),
    "a third signature": ("signature", str(THIRD.sign_message(build_message(PLAN)))),
    "a flag in another spelling": ("opens", "True"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_other_words_are_refused(name: str) -> None:
    field, value = SPELLINGS[name]
    said = tuple((k, value if k == field else v) for k, v in CALL.arguments)
    with pytest.raises(CallUnknown):
        CODEC.check_call(replace(CALL, arguments=said), None)


@pytest.mark.parametrize(
    "call",
    [
        replace(CALL, arguments=CALL.arguments[1:]),
        replace(CALL, arguments=CALL.arguments[::-1]),
        replace(CALL, arguments=(*CALL.arguments, ("more", "1"))),
        replace(CALL, function="Transfer"),
        replace(CALL, contract=text(NEW)),
        replace(CALL, contract=Address("nobody")),
        replace(CALL, value=1),
        replace(CALL, moves=((NETWORK.native.id, 1),)),
    ],
)
def test_another_call_is_refused(call: Call) -> None:
    with pytest.raises(CallUnknown):
        CODEC.check_call(call, None)


def test_another_sender_is_refused() -> None:
    with pytest.raises(CallUnknown):
        CODEC.check_call(CALL, text(OURS))


ROLES = {
    "for nobody": lambda: replace(half(), sender=None),
    "for a third": lambda: replace(half(), sender=text(OTHER)),
    "for the payer, before the owner has signed": lambda: replace(half(), sender=text(THEIRS)),
    "for the owner, with a signature": lambda: replace(whole(), sender=text(OURS)),
    "for the payer, signed by a third": lambda: whole(signature=signed(key=THIRD)),
    "for the payer, signed by the payer": lambda: whole(signature=signed(key=HOUSE)),
    "for the payer, another message signed": lambda: whole(
        signature=signed(replace(PLAN, unit_price=1))
    ),
    "a signature of zeros": lambda: whole(signature=bytes(64)),
    "half a signature": lambda: whole(signature=signed()[:32]),
    "without proof of the nonce value": lambda: half(replace(PLAN, origin=None)),
    "behind a message that one signs": lambda: UnsignedTx(
        NETWORK.id, build_payload(replace(PLAN, owner=None)) + signed()
    ),
}


@pytest.mark.parametrize("name", ROLES)
def test_it_is_read_for_one_of_two_and_the_owner_first(name: str) -> None:
    with pytest.raises(MalformedTransaction):
        CODEC.summarize(ROLES[name]())


def steps_of(*more: Instruction) -> Callable[[], UnsignedTx]:
    """The honest instructions and more."""

    def built() -> UnsignedTx:
        steps = [
            advance(
                AdvanceNonceAccountParams(
                    nonce_pubkey=accounts_of(THEIRS)[3], authorized_pubkey=THEIRS
                )
            ),
            set_compute_unit_price(10_000),
            set_compute_unit_limit(90_000),
            *paid().instructions(THEIRS, OURS),
            *more,
        ]
        message = MessageV0.try_compile(THEIRS, steps, [], value_of(ORIGIN))
        return UnsignedTx(NETWORK.id, to_bytes_versioned(message) + bytes(ORIGIN))

    return built


def of(**changes: object) -> Callable[[], UnsignedTx]:
    return lambda: half(replace(PLAN, **changes))  # type: ignore[arg-type]


OWN = associated(THEIRS, MINT, LEGACY)
LAYOUTS = {
    "two payments": of(payments=(paid(), paid())),
    "coins": of(payments=(Payment(PAYEE, 5),)),
    "an allowance beside": of(
        allowances=(TokenAllowance(PAYEE, 1, MINT, LEGACY, 6, associated(OURS, MINT, LEGACY)),)
    ),
    "a closing beside": of(closings=(Closing(OWN, LEGACY),)),
    "a payment of which a part is kept": of(payments=(replace(paid(FEEING, NEW), fee=3),)),
    "out of the payer's account": of(payments=(replace(paid(), account=OWN),)),
    "to the payer": of(payments=(replace(paid(), recipient=THEIRS),)),
    "to the payer's account": of(payments=(replace(paid(), recipient=OWN, opens=False),)),
    "to the owner": of(payments=(replace(paid(), recipient=OURS),)),
    "of nothing": of(payments=(replace(paid(), units=0),)),
    "a nonce account that is made": of(rent=1_447_680, lifetime=ORIGIN, origin=None),
    "a token that is not listed": of(payments=(paid(UNLISTED),)),
    "other decimals": of(payments=(replace(paid(), decimals=9),)),
    "the payer's coins beside": steps_of(transfer(TransferParams(
        from_pubkey=THEIRS, to_pubkey=OURS, lamports=1
    ))),
    "the owner's coins beside": steps_of(transfer(TransferParams(
        from_pubkey=OURS, to_pubkey=PAYEE, lamports=1
    ))),
    "the payer's tokens beside": steps_of(*paid().instructions(THEIRS, THEIRS)[1:]),
    "a third signer": steps_of(Instruction(
        Pubkey.default(), b"", [AccountMeta(OTHER, is_signer=True, is_writable=False)]
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_two_sign_one_payment_of_the_owners_tokens_and_nothing_else(name: str) -> None:
    """For neither of them, whoever has signed."""
    tx = LAYOUTS[name]()
    message = tx.payload[: -len(bytes(ORIGIN))]
    behind = bytes(OWNER.sign_message(message))
    for each in (
        replace(tx, sender=text(OURS)),
        UnsignedTx(NETWORK.id, tx.payload + behind, text(THEIRS)),
    ):
        assert not is_explained(each)


def is_explained(tx: UnsignedTx) -> TxSummary | None:
    try:
        summary = CODEC.summarize(tx)
    except MalformedTransaction:
        return None
    return None if summary.unexplained else summary


def test_which_tokens_are_signed_apart() -> None:
    for mint, does in ((MINT, True), (NEWER, True), (FEEING, False), (UNLISTED, False)):
        assert CODEC.signs_apart(spl.asset_of(NETWORK.id, mint)) is does
    assert not CODEC.signs_apart(NETWORK.native.id)


def test_a_signature_of_nobody_is_none() -> None:
    assert not carrying.is_signed(PLAN, bytes(NullSigner(OURS).sign_message(b"")))
    assert not carrying.is_signed(PLAN, b"")
