"""What our own blocks say of a transaction, as one table, and when it is dead."""

from __future__ import annotations

import pytest

from chains.costs import CostKind
from chains.model import AssetId, BlockRef, ConflictKey, Excludes, TxId
from chains.transaction import AfterBlock, Lifetime, Until
from custody.following.sightings import Consumption, Sighting
from custody.transactions.facts import (
    NEVER_SEEN_AFTER,
    Facts,
    Life,
    expiry,
    needed,
    next_event,
)
from custody.transactions.state import State, Transaction

COSTS = {(AssetId("n/slip44:60"), CostKind.FEE): 5}

# state: before, with its block (height and branch; "!" if it failed there)
# seen: where our chain has it. spoilt: the height at which another one used up its key
# final: the newest final height
CELLS = """
state         | seen | spoilt | final | event
signed        |      |        | 9     |             # nothing is known
broadcast     |      |        | 9     |
signed        | 7a   |        | 6     | Include 7a
broadcast     | 7a   |        | 9     | Include 7a  # one step at a time
broadcast     | 7a!  |        | 9     | Include 7a!
included 7a   | 7a   |        | 6     |             # not final
included 7a   | 7a   |        | 7     | Finalize
included 7a!  | 7a!  |        | 7     | Revert
included 7a   | 7b   |        | 9     | Disconnect  # its block was replaced
included 7a   | 8a   |        | 9     | Disconnect  # it is in a later one now
included 7a   |      |        | 9     | Disconnect  # its block was undone
signed        |      | 7      | 6     |             # the other one is not final
signed        |      | 7      | 7     | Die
broadcast     |      | 7      | 9     | Die
broadcast     | 7a   | 7      | 9     | Include 7a  # a block that has it outweighs everything
included 7a   | 7a   | 7      | 9     | Finalize
dead          |      | 7      | 9     |             # dead already
dead          | 7a   |        | 6     | Include 7a  # after all
final 7a      | 7a   |        | 9     |
final 7a      |      |        | 9     |             # a person rewinds what was settled
reverted 7a!  | 7a!  |        | 9     |
signed        |      |        |       |             # nothing is final yet
signed        |      | 7      |       |
"""
_LINES = [line.partition("#")[0] for line in CELLS.strip().splitlines()][1:]
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in _LINES]


def _block(text: str) -> BlockRef:
    return BlockRef(int(text[0]), text[1])


def _failure(text: str) -> str | None:
    return "reverted" if text.endswith("!") else None


@pytest.mark.parametrize(("state", "seen", "spoilt", "final", "event"), ROWS)
def test_what_our_blocks_say(state: str, seen: str, spoilt: str, final: str, event: str) -> None:
    name, _, at = state.partition(" ")
    before = Transaction(
        "txn",
        state=State(name),
        built=True,
        txid=TxId("t"),
        block=_block(at) if at else None,
        reason=_failure(at),
    )
    facts = Facts(
        final=int(final) if final else None,
        sighting=Sighting(TxId("t"), _block(seen), _failure(seen), COSTS) if seen else None,
        spoilt=[Consumption("key", TxId("other"), int(spoilt))] if spoilt else [],
    )
    found = next_event(before, facts, COSTS, {})
    wanted, _, where = event.partition(" ")
    assert type(found).__name__ == (wanted or "NoneType")
    if where:
        assert (found.block, found.failure) == (_block(where), _failure(where))  # type: ignore[union-attr]
        assert found.costs == COSTS  # type: ignore[union-attr]
    if wanted == "Die":
        assert found.reason == "key was used up by other in block 7"  # type: ignore[union-attr]


def test_what_has_expired_is_dead_unless_blocks_of_its_life_were_not_read() -> None:
    sent = Transaction("txn", state=State.BROADCAST, built=True, txid=TxId("t"))
    expired = Facts(final=9, expired="it expired")
    assert type(next_event(sent, expired, {}, {})).__name__ == "Die"
    unread = Facts(final=9, expired="it expired", doubt="blocks 3 to 4 were passed unread")
    assert next_event(sent, unread, {}, {}) is None
    spoilt = [Consumption("key", TxId("other"), 7)]
    shown = Facts(final=9, spoilt=spoilt, doubt="blocks 3 to 4 were passed unread")
    assert type(next_event(sent, shown, {}, {})).__name__ == "Die", "what is shown needs no more"


def test_a_key_that_excludes_only_success_kills_nothing() -> None:
    keys = [ConflictKey(each.value, each) for each in Excludes]
    assert needed(keys) == ["inclusion", "nothing"]


@pytest.mark.parametrize(
    ("lifetime", "life", "dead"),
    [
        (None, Life(10**9, True, 10**6, 10**6), False),
        (Until(7_000), Life(6, False, 0, 5), False),
        (Until(7_000), Life(7, False, 0, 5), True),
        (Until(7_001), Life(7, False, 0, 5), False),
        (Until(7_000), Life(0, False, 0, 5), False),
        (AfterBlock("h", 150), Life(0, True, 150, 200), False),
        (AfterBlock("h", 150), Life(0, True, 151, 200), True),
        # Its block is not among those that we remember: still to come, or long gone.
        (AfterBlock("h", 150), Life(0, False, 151, 200), False),
        (AfterBlock("h", 150), Life(0, False, 151, NEVER_SEEN_AFTER), False),
        (AfterBlock("h", 150), Life(0, False, 151, NEVER_SEEN_AFTER + 1), True),
        (AfterBlock("h", 150), Life(0, False, 150, NEVER_SEEN_AFTER + 1), False),
        (AfterBlock("h", 150), Life(0, False, 151, None), False),
    ],
)
def test_expiry_is_counted_in_our_blocks(lifetime: Lifetime | None, life: Life, dead: bool) -> None:
    assert (expiry(lifetime, life) is not None) is dead
