"""What every movement of an address of ours means, as text tables an auditor can read.

Vault `a` has the addresses A1, which it pays from, A2, which is not swept, and AL, an account that
holds rent; vault `b` has B1; everybody else is X. A table is one block, made at hour 12. `own`
names a transaction of ours, whose vault and address pay, what people agreed to and the rent it may
lock; `apart` the same of a payment that anybody submits, by the transaction that made it; `allow`
an allowance of ours, with what is left of it and the hour until which it stands; `coin` a coin of
ours; `sent` who pays for a transaction. Then each movement, in or out, with its verdicts: more than
one where only a part was agreed to, and with the name of what explains it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chains.block import Movement
from chains.effects import Allow, Call, Effect, Pay
from chains.model import Address, AssetId, TxId
from custody.debits.recording import whole
from custody.deposits.deciding import (
    DEBITS,
    INCOMES,
    LEFT,
    UNEXPLAINED,
    Allowance,
    Decision,
    Holding,
    Ours,
    OwnCoin,
    Owner,
    OwnTransaction,
    Verdict,
    decide,
)

NATIVE, USD = AssetId("eip155:1/slip44:60"), AssetId("eip155:1/erc20:0xusd")
ASSETS = {"COIN": NATIVE, "USD": USD}
OWNERS = {
    "A1": Owner("a", "client", "adr_1", Holding.SPENDABLE),
    "A2": Owner("a", "client", "adr_2", Holding.UNSWEPT),
    "AL": Owner("a", "client", None, Holding.LOCKED),
    "B1": Owner("b", "client", "adr_3", Holding.SPENDABLE),
}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def run(table: str, *, coins: bool = False) -> list[Decision]:
    transactions: dict[str, OwnTransaction] = {}
    apart: dict[str, list[OwnTransaction]] = {}
    mine: dict[str, OwnCoin] = {}
    senders: dict[str, Address] = {}
    consumed: dict[str, TxId] = {}
    allowances, movements, expected = [], [], []
    for line in filter(None, (line.split("#")[0].strip() for line in table.splitlines())):
        verb, name, *words = line.split()
        match verb:
            case "own":
                transactions[name] = own_transaction(name, words)
            case "apart":
                made = own_transaction(words[0], words[1:])
                apart.setdefault(name, []).append(made)
            case "coin":
                address, units = words
                mine[f"n/outpoint:{name}"] = OwnCoin(OWNERS[address], Address(address), int(units))
            case "sent":
                senders[name] = Address(words[0])
            case "allow":
                allowances.append(allowance(name, words))
            case "spends":
                coin, *verdicts = words
                consumed[f"n/outpoint:{coin}"] = TxId(name)
                expected += [(name, f"coin:{coin}", each) for each in verdicts]
            case "in" | "out":
                place, address, asset, units, *verdicts = words
                sign = 1 if verb == "in" else -1
                place, _, mature = place.partition("@")
                movements.append(
                    Movement(
                        TxId(name),
                        place,
                        Address(address),
                        ASSETS[asset],
                        sign * int(units),
                        int(mature) if mature else None,
                    )
                )
                expected += [(name, place, each) for each in verdicts if each != "-"]
            case _:
                raise AssertionError(line)
    found = decide(
        movements,
        consumed,
        Ours(NATIVE, coins, OWNERS, mine, transactions, allowances, senders, apart),
        NOON,
    )
    assert [(*whole(*each.place), words_of(each)) for each in found] == expected
    written = [each.place for each in found if each.verdict in LEFT]
    assert len(written) == len(set(written)), "each is a row of its own"
    return found


def words_of(decision: Decision) -> str:
    """`verdict:units`, with `=name` if something explains it."""
    by = "" if decision.by is None else f"={decision.by}"
    return f"{decision.verdict}:{abs(decision.movement.units)}{by}"


def own_transaction(name: str, words: list[str]) -> OwnTransaction:
    vault, source, *rest = words
    effects: list[Effect] = []
    rent, stays, calls = 0, False, None
    while rest:
        match rest:
            case ["stays", *rest]:
                stays = True
            case ["pays", to, asset, units, *rest]:
                effects.append(Pay(Address(to), ASSETS[asset], int(units)))
            case ["calls", to, units, *rest]:
                moves = []
                while rest[:1] == ["takes"]:
                    _, asset, most, *rest = rest
                    moves.append((ASSETS[asset], int(most)))
                effects.append(Call(Address(to), "f", (), int(units), moves=tuple(moves)))
                calls = name.upper()
            case ["allows", to, asset, *rest]:
                effects.append(Allow(Address(to), ASSETS[asset], None, None))
            case ["rent", units, *rest]:
                rent = int(units)
            case ["stays", *rest]:
                stays = True
            case _:
                raise AssertionError(rest)
    made = OwnTransaction(name.upper(), vault, source, tuple(effects), rent, stays)
    return replace(made, calls=calls)


def allowance(name: str, words: list[str]) -> Allowance:
    vault, address, asset, left, *until = words
    return Allowance(
        name,
        vault,
        Address(address),
        ASSETS[asset],
        None if left == "any" else int(left),
        NOON.replace(hour=int(until[0])) if until else None,
    )


def test_what_comes_in_on_account_chains():
    run("""
        own  t1  a A1  pays X COIN 70  pays A1 COIN 5  pays B1 COIN 9  pays A2 COIN 4
        in   s1  call:          A1 COIN 10   deposit:10
        in   s1  log:0          A1 USD  11   deposit:11
        in   s1  call:1         A2 COIN 12   deposit:12
        in   s1  call:2         X  COIN 13   -           # nobody's of ours
        in   s1  call:3         A1 COIN 0    -           # nothing
        in   t1  call:          A1 COIN 5    deposit:5   # to itself: the ledger took it away whole
        in   t1  call:1         A1 COIN 2    deposit:2   # a refund inside our own transaction
        in   t1  call:2         B1 COIN 9    deposit:9   # another vault's
        in   t1  call:3         A2 COIN 4    deposit:4   # its own other address
        in   b1  block-fee      A1 COIN 14   income:14
        in   w1  withdrawal:17  A1 COIN 15   income:15
        in   s2  mint           A1 COIN 16   income:16
        in   s3  account:4      AL COIN 17   locked:17   # rent, put into an account of ours
    """)


def test_our_own_transaction_on_an_account_chain():
    run("""
        own  t1  a A1  pays X COIN 70  pays X COIN 20  pays X USD 5
        out  t1  call:     A1 COIN 70   payment:70=T1
        out  t1  call:1    A1 COIN 30   payment:20=T1 excess:10=T1
        out  t1  log:0     A1 USD  5    payment:5=T1
        out  t1  log:1     A1 USD  1    excess:1=T1      # nobody agreed to it
        out  t1  cost:fee  A1 COIN 999  cost:999=T1      # above its bound: the tracker's to notice
        in   t1  call:2    A1 COIN 30   deposit:30       # what comes in pays for no excess

        own  t2  a A1  pays X COIN 70                    # failed: its costs left alone
        out  t2  cost:fee  A1 COIN 3    cost:3=T2

        own  t3  a A1  calls X 6  allows X USD
        out  t3  call:     A1 COIN 6    payment:6=T3
        out  t3  log:0     A1 USD  1    excess:1=T3      # an allowance moves nothing by itself

        own  t4  a A1                                    # a cancellation pays nobody
        out  t4  call:     A1 COIN 1    excess:1=T4
    """)


def test_a_transaction_is_ours_in_whichever_state_it_is():
    """Nothing is asked but its id. So one that is in a block before its broadcast was recorded, one
    that was proven dead and one that was replaced are ours all the same."""
    run("""
        own  t1  a A1  pays X COIN 70
        sent t1  A1
        out  t1  call:     A1 COIN 70   payment:70=T1
        out  t1  cost:fee  A1 COIN 1    cost:1=T1
    """)


def test_rent_of_our_own():
    run("""
        own  t1  a A1  pays X COIN 70  rent 8            # a net difference: payment and rent in one
        out  t1  account:0  A1 COIN 78   payment:70=T1 locked:8=T1
        in   t1  account:1  AL COIN 8    locked:8=T1
        out  t1  cost:fee   A1 COIN 1    cost:1=T1

        own  t2  a A1  pays X COIN 70  rent 8
        out  t2  account:0  A1 COIN 80   payment:70=T2 locked:8=T2 excess:2=T2

        own  t3  a A1  pays X USD 3  rent 8              # rent is native money
        out  t3  log:0      A1 USD 5     payment:3=T3 excess:2=T3
        out  t3  account:0  A1 COIN 8    locked:8=T3

        own  t4  a A1                                    # an account of ours is closed by us
        out  t4  account:2  AL COIN 8    unlocked:8=T4
        in   t4  account:0  A1 COIN 8    deposit:8

        own  t5  a A1  pays X USD 3                      # token accounts are closed beside it
        out  t5  token:1    A1 USD 3     payment:3=T5
        in   t5  returned:rent  A1 COIN 8  change:8=T5   # the transfer's own entries move it
        in   t5  account:0  A1 COIN 2    deposit:2

        in   x6  returned:rent  A1 COIN 8  deposit:8     # not by us
        own  t7  b A3  pays X USD 3
        in   t7  returned:rent  A1 COIN 8  deposit:8     # nor by this vault

        out  s1  account:2  AL COIN 8    foreign:8       # and by somebody else
        in   s1  account:3  A1 COIN 8    deposit:8
    """)


def test_what_a_token_keeps():
    """It is a part of what was agreed to. What is swept comes less that, to the unit."""
    run("""
        own  t1  a A1  pays X USD 100
        out  t1  cost:withheld:1  A1 USD 5    payment:5=T1
        out  t1  transfer:1       A1 USD 95   payment:95=T1
        out  t1  transfer:2       A1 USD 1    excess:1=T1

        own  t2  a A2  stays  pays A1 USD 100  pays A1 COIN 9
        out  t2  cost:withheld:0  A2 USD 5    payment:5=T2
        in   t2  transfer:0       A1 USD 95   change:95=T2
        in   t2  transfer:1       A1 USD 94   deposit:94
        in   t2  transfer:2       A1 USD 100  deposit:100
        in   t2  call:            A1 COIN 4   deposit:4      # of another asset nothing is kept
        in   t2  call:1           A1 COIN 9   change:9=T2

        sent s1  A1                                          # somebody has the key of A1
        out  s1  cost:withheld:0  A1 USD 5    foreign:5
        out  s1  transfer:0       A1 USD 95   foreign:95
    """)


def test_foreign_debits_on_account_chains():
    run("""
        sent s1  A1                                      # somebody has the key of A1
        out  s1  call:      A1 COIN 50   foreign:50
        out  s1  cost:fee   A1 COIN 1    foreign:1       # what it costs left as well
        in   s1  call:      B1 COIN 50   deposit:50      # to whomever

        sent s2  A2
        out  s2  call:      A2 COIN 50   foreign:50      # of an address that is not swept
        out  s2  cost:fee   A2 COIN 1    foreign:1

        out  s3  log:4      A1 USD  5    foreign:5       # somebody pulls a token
        out  s4  call:1     A1 COIN 6    foreign:6       # the code that A1 was delegated to
        sent s5  A1
        out  s5  cost:fee   A1 COIN 1    foreign:1       # a failed one costs all the same
        out  s6  call:      X  COIN 1    -               # a stranger's

        own  t1  b B1  pays X COIN 70
        sent t1  B1
        out  t1  call:      B1 COIN 70   payment:70=T1
        out  t1  call:1     A1 COIN 5    foreign:5       # ours, of a vault that it is not
        own  t2  a A1  pays X COIN 70
        out  t2  call:1     A2 COIN 5    foreign:5       # ours, which pays from another address
    """)


def test_what_a_call_takes_and_brings():
    run("""
        own  t1  a A1  calls X 7  takes USD 50  takes USD 10  takes COIN 90
        out  t1  cost:fee  A1 COIN 3    cost:3=T1
        out  t1  call:     A1 COIN 7    payment:7=T1
        out  t1  call:2    A1 COIN 90   excess:90=T1   # coins go as its value alone
        out  t1  log:0     A1 USD  45   called:45=T1
        out  t1  log:1     A1 USD  20   called:15=T1  excess:5=T1
        in   t1  log:2     A1 USD  4    received:4=T1
        in   t1  log:3     A2 USD  5    received:5=T1
        in   t1  call:3    A1 COIN 6    received:6=T1
        in   t1  log:4     B1 USD  8    deposit:8      # another vault's
        out  t1  log:5     A2 USD  9    foreign:9      # not what pays
        in   s1  log:0     A1 USD  4    deposit:4      # no call of ours
    """)


def test_what_one_call_may_take_is_no_others():
    run("""
        own  t1  a A1  calls X 0  takes USD 50
        own  t2  a A1  calls X 0
        own  t3  a A1  pays X COIN 1
        out  t2  log:0  A1 USD 50   excess:50=T2
        out  t3  log:0  A1 USD 50   excess:50=T3
        out  s1  log:0  A1 USD 50   foreign:50
        in   t3  log:1  A1 USD 2    deposit:2
        out  t1  log:0  A1 USD 50   called:50=T1
    """)


def test_allowances_on_record():
    run("""
        allow l1  a A1 USD 10
        out  s1  log:0  A1 USD 6      allowed:6=l1
        out  s1  log:1  A1 USD 5      foreign:5          # more than is left of it
        out  s1  log:2  A1 USD 4      allowed:4=l1
        out  s1  log:3  A1 USD 1      foreign:1
        out  s1  call:  A1 COIN 1     foreign:1          # never native money
    """)
    run("""
        allow l1  a A1 USD 3                             # the first that covers it whole
        allow l2  a A1 USD any
        out  s1  log:0  A1 USD 3      allowed:3=l1
        out  s1  log:1  A1 USD 900    allowed:900=l2
        out  s1  log:2  B1 USD 1      foreign:1          # another vault's
        out  s1  log:3  A2 USD 1      foreign:1          # another address's
    """)
    run("""
        allow l1  a A1 USD any 11                        # it ended an hour ago
        out  s1  log:0  A1 USD 3      foreign:3
    """)
    run("""
        allow l2  a A1 USD any 12
        out  s1  log:1  A1 USD 3      allowed:3=l2
    """)
    run("""
        allow l1  a A1 USD any
        sent s1  A1                                      # whoever signs with our key is no spender
        out  s1  log:0     A1 USD 3   foreign:3
        sent s2  B1
        out  s2  log:0     A1 USD 3   foreign:3
        own  t1  b B1  calls X 0                         # our own call of the spender's contract
        sent t1  B1
        out  t1  log:0     A1 USD 3   allowed:3=l1
    """)


def test_payments_that_anybody_submits():
    """Signed apart, by the key that the block used up, in whoever's transaction."""
    run("""
        apart s1  p1 a A1  pays X USD 5
        apart s1  p2 a A1  pays X USD 3                  # two of one vault, by one contract
        apart s1  p3 b B1  pays A1 USD 3
        out  s1  log:0  A1 USD 3      payment:3=P2
        out  s1  log:1  A1 USD 5      payment:5=P1
        out  s1  log:2  A1 USD 5      foreign:5          # each once
        out  s1  log:3  B1 USD 3      payment:3=P3
        in   s1  log:3  A1 USD 3      deposit:3
        out  s1  call:  A1 COIN 5     foreign:5          # it pays no other asset
        out  s2  log:0  A1 USD 5      foreign:5          # and not in another transaction
    """)
    run("""
        apart s1  p1 a A1  pays X USD 5
        out  s1  log:0  A2 USD 5      foreign:5          # from another address of the vault
        out  s1  log:1  A1 USD 4      foreign:4          # less than was signed, so not this
        out  s1  log:2  B1 USD 5      foreign:5
    """)
    run("""
        own   t1  b B1  calls X 0                        # a house's vault carries it, and pays
        apart t1  p1 a A1  pays X USD 5
        sent  t1  B1
        out  t1  log:0     A1 USD 5   payment:5=P1
        out  t1  log:1     A1 USD 5   foreign:5
        out  t1  cost:fee  B1 COIN 1  cost:1=T1
        out  t1  log:2     B1 USD 2   excess:2=T1        # what it called moves nothing of its own
    """)
    run("""
        own   t1  a A1  calls X 0                        # the vault itself carries what is swept
        apart t1  p1 a A2  pays A1 USD 5  stays
        out  t1  log:0     A2 USD 5   payment:5=P1
        in   t1  log:0     A1 USD 5   change:5=P1
        in   t1  log:1     A1 USD 4   received:4=T1
    """)


COINS = """
    own  t1  a A1  pays X COIN 70
    coin p:0  A1 100
    in   t1  output:1      A1 COIN 29   change:29=T1
    in   t1  output:2      B1 COIN 5    deposit:5      # another vault's
    spends t1 p:0          payment:100=T1

    own  t2  a A1  pays A1 COIN 70                     # to itself: asked for, so it is a deposit
    coin p:1  A2 100
    in   t2  output:0      A1 COIN 70   deposit:70
    in   t2  output:1      A2 COIN 29   change:29=T2
    spends t2 p:1          payment:100=T2

    own  t3  a A1                                      # a cancellation: all of it comes back
    coin p:2  A1 100
    in   t3  output:0      A1 COIN 99   change:99=T3
    spends t3 p:2          payment:100=T3

    coin p:3  A1 100                                   # not ours, though ours may have claimed it
    in   s1  output:0      A1 COIN 40   deposit:40     # a part of it comes back
    spends s1 p:3          foreign:100

    own  t4  b B1  pays X COIN 9                       # ours, of a vault whose coin it is not
    coin p:4  A1 100
    spends t4 p:4          foreign:100

    coin s9:0  A1 6                                    # made and spent in one block
    in   s9  output:0      A1 COIN 6    deposit:6
    spends s8 s9:0         foreign:6

    allow l1  a A1 COIN any                            # explains no native coin
    coin p:5  A1 7
    spends s7 p:5          foreign:7

    coin p:6  A1 8                                     # not in this block
    in   m1  output:0@112  A1 COIN 50   income:50      # a coinbase
"""


@pytest.mark.parametrize("case", COINS.strip().split("\n\n"))
def test_coins(case: str):
    found = run(case, coins=True)
    assert {each.movement.asset for each in found} == {NATIVE}


def test_every_verdict_is_booked_in_one_way():
    """As a deposit, as a debit, or by the transfer that it belongs to."""
    by_transfers = {
        Verdict.CHANGE,
        Verdict.PAYMENT,
        Verdict.COST,
        Verdict.LOCKED,
        Verdict.CALLED,
    }
    assert not INCOMES & DEBITS
    assert by_transfers | INCOMES | DEBITS == set(Verdict)
    assert not by_transfers & (INCOMES | DEBITS)
    assert UNEXPLAINED < DEBITS
