"""Whatever is changed in a bundle is noticed, also where its digests are made to fit again.

Every byte of the file; every field of every part: another value, taken out, doubled; an unknown
field in every object; every part taken out, doubled, moved, or swapped with another payment's. What
nothing binds is listed here by name: it is what somebody says, and nobody signs.
"""

import json
import random
import re

import pytest
from custody_verify import bundle
from custody_verify.errors import Unreadable

from signer.canonical import canonical_json
from tests.support.evidence import FAMILIES, House, claims_of, plain, refuted
from tests.support.mutations import changes
from tests.support.signer import ADA, BOB, EVE

PEOPLE = [ADA, BOB, EVE]
FREE = re.compile(
    r"request/retry_key_sha256"
    r"|entries(/\d+)?(/\w+)?"
    r"|transactions/\w+/conflict_keys/\d+/excludes"
    r"|transactions/\w+/receipt/(head|signatures.*)"
    r"|chain/\w+/captured_at"
    r"|chain/\w+/nodes(/\d+)?(/name|/final_height)?"
    r"|chain/\w+/proof/headers(/\d+)?"
)
"""A value there can be another one of its kind, or a row less; it can't be missing. Of headers the
last ones: fewer prove less."""


@pytest.fixture(params=FAMILIES)
def one(request, tmp_path):
    return plain(tmp_path / "s", request.param)


def test_every_byte_counts(tmp_path):
    """Of the whole file: it can't be read. When it was made is the only word that nothing binds,
    and the digest of the manifest tells that too."""
    house, made = plain(tmp_path / "s", "solana-local")
    data, survived = made.bytes(), set()
    digest = bundle.read(data).digest
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            found = bundle.read(flipped)
        except Unreadable:
            continue
        assert found.digest != digest
        if not refuted(flipped, house.pins()):
            survived.add(at)
    start = data.index(b'"made_at":"') + len(b'"made_at":"')
    assert survived <= set(range(start, start + 19))


def test_every_length_counts(tmp_path):
    """A file that is cut anywhere, or goes on, can't be read."""
    _, made = plain(tmp_path / "s", "tron-local")
    data = made.bytes()
    for at in [*range(0, len(data), 7), len(data) - 1]:
        with pytest.raises(Unreadable):
            bundle.read(data[:at])
    for more in (b"\0", b"\n", data):
        with pytest.raises(Unreadable):
            bundle.read(data + more)


JSON_PARTS = ("request", "mandates", "approvals", "policies", "transactions", "entries", "chain")


@pytest.mark.parametrize(
    ("alias", "kind"),
    [*(("tron-local", kind) for kind in JSON_PARTS), *((alias, "chain") for alias in FAMILIES[:2])],
)
def test_every_field_counts(tmp_path, alias, kind):
    """With digests that fit again."""
    house, made = plain(tmp_path / "s", alias)
    pins = house.pins()
    (name,) = [each for each in made.parts if each.partition("/")[0] == kind]
    seen, missed = 0, []
    for path, how, changed in changes(made.json(name), name):
        seen += 1
        noticed = refuted(made.put(name, changed), pins)
        free = FREE.fullmatch(path) and how in ("value", "kind", "row less", "row twice")
        if not noticed and not free:
            missed.append((path, how))
    assert seen > 10
    assert missed == []


def test_every_byte_of_a_record_counts(tmp_path):
    """Of proof, record and checkpoint; a sample, by a seed."""
    house, made = plain(tmp_path / "s", "tron-local")
    pins, rolls = house.pins(), random.Random(7)
    for name in [each for each in made.parts if each.startswith("records/")]:
        data = made.parts[name]
        for at in rolls.sample(range(len(data)), 12):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            assert "record" in refuted(made.put(name, changed), pins)


def test_every_part_counts(one):
    """Without it something is refuted, but for the proof of a block, which then is not there, and
    the record of a policy, which says nothing that the policy doesn't."""
    house, made = one
    spare = {made.only("chain"), f"records/{house.policy_record()}"}
    for name in made.parts:
        noticed = refuted(made.without(name), house.pins())
        assert bool(noticed) == (name not in spare), name
    states = {e.claim: e.state for e in claims_of(made.without(made.only("chain")), house.pins())}
    assert (states["block"], states["final"]) == ("not checked", "not checked")


@pytest.mark.parametrize("alias", ["bitcoin-regtest", "ethereum-local", "solana-local"])
def test_parts_of_another_payment_don_t_fit(tmp_path, alias):
    """Two payments of one house, of one address: each part in turn is the other's."""
    house = House(tmp_path / "s")
    made = []
    for number in range(2):
        mandate, tx = house.pay(alias, 50 * number, 9_000 + number, transfer=f"t{number + 1}")
        signed = house.decide([mandate], tx, PEOPLE)
        made.append(house.bundle(mandate, [signed], PEOPLE, signed))
    one, other = made
    assert refuted(one, house.pins()) == refuted(other, house.pins()) == {}
    swapped = 0
    for name in one.parts:
        kind = name.partition("/")[0]
        theirs = [n for n in other.parts if n.partition("/")[0] == kind and n not in one.parts]
        for there in theirs or [name]:
            if there in other.parts and other.parts[there] != one.parts[name]:
                swapped += 1
                assert refuted(one.put(name, other.parts[there]), house.pins()), (name, there)
    assert swapped >= 6


def rows_of(made):
    data = made.bytes()
    magic, manifest, withheld, body = data.split(b"\n", 3)
    return magic, json.loads(manifest), withheld, body


def joined(magic, manifest, withheld, body):
    return b"\n".join((magic, canonical_json(manifest), withheld, body))


def test_parts_stand_once_in_their_order_and_are_known(tmp_path):
    _, made = plain(tmp_path / "s", "tron-local")
    magic, manifest, withheld, body = rows_of(made)
    rows = manifest["parts"]

    def listed(*changed, withheld=withheld):
        return joined(magic, {**manifest, "parts": list(changed)}, withheld, body)

    bundle.read(listed(*rows))
    bad = [
        listed(*rows, rows[-1]),
        listed(rows[0], *rows),
        listed(rows[1], rows[0], *rows[2:]),
        listed(*rows[:-1]),
        listed({**rows[0], "length": 15}, *rows[1:]),
        listed({**rows[0], "length": -1}, *rows[1:]),
        listed({**rows[0], "length": True}, *rows[1:]),
        listed({**rows[0], "sha256": rows[0]["sha256"][:62]}, *rows[1:]),
        listed({**rows[0], "more": 1}, *rows[1:]),
        listed(*rows, withheld=b'["nothing"]'),
        listed(*rows, withheld=b'["request","request"]'),
        listed(*rows, withheld=b"{}"),
    ]
    names = ("requests", "request/1", "records", "records/0", "records/01", "records/x",
             "mandates/-1", "chain/", "chain/a/b", "../x", "deposits/1", "")  # fmt: skip
    bad += [listed({**rows[0], "name": name}, *rows[1:]) for name in names]
    for data in bad:
        with pytest.raises(Unreadable):
            bundle.read(data)
    with pytest.raises(Unreadable):
        bundle.read(made.bytes().replace(b"evidence/v1", b"evidence/v2", 1))
