"""Whatever coins there are: sums are exact, no dust change, never more than the maximum fee."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chains.bitcoin.outputs import dust_threshold
from chains.bitcoin.selection import Order, choose_coins, settle
from chains.bitcoin.transaction import TxOutput
from chains.bitcoin.weight import INPUT_WEIGHT, fee, weight
from chains.errors import BuildError, FeeAboveMaximum, InsufficientFunds
from chains.model import Coin, OwnedAddress, TxId
from tests.unit.bitcoin.support import P2TR, P2WPKH, Wallet, script_of

WALLET = Wallet()
OWNERS = {kind: WALLET.address(0, kind) for kind in (P2WPKH, P2TR)}
OWNER: st.SearchStrategy[OwnedAddress] = st.sampled_from(list(OWNERS.values()))
# Small and few values, so that exact matches and ties occur.
AMOUNT = st.one_of(st.integers(1, 3000), st.integers(1, 10**10), st.sampled_from([1000, 5000]))


@st.composite
def orders(draw: st.DrawFn) -> Order:
    outputs = draw(
        st.lists(
            st.builds(TxOutput, st.integers(546, 10**7), OWNER.map(script_of)),
            min_size=1,
            max_size=4,
        )
    )
    change = draw(OWNER)
    return Order(
        tuple(outputs),
        script_of(change),
        change.address_type,
        draw(st.integers(1000, 300_000)),
        draw(st.one_of(st.integers(0, 5000), st.just(10**7))),
    )


@st.composite
def coins(draw: st.DrawFn) -> list[Coin]:
    found = draw(st.lists(st.tuples(AMOUNT, OWNER), max_size=25))
    return [
        Coin(TxId(f"{position:064x}"), position % 3, amount, owner)
        for position, (amount, owner) in enumerate(found)
    ]


@given(orders(), coins())
@settings(max_examples=200, deadline=None)
def test_every_plan_is_sound(order: Order, offered: list[Coin]) -> None:
    try:
        plan = choose_coins(order, offered)
    except BuildError:
        return
    total = sum(coin.amount for coin in plan.coins)
    assert total == order.amount + plan.change + plan.fee, "sums exactly"
    assert plan.fee <= order.fee_max
    assert plan.change == 0 or plan.change >= dust_threshold(order.change_script)
    assert len(set(plan.coins)) == len(plan.coins)
    assert set(plan.coins) <= set(offered)
    outputs = [*order.outputs]
    if plan.change:
        outputs.append(TxOutput(plan.change, order.change_script))
    kinds = [coin.owner.address_type for coin in plan.coins]
    assert plan.fee >= fee(weight(kinds, outputs), order.fee_rate), "pays the rate asked for"
    assert settle(order, plan.coins) == plan, "a claim settles to what was chosen"


@given(orders(), coins(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_coins_does_not_matter(
    order: Order, offered: list[Coin], random: object
) -> None:
    def outcome(coins: list[Coin]) -> object:
        try:
            return choose_coins(order, coins)
        except BuildError as error:
            return str(error)

    shuffled = list(offered)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert outcome(shuffled) == outcome(offered)


@given(orders(), coins())
@settings(max_examples=200, deadline=None)
def test_refuses_only_what_can_not_be_paid(order: Order, offered: list[Coin]) -> None:
    """Insufficient means that even all coins worth their own input do not suffice."""
    try:
        choose_coins(order, offered)
    except FeeAboveMaximum:
        return
    except InsufficientFunds:
        costs = {kind: fee(units, order.fee_rate) for kind, units in INPUT_WEIGHT.items()}
        useful = [coin for coin in offered if coin.amount > costs[coin.owner.address_type]]
        kinds = [coin.owner.address_type for coin in useful]
        needed = order.amount + fee(weight(kinds, order.outputs), order.fee_rate)
        assert sum(coin.amount for coin in useful) < needed


@given(st.integers(1, 60), st.integers(546, 10**6))
@settings(max_examples=60, deadline=None)
def test_an_exact_match_leaves_no_change(position: int, amount: int) -> None:
    script = script_of(OWNERS[P2WPKH])
    order = Order((TxOutput(amount, script),), script, P2WPKH, 5000, 10**6)
    exact = amount + fee(weight([P2WPKH], order.outputs), order.fee_rate)
    offered = [
        Coin(TxId(f"{n:064x}"), 0, exact if n == position else exact + 9000 + n, OWNERS[P2WPKH])
        for n in range(61)
    ]
    plan = choose_coins(order, offered)
    assert plan.change == 0
    assert plan.coins == (offered[position],)
