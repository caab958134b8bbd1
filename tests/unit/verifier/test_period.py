"""A package of a period: what it shows of the golden house, whose signer is real; and that whatever
is left out, put in or changed is noticed. What nothing binds is listed here by name."""

import asyncio
import json
import re
from hashlib import sha256
from typing import Any

import pytest
from custody_verify import bundle
from custody_verify.cli import main
from custody_verify.errors import Unreadable

from custody.audit.period import drawn
from custody.db.migrate import upgrade
from custody.db.session import Database
from signer.canonical import canonical_json
from signer.checkpoint import Checkpoint, parse_checkpoint, signed_note
from signer.tree import leaf_hash
from tests.golden import files
from tests.support.evidence import SECOND_LOG, second_key
from tests.support.mutations import changes
from tests.support.period import (
    SEED,
    Package,
    exported,
    pins,
    refuted,
    say_blocks,
    shown,
)
from tests.support.signer import administrators_json

pytestmark = pytest.mark.database
PERIODS = {"all": (0, 59, 5), "middle": (24, 28, 5), "first": (20, 25, 0), "empty": (0, 10, 0),
           "bare": (24, 28, 0)}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """By name the packages of some periods of the golden house."""
    folder = tmp_path_factory.mktemp("golden")

    async def make():
        url = files.load_sqlite(files.SQLITE, folder / "custody.db")
        await upgrade(url)
        database = Database(url)
        await say_blocks(database)
        found = {name: await exported(database, *each) for name, each in PERIODS.items()}
        await database.close()
        return found

    return {name: Package.read(data) for name, data in asyncio.run(make()).items()}


@pytest.fixture
def middle(made):
    return made["middle"]


def heads(package):
    """The ledger's heads at both ends, as the report says them."""
    said = {each.claim: each.words for each in shown(package, pins())[::-1]}
    told = re.findall(r"(\d+)\.([0-9a-f]{64})", said["entries"])
    return {int(at): bytes.fromhex(head) for at, head in told}


def last_head(package):
    """Over everything that is shown: the row behind the period too."""
    from custody_period.books import chained

    rows = package.json("entries/1")
    found = chained(rows, bytes.fromhex(package.json("period")["before"]))
    return {max(found): found[max(found)]}


def all_pins(package):
    return pins(seed=SEED.hex(), heads=last_head(package))


def states(package, trusted):
    """Of several claims by one name the first: samples' come last."""
    return {each.claim: (each.state, each.grade) for each in shown(package, trusted)[::-1]}


def test_every_claim_has_its_grade(middle):
    """Between two instants of the house's life, with all pinned: what is custody's word is D."""
    found = states(middle, all_pins(middle))
    assert found["log"] == ("stated", "D"), "nothing was signed after it, so its end is not shown"
    for name in ("policy", "entries", "samples", "decision", "effects"):
        assert found[name] == ("proven", "A")
    for name in ("requests", "balances", "balance", "matching", "controls", "encumbrances"):
        assert found[name] == ("stated", "D")
    assert found["not recorded"] == ("stated", "D")


def test_a_period_from_the_beginning_that_something_follows_is_proven_whole(made):
    first = made["first"]
    found = states(first, all_pins(first))
    for name in ("log", "policy", "entries", "balances", "balance", "matching"):
        assert found[name] == ("proven", "A")


def test_without_pins_nothing_that_rests_on_them_is_proven(made):
    less = pins()
    for name in ("log", "matching"):
        assert states(made["first"], pins(log_key=None))[name] == ("stated", "D")
    found = states(made["first"], less)
    assert found["entries"] == found["balances"] == found["samples"] == ("stated", "D")


def test_an_empty_period_and_all_of_them_are_right(made):
    for package in made.values():
        assert refuted(package, all_pins(package)) == {}


def test_one_period_begins_where_the_other_ended(made):
    """The head that closes one opens the next."""
    first, middle = (list(heads(made[name]).items()) for name in ("first", "middle"))
    assert first[0] == (0, bytes(32))
    assert {at for at, _ in heads(made["middle"]).items()} == {2, 18}
    assert middle[0][0] == 2


def test_the_roll_forward_says_each_sum(made):
    (line,) = [each.words for each in shown(made["all"], pins()) if each.claim == "balance"]
    assert line == (
        "0 + 100000000000000000000 in - 3000000000000000000 out - 55533570099000 fees"
        " + 0 foreign = 96999944466429901000"
    )


def test_the_cut_off_is_listed(made, middle):
    """One payment of the middle is signed in it, and moved after it."""
    said = {each.claim: each.words for each in shown(middle, pins())}
    rows = middle.json("transactions/1")
    late = [transfer for row in rows for transfer in row["transfers"]]
    assert f"signed, and moved at another time: {late[1]}" in said["matching"]


# Attacks


def without_row(package, name, at):
    rows = package.json(name)
    return package.put(name, rows[:at] + rows[at + 1 :])


@pytest.mark.parametrize("at", range(4))
def test_a_record_that_is_left_out_is_missed(made, at):
    """Also where the others move up, and the last one."""
    less = without_row(made["all"], "records/1", at)
    assert "log" in refuted(less, pins())
    rows = less.json("records/1")
    for number, row in enumerate(rows, rows[0]["number"]):
        row["number"] = number
    assert "log" in refuted(less.put("records/1", rows), pins())


def test_records_are_cut_off_with_an_older_checkpoint_and_the_end_is_not_proven(made):
    """The one attack that no package shows: then the end is custody's word, and never proven."""
    package = made["all"]
    head = package.json("period")
    notes = [json.loads(line)["checkpoint"] for line in (files.SIGNER / "audit.jsonl").open()
             if "checkpoint" in line]  # fmt: skip
    head["log"]["checkpoints"] = [notes[2]]
    shorter = without_row(package, "records/1", 3).put("period", head)
    found = refuted(shorter, pins())
    assert found.keys() == {"matching"}
    assert "nothing was signed for it" in found["matching"]
    assert states(shorter, pins())["log"] == ("stated", "D")


def test_a_record_that_is_there_twice_is_refused(made):
    rows = made["all"].json("records/1")
    for at in range(4):
        twice = [*rows[: at + 1], *rows[at:]]
        assert "log" in refuted(made["all"].put("records/1", twice), pins())


@pytest.mark.parametrize("at", range(18))
def test_an_entry_that_is_left_out_is_missed(middle, at):
    assert "entries" in refuted(without_row(middle, "entries/1", at), all_pins(middle))


def test_numbers_that_close_the_gap_don_t_fit_the_head(middle):
    """An entry left out and the others moved up: the chain is another one."""
    rows = without_row(middle, "entries/1", 5).json("entries/1")
    for number, row in enumerate(rows, rows[0]["number"]):
        row["number"] = number
    closed = middle.put("entries/1", rows)
    assert "pinned head" in refuted(closed, all_pins(middle))["entries"]
    assert "entries" not in refuted(closed, pins()), "without a head it is custody's word"


@pytest.mark.parametrize("kind", ["entries", "events"])
def test_a_gap_of_numbers_is_seen(middle, kind):
    rows = middle.json(f"{kind}/1")
    rows[-1]["number"] += 1
    claim = {"entries": "entries", "events": "requests"}[kind]
    assert "missing" in refuted(middle.put(f"{kind}/1", rows), pins())[claim]


def test_a_sum_that_was_changed_is_another_one(middle):
    (row,) = middle.json("balances")
    for name in ("opening", "closing"):
        other = {**row, name: str(int(row[name]) + 1)}
        assert "another sum" in refuted(middle.put("balances", [other]), pins())["balances"]
    assert "balances" in refuted(middle.put("balances", []), pins())
    assert "balances" in refuted(middle.put("balances", [row, row]), pins())


def test_before_the_first_entry_there_was_nothing(made):
    (row,) = made["all"].json("balances")
    moved = {**row, "opening": "5", "closing": str(int(row["closing"]) + 5)}
    assert "before the first" in refuted(made["all"].put("balances", [moved]), pins())["balances"]


def test_an_amount_that_was_changed_is_noticed(middle):
    rows = middle.json("entries/1")
    (at,) = [at for at, row in enumerate(rows) if row["kind"] == "settle" and row["number"] == 17]
    rows[at]["amount"] = str(int(rows[at]["amount"]) + 1)
    found = refuted(middle.put("entries/1", rows), all_pins(middle))
    assert {"entries", "balances"} <= found.keys()


def test_samples_of_another_seed_are_not_those_that_are_drawn(made, middle):
    head = middle.json("period")
    other = middle.put("period", {**head, "seed": "ab" * 32})
    assert "another seed" in refuted(other, pins(seed=SEED.hex()))["samples"]
    assert "samples" in refuted(middle.put("period", {**head, "samples": 1}), pins())
    (name, *_) = [each for each in middle.parts if each.startswith("samples/")]
    assert "not the samples" in refuted(middle.without(name), pins())["samples"]
    swapped = middle.put(name, made["all"].parts["samples/5"])
    assert "another transfer" in refuted(swapped, pins())["samples"]
    more = middle.put("samples/999", middle.parts[name])
    assert "not the samples" in refuted(more, pins())["samples"]


def test_no_more_samples_than_requests(made):
    package = made["all"]
    head = package.json("period")
    more = package.put("period", {**head, "samples": 6})
    assert "more samples" in refuted(more, pins())["samples"]


def test_a_head_at_the_last_entry_does_not_show_that_it_was_the_last(made):
    """One behind it does: then the next entry is shown, and is of that chain."""
    package = made["middle"]
    at_the_end = pins(heads={18: heads(package)[18]})
    assert states(package, at_the_end)["entries"] == ("stated", "D")
    assert states(package, all_pins(package))["entries"] == ("proven", "A")


def test_a_sample_that_is_refuted_refutes_the_package(middle):
    (name, *_) = [each for each in middle.parts if each.startswith("samples/")]
    spoiled = middle.parts[name].replace(b'"requested_at":"2026', b'"requested_at":"2025')
    assert refuted(middle.put(name, spoiled), pins())


def test_both_sides_draw_the_same(made):
    package = made["all"]
    numbers = [row["number"] for row in package.json("requests/1")]
    final = {row["number"] for row in package.json("requests/1") if row["state"] == "final"}
    for count in range(len(numbers) + 1):
        mine = [each for each in drawn(numbers, SEED, count) if each in final]
        assert mine == [each for each in sorted(
            numbers, key=lambda n: sha256(SEED + n.to_bytes(8, "big")).digest()
        )[:count] if each in final]  # fmt: skip
    kept = {int(name[8:]) for name in package.parts if name.startswith("samples/")}
    assert kept == final


def test_a_movement_without_a_record_is_refuted(made):
    package = made["all"]
    rows = package.json("transactions/1")
    gone = package.put("transactions/1", rows[1:])
    assert "matching" in refuted(gone, pins())
    rows[0]["tx"] = "00" * 32
    assert "nothing was signed" in refuted(package.put("transactions/1", rows), pins())["matching"]
    rows = package.json("transactions/1")
    rows[0]["state"] = "dead"
    assert "just one" in refuted(package.put("transactions/1", rows), pins())["matching"]
    rows = package.json("transactions/1")
    twice = [*rows, {**rows[0], "id": "txn_other"}]
    assert "just one" in refuted(package.put("transactions/1", twice), pins())["matching"]


def test_a_record_without_a_transaction_is_refuted(middle):
    """Signed in the middle, and moved after it: nothing but the record tells of it."""
    rows = middle.json("transactions/1")
    assert "custody's books" in refuted(middle.put("transactions/1", rows[:1]), pins())["matching"]


@pytest.mark.parametrize(("name", "time", "claims"), [
    ("from", "2026-11-27T11:47:23Z", {"entries", "requests"}),
    ("from", "2026-11-27T11:00:00Z", {"entries", "requests"}),
    ("to", "2026-11-27T11:47:29Z", {"balances"}),
    ("to", "2026-11-27T11:47:26Z", {"balances"}),
    ("to", "2026-11-27T11:47:24Z", set()),
])  # fmt: skip
def test_a_period_that_is_cut_differently_is_refuted(middle, name, time, claims):
    """The same rows under other instants."""
    head = {**middle.json("period"), name: time}
    other = middle.put("period", head)
    assert "log" in refuted(other, pins()), "the file is named by the period"
    other.manifest = {**other.manifest, "subject": f"{head['from']}/{head['to']}"}
    assert claims <= refuted(other, pins()).keys() != set()


def test_another_houses_checkpoint_is_refuted(middle):
    """Of the same records, signed by another key."""
    head = middle.json("period")
    notes = [parse_checkpoint(each) for each in head["log"]["checkpoints"]]
    key = SECOND_LOG.public_key().public_bytes_raw()
    forged = [signed_note(each, key, SECOND_LOG.sign(each.text())) for each in notes]
    other = middle.put("period", {**head, "log": {**head["log"], "checkpoints": forged}})
    assert "log key" in refuted(other, pins())["log"]
    assert "log" in refuted(middle, pins(log_key=second_key()))


def test_a_forked_log_is_refuted(middle):
    """Another beginning, other subtrees, or another checkpoint of one size."""
    head = middle.json("period")
    log = head["log"]
    other: list[dict[str, Any]] = [
        {"peaks": []}, {"peaks": ["00" * 32]}, {"size": 0, "peaks": []}, {"size": 3},
        {"checkpoints": []}, {"checkpoints": log["checkpoints"][::-1]},
        {"checkpoints": log["checkpoints"][:1]}, {"origin": f"{log['origin'][:-1]}2"},
    ]  # fmt: skip
    for change in other:
        assert "log" in refuted(middle.put("period", {**head, "log": {**log, **change}}), pins())


def test_a_recovered_log_goes_on_only_from_where_it_ended():
    """Two origins in one period: the first record of the new one says where the old one ended."""
    from custody_period.log import check_records

    first = {"kind": "policy", "at": "2026-01-01T00:00:00Z", "salt": "00"}
    ended = {"origin": "l/k/1", "size": 1, "root": leaf_hash(canonical_json(first)).hex()}
    lost: dict[str, Any] = {
        "kind": "recovered",
        "at": "2026-01-02T00:00:00Z",
        "log": {**ended, "head": ""},
    }
    leaf = leaf_hash(canonical_json(lost))
    key = SECOND_LOG.public_key().public_bytes_raw()

    def check(begun, number=9):
        body = {**lost, "log": {**lost["log"], **begun}}
        told = Checkpoint(f"l/k/{number}-{leaf[:8].hex()}", 1, leaf)
        note = signed_note(told, key, SECOND_LOG.sign(told.text()))
        log = {"origin": "l/k/1", "size": 0, "peaks": [], "checkpoints": [note]}
        rows = [{"number": 1, "body": first}, {"number": number, "body": body}]
        return check_records(log, rows, None)

    assert check({}) is True
    for wrong in ({"size": 2}, {"root": "00" * 32}, {"origin": "l/k/0"}):
        with pytest.raises(Exception, match="another log was recovered"):
            check(wrong)


def test_a_day_without_a_comparison_can_t_be_left_out(middle):
    tables = middle.json("controls")
    (row,) = tables["reconciliations"]
    for rows in ([], [row, row], [{**row, "day": "2026-11-28"}]):
        other = middle.put("controls", {**tables, "reconciliations": rows})
        assert "controls" in refuted(other, pins())


def test_what_is_not_known_is_refused(middle):
    tables = middle.json("controls")
    for name, value in (
        ("controls", {**tables, "more": []}), ("controls", {"alarms": tables["alarms"]}),
        ("period", {**middle.json("period"), "more": 1}), ("encumbrances", [{"kind": "loan"}]),
    ):  # fmt: skip
        assert refuted(middle.put(name, value), pins())
    for kind in ("transfer", "snapshot"):
        with pytest.raises(Unreadable):
            bundle.read(middle.bytes(), kind)
    with pytest.raises(Unreadable):
        bundle.read(middle.parts[next(n for n in middle.parts if n[:7] == "samples")], "period")


def test_every_byte_counts(made):
    """Of a small package: it can't be read. When it was made nothing binds but the digest."""
    data = made["empty"].bytes()
    survived = set()
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            bundle.read(flipped, "period")
        except Unreadable:
            continue
        if not refuted(flipped, pins()):
            survived.add(at)
    start = data.index(b'"made_at":"') + len(b'"made_at":"')
    assert survived <= set(range(start, start + 19))


FREE = re.compile(
    r"encumbrances|controls/\w+(/\d+.*)?"
    r"|period/samples|period/not_recorded(/\d+)?|period/log/checkpoints|period/vaults(/\d+.*)?"
    r"|events/1(/\d+/(client|event|state|kind|at|subject))?"
    r"|requests/1/\d+/(client|vault|network|kind|asset|amount|initiator|requested_at|state)"
    r"|transactions/1(/\d+/(id|network|purpose|txid|transfers|state))?"
    r"|transactions/1/\d+/transfers/\d+"
)
"""What custody says and nobody signs, graded D: a value there can be another one of its kind."""


@pytest.mark.parametrize("kind", ["period", "balances", "policies/1", "requests/1", "events/1",
                                  "entries/1", "transactions/1", "records/1"])  # fmt: skip
def test_every_field_counts(made, kind):
    """With digests that fit again, and everything pinned."""
    package = made["bare"]
    trusted, missed, seen = all_pins(package), [], 0
    for path, how, changed in changes(package.json(kind), kind):
        seen += 1
        free = FREE.fullmatch(path) and how not in ("more", "less")
        free = free and (how != "row twice" or path == "period/not_recorded")
        if not free and not refuted(package.put(kind, changed), trusted):
            missed.append((path, how))
    assert seen > 5
    assert missed == []


def test_every_part_counts(middle):
    for name in middle.parts:
        assert refuted(middle.without(name), all_pins(middle)), name


def test_the_command(middle, tmp_path, capsys):
    path, people = tmp_path / "one.period", tmp_path / "administrators.json"
    path.write_bytes(middle.bytes())
    people.write_text(json.dumps(administrators_json()))
    key = pins().log_key
    (at, head), *_ = last_head(middle).items()
    trusted = ["--seed", SEED.hex(), "--head", f"{at}.{head.hex()}"]
    assert main(["period", str(path), *trusted]) == 0
    assert "A  proven       entries" in capsys.readouterr().out
    assert main(["period", str(path), "--json", "--administrators", str(people)]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["claims"][0]["claim"] == "log"
    assert main(["period", str(path), "--head", f"{at}.{'00' * 32}"]) == 1
    assert main(["period", str(path), "--head", "x"]) == 2
    to = tmp_path / "report.html"
    assert main(["period", str(path), "--head", f"{at}.{'00' * 32}", "--html", str(to)]) == 1
    html = to.read_text()
    assert "期间证据" in html
    assert html.index("REFUTED") < html.index("<h1>") < html.index("<bdi>not recorded</bdi>")
    assert main([str(path)]) == 1, "a period is no payment"
    assert key is not None
