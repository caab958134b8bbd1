"""`custody audit transfer` on the golden house: a payment that a real signer signed is proven from
the evidence, the log and two things that are trusted; and each byte that somebody changes is found.
"""

from __future__ import annotations

import asyncio
import copy
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from custody.apikeys.model import Scope
from custody.audit.case import Differs, time_lock
from custody.audit.logcopy import read_log
from custody.db.migrate import upgrade
from custody.db.session import Database
from signer.auditlog import AuditLog
from signer.journal import Journal
from signer.policy import Administrators
from signer.records import approvals_digest
from signer.wire import Verdict, approval_message, canonical_json
from tests.golden import files
from tests.support.cli import refused, run
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    EVE,
    administrators_json,
    log_key,
    person_json,
    rule,
    sign_policy,
)
from tests.unit.api.counter import Counter

LARGE, SMALL = str(2 * 10**18), str(10**18)
LOG = files.SIGNER / "audit.jsonl"
Evidence = dict[str, Any]

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Evidence]]:
    """The log's key, and the evidence of every transfer of the golden house, as the API tells it
    to an auditor."""
    folder = tmp_path_factory.mktemp("audited")

    async def tell() -> list[Evidence]:
        url = files.load_sqlite(files.SQLITE, folder / "custody.db")
        await upgrade(url)
        database = Database(url)
        counter = Counter(database)
        key = await counter.new_key(Scope.AUDIT)
        ids = sqlite3.connect(folder / "custody.db").execute("SELECT id FROM transfers").fetchall()
        told = [await counter.get(f"/v1/audit/transfers/{each}", key) for (each,) in ids]
        await counter.close()
        await database.close()
        return told

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(asyncio.run, tell()).result()
    query = "SELECT log_key FROM signer_checkpoints"
    (row,) = sqlite3.connect(folder / "custody.db").execute(query)
    return row[0].hex(), told


class Auditor:
    """Has the log, the log's key, the administrators, and what was said of a transfer."""

    def __init__(self, folder: Path, house: tuple[str, list[Evidence]]) -> None:
        self.folder = folder
        self.log_key, self.told = house
        self.log = LOG.read_bytes()
        self.administrators: Any = administrators_json()

    def evidence(self, state: str = "final", amount: str = LARGE) -> Evidence:
        """One that is changed changes nothing for others."""
        return copy.deepcopy(
            next(
                each
                for each in self.told
                if (each["transfer"]["state"], each["transfer"]["amount_base_units"])
                == (state, amount)
            )
        )

    def check(self, evidence: Evidence, transfer: str = "") -> tuple[int, str]:
        for name, content in (
            ("evidence.json", json.dumps(evidence).encode()),
            ("audit.jsonl", self.log),
            ("administrators.json", json.dumps(self.administrators).encode()),
        ):
            (self.folder / name).write_bytes(content)
        result = run(
            "audit", "transfer", transfer or evidence["transfer"]["id"],
            "--log", self.folder / "audit.jsonl", "--log-key", self.log_key,
            "--administrators", self.folder / "administrators.json",
            "--evidence", self.folder / "evidence.json",
        )  # fmt: skip
        return result.exit_code, result.stdout

    def failed(self, evidence: Evidence) -> list[str]:
        """The names of the checks that failed, without the transaction's id."""
        code, said = self.check(evidence)
        failed = [line.split()[1].rstrip(":") for line in said.splitlines() if "FAILED" in line]
        assert code == (1 if failed else 0)
        assert failed or "is what was agreed to" in said
        return failed


@pytest.fixture
def auditor(tmp_path: Path, house: tuple[str, list[Evidence]]) -> Auditor:
    return Auditor(tmp_path, house)


def test_a_payment_that_two_people_agreed_to_is_proven(auditor: Auditor):
    evidence = auditor.evidence()
    code, said = auditor.check(evidence)
    assert code == 0, said
    lines = said.splitlines()
    assert lines[0].startswith("ok         log: 4 records in a chain and a tree, ")
    assert "approved by ada, bob" in said
    assert f"hash to {evidence['transactions'][0]['txid']}" in said
    assert f"trusted    the log key {auditor.log_key}" in lines
    assert sum(line.startswith("trusted ") for line in lines) == 2
    unproven = [line.split()[1].rstrip(":") for line in lines if line.startswith("unproven ")]
    assert unproven == ["that", "that", "windows", "ledger"]
    assert lines[-1] == f"{evidence['transfer']['id']} is what was agreed to"


@pytest.mark.parametrize(
    ("state", "amount", "words"),
    [
        ("final", SMALL, "approved by nobody, as the rule says"),
        ("rejected", LARGE, "signed by ada (reject)"),
        ("cancelled", LARGE, "the log has 0 transactions for it"),
        ("awaiting_approval", LARGE, "nobody was asked"),
    ],
)
def test_other_transfers_are_what_they_are_said_to_be(
    auditor: Auditor, state: str, amount: str, words: str
):
    code, said = auditor.check(auditor.evidence(state, amount))
    assert code == 0
    assert words in said


def flipped(text: str, at: int = -1) -> str:
    """One digit, of hex or of base64, is another."""
    place = at % len(text)
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def change(*path: str | int, to: Callable[[Any], Any] = flipped) -> Callable[[Evidence], None]:
    def apply(evidence: Evidence) -> None:
        place: Any = evidence
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to(place[path[-1]])

    return apply


def other(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


MANDATE, APPROVAL = ("mandates", 0), ("mandates", 0, "approvals", 0)
TX, RECEIPT = ("transactions", 0), ("transactions", 0, "receipt")


@pytest.mark.parametrize(
    ("tamper", "check"),
    [
        (change("transfer", "destination", to=str.lower), "mandate"),
        (change("transfer", "amount_base_units", to=other("1")), "mandate"),
        (change("transfer", "initiator", to=other("eve")), "mandate"),
        (change("transfer", "client_id"), "mandate"),
        (change("transfer", "vault_id"), "mandate"),
        (change(*MANDATE, "document"), "mandate"),
        (change(*MANDATE, "document", to=lambda d: d.replace("32", "33", 1)), "mandate"),
        (change(*MANDATE, "digest"), "mandate"),
        (change(*APPROVAL, "signature"), "verdicts"),
        (change(*APPROVAL, "signed"), "verdicts"),
        (change(*APPROVAL, "approver", to=other("eve")), "verdicts"),
        (change(*APPROVAL, "verdict", to=other("reject")), "verdicts"),
        (change(*MANDATE, "approvals", to=lambda given: given[:1]), "consent"),
        (change("policies", 0, "digest"), "policies"),
        (change(*TX, "unsigned"), "unsigned"),
        (change(*TX, "unsigned", to=other(None)), "unsigned"),
        (change(*TX, "sender", to=str.lower), "unsigned"),
        (change(*TX, "signer_digest"), "unsigned"),
        (change(*TX, "signed"), "signed"),
        (change(*TX, "txid"), "signed"),
        (change(*TX, "conflict_keys", 0, "key"), "keys"),
        (change(*TX, "conflict_keys", 0, "excludes", to=other("nothing")), "keys"),
        (change(*TX, "purpose", to=other("cancel")), "record"),
        (change(*TX, "carries", 0, "version", to=other(2)), "record"),
        (change(*RECEIPT, "signatures", 0, "signature"), "signed"),
        (change(*RECEIPT, "signatures", 0, "public_key"), "signed"),
        (change(*RECEIPT, "tx_digest"), "record"),
        (change(*RECEIPT, "mandates", 0), "record"),
        (change(*RECEIPT, "records", 0, 0, to=other(3)), "record"),
        (change(*RECEIPT, "records", 0, 1, to=other(1)), "record"),
        (change(*RECEIPT, "head"), "record"),
        (change(*RECEIPT, "signed_at", to=other("2026-01-01T00:00:00Z")), "record"),
        (change(*RECEIPT, "checkpoint", to=lambda note: flipped(note, -9)), "checkpoint"),
        (change(*TX, "receipt", to=other(None)), "receipt"),
        (change("transactions", to=other([])), "complete"),
    ],
)  # fmt: skip
def test_each_byte_that_was_changed_is_found(
    auditor: Auditor, tamper: Callable[[Evidence], None], check: str
):
    evidence = auditor.evidence()
    tamper(evidence)
    assert check in auditor.failed(evidence)


def test_a_signature_of_somebody_else_over_the_right_bytes_is_found(auditor: Auditor):
    evidence = auditor.evidence()
    given = evidence["mandates"][0]["approvals"][0]
    digest = bytes.fromhex(evidence["mandates"][0]["digest"])
    given["signature"] = EVE.key.sign(approval_message(digest, Verdict.APPROVE)).hex()
    assert "verdicts" in auditor.failed(evidence)


def test_another_approver_than_the_log_names_is_found(auditor: Auditor):
    """A good approval, by a person of the policy, in the place of one that the signer saw."""
    evidence = auditor.evidence()
    given = evidence["mandates"][0]["approvals"][0]
    digest = bytes.fromhex(evidence["mandates"][0]["digest"])
    given["approver"] = EVE.name
    given["signature"] = EVE.key.sign(approval_message(digest, Verdict.APPROVE)).hex()
    assert auditor.failed(evidence) == ["consent"]


def test_another_payments_proof_is_found(auditor: Auditor):
    evidence, foreign = auditor.evidence(), auditor.evidence(amount=SMALL)
    evidence["transactions"] = foreign["transactions"]
    assert {"record", "effects", "consent", "complete"} <= set(auditor.failed(evidence))


def test_every_byte_of_the_log_counts(auditor: Auditor):
    """One digit or letter of each line is another."""
    evidence, whole = auditor.evidence(), auditor.log
    lines = whole.splitlines(keepends=True)
    for number, line in enumerate(lines):
        for at in range(20, len(line) - 4, max(1, len(line) // 4)):
            changed = line[:at] + (b"7" if line[at : at + 1] != b"7" else b"8") + line[at + 1 :]
            auditor.log = b"".join([*lines[:number], changed, *lines[number + 1 :]])
            assert auditor.failed(evidence) == ["log"], (number, at)


def test_a_log_that_ends_too_early_is_found(auditor: Auditor):
    evidence, lines = auditor.evidence(), auditor.log.splitlines(keepends=True)
    auditor.log = b"".join(lines[:-1])
    assert auditor.failed(evidence) == ["log"], "the last record has no seal"
    auditor.log = b"".join(lines[:-2])
    assert {"record", "checkpoint", "complete"} <= set(auditor.failed(evidence))
    auditor.log = b""
    assert auditor.failed(evidence) == ["log"]


def of_a_lying_signer(auditor: Auditor, lie: Callable[[list[Evidence]], None]) -> None:
    """The same log, changed and sealed again, by who has a log key. So its checkpoint is another
    one than the receipt's in any case."""
    bodies = [row["body"] for row in map(json.loads, auditor.log.splitlines()) if "body" in row]
    lie(bodies)
    journal = Journal(auditor.folder / "journal.sqlite", log_key())
    with journal.transaction():
        for number, body in enumerate(bodies, 1):
            journal._append(number, body)
    AuditLog(auditor.folder / "lies.jsonl", journal)
    journal.close()
    auditor.log = (auditor.folder / "lies.jsonl").read_bytes()
    auditor.log_key = log_key().public_key.hex()


def once_more(bodies: list[Evidence]) -> None:
    """Other bytes for the transfer, which could be in a block beside the first."""
    bodies.append({**bodies[-1], "tx": "77" * 32, "binding": ["eip155:31337/nonce:x:9"]})


def by_nobody(bodies: list[Evidence]) -> None:
    bodies[-1] |= {"approvers": [], "approvals": approvals_digest(()).hex()}


@pytest.mark.parametrize(
    ("lie", "checks"),
    [
        (lambda bodies: None, []),
        (lambda bodies: bodies[-1].update(rule="small"), ["consent"]),
        (lambda bodies: bodies[-1].update(rule="none"), ["consent"]),
        (lambda bodies: bodies[-1].update(approvals="00" * 32), ["consent"]),
        (by_nobody, ["consent"]),
        (lambda bodies: bodies[-1].update(uncapped=["l1-data"]), ["consent"]),
        (lambda bodies: bodies[-1].update(at="2027-01-01T00:00:00Z"), ["record"]),
        (lambda bodies: bodies[-1].update(policy=2), ["consent"]),
        (lambda bodies: bodies[-1].update(identity="x"), ["keys"]),
        (lambda bodies: bodies[-1].update(conflicts=[]), ["keys"]),
        (lambda bodies: bodies[-1].update(binding=[]), ["keys"]),
        (lambda bodies: bodies[-1].update(payload="00"), ["unsigned"]),
        (lambda bodies: bodies[-1].update(mandate="00" * 32), ["record"]),
        (lambda bodies: bodies[-1].update(transfer="another"), ["record", "complete"]),
        (lambda bodies: bodies[-1].pop("approvers"), ["consent"]),
        (once_more, ["complete"]),
        (lambda bodies: bodies[0]["signatures"].popitem(), ["policies", "consent"]),
        (lambda bodies: bodies[0]["signatures"].update({"admin-1": "00" * 64}), ["policies"]),
    ],
)  # fmt: skip
def test_a_signer_that_lies_in_its_own_log_is_found(
    auditor: Auditor, lie: Callable[[list[Evidence]], None], checks: list[str]
):
    evidence = auditor.evidence()
    of_a_lying_signer(auditor, lie)
    failed = set(auditor.failed(evidence)) - {"checkpoint"}
    assert failed >= set(checks)
    assert checks or not failed


def decreed(**changes: Any) -> Callable[[list[Evidence]], None]:
    """Another policy was in force, as well signed as the real one."""

    def lie(bodies: list[Evidence]) -> None:
        row = json.loads(bodies[0]["document"]) | changes
        signed = sign_policy(canonical_json(row))
        bodies[0] |= signed.to_json()
        for body in bodies:
            if body["kind"] == "signed":
                body["policy_digest"] = sha256(signed.document).hexdigest()

    return lie


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"groups": [{"id": "treasury", "members": ["ada", "bob"]}]}, "another basis"),
        (
            {"persons": [person_json(ADA)], "groups": []},
            "no policy was in force that this program can read",
        ),
        ({"rules": [rule("no", effect="deny")]}, "another basis"),
    ],
)
def test_what_was_agreed_to_under_another_policy_is_found(
    auditor: Auditor, changes: Any, words: str
):
    evidence = auditor.evidence()
    of_a_lying_signer(auditor, decreed(**changes))
    code, said = auditor.check(evidence)
    assert code == 1
    assert words in said


def test_a_deny_rule_that_the_signer_passed_over_is_found(auditor: Auditor):
    """Deny rules are no part of the basis."""
    evidence = auditor.evidence()

    def lie(bodies: list[Evidence]) -> None:
        rules = json.loads(bodies[0]["document"])["rules"]
        decreed(rules=[*rules, rule("no", effect="deny")])(bodies)

    of_a_lying_signer(auditor, lie)
    assert "the policy denies it, by rule no" in auditor.check(evidence)[1]


def at(hour: int, kind: str = "complete", **more: str) -> Evidence:
    return {"kind": kind, "at": f"2020-01-01T{hour:02}:00:00Z", **more}


CLOCK_FORWARD = at(8, "clock", before="2020-01-01T06:00:00Z")


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([at(6)], None),
        ([at(6), at(9)], None),
        ([at(7)], "had run 7200 s of 10800"),
        ([CLOCK_FORWARD, at(6)], None),
        ([at(5), CLOCK_FORWARD], "had run 7200 s of 10800"),
        ([], "since when"),
        ([at(6, mandate="00" * 32)], "since when"),
        ([at(6, rule="another")], "since when"),
        ([at(6, transfer="another")], "since when"),
    ],
)
def test_that_a_time_lock_had_run_is_computed_from_the_log(
    auditor: Auditor, records: list[Evidence], words: str | None
):
    """Three hours, until nine o'clock."""
    evidence = auditor.evidence()

    def lie(bodies: list[Evidence]) -> None:
        decreed(rules=[rule("slow", time_lock_s=3 * 3600)])(bodies)
        bodies[-1] |= {"rule": "slow", "at": "2020-01-01T09:00:00Z"}
        salt = {"salt": bodies[-1]["salt"]}
        named = salt | {name: bodies[-1][name] for name in ("transfer", "mandate", "rule")}
        started = [(named if each["kind"] == "complete" else salt) | each for each in records]
        bodies[-1:-1] = started

    of_a_lying_signer(auditor, lie)
    (auditor.folder / "audit.jsonl").write_bytes(auditor.log)
    log = read_log(
        auditor.folder / "audit.jsonl",
        bytes.fromhex(auditor.log_key),
        Administrators.parse(auditor.administrators),
        transfer=evidence["transfer"]["id"],
        numbers=(),
        trees=(),
    )
    (decision,) = log.decisions.values()
    assert decision.policy is not None
    if words is None:
        assert time_lock(log, decision, decision.policy) == ", after its time lock of 10800 s"
    else:
        with pytest.raises(Differs, match=words):
            time_lock(log, decision, decision.policy)


def test_another_log_key_and_other_administrators_are_found(auditor: Auditor):
    evidence = auditor.evidence()
    key, auditor.log_key = auditor.log_key, "11" * 32
    assert auditor.failed(evidence) == ["log"]
    auditor.log_key = key
    auditor.administrators = administrators_json(threshold=3)
    assert "policies" in auditor.failed(evidence), "two of three signed it"
    auditor.administrators = administrators_json(people=(*ADMINISTRATORS[:1], EVE))
    assert "policies" in auditor.failed(evidence)


def test_what_makes_no_sense_is_said_in_a_line(auditor: Auditor, tmp_path: Path):
    evidence = auditor.evidence()
    where = ("--log", LOG, "--log-key", auditor.log_key)
    auditor.check(evidence)
    trusted = ("--administrators", tmp_path / "administrators.json")
    file = ("--evidence", tmp_path / "evidence.json")
    transfer = evidence["transfer"]["id"]
    assert "id (tfr_" in refused(2, "audit", "transfer", "x", *where, *trusted, *file)
    assert "another transfer" in refused(
        2, "audit", "transfer", "tfr_" + "0" * 26, *where, *trusted, *file
    )
    assert "--evidence" in refused(2, "audit", "transfer", transfer, *where, *trusted)
    short = ("--log", LOG, "--log-key", "12")
    assert "64 hex digits" in refused(2, "audit", "transfer", transfer, *short, *trusted, *file)
    for broken in ("[]", "{}", "nonsense", '{"transfer": {"destination": 1}}'):
        (tmp_path / "evidence.json").write_text(broken)
        assert "evidence" in refused(2, "audit", "transfer", transfer, *where, *trusted, *file)
