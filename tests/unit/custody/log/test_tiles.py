"""Tiles against the definition of the tree, at every size; and the spelling of their paths."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.log.leaf import Kind, Leaf
from custody.log.tiles import Tile, tiles_of
from signer.tree import Frontier, leaf_hash
from tests.support.translog import hash_of, root_of

LEAVES = [leaf_hash(b"%d" % number) for number in range(70_000)]


def grown() -> dict[tuple[int, int], bytes]:
    tree, stored = Frontier(), {}
    for number, leaf in enumerate(LEAVES, 1):
        tree, nodes = tree.grown(leaf)
        for level in range(len(nodes) // 32):
            stored[level, (number >> level) - 1] = nodes[32 * level : 32 * level + 32]
    return stored


NODES = grown()


def nodes(level: int, index: int) -> bytes:
    return NODES[level, index]


def test_the_example_of_the_specification():
    """C2SP tlog-tiles: of 70,000 leaves."""
    found = list(tiles_of(70_000))
    assert [each for each in found if each.width < 256] == [
        Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1),
    ]  # fmt: skip
    assert len([each for each in found if each.level == 0 and each.width == 256]) == 273
    assert len([each for each in found if each.level == 1 and each.width == 256]) == 1
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.integers(0, 70_000), st.data())
def test_a_tile_has_the_hashes_of_the_definition(size: int, data: st.DataObject):
    there = list(tiles_of(size))
    for tile in {data.draw(st.sampled_from(there)) for _ in range(3)} if there else ():
        assert tile.exists(size)
        wide = 256**tile.level
        first = tile.index * 256
        hashes = tile.data(nodes)
        assert len(hashes) == 32 * tile.width
        at = data.draw(st.integers(0, tile.width - 1))
        leaves = LEAVES[(first + at) * wide : (first + at + 1) * wide]
        assert hashes[32 * at : 32 * at + 32] == root_of(leaves)
        assert Tile.parse(tile.path) == tile


@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_only_what_is_new_is_written(one: int, other: int):
    old, new = sorted((one, other))
    known, wanted = set(tiles_of(old)), set(tiles_of(new))
    missing = set(tiles_of(new, since=old))
    assert missing | (known & wanted) == wanted
    assert {each for each in known if each.width == 256} <= wanted, "a full tile stays"


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", Tile(0, 0)),
        ("1/999", Tile(1, 999)),
        ("0/x001/000", Tile(0, 1000)),
        ("0/x001/x234/067", Tile(0, 1_234_067)),
        ("63/x001/x234/067.p/255", Tile(63, 1_234_067, 255)),
        ("0/000.p/1", Tile(0, 0, 1)),
    ],
)
def test_the_spelling_of_a_path(path: str, tile: Tile):
    assert (tile.path, Tile.parse(path)) == (path, tile)


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "0/", "00/000", "0/0", "0/00", "0/0000", "64/000", "0/x000/000", "0/x000",
        "0/000/", "0/001/000",
        "0/X001/000", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "-1/000",
        "0/٠٠٠", "entries/000", "0/000\n", "0/../000", "/0/000", "0/000?x",
    ],
)  # fmt: skip
def test_another_spelling_names_no_tile(path: str):
    assert Tile.parse(path) is None


def test_what_a_tree_has_not():
    assert not Tile(0, 0).exists(255)
    assert not Tile(0, 0, 255).exists(254)
    assert not Tile(1, 0, 1).exists(255)
    assert not Tile(0, 1, 1).exists(256)
    assert not Tile(9, 0, 1).exists(70_000)
    assert Tile(0, 0, 3).exists(70_000), "of a smaller tree"


def test_what_a_leaf_says_never_changes():
    """Its bytes are hashed for ever: this is how they were first written."""
    leaf = Leaf(Kind.POLICY, "ab" * 32, bytes.fromhex("ab" * 32), bytes(range(16)))
    said = (
        b'{"digest":"' + b"ab" * 32 + b'","format":1,"kind":"policy","name":"' + b"ab" * 32
        + b'","salt":"000102030405060708090a0b0c0d0e0f"}'
    )  # fmt: skip
    assert leaf.data == said
    assert leaf_hash(leaf.data) == hash_of(said) == sha256(b"\0" + said).digest()
    assert [each.value for each in Kind] == [
        "continues", "policy", "signer_checkpoint", "ledger_head", "evidence", "reserves",
        "release",
    ]  # fmt: skip
