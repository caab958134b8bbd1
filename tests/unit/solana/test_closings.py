"""Closings of token accounts at the codec and on the real programs: what they say, what they do,
and every closing that says nothing and is not signed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.account import Account
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import WithdrawNonceAccountParams, withdraw_nonce_account
from solders.transaction_metadata import FailedTransactionMetadata
from spl.token import instructions as spl_py
from spl.token import models

from chains.effects import Return
from chains.model import UnsignedTx
from chains.solana import WRAPPED_MINTS, spl
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.solana.codec import SolanaCodec
from chains.solana.spl import Closing, associated
from chains.transaction import TxSummary
from tests.support.solana import LOCAL
from tests.support.solana_tokens import LEGACY, NEW, Bank, listed, minting, token_row
from tests.unit.solana.test_codec_tokens import (
    CODEC,
    FEE_MINT,
    KEY,
    NETWORK,
    NEW_MINT,
    NEWER,
    OLD,
    OLD_MINT,
    OTHER,
    SOURCE,
    text,
    with_accounts,
    with_data,
)

LIFETIME = Hash(b"\x09" * 32)
OLD_CLOSED, NEW_CLOSED, FEE_CLOSED = (
    Closing(associated(SOURCE, mint, program), program)
    for mint, program in ((OLD_MINT, LEGACY), (NEW_MINT, NEW), (FEE_MINT, NEW))
)
KINDS = pytest.mark.parametrize("closed", [OLD_CLOSED, NEW_CLOSED, FEE_CLOSED])
PAID = Payment(OTHER, 5)
BACK = Return(text(SOURCE), NETWORK.native.id, 0, None)


def plan_of(*closed: Closing, rent: int = 0, **changes: object) -> TransferPlan:
    plan = TransferPlan(SOURCE, (PAID,), 3, LIFETIME, 90_000, 10_000, rent, closings=closed)
    return replace(plan, **changes)  # type: ignore[arg-type]


def summary(*closed: Closing, codec: SolanaCodec = CODEC, **changes: object) -> TxSummary:
    plan = plan_of(*closed, **changes)  # type: ignore[arg-type]
    return codec.summarize(UnsignedTx(NETWORK.id, build_message(plan)))


def of_steps(*steps: Instruction) -> TxSummary:
    message = MessageV0.try_compile(SOURCE, [*instructions(plan_of()), *steps], [], LIFETIME)
    return CODEC.summarize(UnsignedTx(NETWORK.id, to_bytes_versioned(message)))


@KINDS
@pytest.mark.parametrize("rent", [0, 1_447_680])
def test_a_closing_is_a_return(closed: Closing, rent: int) -> None:
    """How much, the bytes don't say. It is no effect, and costs nothing."""
    said, without = summary(closed, rent=rent), summary(rent=rent)
    assert said.unexplained == ()
    assert said.returns == (BACK,)
    assert (said.effects, said.creates, said.costs) == (
        without.effects,
        without.creates,
        without.costs,
    )
    assert said.identity != without.identity


def test_several_stand_behind_payments_of_tokens() -> None:
    """Also of the account that is paid from, which the payment leaves empty."""
    said = summary(OLD_CLOSED, NEW_CLOSED, payments=(OLD, NEWER))
    assert said.unexplained == () and said.returns == (BACK, BACK)
    assert [each.asset for each in said.effects] == [  # type: ignore[union-attr]
        spl.asset_of(NETWORK.id, mint) for mint in (OLD_MINT, NEW_MINT)
    ]


@KINDS
def test_the_instruction_is_that_of_solana_py(closed: Closing) -> None:
    params = models.CloseAccountParams(
        program_id=closed.program, account=closed.account, dest=SOURCE, owner=SOURCE
    )
    assert closed.instruction(SOURCE) == spl_py.close_account(params)


WRAPPED = [Pubkey.from_string(each) for each in sorted(WRAPPED_MINTS)]
UNTOLD = {
    "a token that nobody listed": Closing(associated(SOURCE, Pubkey(b"\x77" * 32), LEGACY), LEGACY),
    "another's account": Closing(associated(OTHER, OLD_MINT, LEGACY), LEGACY),
    "an account that is not the associated one": Closing(Pubkey(b"\x78" * 32), LEGACY),
    "the other program": Closing(OLD_CLOSED.account, NEW),
    "the nonce account": Closing(plan_of().nonce_account, LEGACY),
    "the source itself": Closing(SOURCE, LEGACY),
    "who is paid": Closing(OTHER, LEGACY),
    "the mint": Closing(OLD_MINT, LEGACY),
}


@pytest.mark.parametrize("closed", UNTOLD.values(), ids=UNTOLD)
def test_what_is_no_account_of_a_listed_token_is_unexplained(closed: Closing) -> None:
    for said in (summary(closed), summary(OLD_CLOSED, closed)):
        assert said.unexplained and said.effects == () and said.returns == ()


@pytest.mark.parametrize("mint", WRAPPED)
def test_the_wrapped_coins_account_is_not_closed_even_where_it_is_listed(mint: Pubkey) -> None:
    """Closing it pays out what it holds, and not only its rent."""
    for program in (LEGACY, NEW):
        network = listed(LOCAL, token_row(LOCAL, OLD_MINT, LEGACY), token_row(LOCAL, mint, program))
        codec = SolanaCodec(network)
        assert summary(OLD_CLOSED, codec=codec).unexplained == ()
        said = summary(Closing(associated(SOURCE, mint, program), program), codec=codec)
        assert said.unexplained and said.returns == ()


GOOD = OLD_CLOSED.instruction(SOURCE)
SIGNER = AccountMeta(KEY.pubkey(), True, False)
DISGUISES = {
    "paid out to another": (with_accounts(GOOD, {1: OTHER}),),
    "paid out to the account itself": (with_accounts(GOOD, {1: OLD_CLOSED.account}),),
    "owned by another": (with_accounts(GOOD, {2: OTHER}),),
    "owned by a multisig": (with_accounts(GOOD, {2: OTHER}, (SIGNER,)),),
    "a multisig with its signer": (with_accounts(GOOD, {}, (SIGNER,)),),
    "an account less": (Instruction(LEGACY, GOOD.data, GOOD.accounts[:2]),),
    "no account": (Instruction(LEGACY, GOOD.data, []),),
    "a trailing byte": (with_data(GOOD, GOOD.data + b"\0"),),
    "the fee's extension before it": (with_data(GOOD, b"\x1a" + GOOD.data),),
    "no token program": (Instruction(OTHER, GOOD.data, GOOD.accounts),),
    "twice": (GOOD, GOOD),
    "before a payment": (GOOD, *OLD.instructions(SOURCE, SOURCE)),
    "with a new owner before it": (
        with_data(GOOD, b"\6\2\1" + bytes(OTHER)),
        GOOD,
    ),
    "with a new closer behind it": (GOOD, with_data(GOOD, b"\6\3\1" + bytes(OTHER))),
    "a nonce account, by the program that has it": (
        withdraw_nonce_account(
            WithdrawNonceAccountParams(
                nonce_pubkey=plan_of().nonce_account,
                authorized_pubkey=SOURCE,
                to_pubkey=SOURCE,
                lamports=1_447_680,
            )
        ),
    ),
    "with its fees harvested by the same transaction": (
        Instruction(NEW, b"\x1a\4", [AccountMeta(FEE_MINT, False, True)]),
        FEE_CLOSED.instruction(SOURCE),
    ),
}


@pytest.mark.parametrize("steps", DISGUISES.values(), ids=DISGUISES)
def test_disguises_are_unexplained(steps: tuple[Instruction, ...]) -> None:
    said = of_steps(*steps)
    assert said.unexplained, said.returns
    assert said.effects == () and said.returns == ()


def test_the_disguises_are_of_one_that_is_told() -> None:
    assert of_steps(GOOD).returns == (BACK,)


def test_nothing_is_closed_without_what_people_agreed_to() -> None:
    """Alone, or with a cancel, it would be a transaction that nobody asked for."""
    for payments in ((), (Payment(SOURCE, 0),), (Payment(SOURCE, 5),)):
        said = summary(OLD_CLOSED, payments=payments)
        assert said.unexplained and said.returns == ()
    assert summary(payments=(Payment(SOURCE, 0),)).unexplained == ()


@pytest.mark.parametrize("program", [LEGACY, NEW])
def test_the_programs_do_what_is_told(program: Pubkey) -> None:
    """All that the account holds goes to its owner; one that is not empty stays."""
    bank = Bank()
    boss = bank.boss.pubkey()
    mint = bank.mint(program)
    bank.run(minting(mint, program, boss, boss, 700))
    account = associated(boss, mint, program)
    closing = Closing(account, program).instruction(boss)
    assert isinstance(bank.run([closing]), FailedTransactionMetadata), "it is not empty"
    burning = models.BurnParams(
        program_id=program, account=account, mint=mint, owner=boss, amount=700
    )
    held = bank.svm.get_account(account)
    before = bank.svm.get_account(boss)
    assert held is not None and before is not None
    done = bank.run([spl_py.burn(burning), closing])
    assert not isinstance(done, FailedTransactionMetadata), done
    after = bank.svm.get_account(boss)
    gone = bank.svm.get_account(account)
    assert gone is None or gone.lamports == 0
    assert after is not None and after.lamports == before.lamports + held.lamports - 5_000


def test_the_wrapped_coin_is_paid_out_by_its_closing() -> None:
    """Which is why it is refused: the program asks for no empty account here."""
    bank = Bank()
    boss = bank.boss.pubkey()
    mint = Pubkey.from_string("So11111111111111111111111111111111111111112")
    minted = Account(1_461_600, bytes(44) + b"\x09\1" + bytes(36), LEGACY)
    bank.svm.set_account(mint, minted)
    account = associated(boss, mint, LEGACY)
    closing = Closing(account, LEGACY)
    made = spl_py.create_idempotent_associated_token_account(boss, boss, mint, LEGACY)
    assert not isinstance(bank.run([made]), FailedTransactionMetadata)
    bank.svm.airdrop(account, 5_000_000)
    synced = spl_py.sync_native(models.SyncNativeParams(program_id=LEGACY, account=account))
    assert not isinstance(bank.run([synced]), FailedTransactionMetadata)
    holding = spl.parse_holding(LEGACY, bank.data(account))
    assert holding is not None and holding.units >= 5_000_000
    assert holding.wrapped and not holding.is_closable(boss)
    done = bank.run([closing.instruction(boss)])
    assert not isinstance(done, FailedTransactionMetadata), done


def test_an_account_says_who_may_close_it() -> None:
    bank = Bank()
    boss = bank.boss.pubkey()
    mint = bank.mint(LEGACY)
    bank.run(minting(mint, LEGACY, boss, boss, 1))
    account = associated(boss, mint, LEGACY)
    for new, closable in ((boss, True), (OTHER, False)):
        given = models.SetAuthorityParams(
            program_id=LEGACY,
            account=account,
            authority=models.AuthorityType.CLOSE_ACCOUNT,
            current_authority=boss,
            new_authority=new,
        )
        done = bank.run([spl_py.set_authority(given)])
        assert not isinstance(done, FailedTransactionMetadata), done
        holding = spl.parse_holding(LEGACY, bank.data(account))
        assert holding is not None and holding.closer == new
        assert holding.is_closable(boss) == closable
        assert not holding.is_closable(SOURCE)
