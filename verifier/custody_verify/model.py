"""What all chains have in common: what bytes do, what an auditor pins, what a block shows."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from custody_verify.errors import Refuted, Unreadable, refute, reject
from custody_verify.hashes import keccak256
from custody_verify.strict import fields, moment, number, octets, text, units

_EFFECTS: Final = {
    "allow": "kind spender asset amount expires_at",
    "call": "kind contract function arguments value outcome moves",
    "sign": "kind of domain content",
}


class Pay(NamedTuple):
    """`amount` base units of `asset` go to `address`. `memo`: where the chain has one."""

    address: str
    asset: str
    amount: int
    memo: str | None = None


class Allow(NamedTuple):
    """`spender` may take `amount` base units of `asset` (None: any) until then (None: for ever)."""

    spender: str
    asset: str
    amount: int | None
    expires_at: str | None = None


class Call(NamedTuple):
    """A function of `contract` is called; `value` base units of the coin go with it. What stands
    behind the selector is a claim of its own."""

    contract: str
    selector: bytes
    value: int


class Sign(NamedTuple):
    """A message. `kind`: how it is signed. `domain`: for whom."""

    kind: str
    domain: str
    content: bytes


Effect = Pay | Allow | Call | Sign


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


class Meaning(NamedTuple):
    """What bytes do, decoded here. `payer`: None on bitcoin, where coins pay. `returns`: what goes
    to addresses that the bytes claim to be the payer's own. `costs`: the most of each kind, as far
    as bytes bound it. `data`: what a contract is told. `reference`: for which transfer it is, of
    what says that."""

    payer: str | None
    effects: Counter[Effect]
    returns: tuple[tuple[str, int], ...] = ()
    costs: Mapping[str, int] = {}
    data: bytes = b""
    reference: str | None = None


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


def parse_effect(row: Any, network: str) -> Effect:
    """As the mandate spells it. The coin's id (CAIP-19 in SLIP-44) becomes `Transaction.coin`:
    bytes name no coin but their network's own."""
    kind = row["kind"]
    row = fields(row, _EFFECTS.get(kind, "kind address memo asset amount"))
    if kind == "call":
        selector = keccak256(text(row["function"]).encode())[:4]
        return Call(text(row["contract"]), selector, units(row["value"]))
    if kind == "sign":
        return Sign(text(row["of"]), text(row["domain"]), octets(row["content"]))
    asset, coin = text(row["asset"]), re.compile(re.escape(network) + "/slip44:[0-9]+")
    if coin.fullmatch(asset):
        asset = f"{network}/slip44:"
    amount = None if row["amount"] is None else units(row["amount"])
    if kind == "allow":
        ends = None if row["expires_at"] is None else moment(row["expires_at"])
        return Allow(text(row["spender"]), asset, amount, ends)
    if not amount or kind != "pay":
        raise Unreadable("a payment of nothing, or an effect that is unknown here")
    memo = None if row["memo"] is None else text(row["memo"])
    return Pay(text(row["address"]), asset, amount, memo)


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
    reject(not rows or len(set(names)) != len(names), "no node, or one that counts twice")
    refute(len(blocks) > 1, "the nodes named different blocks")
    said = blocks.pop()
    if height is not None and said != (height, hash_):
        raise Refuted("the nodes named another block than the proof shows")
    final = all(number(row["final_height"]) >= said[0] for row in rows)
    return *said, ", ".join(names), final
