"""Solana's own JavaScript library (@solana/spl-token) writes the token instructions that we write.

Compared are program, data, and every account with its place and flags: all that a message is
compiled from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chains.solana import spl
from chains.solana.spl import TokenPayment, associated
from tests.support.oracle import Oracle

pytestmark = pytest.mark.slow  # needs Node

PROGRAMS = {"token": spl.TOKEN, "token2022": spl.TOKEN_2022}
OWNERS = [Keypair.from_seed(bytes([seed]) * 32).pubkey() for seed in (1, 2, 200)]
USDC = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
MINTS = [USDC, Pubkey(b"\x1f" * 32), Pubkey(b"\xfe" * 32), Pubkey(bytes(range(32)))]
PAYER = Keypair.from_seed(b"\x09" * 32).pubkey()
AMOUNTS = [(1, 0), (255, 2), (1_234_567, 6), (2**32, 9), (2**63, 18), (2**64 - 1, 255)]
BOTH = pytest.mark.parametrize("program", PROGRAMS)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as started:
        yield started


def told(step: Instruction) -> dict[str, object]:
    metas = [[str(each.pubkey), each.is_signer, each.is_writable] for each in step.accounts]
    return {"program": str(step.program_id), "accounts": metas, "data": bytes(step.data).hex()}


def payment(mint: Pubkey, program: str, units: int = 1, decimals: int = 0) -> TokenPayment:
    key = PROGRAMS[program]
    account = associated(PAYER, mint, key)
    return TokenPayment(OWNERS[0], units, mint, key, decimals, account, opens=True)


@BOTH
@pytest.mark.parametrize("mint", MINTS, ids=str)
def test_associated_accounts_agree_and_so_does_what_makes_them(
    oracle: Oracle, mint: Pubkey, program: str
) -> None:
    nested = associated(OWNERS[0], mint, PROGRAMS[program])  # an owner without a key
    for owner in (*OWNERS, nested):
        names = {"owner": str(owner), "mint": str(mint), "program": program}
        ours = associated(owner, mint, PROGRAMS[program])
        assert str(ours) == oracle.call("splAssociated", **names)
        made = spl.create(PAYER, owner, mint, PROGRAMS[program])
        theirs = oracle.call("splCreateIdempotent", payer=str(PAYER), account=str(ours), **names)
        assert told(made) == theirs


@BOTH
@pytest.mark.parametrize("mint", MINTS, ids=str)
@pytest.mark.parametrize(("units", "decimals"), AMOUNTS)
def test_checked_transfers_agree(
    oracle: Oracle, mint: Pubkey, program: str, units: int, decimals: int
) -> None:
    ours = payment(mint, program, units, decimals)
    assert told(ours.instructions(PAYER, PAYER)[-1]) == transferred(oracle, ours, program)
    named = replace(ours, recipient=ours.paid, opens=False)
    assert [told(each) for each in named.instructions(PAYER, PAYER)] == [
        transferred(oracle, named, program)
    ]


@pytest.mark.parametrize("mint", MINTS, ids=str)
@pytest.mark.parametrize(("units", "decimals"), AMOUNTS)
def test_checked_transfers_with_a_fee_agree(
    oracle: Oracle, mint: Pubkey, units: int, decimals: int
) -> None:
    for fee in (0, 1, units // 3, units):
        ours = replace(payment(mint, "token2022", units, decimals), fee=fee)
        theirs = transferred(oracle, ours, "token2022", fee=str(fee))
        assert told(ours.instructions(PAYER, PAYER)[-1]) == theirs


def transferred(oracle: Oracle, paid: TokenPayment, program: str, **fee: str) -> object:
    return oracle.call(
        "splTransfer",
        account=str(paid.account),
        mint=str(paid.mint),
        to=str(paid.paid),
        owner=str(PAYER),
        amount=str(paid.units),
        decimals=paid.decimals,
        program=program,
        **fee,
    )
