"""What the signer tells of its journal: enough to rebuild custody, nothing else, page by page."""

from __future__ import annotations

import json

import pytest

from signer import records
from signer.endpoint import Endpoint
from signer.messages import CallRefused, parse_response, request
from signer.records import JournalPage, PolicyRecord, RecoveredRecord, SignedRecord, VaultRecord
from signer.wire import MalformedMessage, SignRequest, canonical_json
from tests.support.signer import CALLER, Bench, caller, outcome_word, script


class Reader:
    def __init__(self, folder):
        self.bench = Bench(folder)
        self.endpoint = Endpoint(lambda: ())
        self.endpoint.session = self.bench.session

    def page(self, after=0, who=CALLER):
        row = parse_response(self.endpoint.answer(who, request("records", {"after": after})))
        return JournalPage.parse(row)

    def all(self, after=0):
        found = []
        while (page := self.page(after)).through > after:
            found += page.records
            after = page.through
        return found


@pytest.fixture
def reader(tmp_path):
    return Reader(tmp_path / "s")


def test_a_signed_record_holds_the_whole_mandate_and_transaction(reader):
    bench = reader.bench
    mandate = bench.mandate()
    receipt = bench.send(mandate)
    (record,) = [each for each in reader.all() if isinstance(each, SignedRecord)]
    assert (record.sequence, record.head) == (receipt.sequence, receipt.head)
    assert (record.at, record.mandate, record.tx) == (receipt.signed_at, mandate, script(mandate))
    # A retry made of nothing but the record gets the same signatures.
    assert bench.sign(SignRequest(record.mandate, record.tx)) == receipt


def test_vaults_are_told_with_their_accounts(reader):
    told = [(r.client, r.vault, r.account) for r in reader.all() if isinstance(r, VaultRecord)]
    assert told == [("c1", "v1", 0), ("c2", "v2", 1)]


def test_other_records_are_counted_and_not_told(reader):
    bench = reader.bench
    bench.send(bench.mandate(transfer="refused", policy_version=9))
    last = reader.page().through
    assert last == bench.session.journal.sequence
    kinds = {type(each) for each in reader.all()}
    assert kinds == {VaultRecord, PolicyRecord}
    text = json.dumps(
        parse_response(reader.endpoint.answer(CALLER, request("records", {"after": 0})))
    )
    assert "refused" not in text and "salt" not in text


def test_policies_are_told_whole(reader):
    (record,) = [each for each in reader.all() if isinstance(each, PolicyRecord)]
    assert (record.version, record.signed) == (1, reader.bench.session.publisher.current())


def test_pages_end_and_go_on(reader, monkeypatch):
    bench = reader.bench
    for n in range(6):
        mandate = bench.mandate(transfer=f"t{n}")
        assert outcome_word(bench.sign(SignRequest(mandate, script(mandate, nonce=n)))) == "signed"
    whole = reader.all()
    for name, value in (("LOOKED_AT_MAX", 2), ("PAGE_BYTES_MAX", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(f"signer.endpoint.{name}", value)
            assert len(reader.page().records) <= 2
            assert reader.all() == whole
    assert len([each for each in whole if isinstance(each, SignedRecord)]) == 6
    newest = reader.page(bench.session.journal.sequence)
    assert (newest.records, newest.through) == ((), bench.session.journal.sequence)
    assert reader.page(10**6).records == ()


def test_a_recovery_is_told(reader):
    journal = reader.bench.session.journal
    before = journal.sequence
    with journal.transaction():
        body = {"kind": "recovered", "at": "2026-03-04T12:00:00Z", "policy_version_min": 1}
        journal.skip_past(before + 7, {**body, "account_min": 2})
    (record,) = reader.all(before)
    assert isinstance(record, RecoveredRecord)
    assert (record.after, record.through, record.sequence) == (before, before + 7, before + 8)


def test_a_locked_signer_and_a_stranger_tell_nothing(reader):
    with pytest.raises(CallRefused, match="not on the list"):
        reader.page(who=caller("uid:666", allowed=False))
    reader.endpoint.lock()
    with pytest.raises(CallRefused, match="locked"):
        reader.page()


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "00"},
        {"sender": "0xother"},
        {"mandate": "00" * 32},
        {"kind": "weird"},
        {"at": "yesterday"},
        {"document": {}},
    ],
    ids=str,
)
def test_a_record_that_contradicts_itself_is_not_believed(reader, change):
    reader.bench.send(reader.bench.mandate())
    sequence, head, kind, body = next(reader.bench.session.journal.looked_at(3, 1))
    row = records.told(sequence, head, kind, body)
    assert row is not None
    records.parse_record(row)
    for wrong in (row | {"body": row["body"] | change}, row | {"body": {"kind": "signed"}}):
        with pytest.raises(MalformedMessage):
            records.parse_record(wrong)


def test_the_largest_record_fits_into_one_message_and_one_line_of_the_log(reader):
    """Whatever a request may hold. Else a log that nobody can verify, or a record never told."""
    from signer import auditlog, wire

    bench = reader.bench
    mandate = bench.mandate()
    filler = "x" * (wire.PAYLOAD_BYTES_MAX - len(script(mandate, note="").payload))
    tx = script(mandate, note=filler)
    assert len(tx.payload) == wire.PAYLOAD_BYTES_MAX
    assert outcome_word(bench.sign(SignRequest(mandate, tx))) == "signed"
    (record,) = [each for each in reader.all() if isinstance(each, SignedRecord)]
    assert record.tx == tx
    larger = SignRequest(mandate, script(mandate, note=filler + "x")).to_json()
    with pytest.raises(MalformedMessage, match="payload"):
        SignRequest.parse(larger)
    auditlog.verify_log(bench.state.log, bench.session.status(()).log_key)
    assert len(canonical_json(larger)) < wire.MESSAGE_BYTES_MAX
