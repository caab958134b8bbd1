"""Proofs about the log: asked of the running signer, made from a copy, checked by strangers."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from signer.canonical import MalformedMessage, canonical_json
from signer.checkpoint import open_checkpoint
from signer.endpoint import Endpoint
from signer.errors import JournalDamaged
from signer.logfile import records_of
from signer.messages import parse_response, request
from signer.proof import Proof
from signer.proving import prove_from_log
from signer.records import RecordProof, parse_path
from signer.tree import (
    ProofInvalid,
    check_consistency,
    check_inclusion,
    inclusion_path,
    leaf_hash,
)
from tests.support.signer import CALLER, NOON, Bench, agreed, is_repetition, paying


class Asked:
    """A signer with a few records and a recovery among them, behind its endpoint."""

    def __init__(self, folder):
        self.bench = Bench(folder)
        self.endpoint = Endpoint(lambda: ())
        self.endpoint.session = self.bench.session
        self.checkpoints = [self.checkpoint()]
        for number in range(5):
            self.bench.send(self.bench.mandate(transfer=f"t{number}", amount=1), nonce=number)
            self.checkpoints.append(self.checkpoint())
        self.first_origin = self.checkpoints[-1].origin
        self.recover()
        for number in range(3):
            self.bench.session.vaults.open("c1", f"more{number}")
            self.checkpoints.append(self.checkpoint())

    @property
    def key(self):
        return self.bench.session.journal.log_key

    def checkpoint(self):
        return open_checkpoint(self.bench.session.status(()).checkpoint, self.key)

    def recover(self):
        journal = self.bench.session.journal
        body = {"kind": "recovered", "at": NOON.strftime("%Y-%m-%dT%H:%M:%SZ"), "policies": False}
        with journal.transaction():
            body |= {"policy_version": 1, "account_min": 2}
            journal.skip_past(journal.sequence + 5, body)

    def call(self, name, **arguments):
        return parse_response(self.endpoint.answer(CALLER, request(name, arguments)))

    def record(self, sequence):
        row = self.call("prove_record", sequence=sequence)
        return None if row is None else RecordProof.parse(row)

    def path(self, origin, old, new):
        row = self.call("prove_consistency", origin=origin, old=old, new=new)
        return None if row is None else parse_path(row)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return Asked(tmp_path_factory.mktemp("asked") / "s")


def test_every_record_is_proven_against_a_signed_checkpoint(asked):
    kinds = set()
    for record in records_of(asked.bench.state.log):
        told = asked.record(record.sequence)
        data = canonical_json(record.body)
        assert told.leaf == leaf_hash(data)
        signed = told.proof.check(told.leaf, asked.key)
        kinds.add((record.body["kind"], signed.origin == asked.first_origin))
        shown = record.body["kind"] in ("signed", "vault", "policy", "recovered")
        assert told.proof.record == (data if shown else b"")
    assert {("policy", True), ("signed", True), ("recovered", False), ("vault", False)} <= kinds


def test_a_receipt_comes_with_a_checkpoint_over_its_records(tmp_path):
    """Also one of several in a batch; and a repetition with one over everything since."""
    bench = Bench(tmp_path / "s")
    mandates = [bench.mandate(transfer=f"t{number}", amount=1) for number in range(3)]
    requests = [paying(agreed(each), nonce=at) for at, each in enumerate(mandates)]
    key = bench.session.journal.log_key
    receipts = bench.sign(*requests)
    bench.send(bench.mandate(transfer="later", amount=1), nonce=9)
    for receipt, again in zip(receipts, bench.sign(*requests), strict=True):
        early, late = (open_checkpoint(each.checkpoint, key) for each in (receipt, again))
        assert early.size == receipts[-1].records[-1].leaf + 1 == late.size - 1
        (place,) = receipt.records
        nodes = bench.session.journal.nodes_of(bench.session.journal.end)
        path = inclusion_path(place.leaf, early.size, nodes)
        check_inclusion(nodes(0, place.leaf), place.leaf, early.size, path, early.root)
        assert is_repetition(again, receipt)


def test_each_checkpoint_is_the_beginning_of_every_later_one(asked):
    tried = 0
    for at, old in enumerate(asked.checkpoints):
        for new in asked.checkpoints[at:]:
            path = asked.path(old.origin, old.size, new.size)
            if old.origin == new.origin:
                check_consistency(old.size, new.size, old.root, new.root, path)
                tried += 1
    assert tried > 20


@pytest.mark.parametrize(("old", "new"), [(0, 3), (3, 99), (3, 2), (99, 99)])
def test_trees_that_it_does_not_have_are_not_proven(asked, old, new):
    before = asked.bench.session.journal.sequence
    assert asked.path(asked.first_origin, old, new) is None
    assert asked.path("no/such/origin", 1, 2) is None
    assert asked.record(10**6) is None and asked.record(0) is None
    assert asked.record(asked.bench.session.journal.end.first - 1) is None  # a number left out
    assert asked.bench.session.journal.sequence == before, "asking leaves no record"


def test_a_copy_of_the_log_proves_the_same(asked, tmp_path):
    copy = Path(shutil.copy(asked.bench.state.log, tmp_path))
    for record in records_of(copy):
        proof = prove_from_log(copy, asked.key, record.sequence)
        assert proof.record == canonical_json(record.body)
        assert proof.check_record(asked.key).size > proof.index
        assert proof.path == asked.record(record.sequence).proof.path
        assert Proof.parse(proof.text()) == proof


@pytest.mark.parametrize("sequence", [0, 9, 10**6])
def test_what_is_not_in_the_log_has_no_proof(asked, sequence):
    with pytest.raises(JournalDamaged, match="no record"):
        prove_from_log(asked.bench.state.log, asked.key, sequence)


def test_a_record_that_no_checkpoint_covers_has_no_proof(asked, tmp_path):
    copy = tmp_path / "copy.jsonl"
    lines = asked.bench.state.log.read_bytes().splitlines(keepends=True)
    copy.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(JournalDamaged, match="no record"):
        prove_from_log(copy, asked.key, asked.bench.session.journal.sequence)


def test_a_changed_proof_proves_nothing(asked):
    proof = asked.record(4).proof
    proof.check_record(asked.key)
    other = asked.record(5).proof
    for wrong in (
        replace(proof, record=proof.record.replace(b"t0", b"t9")),
        replace(proof, record=b""),
        replace(proof, index=proof.index + 1),
        replace(proof, path=proof.path[:-1]),
        replace(proof, path=other.path),
        replace(proof, checkpoint=asked.bench.session.status(()).checkpoint),
        replace(proof, checkpoint=proof.checkpoint.replace("\n8\n", "\n9\n")),
        replace(proof, checkpoint="x"),
    ):
        assert wrong != proof
        with pytest.raises(ProofInvalid):
            wrong.check_record(asked.key)
    with pytest.raises(ProofInvalid):
        proof.check_record(bytes(31) + b"\1")


def test_c2sp_tlog_proof_lines(asked):
    """Fixed first line, extra, index, hashes, an empty line, the checkpoint as it is."""
    proof = asked.record(5).proof
    lines = proof.text().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1].startswith("extra ") and lines[2] == "index 4"
    assert len(lines[3:]) == len(proof.path) + 1 + len(proof.checkpoint.split("\n"))
    assert proof.text().endswith(f"\n\n{proof.checkpoint}")
    bare = replace(proof, record=b"")
    assert bare.text().split("\n")[1] == "index 4"
    assert Proof.parse(bare.text()) == bare


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "",
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("index 4", "index 04"),
        lambda text: text.replace("index 4", "index -4"),
        lambda text: text.replace("index 4", "index"),
        lambda text: text.replace("index 4\n", ""),
        lambda text: text.replace("index 4", "index 4\nAAAA"),
        lambda text: text.replace("index 4", "index 4\n" + "A" * 43 + "=" + "\n" * 2),
        lambda text: text.replace("extra ", "extra !"),
        lambda text: text.partition("\n\n")[0],
    ],
)
def test_what_is_no_proof_is_refused(asked, edit):
    text = edit(asked.record(5).proof.text())
    with pytest.raises((MalformedMessage, ProofInvalid)):
        Proof.parse(text).check_record(asked.key)


def test_an_answer_that_names_another_record_is_not_believed(asked):
    row = asked.call("prove_record", sequence=5)
    for wrong in (row | {"leaf": "00" * 32}, row | {"proof": None}, {"proof": row["proof"]}):
        with pytest.raises(MalformedMessage):
            RecordProof.parse(wrong)
