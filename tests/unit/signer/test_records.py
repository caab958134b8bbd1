"""What the signer tells of its journal: enough to rebuild custody, nothing else, page by page."""

from __future__ import annotations

import json

import pytest

from signer import records
from signer.endpoint import Endpoint
from signer.messages import CallRefused, parse_response, request
from signer.records import JournalPage, PolicyRecord, RecoveredRecord, SignedRecord, VaultRecord
from signer.wire import Consent, MalformedMessage, SignRequest, canonical_json
from tests.support.signer import CALLER, Bench, agreed, caller, outcome_word, paying, script


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
    again = SignRequest(record.purpose, record.tx, (Consent(record.mandate),))
    assert bench.sign(again) == receipt


def test_vaults_are_told_with_their_accounts(reader):
    told = [(r.client, r.vault, r.account) for r in reader.all() if isinstance(r, VaultRecord)]
    assert told == [("c1", "v1", 0), ("c2", "v2", 1)]


def test_other_records_are_counted_and_not_told(reader):
    bench = reader.bench
    bench.send(bench.mandate(transfer="refused", basis=bytes(32)))
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
        assert outcome_word(bench.send(mandate, nonce=n)) == "signed"
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


def three(bench, number=0, **changes):
    """One transaction for three transfers: its receipt."""
    mandates = [bench.mandate(transfer=f"b{number}-{n}") for n in range(3)]
    return bench.sign(paying(*map(agreed, mandates), nonce=f"b{number}", **changes))


def test_the_bytes_of_a_transaction_stand_in_its_first_record_and_are_told_for_each(reader):
    receipt = three(reader.bench)
    told = [each for each in reader.all() if isinstance(each, SignedRecord)]
    assert [(each.sequence, each.part, each.parts) for each in told] == [
        (place.sequence, part, 3) for part, place in enumerate(receipt.records)
    ]
    assert len({each.tx for each in told}) == 1
    again = SignRequest(told[0].purpose, told[0].tx, tuple(Consent(each.mandate) for each in told))
    assert reader.bench.sign(again) == receipt


@pytest.mark.parametrize(("name", "value"), [("LOOKED_AT_MAX", 2), ("PAGE_BYTES_MAX", 1)])
def test_a_page_cuts_no_transaction_in_two(reader, monkeypatch, name, value):
    for number in range(3):
        assert outcome_word(three(reader.bench, number)) == "signed"
    whole = reader.all()
    monkeypatch.setattr(f"signer.endpoint.{name}", value)
    after, pages = 0, 0
    while (page := reader.page(after)).through > after:
        signed = [each for each in page.records if isinstance(each, SignedRecord)]
        assert [each.part for each in signed] == [0, 1, 2] * (len(signed) // 3)
        after, pages = page.through, pages + 1
    assert pages > 3
    assert reader.all() == whole


def test_a_part_is_not_believed_without_the_one_before_it(reader):
    three(reader.bench)
    rows = [
        row
        for each in reader.bench.session.journal.looked_at(0, 100)
        if (row := records.told(*each)) is not None and row["body"]["kind"] == "signed"
    ]
    page = {"records": rows, "through": 9, "head": "00" * 32}
    assert len(JournalPage.parse(page).records) == 3
    for wrong in (rows[1:], rows[::2], [rows[0], rows[2], rows[1]]):
        with pytest.raises(MalformedMessage):
            JournalPage.parse({**page, "records": wrong})


def test_a_transaction_for_many_is_no_larger_than_what_can_be_told(reader, monkeypatch):
    monkeypatch.setattr("signer.service.SET_BYTES_MAX", 4000)
    assert outcome_word(three(reader.bench)) == "signed"
    assert outcome_word(three(reader.bench, 1, note="x" * 2000)) == "malformed/too-large"


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "00"},
        {"sender": "0xother"},
        {"mandate": "00" * 32},
        {"kind": "weird"},
        {"at": "yesterday"},
        {"document": {}},
        {"purpose": "steal"},
        {"part": 1},
        {"parts": 0},
        {"parts": 65},
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
    from signer import logfile, wire

    bench = reader.bench
    mandate = bench.mandate()
    filler = "x" * (wire.PAYLOAD_BYTES_MAX - len(script(mandate, note="").payload))
    tx = script(mandate, note=filler)
    assert len(tx.payload) == wire.PAYLOAD_BYTES_MAX
    assert outcome_word(bench.sign(paying(agreed(mandate), tx=tx))) == "signed"
    (record,) = [each for each in reader.all() if isinstance(each, SignedRecord)]
    assert record.tx == tx
    larger = paying(agreed(mandate), note=filler + "x").to_json()
    with pytest.raises(MalformedMessage, match="payload"):
        SignRequest.parse(larger)
    logfile.verify_log(bench.state.log, bench.session.status(()).log_key)
    assert len(canonical_json(larger)) < wire.MESSAGE_BYTES_MAX
