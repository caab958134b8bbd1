"""Payments of SPL tokens at the codec: what they say, and every disguise that says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py
from spl.token import models

from chains.costs import CostKind, by_asset, withheld_in
from chains.effects import Create, Pay
from chains.errors import InvalidAddress, InvalidAmount, TooManyOutputs
from chains.model import Address, UnsignedTx
from chains.solana import spl
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.solana.codec import SolanaCodec
from chains.solana.spl import TokenPayment, associated, rent_most
from chains.transaction import TxSummary
from tests.support.solana import LOCAL
from tests.support.solana_tokens import LEGACY, NEW, listed, token_row

KEY = Keypair.from_seed(bytes(range(32)))
SOURCE = KEY.pubkey()
OWNER = Keypair.from_seed(b"\x07" * 32).pubkey()
OTHER = Keypair.from_seed(b"\x08" * 32).pubkey()
OLD_MINT, NEW_MINT, FEE_MINT, STUCK_MINT = (Pubkey(bytes([n]) * 32) for n in (31, 32, 33, 34))
NETWORK = listed(
    LOCAL,
    token_row(LOCAL, OLD_MINT, LEGACY),
    token_row(LOCAL, NEW_MINT, NEW, decimals=9),
    token_row(LOCAL, FEE_MINT, NEW, traits=["transfer-fee"]),
    token_row(LOCAL, STUCK_MINT, NEW, traits=["non-transferable"]),
)
CODEC = SolanaCodec(NETWORK)
OLD, NEWER, FEEING = (
    TokenPayment(OWNER, 1_234_567, mint, program, decimals, associated(SOURCE, mint, program), True)
    for mint, program, decimals in ((OLD_MINT, LEGACY, 6), (NEW_MINT, NEW, 9), (FEE_MINT, NEW, 6))
)
FEEING = replace(FEEING, fee=30)
KINDS = pytest.mark.parametrize("payment", [OLD, NEWER, FEEING], ids=["old", "new", "fee"])


def plan_of(*payments: TokenPayment | Payment, rent: int = 0) -> TransferPlan:
    return TransferPlan(SOURCE, payments, 3, Hash(b"\x09" * 32), 90_000, 10_000, rent)


def told(tx: bytes) -> TxSummary:
    return CODEC.summarize(UnsignedTx(NETWORK.id, tx))


def summary(*payments: TokenPayment | Payment, rent: int = 0) -> TxSummary:
    return told(build_message(plan_of(*payments, rent=rent)))


def text(key: Pubkey) -> Address:
    return Address(str(key))


@KINDS
@pytest.mark.parametrize("rent", [0, 1_447_680])
def test_a_wallet_is_paid_at_its_associated_account(payment: TokenPayment, rent: int) -> None:
    said = summary(payment, rent=rent)
    assert said.unexplained == ()
    asset = spl.asset_of(NETWORK.id, payment.mint)
    assert said.effects == (Pay(text(OWNER), asset, 1_234_567),)
    made = said.creates[-1]
    assert made == Create(text(payment.paid), text(OWNER), rent_most(payment.program))
    assert said.costs.most[NETWORK.native.id, CostKind.RENT] == rent + made.rent
    assert said.sources == (text(SOURCE),) and said.returns == ()


@KINDS
def test_the_instructions_are_those_of_solana_py(payment: TokenPayment) -> None:
    program, mint = payment.program, payment.mint
    made, paid = payment.instructions(SOURCE, SOURCE)
    assert made == spl_py.create_idempotent_associated_token_account(SOURCE, OWNER, mint, program)
    params = models.TransferCheckedParams(
        program_id=program,
        source=payment.account,
        mint=mint,
        dest=payment.paid,
        owner=SOURCE,
        amount=payment.units,
        decimals=payment.decimals,
    )
    theirs = spl_py.transfer_checked(params)
    assert list(paid.accounts) == list(theirs.accounts) and paid.program_id == theirs.program_id
    data = theirs.data if payment.fee is None else None
    assert data is None or paid.data == data


def test_a_token_account_is_paid_itself() -> None:
    named = associated(OWNER, OLD_MINT, LEGACY)
    said = summary(replace(OLD, recipient=named, opens=False))
    assert said.unexplained == () and said.creates == ()
    assert [effect.address for effect in said.effects if isinstance(effect, Pay)] == [text(named)]
    assert CostKind.RENT not in {kind for _, kind in said.costs.most}


def test_lamports_and_tokens_together() -> None:
    said = summary(Payment(OTHER, 5), OLD, replace(NEWER, recipient=OTHER))
    assert said.unexplained == ()
    assert [(each.address, each.amount) for each in said.effects if isinstance(each, Pay)] == [
        (text(OTHER), 5),
        (text(OWNER), 1_234_567),
        (text(OTHER), 1_234_567),
    ]
    rents = rent_most(LEGACY) + rent_most(NEW)
    assert said.costs.most[NETWORK.native.id, CostKind.RENT] == rents
    twice = summary(OLD, replace(OLD, units=1))
    assert twice.costs.most[NETWORK.native.id, CostKind.RENT] == rent_most(LEGACY)


def test_what_does_not_arrive_is_a_cost_of_the_token() -> None:
    """Beside the amount, which leaves whole; of all payments together."""
    asset = spl.asset_of(NETWORK.id, FEE_MINT)
    said = summary(FEEING, replace(FEEING, recipient=OTHER, units=10, fee=1), OLD)
    assert withheld_in(said.costs.most) == {asset: 31}
    assert asset not in by_asset(said.costs.most), "nothing leaves beside the amount"
    assert withheld_in(summary(replace(FEEING, fee=0)).costs.most) == {}


def test_what_is_unlisted_is_told_as_what_it_is_and_is_not_paid() -> None:
    fake = Pubkey(b"\x21" * 31 + b"\x22")
    said = summary(replace(OLD, mint=fake))
    asset = spl.asset_of(NETWORK.id, fake)
    assert said.effects == (Pay(text(OWNER), asset, 1_234_567),)
    with pytest.raises(InvalidAmount, match="not listed"):
        CODEC.check_payment(Pay(text(OWNER), asset, 1))


def test_payments_that_no_transaction_makes() -> None:
    old, stuck = (spl.asset_of(NETWORK.id, mint) for mint in (OLD_MINT, STUCK_MINT))
    CODEC.check_payment(Pay(text(OWNER), old, 1))
    with pytest.raises(InvalidAmount, match="can't be paid to anybody"):
        CODEC.check_payment(Pay(text(OWNER), stuck, 1))
    with pytest.raises(InvalidAddress, match="the token's mint"):
        CODEC.check_payment(Pay(text(OLD_MINT), old, 1))
    with pytest.raises(InvalidAmount):
        CODEC.check_payment(Pay(text(OWNER), old, 2**64))
    payees = [Keypair().pubkey() for _ in range(12)]
    CODEC.check_outputs([Pay(text(each), old, 1) for each in payees[:5]])
    with pytest.raises(TooManyOutputs):
        CODEC.check_outputs([Pay(text(each), old, 1) for each in payees])


LISTING = {
    "other decimals": replace(OLD, decimals=9),
    "the other program": replace(OLD, program=NEW, account=associated(SOURCE, OLD_MINT, NEW)),
    "no fee, where the row has one": replace(FEEING, fee=None),
    "a fee, where the row has none": replace(NEWER, fee=0),
}


@pytest.mark.parametrize("payment", LISTING.values(), ids=LISTING)
def test_what_contradicts_the_listing_is_unexplained(payment: TokenPayment) -> None:
    said = summary(payment)
    assert said.unexplained and said.effects == ()


NOTHING = {
    "nothing": replace(OLD, units=0),
    "the source": replace(OLD, recipient=SOURCE),
    "the account it comes from": replace(OLD, recipient=OLD.account, opens=False),
    "a wallet without a key": replace(OLD, recipient=OLD.account),
}


@pytest.mark.parametrize("payment", NOTHING.values(), ids=NOTHING)
def test_what_makes_no_sense_is_unexplained(payment: TokenPayment) -> None:
    assert summary(payment).unexplained


# Disguises: two good instructions of a payment, with one thing changed.

Step = Instruction
STEPS = instructions(plan_of(OLD))
CREATED, PAID = STEPS[-2:]
ANOTHERS = associated(OTHER, OLD_MINT, LEGACY)


def with_accounts(
    step: Step, changes: dict[int, Pubkey], more: tuple[AccountMeta, ...] = ()
) -> Step:
    metas = [
        AccountMeta(changes.get(at, each.pubkey), each.is_signer, each.is_writable)
        for at, each in enumerate(step.accounts)
    ]
    return Instruction(step.program_id, step.data, [*metas, *more])


def with_data(step: Step, data: bytes) -> Step:
    return Instruction(step.program_id, data, step.accounts)


def called(data: bytes, *keys: Pubkey, program: Pubkey = LEGACY) -> Step:
    """Signed by the source, who stands last."""
    metas = [AccountMeta(key, False, True) for key in keys]
    return Instruction(program, data, [*metas, AccountMeta(SOURCE, True, False)])


UNITS = (1_234_567).to_bytes(8, "little")
EXTRA = (AccountMeta(OTHER, False, False),)
DISGUISES: dict[str, tuple[Step, ...]] = {
    "an associated account of another owner is paid": (CREATED, with_accounts(PAID, {2: ANOTHERS})),
    "another account is made": (with_accounts(CREATED, {1: ANOTHERS}), PAID),
    "made for another owner": (with_accounts(CREATED, {2: OTHER}), PAID),
    "made of another mint": (with_accounts(CREATED, {3: NEW_MINT}), PAID),
    "made by another program": (with_accounts(CREATED, {5: NEW}), PAID),
    "made by create, which fails if it is there": (with_data(CREATED, b""), PAID),
    "made by create, spelt": (with_data(CREATED, b"\0"), PAID),
    "made with trailing bytes": (with_data(CREATED, b"\1\0"), PAID),
    "made with an account more": (with_accounts(CREATED, {}, EXTRA), PAID),
    "recover nested": (with_data(CREATED, b"\2"), PAID),
    "made and not paid": (CREATED,),
    "made twice": (CREATED, CREATED, PAID),
    "paid before it is made": (PAID, CREATED),
    "another mint": (CREATED, with_accounts(PAID, {1: NEW_MINT})),
    "another program": (CREATED, Instruction(NEW, PAID.data, PAID.accounts)),
    "no token program": (CREATED, Instruction(OTHER, PAID.data, PAID.accounts)),
    "trailing bytes": (CREATED, with_data(PAID, PAID.data + b"\0")),
    "bytes missing": (CREATED, with_data(PAID, PAID.data[:-1])),
    "an account more": (CREATED, with_accounts(PAID, {}, EXTRA)),
    "an account less": (CREATED, Instruction(LEGACY, PAID.data, PAID.accounts[:3])),
    "a multisig with a signer": (
        CREATED,
        Instruction(
            LEGACY,
            PAID.data,
            [
                *PAID.accounts[:3],
                AccountMeta(OTHER, False, False),
                AccountMeta(SOURCE, True, False),
            ],
        ),
    ),
    "an authority that does not sign": (CREATED, with_accounts(PAID, {3: OTHER})),
    "an unchecked transfer": (CREATED, called(b"\3" + UNITS, OLD.account, OLD.paid)),
    "approve": (called(b"\4" + UNITS, OLD.account, OTHER),),
    "approve checked, of a mint that is written": (
        called(b"\x0d" + UNITS + b"\6", OLD.account, OLD_MINT, OTHER),
    ),
    "revoke": (called(b"\5", OLD.account),),
    "set authority": (called(b"\6\2\1" + bytes(OTHER), OLD.account),),
    "mint to": (called(b"\7" + UNITS, OLD_MINT, OLD.account),),
    "burn": (called(b"\x08" + UNITS, OLD.account, OLD_MINT),),
    "burn checked": (called(b"\x0f" + UNITS + b"\6", OLD.account, OLD_MINT),),
    "close account": (called(b"\x09", OLD.account, OTHER),),
    "sync native": (called(b"\x11", OLD.account),),
    "no data": (CREATED, with_data(PAID, b"")),
    "another fee instruction": (called(b"\x1a\5" + UNITS, FEEING.account, FEE_MINT, program=NEW),),
    "a payment and an approval": (CREATED, PAID, called(b"\4" + UNITS, OLD.account, OTHER)),
}


@pytest.mark.parametrize("steps", DISGUISES.values(), ids=DISGUISES)
def test_disguises_are_unexplained(steps: tuple[Step, ...]) -> None:
    before = STEPS[:-2]
    message = MessageV0.try_compile(SOURCE, [*before, *steps], [], Hash(b"\x09" * 32))
    said = told(to_bytes_versioned(message))
    assert said.unexplained, said.effects
    assert said.effects == ()


def test_flags_of_accounts_are_checked() -> None:
    """A destination that signs, or a mint that is written, is another transaction."""
    changes: list[Callable[[AccountMeta], AccountMeta]] = [
        lambda each: AccountMeta(each.pubkey, True, each.is_writable),
        lambda each: AccountMeta(each.pubkey, each.is_signer, not each.is_writable),
    ]
    for change in changes:
        metas = list(PAID.accounts)
        metas[1] = change(metas[1])
        steps = [*STEPS[:-1], Instruction(LEGACY, PAID.data, metas)]
        message = MessageV0.try_compile(SOURCE, steps, [], Hash(b"\x09" * 32))
        assert told(to_bytes_versioned(message)).unexplained
