"""What a block shows of us: transactions that we pay for, and what was used up of ours."""

from __future__ import annotations

from chains.block import Block, Inclusion, Movement, cost_place
from chains.costs import CostKind
from chains.model import Address, AssetId, BlockRef, NetworkId, TxId
from custody.following.sightings import Consumption, Sighting, seen
from custody.vaults.watchlist import WatchList, outpoint_key

NETWORK = NetworkId("n")
NATIVE = AssetId("n/slip44:0")
REF = BlockRef(7, "aa")
A, B, C = TxId("a"), TxId("b"), TxId("c")


def watchlist() -> WatchList:
    found = WatchList(NETWORK)
    found._take([(1, "ours")])
    found.watch_coins([outpoint_key(NETWORK, "mine", 0), outpoint_key(NETWORK, "mine", 1)])
    return found


def block(**parts: object) -> Block:
    return Block(ref=REF, parent_hash="", timestamp=0, **{"movements": (), **parts})  # type: ignore[arg-type]


def cost(txid: TxId, sender: str, kind: CostKind, units: int) -> Movement:
    return Movement(txid, cost_place(kind), Address(sender), NATIVE, -units)


def test_an_account_s_transactions_whoever_signed_them_and_all_that_they_used_up() -> None:
    found = block(
        included=(
            Inclusion(A, Address("ours")),
            Inclusion(B, Address("ours"), "reverted"),
            Inclusion(C, Address("theirs")),
        ),
        consumed={"n/nonce:ours:1": A, "n/nonce:ours:2": B, "n/nonce:theirs:5": C},
        movements=(
            Movement(A, "call:", Address("ours"), NATIVE, -100),
            cost(A, "ours", CostKind.FEE, 3),
            cost(A, "ours", CostKind.L1_DATA, 2),
            cost(B, "ours", CostKind.FEE, 4),
            cost(C, "theirs", CostKind.FEE, 5),
        ),
    )
    sightings, consumptions = seen(found, watchlist(), frozenset())
    assert sightings == [
        Sighting(A, REF, None, {(NATIVE, CostKind.FEE): 3, (NATIVE, CostKind.L1_DATA): 2}),
        Sighting(B, REF, "reverted", {(NATIVE, CostKind.FEE): 4}),
    ]
    assert consumptions == [
        Consumption("n/nonce:ours:1", A, 7),
        Consumption("n/nonce:ours:2", B, 7),
    ]


def test_a_coin_s_spender_and_its_other_coins_too() -> None:
    mine, other = outpoint_key(NETWORK, "mine", 0), outpoint_key(NETWORK, "other", 0)
    stranger = outpoint_key(NETWORK, "stranger", 0)
    found = block(consumed={mine: A, other: A, stranger: B})
    sightings, consumptions = seen(found, watchlist(), frozenset())
    assert sightings == [Sighting(A, REF, None, {})]
    assert consumptions == [Consumption(mine, A, 7), Consumption(other, A, 7)]


def test_what_we_claim_is_seen_though_another_account_paid() -> None:
    """A durable nonce of ours, advanced in a transaction that somebody else pays for."""
    found = block(included=(Inclusion(C, Address("theirs")),), consumed={"n/nonce:x:v": C, "k": C})
    assert seen(found, watchlist(), {"n/nonce:x:v", "not there"}) == (
        [],
        [Consumption("n/nonce:x:v", C, 7)],
    )


def test_a_block_without_us_shows_nothing() -> None:
    found = block(included=(Inclusion(C, Address("theirs")),), consumed={"k": C})
    assert seen(found, watchlist(), frozenset()) == ([], [])
