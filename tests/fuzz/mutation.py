"""Changing valid inputs into nearly valid ones, from a seed, so that every failure can be repeated.

Bytes are flipped, cut, doubled, moved and spliced; lengths and small numbers are nudged; what a
target's format is made of (its tokens) is put in places. JSON is changed as a tree and written
canonically again, because a random byte in it seldom gets past the first check.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from signer.wire import canonical_json

Mutate = Callable[[bytes, random.Random], bytes]

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFC, 0xFD, 0xFE, 0xFF)
_WIDE = tuple(
    number.to_bytes(width, order)
    for width in (2, 4, 8)
    for number in (0, 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1)
    for order in ("big", "little")
)
_LENGTH_MAX = 1 << 16


def of_bytes(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> Mutate:
    """A few changes at random places."""

    def mutate(data: bytes, chance: random.Random) -> bytes:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            _change(changed, chance, seeds, tokens)
        return bytes(changed[:_LENGTH_MAX])

    return mutate


def _change(
    data: bytearray, chance: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]
) -> None:
    at = chance.randrange(len(data) + 1)
    length = chance.choice((1, 1, 2, 4, 8, 32, 200))
    match chance.randrange(9):
        case 0 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 1 if data:
            data[at % len(data)] = chance.choice(_NUMBERS)
        case 2 if data:
            place = at % len(data)
            data[place] = (data[place] + chance.choice((-1, 1))) % 256
        case 3:
            del data[at : at + length]
        case 4:
            data[at:at] = data[at : at + length]
        case 5:
            data[at : at + length] = chance.randbytes(length)
        case 6:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]
        case 7:
            data[at:at] = chance.choice(_WIDE)
        case _ if tokens:
            data[at : at + chance.choice((0, length))] = chance.choice(tokens)


_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53 - 1, 2**53, 2**64, "", "0", "1", "-1", "00", "1e3",
    "9" * 78, "\u0130", "\u202e", "x" * 513, [], {}, [[]], "ff" * 32, "00" * 64, "01" * 32,
    "0001-01-01T00+14:00", "9999-12-31T23:59:59Z", "2026-03-04T12:00:00Z", "eip155:31337",
    "Europe/Zurich", "../etc/passwd", "any", "mon", "24:00",
)  # fmt: skip


def of_json(seeds: Sequence[bytes]) -> Mutate:
    """One node of the tree replaced, removed, doubled or taken from another document; or, now and
    then, a change of the bytes."""
    trees = [json.loads(seed) for seed in seeds]
    plain = of_bytes(seeds)

    def mutate(data: bytes, chance: random.Random) -> bytes:
        if chance.random() < 0.2:
            return plain(data, chance)
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            tree = json.loads(json.dumps(chance.choice(trees)))
        for _ in range(chance.choice((1, 1, 2, 4))):
            tree = _change_tree(tree, chance, trees)
        try:
            return canonical_json(tree)
        except (ValueError, RecursionError):
            return data

    return mutate


def _change_tree(tree: Any, chance: random.Random, trees: Sequence[Any]) -> Any:
    """Walk to a random node, and change it."""
    if isinstance(tree, dict) and tree and chance.random() < 0.9:
        name = chance.choice(list(tree))
        action = chance.random()
        if action < 0.1:
            return {key: value for key, value in tree.items() if key != name}
        if action < 0.15:
            return {**tree, "extra": tree[name]}
        return {**tree, name: _change_tree(tree[name], chance, trees)}
    if isinstance(tree, list) and tree and chance.random() < 0.9:
        at = chance.randrange(len(tree))
        action = chance.random()
        if action < 0.1:
            return tree[:at] + tree[at + 1 :]
        if action < 0.25:
            return [*tree[: at + 1], *tree[at:]]
        return [*tree[:at], _change_tree(tree[at], chance, trees), *tree[at + 1 :]]
    if isinstance(tree, str) and tree and chance.random() < 0.4:
        at = chance.randrange(len(tree))
        return tree[:at] + chance.choice("0123456789abcdefTZ:/-+'. é") + tree[at + 1 :]
    if isinstance(tree, int) and chance.random() < 0.4:
        return tree + chance.choice((-1, 1))
    return chance.choice(_VALUES) if chance.random() < 0.8 else _node_of(trees, chance)


def _node_of(trees: Sequence[Any], chance: random.Random) -> Any:
    node = chance.choice(trees)
    while isinstance(node, (dict, list)) and node and chance.random() < 0.8:
        node = chance.choice(list(node.values()) if isinstance(node, dict) else node)
    return node
