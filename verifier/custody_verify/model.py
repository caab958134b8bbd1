"""What all chains have in common: what bytes do, what an auditor pins, what a block shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from custody_verify.errors import Refuted, Unreadable
from custody_verify.strict import fields, number, text, units


class Pay(NamedTuple):
    """`amount` base units of `asset` go to `address`. `memo`: where the chain has one."""

    address: str
    asset: str
    amount: int
    memo: str | None = None


class Transaction(NamedTuple):
    """As the bundle has it. `sender`: where the unsigned bytes don't say who pays."""

    network: str
    sender: str | None
    txid: str
    unsigned: bytes
    signed: bytes

    @property
    def coin(self) -> str:
        """How the ids of the network's own coin begin."""
        return f"{self.network}/slip44:"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a transaction does, decoded here. `payer`: None on bitcoin, where coins pay. `returns`:
    what goes to addresses that the bytes claim to be the payer's own. `costs`: the most of each
    kind, as far as bytes bound it. `detail`: for the family's own proof."""

    payer: str | None
    pays: Counter[Pay]
    returns: tuple[tuple[str, int], ...] = ()
    costs: Mapping[str, int] = field(default_factory=dict)
    detail: Any = None


class Anchors(NamedTuple):
    """What the auditor pins of chains: by network a block's height and hash; and the keys (21-byte
    addresses) of TRON's representatives."""

    checkpoints: Mapping[str, tuple[int, str]] = {}
    representatives: frozenset[bytes] = frozenset()


class Block(NamedTuple):
    """The block that a proof shows to have the transaction. `grade` and `words` are about that,
    `final_grade` (None: nothing shown) and `final_words` about that it stays."""

    height: int
    hash: str
    grade: str
    words: str
    final_grade: str | None
    final_words: str


def parse_pay(row: Any, network: str) -> Pay:
    """An effect as the mandate spells it. Only payments are known here. The coin's id (CAIP-19 in
    SLIP-44) becomes `Transaction.coin`: bytes name no coin but their network's own."""
    row = fields(row, "kind address memo asset amount")
    if row["kind"] != "pay":
        raise Unreadable("an effect of a kind that is not known here")
    asset, coin = text(row["asset"]), re.compile(re.escape(network) + "/slip44:[0-9]+")
    paid = Pay(
        text(row["address"]),
        f"{network}/slip44:" if coin.fullmatch(asset) else asset,
        units(row["amount"]),
        None if row["memo"] is None else text(row["memo"]),
    )
    if not paid.amount:
        raise Unreadable("a payment of nothing")
    return paid


def pinned(anchors: Anchors, network: str, shown: Mapping[int, str]) -> int | None:
    """The height of the auditor's block if it is among the `shown` ones. Raises Refuted if it is
    another one than the block shown at its height."""
    checkpoint = anchors.checkpoints.get(network)
    if checkpoint is None or checkpoint[0] not in shown:
        return None
    if shown[checkpoint[0]] != checkpoint[1]:
        raise Refuted(f"the pinned block {checkpoint[0]} is another one: a foreign or stale chain")
    return checkpoint[0]


def said_by_nodes(value: Any, height: int | None, hash_: str | None) -> tuple[int, str, str, bool]:
    """Height, hash, who said so, and whether each says that it is final. All must say the same, and
    what a proof shows if there is one. Raises Refuted."""
    rows = [fields(row, "name height hash final_height") for row in value]
    names = [text(row["name"]) for row in rows]
    blocks = {(number(row["height"]), text(row["hash"])) for row in rows}
    if not rows or len(set(names)) != len(names):
        raise Unreadable("no node, or one that counts twice")
    if len(blocks) > 1:
        raise Refuted("the nodes named different blocks")
    said = blocks.pop()
    if height is not None and said != (height, hash_):
        raise Refuted("the nodes named another block than the proof shows")
    final = all(number(row["final_height"]) >= said[0] for row in rows)
    return *said, ", ".join(names), final
