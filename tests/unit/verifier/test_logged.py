"""That a bundle is in the house's transparency log: what is proven with which pins, and attacks on
the proof."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from custody_verify import bundle
from custody_verify.claims import Claim, Pins
from custody_verify.cli import main
from custody_verify.errors import Unreadable
from custody_verify.log import COSIGNATURE, LogKey
from custody_witness.witness import Key

from custody.log.leaf import Leaf
from signer import checkpoint as theirs
from signer.proof import Proof
from signer.tree import leaf_hash
from tests.support.evidence import Made, claims_of
from tests.support.translog import root_of

LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = LOG.public_key().public_bytes_raw()
ORIGIN = "house.example/log/1"
VKEY = theirs.verifier_key(ORIGIN, PUBLIC)
SALT = bytes(range(16))
OTHERS = [leaf_hash(bytes([number])) for number in range(6)]


def witness(name: str) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
    return Key(name, private.public_key().public_bytes_raw(), private)


ONE, TWO = witness("auditor.example/w1"), witness("regulator.example/w")


def digest_of(made: Made) -> bytes:
    return bundle.read(made.bytes()).digest


def proof(
    leaf: bytes, *witnesses: Key, origin: str = ORIGIN, key: Ed25519PrivateKey = LOG
) -> bytes:
    """Leaf 3 of 7."""
    leaves = [*OTHERS[:3], leaf_hash(leaf), *OTHERS[3:]]
    told = theirs.Checkpoint(origin, len(leaves), root_of(leaves))
    note = theirs.signed_note(told, key.public_key().public_bytes_raw(), key.sign(told.text()))
    note += "".join(each.cosign(told.text(), 1_700_000_000) for each in witnesses)
    path = (leaves[2], root_of(leaves[:2]), root_of(leaves[4:]))
    return Proof(3, path, note, leaf).text().encode()


def leaf_of(made: Made, **changes: Any) -> bytes:
    digest = changes.pop("digest", digest_of(made))
    kind, name = changes.pop("kind", "evidence"), changes.pop("name", digest.hex())
    return Leaf(kind, name, digest, changes.pop("salt", SALT)).data


def pins(house: Any, *witnesses: Key, log: str | None = VKEY) -> Pins:
    return replace(
        house.pins(),
        transparency=None if log is None else LogKey.parse(log),
        witnesses=[LogKey.parse(each.verifier_key, COSIGNATURE) for each in witnesses],
    )


def logged(data: bytes | Made, pinned: Pins) -> Claim:
    (found,) = [each for each in claims_of(data, pinned) if each.claim == "logged"]
    return found


@pytest.fixture
def sealed(sol: Any) -> tuple[Any, Made, bytes]:
    """A house, a bundle of its, and the same with its proof, which two witnesses have signed."""
    house, made = sol
    return house, made, made.bytes() + proof(leaf_of(made), ONE, TWO)


def test_what_is_proven_with_which_pins(sealed: tuple[Any, Made, bytes]):
    house, made, data = sealed

    def found(*witnesses: Key, log: str | None = VKEY, what: bytes = data) -> tuple[str, str]:
        claim = logged(what, pins(house, *witnesses, log=log))
        return claim.state, claim.grade

    assert found(ONE) == found(ONE, TWO) == ("proven", "B")
    assert found() == ("stated", "D"), "the house's own word"
    assert found(log=None) == found(ONE, log=None) == ("stated", "D"), "of whose log?"
    assert found(what=made.bytes()) == ("not checked", "")
    only = made.bytes() + proof(leaf_of(made), ONE)
    assert found(ONE, what=only) == ("proven", "B")
    assert found(ONE, TWO, what=only) == ("stated", "D"), "each that is pinned must have seen it"
    assert "regulator.example/w" in logged(only, pins(house, ONE, TWO)).words
    assert claims_of(data, pins(house))[:-1] == claims_of(made, pins(house))[:-1], (
        "the rest is equal"
    )


def test_a_later_proof_replaces_the_bundles_own(sealed: tuple[Any, Made, bytes]):
    house, made, _ = sealed
    early = made.bytes() + proof(leaf_of(made))
    late = replace(pins(house, ONE), logged=proof(leaf_of(made), ONE))
    assert logged(early, pins(house, ONE)).state == "stated"
    assert logged(early, late).state == logged(made, late).state == "proven"


def other_key(_: Made, leaf: bytes) -> bytes:
    return proof(leaf, ONE, key=Ed25519PrivateKey.generate())


def bad_cosignature(_: Made, leaf: bytes) -> bytes:
    """The witness's name and id over a signature of somebody else."""
    somebody = Key(ONE.name, ONE.public, Ed25519PrivateKey.generate())
    return proof(leaf, somebody)


def another_time(_: Made, leaf: bytes) -> bytes:
    whole = proof(leaf, ONE).decode()
    *lines, last, _end = whole.split("\n")
    name, mark = last.rsplit(" ", 1)
    data = bytearray(b64decode(mark))
    data[11] ^= 1
    return "\n".join([*lines, f"{name} {b64encode(data).decode()}", ""]).encode()


ATTACKS: dict[str, Callable[[Made, bytes], bytes]] = {
    "another bundle": lambda made, _: proof(leaf_of(made, digest=bytes(32)), ONE),
    "another bundle under this name": lambda made, _: proof(
        leaf_of(made, digest=bytes(32), name=digest_of(made).hex()), ONE
    ),
    "this digest under another name": lambda made, _: proof(leaf_of(made, name="00" * 32), ONE),
    "a leaf of another kind": lambda made, _: proof(leaf_of(made, kind="policy"), ONE),
    "a short salt": lambda made, _: proof(leaf_of(made, salt=SALT[:8]), ONE),
    "another version of leaves": lambda _, leaf: proof(leaf.replace(b'mat":1', b'mat":2'), ONE),
    "a version that only looks like it": lambda _, leaf: proof(
        leaf.replace(b'mat":1', b'mat":true'), ONE
    ),
    "a field more": lambda _, leaf: proof(leaf.replace(b'{"d', b'{"a":1,"d'), ONE),
    "another spelling": lambda _, leaf: proof(leaf.replace(b",", b", ", 1), ONE),
    "another log": lambda _, leaf: proof(leaf, ONE, origin="house.example/log/2"),
    "another key": other_key,
    "a cosignature that is none": bad_cosignature,
    "a cosignature of another time": another_time,
    "another place": lambda _, leaf: proof(leaf, ONE).replace(b"index 3", b"index 4"),
    "a shorter path": lambda _, leaf: b"\n".join(
        proof(leaf, ONE).split(b"\n")[:3] + proof(leaf, ONE).split(b"\n")[4:]
    ),
    "no log's signature": lambda _, leaf: proof(leaf, ONE).replace(
        f"— {ORIGIN} ".encode(), b"\xe2\x80\x94 x.example "
    ),
    "cut": lambda _, leaf: proof(leaf, ONE)[:-9],
    "twice": lambda _, leaf: proof(leaf, ONE) * 2,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(name: str, sealed: tuple[Any, Made, bytes]):
    house, made, _ = sealed
    bad = made.bytes() + ATTACKS[name](made, leaf_of(made))
    assert logged(bad, pins(house, ONE)).state == "refuted", name


def test_every_byte_of_the_proof_counts(sealed: tuple[Any, Made, bytes]):
    """With everything pinned each byte behind the bundle is bound, and each length but none."""
    house, made, data = sealed
    pinned = pins(house, ONE, TWO)
    start = len(made.bytes())
    for at in range(start, len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            claim = logged(flipped, pinned)
        except Unreadable:
            continue
        assert (claim.state, claim.grade) != ("proven", "B"), at
    for end in range(start + 1, len(data)):
        try:
            claim = logged(data[:end], pinned)
        except Unreadable:
            continue
        assert claim.state != "proven", end
    with pytest.raises(Unreadable, match="behind the last part"):
        bundle.read(made.bytes() + b"\n")


def test_the_command(sealed: tuple[Any, Made, bytes], tmp_path: Path, capsys: Any):
    _, made, data = sealed
    path, later = tmp_path / "p.evidence", tmp_path / "p.tlog-proof"
    path.write_bytes(data)
    pinned = ["--transparency-key", VKEY, "--witness", ONE.verifier_key]
    assert main([str(path), *pinned]) == 0
    assert "B  proven       logged: leaf 3 of 7" in capsys.readouterr().out
    later.write_bytes(proof(leaf_of(made, digest=bytes(32)), ONE))
    assert main([str(path), *pinned, "--logged", str(later)]) == 1
    assert main([str(path), "--witness", VKEY]) == 2, "the log's key is no witness's"
    assert main([str(path), "--transparency-key", ONE.verifier_key]) == 2
