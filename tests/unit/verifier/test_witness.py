"""The witness: official vectors, what it refuses, that it remembers before it signs, its HTTP."""

from __future__ import annotations

import json
import os
import random
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from custody_verify.errors import Refuted, Unreadable
from custody_verify.log import COSIGNATURE, Checkpoint, LogKey
from custody_witness import cli, sources
from custody_witness.server import BODY_BYTES_MAX, Server, answer
from custody_witness.tree import EMPTY, Shown, check_consistency, tile_path
from custody_witness.witness import Key, Refusal, Witness
from hypothesis import given
from hypothesis import strategies as st

from custody.log.cosignature import WitnessKey
from custody.log.tiles import Tile, tiles_of
from signer import checkpoint as theirs
from signer.tree import leaf_hash
from tests.support.translog import root_of

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "tlog" / "consistency.json"
CASES = json.loads(VECTORS.read_text())["cases"]
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = LOG.public_key().public_bytes_raw()
ORIGIN = "house.example/log/1"
VKEY = theirs.verifier_key(ORIGIN, PUBLIC)
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(600)]
NAME = "auditor.example/w1"

# From C2SP signed-note, "Example".
NOTE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE_TEXT = b"This is an example message.\n"
NOTE_MARK = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)


def note(size: int, leaves: Sequence[bytes] = LEAVES, origin: str = ORIGIN) -> str:
    told = theirs.Checkpoint(origin, size, root_of(leaves[:size]))
    return theirs.signed_note(told, PUBLIC, LOG.sign(told.text()))


def files(size: int, leaves: Sequence[bytes] = LEAVES) -> dict[str, bytes]:
    def node(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    return {f"tile/{tile.path}": tile.data(node) for tile in tiles_of(size)}


def shown(size: int, leaves: Sequence[bytes] = LEAVES, *, whole: bool = False) -> Shown:
    there = files(size, leaves)
    return Shown(size, lambda *tile: there[tile_path(*tile)], whole=whole)


def path(old: int, new: int, leaves: Sequence[bytes] = LEAVES) -> list[bytes]:
    return shown(new, leaves).path(old)


@pytest.fixture
def key(tmp_path: Path) -> Key:
    Key.create(tmp_path / "w.key")
    return Key.load(tmp_path / "w.key", NAME)


@pytest.fixture
def witness(key: Key, tmp_path: Path) -> Iterator[Witness]:
    made = Witness(key, tmp_path / "state", [LogKey.parse(VKEY)], clock=lambda: 1_700_000_000.5)
    yield made
    made.close()


def pin(witness: Witness) -> LogKey:
    return LogKey.parse(witness.key.verifier_key, COSIGNATURE)


def status(witness: Witness, old: int, proof: Sequence[bytes], text: str) -> int:
    try:
        witness.add(old, proof, text)
    except Refusal as error:
        return error.status
    return 200


# The specifications


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_rfc6962_consistency(case: dict[str, Any]):
    roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    proof = [bytes.fromhex(each) for each in case["proof"]]
    try:
        check_consistency(case["old"], case["new"], *roots, proof)
    except Refuted:
        assert not case["valid"]
    else:
        # a tree without leaves is continued by all others: tlog-witness asks for no proof of it
        assert case["valid"] or (case["old"] == 0 and not proof and roots[0] == EMPTY)


def test_c2sp_signed_note():
    pinned = LogKey.parse(NOTE_KEY)
    mark = b64decode(NOTE_MARK)
    found = Checkpoint(
        "example.com/foo", 1, bytes(32), NOTE_TEXT, (("example.com/foo", mark[:4], mark[4:]),)
    )
    found.check(pinned)


def test_a_cosignature_is_what_both_sides_take_for_one(witness: Witness):
    """C2SP tlog-cosignature: written here, read by the checker and by the house, which share
    nothing."""
    line = witness.add(0, [], note(5))
    told = Checkpoint.parse(note(5) + line)
    told.check(LogKey.parse(VKEY))
    assert told.is_cosigned(pin(witness))
    house = WitnessKey.parse(witness.key.verifier_key)
    assert house.verifier_key == witness.key.verifier_key
    said = theirs.parse_checkpoint(note(5))
    assert house.check(line.rstrip("\n"), said) == 1_700_000_000
    assert not Checkpoint.parse(note(5)).is_cosigned(pin(witness))
    header, time = b"cosignature/v1\n", b"time 1700000000\n"
    mark = b64decode(line.split(" ")[2])
    witness.key._private.public_key().verify(mark[12:], header + time + told.text)
    assert mark[4:12] == (1_700_000_000).to_bytes(8, "big")


@given(st.integers(0, 600), st.integers(0, 600), st.booleans())
def test_tiles_prove_what_the_definition_says(one: int, other: int, whole: bool):
    old, new = sorted((one, other))
    tree = shown(new, whole=whole)
    roots = root_of(LEAVES[:old]), root_of(LEAVES[:new])
    assert tree.root(0, new) == roots[1]
    proof = tree.path(old)
    check_consistency(old, new, *roots, proof)
    for at in range(len(proof)):
        wrong = [*proof[:at], bytes(32), *proof[at + 1 :]]
        for bad in (wrong, proof[:at] + proof[at + 1 :], [*proof, bytes(32)]):
            with pytest.raises(Refuted):
                check_consistency(old, new, *roots, bad)


@given(st.integers(0, 10**12), st.integers(0, 7), st.integers(1, 256))
def test_paths_of_tiles_are_the_houses(index: int, level: int, width: int):
    assert tile_path(level, index, width) == f"tile/{Tile(level, index, width).path}"


# What it signs


def test_it_signs_what_continues_what_it_signed(witness: Witness):
    for old, new in ((0, 1), (1, 1), (1, 2), (2, 255), (255, 256), (256, 257), (257, 600)):
        line = witness.add(old, path(old, new), note(new))
        assert Checkpoint.parse(note(new) + line).is_cosigned(pin(witness))


def test_what_it_refuses(witness: Witness):
    other = [*LEAVES[:3], leaf_hash(b"another"), *LEAVES[4:]]
    assert status(witness, 0, [], note(8)) == 200
    assert status(witness, 8, path(8, 20, other), note(20, other)) == 422, "a fork"
    assert status(witness, 8, [], note(8, other)) == 422, "two roots of one size"
    assert status(witness, 4, [], note(4)) == 409, "a rollback"
    assert status(witness, 0, [], note(20)) == 409, "as if it had seen nothing"
    assert status(witness, 8, path(8, 20)[:-1], note(20)) == 422
    assert status(witness, 8, [*path(8, 20), bytes(32)], note(20)) == 422
    assert status(witness, 20, [], note(8)) == 400, "old is more than new"
    assert status(witness, 8, path(8, 20), note(20, origin="other.example/1")) == 404
    assert status(witness, 8, path(8, 20), note(20).replace("\n20\n", "\n21\n")) == 403
    assert status(witness, 8, path(8, 20), "nonsense") == 400
    assert status(witness, 8, path(8, 20), note(20)) == 200, "and none of it changed anything"


def test_an_empty_log_and_one_that_says_it_is(witness: Witness):
    wrong = theirs.Checkpoint(ORIGIN, 0, bytes(32))
    text = theirs.signed_note(wrong, PUBLIC, LOG.sign(wrong.text()))
    assert status(witness, 0, [], text) == 422
    assert status(witness, 0, [bytes(32)], note(3)) == 422, "a proof where none is needed"
    assert status(witness, 0, [], note(0)) == 200
    assert status(witness, 0, [], note(3)) == 200


def test_every_byte_of_a_request_counts(witness: Witness):
    """Another byte anywhere, and it is refused, or signs exactly what it signed before."""
    witness.add(0, [], note(5))
    request = "\n".join(["old 5", *map(_b64, path(5, 9)), "", note(9)]).encode()
    draw, good = random.Random(0), 0
    for at in range(len(request)):
        changed = bytearray(request)
        changed[at] ^= 1 << draw.randrange(8)
        code, _, said = answer(witness, bytes(changed))
        kept = witness.kept(ORIGIN)
        assert kept is not None
        if code == 200:
            good += 1
        else:
            assert kept.size in (5, 9), said
        assert kept.root == root_of(LEAVES[: kept.size])
    assert good == 0
    assert answer(witness, request)[0] == 200


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def test_it_remembers_before_it_signs(
    key: Key, witness: Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Killed when it signs: what it was about to sign is on the disk, and another tree of that size
    is refused after the start."""
    witness.add(0, [], note(5))

    def dies(*_: object) -> str:
        kept = witness.kept(ORIGIN)
        assert kept is not None
        assert kept.size == 9
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Key, "cosign", dies)
        with pytest.raises(KeyboardInterrupt):
            witness.add(5, path(5, 9), note(9))
    witness.close()
    again = Witness(key, tmp_path / "state", [LogKey.parse(VKEY)])
    other = [*LEAVES[:7], leaf_hash(b"another"), *LEAVES[8:]]
    assert status(again, 5, path(5, 9, other), note(9, other)) == 409
    assert status(again, 9, [], note(9, other)) == 422
    assert again.served(_hash(ORIGIN)) is None, "nothing that it did not sign"
    assert status(again, 9, [], note(9)) == 200
    again.close()


def test_a_crash_while_it_writes_leaves_what_was_there(
    key: Key, witness: Witness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    witness.add(0, [], note(5))
    monkeypatch.setattr(os, "fsync", _fails)
    with pytest.raises(OSError, match="disk"):
        witness.add(5, path(5, 9), note(9))
    monkeypatch.undo()
    witness.close()
    again = Witness(key, tmp_path / "state", [LogKey.parse(VKEY)])
    kept = again.kept(ORIGIN)
    assert kept is not None
    assert kept.size == 5
    again.close()


def _fails(_: int) -> None:
    raise OSError(5, "the disk is gone")


def _hash(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()


def test_one_process_has_the_folder_and_damage_is_seen(key: Key, witness: Witness, tmp_path: Path):
    logs = [LogKey.parse(VKEY)]
    with pytest.raises(Unreadable, match="another process"):
        Witness(key, tmp_path / "state", logs)
    witness.add(0, [], note(5))
    witness.close()
    (state,) = (tmp_path / "state").glob("*.checkpoint")
    whole = state.read_bytes()
    for at in range(len(note(5).encode())):
        state.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((Unreadable, Refuted)):
            Witness(key, tmp_path / "state", logs)
    state.write_bytes(whole)
    Witness(key, tmp_path / "state", logs).close()
    with pytest.raises(Unreadable, match="two logs"):
        Witness(key, tmp_path / "else", logs * 2)


def test_a_refused_tree_is_kept_as_the_proof(witness: Witness, tmp_path: Path):
    witness.add(0, [], note(8))
    other = [leaf_hash(b"another"), *LEAVES[1:]]
    fork = note(20, other)
    assert status(witness, 8, path(8, 20, other), fork) == 422
    (kept,) = (tmp_path / "state" / "refused").iterdir()
    assert fork in kept.read_text()
    assert note(8).partition("\n\n")[0] in kept.read_text()


# Following a log's files


def put(folder: Path, size: int, leaves: Sequence[bytes] = LEAVES) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in files(size, leaves).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "checkpoint").write_text(note(size, leaves))


def follow(witness: Witness, folder: Path) -> int:
    read = sources.source(str(folder))
    return cli._look(witness, read)


def test_it_follows_files(witness: Witness, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for size in (0, 3, 3, 256, 600):
        put(tmp_path / "log", size)
        assert follow(witness, tmp_path / "log") == 0
        text = note(size) + capsys.readouterr().out
        assert Checkpoint.parse(text).is_cosigned(pin(witness))
    put(tmp_path / "log", 300)
    assert follow(witness, tmp_path / "log") == cli.WRONG, "smaller, though it is the beginning"
    assert "300 leaves, and 600" in capsys.readouterr().out


def test_it_signs_no_fork_and_no_tile_that_lies(witness: Witness, tmp_path: Path):
    put(tmp_path / "log", 300)
    assert follow(witness, tmp_path / "log") == 0
    other = [leaf_hash(b"another"), *LEAVES[1:]]
    put(tmp_path / "log", 600, other)
    assert follow(witness, tmp_path / "log") == cli.WRONG
    put(tmp_path / "log", 600)
    draw = random.Random(1)
    for name, data in files(600).items():
        for at in draw.sample(range(len(data)), 8):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            (tmp_path / "log" / name).write_bytes(changed)
            kept = witness.kept(ORIGIN)
            assert kept is not None
            if kept.size == 300 and follow(witness, tmp_path / "log") == 0:
                after = witness.kept(ORIGIN)
                assert after is not None
                assert after.root == root_of(LEAVES), "what the proof does not need may lie"
        for bad in (data[:-1], data + b"x", b""):
            (tmp_path / "log" / name).write_bytes(bad)
        (tmp_path / "log" / name).write_bytes(data)
    assert follow(witness, tmp_path / "log") == 0


def test_a_log_that_is_away_or_too_long(witness: Witness, tmp_path: Path):
    assert follow(witness, tmp_path / "log") == cli.UNKNOWN
    put(tmp_path / "log", 3)
    (tmp_path / "log" / "checkpoint").write_bytes(b"x" * (sources.CHECKPOINT_BYTES_MAX + 1))
    assert follow(witness, tmp_path / "log") == cli.UNKNOWN


# Comparing what two were shown


def compare(tmp_path: Path, one: str, other: str, *more: str) -> int:
    (tmp_path / "one").write_text(one)
    (tmp_path / "other").write_text(other)
    files_ = (str(tmp_path / "one"), str(tmp_path / "other"))
    return cli.main(["compare", *files_, "--log", VKEY, *more])


def test_a_split_view_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    other = [*LEAVES[:9], leaf_hash(b"another"), *LEAVES[10:]]
    put(tmp_path / "log", 600)
    tiles = ("--tiles", str(tmp_path / "log"))
    assert compare(tmp_path, note(20), note(20)) == 0
    assert compare(tmp_path, note(20), note(600)) == cli.UNKNOWN, "without the files"
    assert compare(tmp_path, note(20), note(600), *tiles) == 0
    assert compare(tmp_path, note(600), note(9, other), *tiles) == 0, "the same so far"
    capsys.readouterr()
    assert compare(tmp_path, note(20), note(20, other)) == cli.WRONG
    assert compare(tmp_path, note(600), note(20, other), *tiles) == cli.WRONG
    said = capsys.readouterr().out
    assert said.count("fork") == 2
    assert note(20, other) in said
    for each in path(20, 600):
        assert _b64(each) in said
    assert compare(tmp_path, note(20), note(600, other), *tiles) == cli.UNKNOWN, "other files"
    assert compare(tmp_path, note(20), note(20).replace("\n20\n", "\n21\n")) == cli.WRONG
    assert "fork" not in capsys.readouterr().out, "who signed nothing contradicts nobody"


def test_upper_tiles_that_lie_make_no_fork(tmp_path: Path):
    """Only leaves' tiles are believed, because they are compared with the larger root."""
    put(tmp_path / "log", 600)
    (tmp_path / "log" / "tile/1/000.p/2").write_bytes(bytes(64))
    assert compare(tmp_path, note(300), note(600), "--tiles", str(tmp_path / "log")) == 0


# HTTP


@pytest.fixture
def served(witness: Witness) -> Iterator[int]:
    with Server(("127.0.0.1", 0), witness) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()


def ask(port: int, method: str, where: str, body: bytes | None = None) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, where, body)
    found = connection.getresponse()
    text = found.read().decode()
    connection.close()
    return found.status, found.headers["Content-Type"], text


def test_the_protocol(served: int, witness: Witness):
    where = f"/{_hash(ORIGIN)}/checkpoint"
    assert ask(served, "GET", where)[0] == 404
    body = f"old 0\n\n{note(5)}".encode()
    code, _, line = ask(served, "POST", "/add-checkpoint", body)
    assert code == 200
    assert Checkpoint.parse(note(5) + line).is_cosigned(pin(witness))
    code, kind, said = ask(served, "POST", "/add-checkpoint", body)
    assert (code, kind, said) == (409, "text/x.tlog.size", "5\n")
    code, _, said = ask(served, "GET", where)
    assert (code, said) == (200, note(5) + line)
    assert ask(served, "POST", "/add-checkpoint", b"old 05\n\n")[0] == 400
    assert ask(served, "POST", "/add-checkpoint", b"\xff")[0] == 400
    assert ask(served, "POST", "/other", body)[0] == 404
    assert ask(served, "GET", "/../etc/passwd")[0] == 404
    long = b"old 5\n" + b"".join(f"{_b64(bytes(32))}\n".encode() for _ in range(64))
    assert ask(served, "POST", "/add-checkpoint", long + b"\n" + note(9).encode())[0] == 400
    assert ask(served, "POST", "/add-checkpoint", b"x" * (BODY_BYTES_MAX + 1))[0] == 413


def test_a_key_that_others_can_read_is_refused(key: Key, tmp_path: Path):
    (tmp_path / "w.key").chmod(0o644)
    with pytest.raises(Unreadable, match="read by others"):
        Key.load(tmp_path / "w.key", NAME)
    assert key._private.private_bytes_raw().hex() not in repr(key)
    with pytest.raises(FileExistsError):
        Key.create(tmp_path / "w.key")
