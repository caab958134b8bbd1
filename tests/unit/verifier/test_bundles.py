"""What a whole bundle shows: each claim with its grade, with more pinned or less."""

import json
from dataclasses import replace

import pytest
from custody_verify import bundle
from custody_verify.cli import main
from custody_verify.errors import Unreadable

from chains.bitcoin.codec import BitcoinCodec
from chains.evm import build
from chains.hashes import sha256d
from chains.model import UnsignedTx
from chains.tron.address import to_text
from signer.wire import Purpose
from tests.support.blocks import representatives
from tests.support.evidence import FAMILIES, House, claims_of, plain, refuted
from tests.support.signer import ADA, BOB, EVE, administrators_json

PEOPLE = [ADA, BOB, EVE]
PROVEN = {
    "request", "policy", "record", "mandate", "approvals", "decision", "bytes", "effects",
    "arguments",
}  # fmt: skip
STATED = {"rule": "D", "complete": "D", "entries": "D", "block": "C", "final": "C"}


@pytest.fixture(params=FAMILIES)
def one(request, tmp_path):
    return plain(tmp_path / "s", request.param)


def grades(claims):
    return {each.claim: (each.state, each.grade) for each in claims}


def test_every_claim_has_its_own_grade(one):
    """All that rests on what is pinned is proven; what nodes, signer or custody said is stated."""
    house, made = one
    claims = claims_of(made, house.pins())
    assert all(each.local for each in claims)
    found = grades(claims)
    coins = made.manifest["network"].startswith("bip122:")
    change = ("stated", "D") if coins else ("proven", "A")
    assert found == {
        **dict.fromkeys(PROVEN | {"costs"}, ("proven", "A")),
        **{name: ("stated", grade) for name, grade in STATED.items()},
        "change": change,
        "logged": ("not checked", ""),
    }


def test_nothing_pinned_proves_only_arithmetic(one):
    _, made = one
    found = grades(claims_of(made, replace(one[0].pins(), log_key=None, administrators=None)))
    assert found["record"] == ("not checked", "")
    for name in ("policy", "mandate", "approvals", "decision"):
        assert found[name] == ("stated", "D")
    for name in ("request", "bytes", "effects", "costs"):
        assert found[name] == ("proven", "A")


@pytest.mark.parametrize(("salt", "kind"), [(0, "P2WPKH"), (1, "P2TR")])
def test_coins_of_both_kinds(tmp_path, salt, kind):
    house, made = plain(tmp_path / "s", "bitcoin-regtest", salt)
    assert refuted(made, house.pins()) == {}, kind


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "bsc-local", "tron-local"])
def test_a_pinned_block_makes_it_proven(tmp_path, alias):
    """Another one at the same height, or in another spelling, refutes it."""
    house, made = plain(tmp_path / "s", alias)
    said = made.json(made.only("chain"))["nodes"][0]
    network = made.manifest["network"]
    found = grades(
        claims_of(made, house.pins(checkpoints={network: (said["height"], said["hash"])}))
    )
    assert (found["block"], found["final"]) == (("proven", "A"), ("proven", "A"))
    wrong = said["hash"][:-1] + ("0" if said["hash"][-1] != "0" else "1")
    words = refuted(made, house.pins(checkpoints={network: (said["height"], wrong)}))
    assert words.keys() == {"block", "final"}
    assert "foreign or stale" in words["block"]
    elsewhere = house.pins(checkpoints={network: (said["height"] - 1, wrong)})
    assert grades(claims_of(made, elsewhere))["block"] == ("stated", "C")


def test_a_pinned_block_that_follows_proves_coins_and_trx(tmp_path):
    house, made = plain(tmp_path / "s", "bitcoin-regtest")
    shown = made.json(made.only("chain"))
    last = sha256d(bytes.fromhex(shown["proof"]["headers"][-1]))[::-1].hex()
    pin = {made.manifest["network"]: (shown["nodes"][0]["height"] + 5, last)}
    assert grades(claims_of(made, house.pins(checkpoints=pin)))["block"] == ("proven", "A")


def test_nineteen_representatives_make_it_final(tmp_path):
    """Of 21 who signed the block and what follows; 18 that are pinned are not enough."""
    house, made = plain(tmp_path / "s", "tron-local")
    for pinned, state in ((27, ("proven", "B")), (19, ("proven", "B")), (18, ("stated", "C"))):
        found = grades(claims_of(made, house.pins(representatives=representatives(pinned))))
        assert (found["block"], found["final"]) == (state, state)


def test_what_was_taken_out_is_withheld_and_its_digest_stays(one):
    """Each part in turn: the bundle is the same one, and what rests on the part is not shown."""
    house, made = one
    digest = bundle.read(made.bytes()).digest
    for name in made.parts:
        made.withheld = [name]
        less = made.bytes()
        assert bundle.read(less).digest == digest
        assert made.parts[name] not in less
        claims = claims_of(less, house.pins())
        states = {each.state for each in claims}
        assert "withheld" in states
        assert "refuted" not in states
    made.withheld = []


def test_a_cancel_pays_nobody(tmp_path):
    """A payment that was signed and then called off: both are shown, and share a nonce."""
    house = House(tmp_path / "s")
    mandate, tx = house.pay("ethereum-local")
    first = house.decide([mandate], tx, PEOPLE)
    network = house.bench.network("ethereum-local")
    assert tx.sender is not None
    back = build.transfer(
        network, nonce=0, to=tx.sender, value=0, gas=21_000, fee_per_gas_max=2 * 10**9,
        priority_fee=10**9,
    )  # fmt: skip
    cancel = UnsignedTx(network.id, build.encode_unsigned(back), tx.sender)
    second = house.decide([mandate], cancel, [], Purpose.CANCEL, "txn_2")
    made = house.bundle(mandate, [first, second], PEOPLE, second)
    claims = claims_of(made, house.pins())
    assert not any(each.state == "refuted" for each in claims), claims
    words = {each.about: each.words for each in claims if each.claim == "effects"}
    assert words["txn_2"] == "it pays nobody"
    assert next(e for e in claims if e.claim == "complete").words.startswith("2 transactions")


def test_two_transfers_in_one_transaction(tmp_path):
    """Their effects are compared together, and the records of both are in the bundle."""
    house = House(tmp_path / "s")
    codec = house.bench.codec("bitcoin-regtest")
    assert isinstance(codec, BitcoinCodec)
    mandates, tx = house.pay_both(codec)
    signed = house.decide(mandates, tx, PEOPLE)
    made = house.bundle(mandates[0], [signed], PEOPLE, signed)
    assert refuted(made, house.pins()) == {}
    for place in signed.receipt.records:
        assert "decision" in refuted(made.without(f"records/{place.sequence}"), house.pins())


# The command


@pytest.fixture
def files(tmp_path):
    house, made = plain(tmp_path / "s", "tron-local")
    path, people = tmp_path / "one.evidence", tmp_path / "administrators.json"
    path.write_bytes(made.bytes())
    people.write_text(json.dumps(administrators_json(), indent=1))
    key = house.bench.session.status(()).verifier_key
    return [str(path), "--log-key", key, "--administrators", str(people)], made, path, tmp_path


def test_the_command_prints_a_line_for_each_claim(files, capsys):
    asked, _, _, _ = files
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "A  proven       effects txn_1: it pays 10000 of tron:0xff51cb4a/slip44:195" in "".join(
        line[:77] for line in lines
    )
    assert "(local network)" in next(line for line in lines if " block " in line)
    assert main([*asked, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"claim", "about", "state", "grade", "words", "local"} == report["claims"][0].keys()


def test_the_command_pins_blocks_and_representatives(files, capsys):
    asked, made, _, folder = files
    said = made.json(made.only("chain"))["nodes"][0]
    pin = f"{made.manifest['network']}:{said['height']}:{said['hash'].upper()}"
    assert main([*asked, "--checkpoint", pin]) == 0
    assert "A  proven       block" in capsys.readouterr().out
    listed = folder / "representatives.json"
    listed.write_text(json.dumps([to_text(each) for each in representatives()]))
    assert main([*asked, "--representatives", str(listed)]) == 0
    assert "B  proven       block" in capsys.readouterr().out


def test_the_command_fails_closed(files, capsys):
    """1 for what is refuted or can't be read, 2 for misuse; never 0."""
    asked, made, path, folder = files
    digest = bundle.read(made.bytes()).digest.hex()
    assert main([*asked, "--digest", digest]) == 0
    assert main([*asked, "--digest", "00" * 32]) == 1
    path.write_bytes(made.bytes() + b"\n")
    assert main(asked) == 1
    assert "unreadable: bytes behind the last part" in capsys.readouterr().out
    assert main([str(folder / "none")]) == 2
    assert main([asked[0], "--log-key", "x"]) == 2
    assert main([asked[0], "--checkpoint", "tron:0xff51cb4a"]) == 2
    (folder / "people.json").write_text('{"threshold": 0, "members": []}')
    assert main([asked[0], "--administrators", str(folder / "people.json")]) == 2
    (folder / "signers.json").write_text('["TZBBcuHbeRQQK5hrj9WQ2W7ppnnAYb6ysE"]')
    assert main([asked[0], "--representatives", str(folder / "signers.json")]) == 2
    assert "no TRON address" in capsys.readouterr().err


def test_a_bundle_of_another_kind_or_format_is_refused(files):
    _, made, _, _ = files
    for change in ({"format": 2}, {"kind": "deposit"}, {"more": 1}, {"format": True}):
        with pytest.raises(Unreadable):
            bundle.read(replace(made, manifest={**made.manifest, **change}).bytes())
