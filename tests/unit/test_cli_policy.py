"""From a draft to a policy in force: checked, signed by several, assembled, published."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from custody.cli import keyfile
from signer.policy import Policy, SignedPolicy, verify_policy
from tests.support.cli import (
    CHEAP,
    PASSPHRASE,
    allow,
    deny,
    done,
    make_key,
    passphrase_fd,
    policy,
    refused,
    write_json,
)

BURNS = "1BitcoinEaterAddressDontSendf59kuE"
KNOWN = "0x52908400098527886E0F7030069857D2E4169EE7"


@dataclass
class Council:
    """Three administrators with their key files, two of whom must sign."""

    folder: Path
    keys: dict[str, Path]
    members: list[dict[str, Any]]
    outsider: dict[str, Any]

    def draft(self, name: str = "draft.json", **options: Any) -> Path:
        rules = options.pop("rules", [allow("small", most=1000), deny("never", vaults=["vlt_x"])])
        members = options.pop("administrators", self.members)
        row = policy(*rules, administrators=members, threshold=2, **options)
        return write_json(self.folder / name, row)

    def sign(self, draft: Path, *persons: str, out: str = "signed.json") -> Path:
        path = self.folder / out
        for person in persons:
            done(
                "policy", "sign", draft, "--key", self.keys[person], "--out", path, *passphrase_fd()
            )
        return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Made once: each costs an Argon2id or two."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyfile, "USUAL_COST", CHEAP)
        people = [(name, "policy") for name in ("ann", "ben", "cy", "dora")]
        return {name: make_key(folder, role, name) for name, role in [*people, ("bo", "approver")]}


@pytest.fixture
def council(tmp_path: Path, made: dict[str, tuple[Path, dict[str, Any]]]) -> Council:
    keys = {name: path for name, (path, _) in made.items()}
    return Council(
        tmp_path, keys, [made[name][1] for name in ("ann", "ben", "cy")], made["dora"][1]
    )


def read_signed(path: Path) -> SignedPolicy:
    return SignedPolicy.parse(json.loads(path.read_bytes()))


# validate


def test_validate_says_what_the_policy_is(council: Council):
    said = done("policy", "validate", council.draft(version=7))
    assert "version         7" in said
    assert "2 of ann, ben, cy" in said
    assert "rule            small: allows transfer" in said
    assert "rule            never: DENIES transfer" in said


def test_the_digest_is_that_of_the_canonical_document(council: Council):
    """Canonicalised by another implementation of RFC 8785; spaces and order don't matter."""
    from hashlib import sha256

    draft = council.draft()
    row = json.loads(draft.read_text())
    expected = sha256(rfc8785.dumps(row)).hexdigest()
    shuffled = dict(reversed(row.items()))
    for spelling in (json.dumps(row), json.dumps(shuffled, indent=7, ensure_ascii=True)):
        draft.write_text(spelling)
        assert expected in done("policy", "validate", draft)


BROKEN = [
    ("version", lambda d: d.update(version=0), "version: must not be 0"),
    ("format", lambda d: d.update(format=3), "format: unknown"),
    ("before", lambda d: d.update(format=1), "run custody policy upgrade"),
    ("missing", lambda d: d.pop("rules"), "fields must be exactly"),
    ("unknown", lambda d: d.update(note="x"), "fields must be exactly"),
    ("threshold", lambda d: d["administrators"].update(threshold=9), "administrators: threshold"),
    (
        "key",
        lambda d: d["administrators"]["members"][1]["credentials"][0].update(key="zz"),
        "[1]: hex",
    ),
    ("twice", lambda d: d["rules"].append(deepcopy(d["rules"][0])), "rules: the same twice"),
    ("effect", lambda d: d["rules"][0].update(effect="deny"), "rules: [0]: effect"),
    (
        "network",
        lambda d: d["rules"][0]["scope"].update(networks=["eip155:99"]),
        "rules: small names an unknown network eip155:99",
    ),
    (
        "amount",
        lambda d: d["rules"][0]["limits"]["per_transfer"][0].update(amount="01"),
        "rules: [0]: limits: amount",
    ),
    ("number", lambda d: d["rules"][0]["limits"].update(hours=1.5), "1.5: numbers are whole"),
    (
        "group",
        lambda d: d["rules"][0]["grant"]["approvals"].update(needs=[{"group": "g", "count": 1}]),
        "small needs more of g than there are",
    ),
    ("destination", lambda d: d["rules"][0]["scope"].update(destinations=["d"]), "unknown dest"),
]


@pytest.mark.parametrize(
    ("change", "complaint"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_validate_names_the_field_that_is_wrong(council: Council, change: Any, complaint: str):
    draft = council.draft()
    row = json.loads(draft.read_text())
    change(row)
    write_json(draft, row)
    told = refused(2, "policy", "validate", draft)
    assert complaint in told
    assert str(draft) in told


@pytest.mark.parametrize(
    ("network", "address", "complaint"),
    [
        ("eip155:1", KNOWN, None),
        ("eip155:1", KNOWN.lower(), f"must be written {KNOWN}"),
        ("eip155:1", KNOWN[:-1] + "8", "destinations: friends"),
        ("bip122:000000000019d6689c085ae165831e93", BURNS[:-1] + "F", "destinations: friends"),
        ("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", KNOWN, "destinations: friends"),
    ],
    ids=["right", "spelled-so-that-it-never-matches", "checksum", "checksum-btc", "other-network"],
)
def test_validate_reads_every_allowed_address(
    council: Council, network: str, address: str, complaint: str | None
):
    entry = {
        "network": network,
        "address": address,
        "memo": None,
        "added_at": "2026-01-01T00:00:00Z",
    }
    groups = [{"id": "friends", "cooling_s": 60, "entries": [entry]}]
    draft = council.draft(destinations=groups)
    if complaint is None:
        assert "friends: 1 addresses, each usable 1 minute after it was added" in done(
            "policy", "validate", draft
        )
    else:
        assert complaint in refused(2, "policy", "validate", draft)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not JSON"),
        (b"{", "line 1, column 2"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a": 1, "a": 2}', "the field a stands twice"),
        (b'{"a": NaN}', "NaN: numbers are whole"),
        (b'{"a": "\\ud800"}', ""),
        (b"7", "no object"),
        (b'{"document": 1, "signatures": {}}', "signed policy"),
    ],
    ids=["empty", "cut", "binary", "nested", "repeated", "nan", "surrogate", "number", "signed"],
)
def test_validate_refuses_what_is_not_one_document(tmp_path: Path, content: bytes, complaint: str):
    path = tmp_path / "draft.json"
    path.write_bytes(content)
    assert complaint in refused(2, "policy", "validate", path)


def test_a_file_that_is_not_there(tmp_path: Path):
    assert "No such file" in refused(1, "policy", "validate", tmp_path / "none.json")


# sign and assemble


def test_two_administrators_sign_one_file_in_turn(council: Council):
    signed = read_signed(council.sign(council.draft(), "ann", "ben"))
    found = verify_policy(signed, Policy.parse(signed.document).administrators)
    assert found.version == 1
    assert set(signed.signatures) == {"ann", "ben"}


def test_two_administrators_sign_apart_and_a_third_person_assembles(council: Council):
    draft = council.draft()
    parts = [council.sign(draft, name, out=f"{name}.json") for name in ("ann", "cy")]
    whole = council.folder / "whole.json"
    assert "ann, cy" in done("policy", "assemble", *parts, "--out", whole)
    signed = read_signed(whole)
    verify_policy(signed, Policy.parse(signed.document).administrators)


def test_signing_twice_changes_nothing(council: Council):
    draft = council.draft()
    first = council.sign(draft, "ann").read_bytes()
    assert council.sign(draft, "ann").read_bytes() == first


def test_too_few_signatures_make_no_policy(council: Council):
    part = council.sign(council.draft(), "ann")
    whole = council.folder / "whole.json"
    told = refused(1, "policy", "assemble", part, "--out", whole)
    assert "2 signatures needed, 1 given" in told
    assert not whole.exists()


def test_signatures_of_strangers_make_no_policy(council: Council):
    signed = council.sign(council.draft(), "ann", "dora")
    whole = council.folder / "whole.json"
    told = refused(1, "policy", "assemble", signed, "--out", whole)
    assert "dora is not an administrator" in told
    assert not whole.exists()


def test_the_next_version_needs_those_of_the_version_before(council: Council):
    current = council.sign(council.draft("one.json"), "ann", "ben", out="one.signed.json")
    members = [council.members[0], council.outsider]
    draft = council.draft("two.json", version=2, administrators=members)
    assert "does not name ben" in _sign_says(council, draft, "ben")
    whole = council.folder / "whole.json"
    by_new = council.sign(draft, "ann", "dora", out="new.json")
    arguments = ("--out", whole, "--current", current)
    assert "dora is not an administrator" in refused(1, "policy", "assemble", by_new, *arguments)
    by_old = council.sign(draft, "ann", "ben", out="old.json")
    done("policy", "assemble", by_old, *arguments)
    verify_policy(read_signed(whole), Policy.parse(read_signed(current).document).administrators)


def _sign_says(council: Council, draft: Path, person: str) -> str:
    from tests.support.cli import run

    out = council.folder / "aside.json"
    result = run(
        "policy", "sign", draft, "--key", council.keys[person], "--out", out, *passphrase_fd()
    )
    assert result.exit_code == 0, result.output
    return result.stderr


def test_a_version_does_not_go_back(council: Council):
    current = council.sign(council.draft("a.json", version=3), "ann", "ben", out="three.json")
    older = council.sign(council.draft("b.json", version=3, rules=[]), "ann", "ben", out="old.json")
    whole = council.folder / "whole.json"
    told = refused(1, "policy", "assemble", older, "--out", whole, "--current", current)
    assert "version 3 does not follow version 3" in told
    assert not whole.exists()


def test_signatures_on_different_documents_are_kept_apart(council: Council):
    one = council.sign(council.draft("one.json"), "ann", out="one.signed.json")
    other = council.draft("two.json", version=2)
    two = council.sign(other, "ben", out="two.signed.json")
    whole = council.folder / "whole.json"
    assert "different documents" in refused(1, "policy", "assemble", one, two, "--out", whole)
    before = one.read_bytes()
    told = refused(
        1, "policy", "sign", other, "--key", council.keys["ben"], "--out", one, *passphrase_fd()
    )
    assert "different documents" in told
    assert one.read_bytes() == before


def test_a_changed_byte_voids_every_signature(council: Council):
    signed = council.sign(council.draft(), "ann", "ben")
    row = json.loads(signed.read_text())
    row["document"] = row["document"].replace('"1000"', '"9000"')
    write_json(signed, row)
    whole = council.folder / "whole.json"
    told = refused(1, "policy", "assemble", signed, "--out", whole)
    assert "does not verify" in told
    assert not whole.exists()


@pytest.mark.parametrize("which", ["draft", "other"])
def test_signing_overwrites_nothing_but_signatures(council: Council, which: str):
    draft = council.draft()
    out = draft if which == "draft" else write_json(council.folder / "other.json", {"a": 1})
    before = out.read_bytes()
    told = refused(
        2, "policy", "sign", draft, "--key", council.keys["ann"], "--out", out, *passphrase_fd()
    )
    assert "is not a signed policy" in told
    assert out.read_bytes() == before


def test_an_invalid_policy_is_never_signed(council: Council):
    draft = council.draft(rules=[deny("x", networks=["nowhere"])])
    out = council.folder / "out.json"
    told = refused(
        2, "policy", "sign", draft, "--key", council.keys["ann"], "--out", out, *passphrase_fd()
    )
    assert "unknown network nowhere" in told
    assert not out.exists()


def test_the_wrong_key_or_passphrase_signs_nothing(council: Council):
    draft, out = council.draft(), council.folder / "out.json"
    approver = council.keys["bo"]
    sign = ("policy", "sign", draft, "--out", out, "--key")
    assert "key of an approver" in refused(2, *sign, approver, *passphrase_fd())
    wrong = passphrase_fd("some other passphrase")
    assert "wrong passphrase" in refused(1, *sign, council.keys["ann"], *wrong)
    assert "no key file" in refused(2, *sign, council.folder / "none.key", *passphrase_fd())
    assert not out.exists()


def test_no_secret_is_ever_printed(council: Council, capfd: pytest.CaptureFixture[str]):
    from tests.support.cli import run

    result = run(
        "policy", "sign", council.draft(), "--key", council.keys["ann"],
        "--out", council.folder / "out.json", *passphrase_fd(),
    )  # fmt: skip
    opened = keyfile.KeyFile.read(council.keys["ann"], keyfile.Role.ADMINISTRATOR)
    secret = opened.open(PASSPHRASE.encode())._private.private_bytes_raw().hex()
    seen = result.output + "".join(capfd.readouterr())
    assert PASSPHRASE not in seen
    assert secret not in seen


# publish, at a real signer


@dataclass
class RunningSigner:
    folder: Path
    socket: Path

    def command(self, package: str, *arguments: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            package,
            *arguments,
            "--state-dir",
            str(self.folder / "state"),
        ]


@pytest.fixture
def signer(council: Council) -> Iterator[RunningSigner]:
    """A signer of its own that has pinned the council."""
    with tempfile.TemporaryDirectory(prefix="custody-cli-") as name:  # a socket's path is short
        made = RunningSigner(Path(name), Path(name) / "s.sock")
        pinned = write_json(made.folder / "a.json", {"threshold": 2, "members": council.members})
        init = made.command(
            "signer.ceremonies", "init", "--administrators", str(pinned), "--memory-mib", "19"
        )
        _spawn(init).wait(timeout=60)
        serve = made.command(
            "signer.cli", "serve", "--network", "bitcoin-regtest", "--socket", str(made.socket)
        )
        process = _spawn(serve)
        try:
            assert process.stdout is not None
            assert b"serving" in process.stdout.readline()
            yield made
        finally:
            process.terminate()
            process.wait(timeout=30)


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(PASSPHRASE.encode())
    try:
        return subprocess.Popen(
            [*command, "--passphrase-fd", str(reading)],
            pass_fds=[reading],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
    finally:
        os.close(reading)


@pytest.mark.slow
def test_publish_puts_a_policy_in_force_and_only_a_better_one_replaces_it(
    council: Council, signer: RunningSigner
):
    publish = ("policy", "publish", "--socket", signer.socket)
    half = council.sign(council.draft("one.json"), "ann", out="one.signed.json")
    assert "the signer refused" in refused(1, *publish, half)
    assert "no policy yet" in refused(1, *_explain(signer))
    one = council.sign(council.draft("one.json"), "ann", "ben", out="one.signed.json")
    assert "version 1 is in force" in done(*publish, one)
    assert "version 1 is in force" in done(*publish, one)
    assert "policy version 1" in done(*_explain(signer))
    two = council.sign(council.draft("two.json", version=2), "ben", "cy", out="two.signed.json")
    assert "version 2 is in force" in done(*publish, two)
    assert "the signer refused" in refused(1, *publish, one)
    assert "policy version 2" in done(*_explain(signer))
    assert "is not a signed policy" in refused(2, *publish, council.folder / "one.json")


@pytest.mark.slow
def test_one_administrator_stops_the_signer_and_the_quorum_ends_it(
    council: Council, signer: RunningSigner
):
    """At once, over custody's socket; or written on a machine without a network, and delivered
    later: over custody's socket, or past custody at the signer's own."""
    publish = ("policy", "publish", "--socket", signer.socket)
    stop = ("policy", "stop", "--socket", signer.socket)
    why = ("--reason", "a laptop was stolen")
    by_ann = ("--key", council.keys["ann"], *why)
    done(*publish, council.sign(council.draft("one.json"), "ann", "ben", out="1.json"))
    assert "--key and --reason" in refused(2, *stop)
    assert "can't be said" in refused(
        1, *stop, "--key", council.keys["ann"], "--reason", "", *passphrase_fd()
    )
    strangers = ("--key", council.keys["dora"], *why)
    assert "no administrator" in refused(1, *stop, *strangers, *passphrase_fd())
    said = done(*stop, *by_ann, *passphrase_fd())
    assert "by the word of ann" in said
    assert "after version 1" in said
    status = _signer_says(signer, "status")
    assert "stopped by ann: a laptop was stolen" in status

    done(*publish, council.sign(council.draft("two.json", version=2), "ben", "cy", out="2.json"))
    assert "stopped by" not in _signer_says(signer, "status")
    origin = next(word for word in status.split() if "+" in word and "/" in word).partition("+")[0]
    for number, version in (("a", 1), ("b", 2)):
        named = ("--origin", origin, "--policy-version", str(version))
        out = council.folder / f"{number}.stop"
        done("policy", "stop", *by_ann, *named, "--out", out, *passphrase_fd())
    old, good = council.folder / "a.stop", council.folder / "b.stop"
    assert "about version 1, in force is 2" in refused(1, *stop, "--deliver", old)
    assert "is not a stop" in refused(1, *stop, "--deliver", council.folder / "1.json")
    assert "after version 2" in _signer_says(signer, "policy", "stop", str(good))
    assert "stopped by ann" in _signer_says(signer, "status")
    assert "after version 2" in done(*stop, "--deliver", good)


def _signer_says(signer: RunningSigner, *arguments: str) -> str:
    """The signer's own command, past custody."""
    command = signer.command("signer.cli", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _explain(signer: RunningSigner) -> tuple[str | Path, ...]:
    return (
        "policy", "explain", "--socket", signer.socket, "--client", "c", "--vault", "v",
        "--network", "bitcoin-regtest", "--amount", "0.00001", "--initiator", "me",
        "--destination", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    )  # fmt: skip


def test_a_signer_that_is_not_there(council: Council, tmp_path: Path):
    signed = council.sign(council.draft(), "ann", "ben")
    told = refused(1, "policy", "publish", signed, "--socket", tmp_path / "none.sock")
    assert "is custody-signer running" in told
