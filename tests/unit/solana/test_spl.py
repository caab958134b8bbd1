"""Mints and token accounts, as the programs themselves write them."""

from __future__ import annotations

from itertools import combinations

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token import instructions as spl_py

from chains.catalogue import built_in
from chains.errors import NetworkInvalid
from chains.solana import spl
from chains.solana.spl import Fee, TokenTrait, associated, parse_holding, parse_mint
from tests.support.solana import LOCAL, MAIN
from tests.support.solana_tokens import (
    EXTENSIONS,
    LEGACY,
    NEW,
    Bank,
    listed,
    minting,
    token_row,
)

FREEZES = TokenTrait.FREEZE_AUTHORITY


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.mark.parametrize("program", [LEGACY, NEW])
@pytest.mark.parametrize("freezes", [True, False])
def test_a_mint_is_read(bank: Bank, program: Pubkey, freezes: bool) -> None:
    key = bank.mint(program, decimals=9, freezes=freezes)
    mint = parse_mint(program, bank.data(key))
    assert mint is not None
    assert (mint.program, mint.decimals, mint.unknown) == (program, 9, ())
    assert mint.traits == ({FREEZES} if freezes else set())


@pytest.mark.parametrize("trait", EXTENSIONS)
def test_each_extension_is_a_trait(bank: Bank, trait: str) -> None:
    mint = parse_mint(NEW, bank.data(bank.mint(NEW, [trait])))
    assert mint is not None and mint.unknown == ()
    assert mint.traits == {FREEZES, *([TokenTrait(trait)] if trait else [])}
    assert mint.hook is None


def test_extensions_together(bank: Bank) -> None:
    alone = ("", "non-transferable", "confidential")  # the program takes not every two
    names = [each for each in EXTENSIONS if each not in alone]
    for pair in combinations(names, 2):
        mint = parse_mint(NEW, bank.data(bank.mint(NEW, pair)))
        assert mint is not None and mint.traits == {FREEZES, *pair}


def test_an_extension_that_nobody_here_knows_is_told(bank: Bank) -> None:
    data = bank.data(bank.mint(NEW, [""]))
    mint = parse_mint(NEW, data + bytes([99, 0, 1, 0, 7]))
    assert mint is not None and mint.unknown == (99,)
    assert parse_mint(NEW, data + bytes([99, 0, 9, 0, 7])) is None, "it ends behind its account"


def test_a_fee_is_the_one_of_its_epoch() -> None:
    older, newer = Fee(0, 5_000, 250), Fee(7, 10**6, 100)
    mint = spl.Mint(NEW, 6, frozenset(), fees=(older, newer))
    assert [mint.fee_of(1_001, epoch) for epoch in (0, 6, 7)] == [26, 26, 11]
    assert mint.fee_of(10**9, 0) == 5_000, "no more than the most"
    assert mint.fees_from(0) == (older, newer) == mint.fees_from(6)
    assert mint.fees_from(7) == (newer,)
    assert spl.Mint(NEW, 6, frozenset(), fees=(newer,)).fees_from(0) == (newer,)


def test_holdings_are_read(bank: Bank) -> None:
    for program, traits in ((LEGACY, ()), (NEW, ()), (NEW, ("transfer-fee", "pausable"))):
        mint, owner = bank.mint(program, traits), Keypair().pubkey()
        bank.run(minting(mint, program, bank.boss.pubkey(), owner, 1_234))
        held = parse_holding(program, bank.data(associated(owner, mint, program)))
        assert held == spl.Holding(mint, owner, 1_234, frozen=False, needs_memo=False)
        assert parse_mint(program, bank.data(associated(owner, mint, program))) is None
        assert parse_holding(program, bank.data(mint)) is None


def test_a_frozen_account_is_told(bank: Bank) -> None:
    mint = bank.mint(NEW, ["default-frozen"])
    owner = Keypair().pubkey()
    make = spl_py.create_idempotent_associated_token_account(bank.boss.pubkey(), owner, mint, NEW)
    bank.run([make])
    held = parse_holding(NEW, bank.data(associated(owner, mint, NEW)))
    assert held is not None and held.frozen


def test_associated_accounts_are_those_of_solana_py() -> None:
    for program in (LEGACY, NEW):
        owner, mint = Keypair().pubkey(), Keypair().pubkey()
        theirs = spl_py.get_associated_token_address(owner, mint, program)
        assert associated(owner, mint, program) == theirs


def test_well_known_tokens_are_listed() -> None:
    symbols = {each.symbol: each for each in MAIN.tokens.values()}
    assert set(symbols) == {"USDC", "USDT"}
    assert {each.kind for each in symbols.values()} == {spl.KIND}
    assert {each.decimals for each in symbols.values()} == {6}
    assert spl.mint_of(MAIN.id, symbols["USDC"].id) != spl.mint_of(MAIN.id, symbols["USDT"].id)


def test_rows_name_traits_that_their_kind_has() -> None:
    mint = Keypair().pubkey()
    network = listed(LOCAL, token_row(LOCAL, mint, NEW, traits=["transfer-fee", "pausable"]))
    assert network.tokens[spl.asset_of(LOCAL.id, mint)].traits == {"transfer-fee", "pausable"}
    for row, words in (
        (token_row(LOCAL, mint, LEGACY, traits=["transfer-fee"]), "one of freeze-authority"),
        (token_row(LOCAL, mint, NEW, traits=["levitation"]), "one of confidential"),
        (token_row(LOCAL, mint, NEW, traits=["pausable", "pausable"]), "the same twice"),
    ):
        with pytest.raises(NetworkInvalid, match=words):
            built_in().with_rows([], [row])
