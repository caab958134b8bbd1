"""Allowances of SPL tokens at the codec: what they say, what they do, and what says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction_metadata import FailedTransactionMetadata
from spl.token import instructions as spl_py
from spl.token import models

from chains.costs import CostKind
from chains.effects import Allow, Pay
from chains.model import UnsignedTx
from chains.solana import spl
from chains.solana.build import Payment, TransferPlan, build_message, instructions
from chains.solana.nonce import SYSTEM_PROGRAM_KEY
from chains.solana.spl import UNITS_MAX, TokenAllowance, associated
from chains.transaction import TxSummary
from tests.support.oracle import Oracle
from tests.support.signer import rule
from tests.support.solana_tokens import LEGACY, NEW, Bank, minting
from tests.unit.signer.policy_cases import judge, word
from tests.unit.solana.test_codec_tokens import (
    CODEC,
    CREATED,
    FEE_MINT,
    KEY,
    NETWORK,
    NEW_MINT,
    NEWER,
    OLD,
    OLD_MINT,
    OTHER,
    PAID,
    SOURCE,
    text,
    with_accounts,
    with_data,
)

LIFETIME = Hash(b"\x09" * 32)
OLD_ALLOWED, NEW_ALLOWED, FEE_ALLOWED = (
    TokenAllowance(OTHER, 700, mint, program, decimals, associated(SOURCE, mint, program))
    for mint, program, decimals in ((OLD_MINT, LEGACY, 6), (NEW_MINT, NEW, 9), (FEE_MINT, NEW, 6))
)
KINDS = pytest.mark.parametrize(
    "allowed", [OLD_ALLOWED, NEW_ALLOWED, FEE_ALLOWED], ids=["old", "new", "fee"]
)


def plan_of(*allowed: TokenAllowance, rent: int = 0, **changes: object) -> TransferPlan:
    plan = TransferPlan(SOURCE, (), 3, LIFETIME, 90_000, 10_000, rent, allowances=allowed)
    return replace(plan, **changes)  # type: ignore[arg-type]


def summary(*allowed: TokenAllowance, **changes: object) -> TxSummary:
    plan = plan_of(*allowed, **changes)  # type: ignore[arg-type]
    return CODEC.summarize(UnsignedTx(NETWORK.id, build_message(plan)))


def of_steps(*steps: Instruction) -> TxSummary:
    before = instructions(plan_of())
    message = MessageV0.try_compile(SOURCE, [*before, *steps], [], LIFETIME)
    return CODEC.summarize(UnsignedTx(NETWORK.id, to_bytes_versioned(message)))


def effect(allowed: TokenAllowance, amount: int | None) -> Allow:
    return Allow(text(OTHER), spl.asset_of(NETWORK.id, allowed.mint), amount, None)


@KINDS
@pytest.mark.parametrize("rent", [0, 1_447_680])
@pytest.mark.parametrize(
    ("units", "amount"),
    [(0, 0), (1, 1), (700, 700), (UNITS_MAX - 1, UNITS_MAX - 1), (UNITS_MAX, None)],
)
def test_an_allowance_is_told(
    allowed: TokenAllowance, rent: int, units: int, amount: int | None
) -> None:
    said = summary(replace(allowed, units=units), rent=rent)
    assert said.unexplained == ()
    assert said.effects == (effect(allowed, amount),)
    assert said.sources == (text(SOURCE),) and said.returns == ()
    assert len(said.creates) == (1 if rent else 0)
    assert said.costs.most.get((NETWORK.native.id, CostKind.RENT), 0) == rent


def test_several_are_told_behind_payments() -> None:
    said = summary(OLD_ALLOWED, NEW_ALLOWED, payments=(Payment(OTHER, 5), NEWER))
    assert said.unexplained == ()
    assert [type(each) for each in said.effects] == [Pay, Pay, Allow, Allow]
    assert said.effects[2:] == (effect(OLD_ALLOWED, 700), effect(NEW_ALLOWED, 700))


@KINDS
def test_the_instruction_is_that_of_solana_py(allowed: TokenAllowance) -> None:
    theirs = spl_py.approve_checked(
        models.ApproveCheckedParams(
            program_id=allowed.program,
            source=allowed.account,
            mint=allowed.mint,
            delegate=allowed.spender,
            owner=SOURCE,
            amount=allowed.units,
            decimals=allowed.decimals,
        )
    )
    assert allowed.instruction(SOURCE) == theirs


@pytest.mark.slow  # needs Node
@KINDS
def test_the_instruction_is_that_of_solanas_javascript(allowed: TokenAllowance) -> None:
    with Oracle() as oracle:
        for units, decimals in ((0, 0), (700, 6), (UNITS_MAX, 255)):
            ours = replace(allowed, units=units, decimals=decimals).instruction(SOURCE)
            theirs = oracle.call(
                "splApprove",
                account=str(allowed.account),
                mint=str(allowed.mint),
                spender=str(OTHER),
                owner=str(SOURCE),
                amount=str(units),
                decimals=decimals,
                program="token" if allowed.program == LEGACY else "token2022",
            )
            assert theirs["program"] == str(ours.program_id)
            assert theirs["data"] == bytes(ours.data).hex()
            metas = [[str(each.pubkey), each.is_signer, each.is_writable] for each in ours.accounts]
            assert theirs["accounts"] == metas


@pytest.mark.parametrize("program", [LEGACY, NEW])
def test_the_programs_do_what_is_told(program: Pubkey) -> None:
    """An allowance of nothing leaves nobody anything, also not who was allowed before."""
    bank = Bank()
    boss = bank.boss.pubkey()
    mint = bank.mint(program)
    bank.run(minting(mint, program, boss, boss, 1_000))
    account = associated(boss, mint, program)
    allowed = TokenAllowance(OTHER, 700, mint, program, 6, account)
    taking = spl_py.transfer_checked(
        models.TransferCheckedParams(
            program_id=program,
            source=account,
            mint=mint,
            dest=account,
            owner=SOURCE,
            amount=1,
            decimals=6,
        )
    )
    for spender, units in ((OTHER, 700), (SOURCE, UNITS_MAX), (OTHER, 0)):
        step = replace(allowed, spender=spender, units=units).instruction(boss)
        done = bank.run([step])
        assert not isinstance(done, FailedTransactionMetadata), done
        data = bank.data(account)
        assert data[72:108] == b"\1\0\0\0" + bytes(spender)
        assert int.from_bytes(data[121:129], "little") == units
        failed = isinstance(bank.run([taking], KEY), FailedTransactionMetadata)
        assert failed == (spender != SOURCE)


UNTOLD = {
    "a token that nobody listed": replace(OLD_ALLOWED, mint=Pubkey(b"\x21" * 31 + b"\x22")),
    "other decimals": replace(OLD_ALLOWED, decimals=9),
    "the other program": replace(OLD_ALLOWED, program=NEW),
    "the source itself": replace(OLD_ALLOWED, spender=SOURCE),
    "the account that it is taken out of": replace(OLD_ALLOWED, spender=OLD_ALLOWED.account),
    "the mint": replace(OLD_ALLOWED, spender=OLD_MINT),
    "the nonce account": replace(OLD_ALLOWED, spender=plan_of().nonce_account),
    "the system program": replace(OLD_ALLOWED, spender=SYSTEM_PROGRAM_KEY),
}


@pytest.mark.parametrize("allowed", UNTOLD.values(), ids=UNTOLD)
def test_what_is_none_of_a_listed_token_is_unexplained(allowed: TokenAllowance) -> None:
    for said in (summary(allowed), summary(allowed, payments=(Payment(OTHER, 5),))):
        assert said.unexplained and said.effects == ()


GOOD = OLD_ALLOWED.instruction(SOURCE)
UNITS = (700).to_bytes(8, "little")
EXTRA = AccountMeta(KEY.pubkey(), True, False)


def flagged(at: int, signs: bool, written: bool) -> Instruction:
    metas = list(GOOD.accounts)
    metas[at] = AccountMeta(metas[at].pubkey, signs, written)
    return Instruction(GOOD.program_id, GOOD.data, metas)


def cut(data: bytes, *places: int) -> Instruction:
    return Instruction(LEGACY, data, [GOOD.accounts[at] for at in places])


DISGUISES = {
    "an account more": (with_accounts(GOOD, {}, (EXTRA,)),),
    "an account less": (Instruction(LEGACY, GOOD.data, GOOD.accounts[:3]),),
    "no account": (Instruction(LEGACY, GOOD.data, []),),
    "a multisig with its signer": (with_accounts(GOOD, {3: Pubkey(b"\x44" * 32)}, (EXTRA,)),),
    "an owner that does not pay the fee": (with_accounts(GOOD, {3: Pubkey(b"\x44" * 32)}),),
    "a spender that signs": (flagged(2, True, False),),
    "a spender that is written": (flagged(2, False, True),),
    "a mint that is written": (flagged(1, False, True),),
    "an account that is only read": (flagged(0, False, False),),
    "a trailing byte": (with_data(GOOD, GOOD.data + b"\0"),),
    "a byte short": (with_data(GOOD, GOOD.data[:-1]),),
    "the tag alone": (with_data(GOOD, b"\x0d"),),
    "the fee's extension before it": (with_data(GOOD, b"\x1a" + GOOD.data),),
    "no token program": (Instruction(OTHER, GOOD.data, GOOD.accounts),),
    "before a payment": (GOOD, CREATED, PAID),
    "between what makes an account and what pays it": (CREATED, GOOD, PAID),
    "in place of a payment": (CREATED, GOOD),
    "approve": (cut(b"\4" + UNITS, 0, 2, 3),),
    "approve, with a mint": (with_data(GOOD, b"\4" + UNITS),),
    "approve beside an allowance": (GOOD, cut(b"\4" + UNITS, 0, 2, 3)),
    "revoke": (cut(b"\5", 0, 3),),
    "revoke, with mint and spender": (with_data(GOOD, b"\5"),),
    "revoke behind a payment": (CREATED, PAID, cut(b"\5", 0, 3)),
}


@pytest.mark.parametrize("steps", DISGUISES.values(), ids=DISGUISES)
def test_disguises_are_unexplained(steps: tuple[Instruction, ...]) -> None:
    said = of_steps(*steps)
    assert said.unexplained, said.effects
    assert said.effects == ()


def test_the_disguises_are_of_one_that_is_told() -> None:
    assert of_steps(GOOD).effects == (effect(OLD_ALLOWED, 700),)
    assert of_steps(CREATED, PAID, GOOD).effects[1:] == (effect(OLD_ALLOWED, 700),)
    assert of_steps().unexplained, "nothing at all"


@pytest.mark.parametrize("units", [0, 700, UNITS_MAX - 1, UNITS_MAX])
@pytest.mark.parametrize("payments", [(), (OLD,)], ids=["alone", "beside a payment"])
def test_only_a_rule_that_names_allowances_lets_one_through(
    units: int, payments: tuple[spl.TokenPayment, ...]
) -> None:
    """Of all there is, only one that names the token too."""
    effects = summary(replace(OLD_ALLOWED, units=units), payments=payments).effects
    others = ["transfer", "call", "sign", "delegate"]
    for rules in ([rule("all")], [rule("r", actions=others)]):
        assert word(judge(rules, effects=effects)) == "deny/no-rule -"
    named, endless = (rule("r", actions=["transfer", "allow"]) for _ in range(2))
    endless["grant"]["unlimited"] = [effect(OLD_ALLOWED, units).asset]
    said = "deny/allowance-unlimited r" if units == UNITS_MAX else "allow/allowed r"
    assert word(judge([named], effects=effects)) == said
    assert word(judge([endless], effects=effects)) == "allow/allowed r"
