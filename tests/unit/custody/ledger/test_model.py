"""The rules of the ledger as text tables, in the order of precedence of their results.

Accounts: A and B are vault accounts of BTC, E one of ETH, C is chain and F fees of BTC. A line is
one movement and what must come of it; `set` prepares, `is` checks an account's four totals
(debits pending/posted, credits pending/posted).
"""

from __future__ import annotations

import pytest

from chains.model import AssetId
from custody.ledger.model import (
    LIMIT,
    Books,
    Post,
    Reason,
    Reserve,
    Settle,
    Void,
    chain_account,
    fees_account,
    find_faults,
    vault_account,
)
from custody.ledger.result import Result, is_done, is_worth_retrying

BTC, ETH = AssetId("bip122:x/slip44:0"), AssetId("eip155:1/slip44:60")
ACCOUNTS = {
    "A": vault_account("a", BTC),
    "B": vault_account("b", BTC),
    "E": vault_account("e", ETH),
    "C": chain_account(BTC),
    "F": fees_account(BTC),
    "N": vault_account("nobody", BTC),
}


def number(text: str) -> int:
    """`-0` is the limit, `-1` the largest amount below it."""
    return LIMIT + int(text) if text.startswith("-") else int(text)


def run(table: str) -> Books:
    books = Books()
    books.open(*(key for name, key in ACCOUNTS.items() if name != "N"))
    for line in filter(None, (line.split("#")[0].strip() for line in table.splitlines())):
        verb, *words = line.split()
        if verb == "is":
            name, *totals = words
            account = books.accounts[ACCOUNTS[name].id]
            found = (
                account.debits_pending,
                account.debits_posted,
                account.credits_pending,
                account.credits_posted,
            )
            assert found == tuple(map(number, totals)), line
            continue
        before = (dict(books.accounts), dict(books.entries))
        result = books.apply(words[0], movement(verb, words[1:]))
        assert result.code == words[-1], line
        if result is not Result.CREATED:
            assert (books.accounts, books.entries) == before, f"{line}: refused, yet changed"
    assert find_faults(books.accounts.values()) == []
    return books


def movement(verb: str, words: list[str]) -> Reserve | Post | Settle | Void:
    if verb == "settle":
        return Settle(words[0], number(words[1]))
    if verb == "void":
        return Void(words[0])
    debit, credit, amount, subject = words[:4]
    kind: type[Reserve] | type[Post] = Reserve if verb == "reserve" else Post
    reason = Reason.FEE if subject.endswith("!") else Reason.TRANSFER
    return kind(ACCOUNTS[debit], ACCOUNTS[credit], number(amount), subject.rstrip("!"), reason)


def test_results_in_order_of_precedence():
    run("""
        post    0  C A 100  s   created
        is      A  0 0 0 100

        # exists_with_different_…: an id that is known must mean the same
        reserve 1  A C 10   s   created
        post    1  B A 0    t!  exists_with_different_kind      # before all that is wrong with it
        settle  1  1   99       exists_with_different_kind
        reserve 1  B A 0    t!  exists_with_different_debit_account
        reserve 1  A B 0    t!  exists_with_different_credit_account
        reserve 1  A C 0    t!  exists_with_different_amount
        reserve 1  A C 10   t!  exists_with_different_subject
        reserve 1  A C 10   s!  exists_with_different_reason
        reserve 1  A C 10   s   exists
        settle  2  1   7        created
        void    2  1            exists_with_different_kind
        settle  2  9   0        exists_with_different_pending_id
        settle  2  1   6        exists_with_different_amount
        settle  2  1   7        exists
        reserve 3  A C 1    s   created
        void    4  3            created
        void    4  1            exists_with_different_pending_id
        void    4  3            exists

        # the amount
        reserve 5  A A 0    s   amount_not_positive
        post    5  A A 0    s   amount_not_positive
        settle  5  9   0        amount_not_positive
        reserve 5  A A -0   s   amount_too_large
        settle  5  9   -0       amount_too_large

        # the accounts
        reserve 5  N N -1   s   accounts_are_the_same
        reserve 5  N E -1   s   assets_are_different
        reserve 5  N C -1   s   debit_account_not_found
        reserve 5  A N -1   s   credit_account_not_found

        # the reserve that a settle or void ends
        settle  5  9   -1       pending_not_found
        void    5  9            pending_not_found
        settle  5  0   -1       pending_is_not_a_reserve
        void    5  0            pending_is_not_a_reserve
        void    5  2            pending_is_not_a_reserve
        settle  5  1   -1       pending_already_settled
        void    5  1            pending_already_settled
        settle  5  3   -1       pending_already_voided
        void    5  3            pending_already_voided
        reserve 6  A C 5    s   created
        settle  5  6   6        amount_above_reserved

        # the balance: 100 - 7 settled - 5 held
        reserve 7  A C 89   s   amount_above_balance
        post    7  A C 89   s   amount_above_balance
        reserve 7  A C 88   s   created
        reserve 8  A C 1    s   amount_above_balance

        # totals must fit their columns
        post    9  C B -1   s   balance_too_large               # chain's debits would not
        is      A  93 7 0 100
    """)


def test_a_total_may_reach_the_limit_but_not_pass_it():
    run("""
        post    0  C A -2  s  created
        post    1  C A 2   s  balance_too_large
        post    2  C A 1   s  created
        post    3  A B -1  s  created
        post    4  C B 1   s  balance_too_large
        is      A  0 -1 0 -1
    """)


def test_what_is_held_may_reach_the_limit_but_not_pass_it():
    run("""
        reserve 0  C A -2  s  created
        reserve 1  C A 2   s  balance_too_large
        reserve 2  C A 1   s  created
    """)


def test_a_deposit_is_pending_then_settled():
    run("""
        reserve 1  C A 50  dep  created
        is      A  0 0 50 0
        reserve 2  A C 1   trf  amount_above_balance   # what is pending can't be spent
        settle  3  1   50       created
        is      A  0 0 0 50
        reserve 4  A C 50  trf  created
    """)


def test_a_deposit_that_a_reorg_takes_back():
    run("""
        reserve 1  C A 50  dep  created
        void    2  1            created
        is      A  0 0 0 0
        is      C  0 0 0 0
    """)


def test_a_transfer_with_a_smaller_fee_than_reserved():
    run("""
        post    0  C A 100 dep  created
        reserve 1  A C 60  trf  created
        reserve 2  A F 30  trf! created
        is      A  90 0 0 100
        settle  3  1   60       created
        settle  4  2   12       created
        is      A  0 72 0 100
        is      F  0 0 0 12
        reserve 5  A C 29  trf2 amount_above_balance
        reserve 5  A C 28  trf2 created
    """)


def test_money_between_vaults_never_leaves_the_books():
    run("""
        post    0  C A 100 dep  created
        post    1  A B 40  trf  created
        is      A  0 40 0 100
        is      B  0 0 0 40
        post    2  A B 61  trf  amount_above_balance
    """)


def test_only_the_other_sides_may_owe():
    run("""
        post    0  C A 100 dep  created
        is      C  0 100 0 0
        post    1  F A 5   trf  created
        post    2  B A 1   trf  amount_above_balance
    """)


@pytest.mark.parametrize("result", Result)
def test_every_result_says_whether_to_retry(result: Result):
    retry = is_worth_retrying(result)
    assert not (retry and is_done(result))
    assert retry == (
        result.code.endswith(("_account_not_found", "_balance"))
        or result in (Result.PENDING_NOT_FOUND, Result.BALANCE_TOO_LARGE)
    )


def test_an_account_id_follows_from_what_the_account_is():
    ids = {key.id for key in ACCOUNTS.values()}
    assert len(ids) == len(ACCOUNTS)
    assert vault_account("a", BTC).id == ACCOUNTS["A"].id
    with pytest.raises(AssertionError):
        chain_account(BTC).__class__(ACCOUNTS["A"].kind, BTC, None)
