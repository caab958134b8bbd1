"""What was signed, and what that forbids."""

from datetime import timedelta

import pytest

from chains.catalogue import built_in, catalogue_of
from chains.effects import Pay
from chains.model import Address
from signer.errors import JournalDamaged, Refused
from signer.policy import Payee, SignedPolicy, Spend, Usage, Window
from signer.usage import most_of
from tests.support.networks import find_network
from tests.support.signer import (
    ADMINISTRATORS,
    NOON,
    Bench,
    Clock,
    agreed,
    changed,
    is_repetition,
    native,
    outcome_word,
    paying,
    policy_document,
    rule,
    script,
    sign_policy,
    window,
)

ETH, TRX = native("ethereum-local"), native("tron-local")
HOUR = 3600


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "s")


def test_a_retry_gets_the_same_receipt_and_adds_no_record(bench):
    mandate = bench.mandate()
    first = bench.send(mandate)
    assert bench.send(mandate) == first
    bench.restart()
    assert bench.send(mandate) == first
    assert bench.session.journal.sequence == first.sequence


def test_a_retry_is_answered_after_expiry_and_under_another_policy(bench):
    """Its signature must be assumed to have left the house; custody may have lost the answer."""
    mandate = bench.mandate()
    first = bench.send(mandate)
    deny = policy_document(rule("no", effect="deny"), version=2)
    bench.session.publisher.publish(sign_policy(deny))
    bench.clock.advance(10 * HOUR)
    assert is_repetition(bench.send(mandate), first)
    assert outcome_word(bench.send(mandate, nonce=1)) == "basis/other-basis"


GUARD_RULE = [
    # earlier transactions' conflict keys, the next one's, verdict
    ([["a"]], ["a"], "signed"),
    ([["a"]], ["b"], "conflict/both-could-confirm"),
    ([["a", "b"]], ["b", "c"], "signed"),
    ([["a", "b"], ["b", "c"]], ["b"], "signed"),
    ([["a", "b"], ["b", "c"]], ["a"], "conflict/both-could-confirm"),
    ([["a", "b"], ["b", "c"]], ["c"], "conflict/both-could-confirm"),
    ([["a"]], [], "conflict/both-could-confirm"),
    ([[]], ["a"], "conflict/both-could-confirm"),
    ([[]], [], "conflict/both-could-confirm"),
]


@pytest.mark.parametrize(("earlier", "keys", "expected"), GUARD_RULE)
def test_another_transaction_must_conflict_with_every_earlier_one(bench, earlier, keys, expected):
    mandate = bench.mandate()
    for number, each in enumerate(earlier):
        sent = bench.send(mandate, conflict_keys=each, unexplained=[], fee_max=number)
        assert outcome_word(sent) == "signed"
    bench.restart()
    assert outcome_word(bench.send(mandate, conflict_keys=keys, fee_max=9)) == expected


def test_the_rule_holds_for_another_mandate_of_the_same_transfer(bench):
    bench.send(bench.mandate())
    bumped = bench.mandate(fee_max=20)
    assert outcome_word(bench.send(bumped, nonce=1)) == "conflict/both-could-confirm"
    assert outcome_word(bench.send(bumped, nonce=0)) == "signed"


def test_the_rule_holds_within_a_batch(bench):
    mandate = bench.mandate()
    requests = [paying(agreed(mandate), nonce=nonce) for nonce in (0, 1, 0)]
    first, second, third = bench.sign(*requests)
    assert outcome_word(second) == "conflict/both-could-confirm"
    assert first == third


def test_tron_has_no_conflict_keys_and_gets_one_transaction_ever(bench):
    mandate = bench.mandate("tron-local")
    assert outcome_word(bench.send(mandate, nonce=None)) == "signed"
    other = changed(mandate, expires_at=mandate.expires_at + timedelta(hours=1))
    assert outcome_word(bench.send(other, nonce=None, fee_max=1)) == "conflict/both-could-confirm"


SOLANA_KEYS = ("create:account", "durable-nonce:account:value")


@pytest.mark.parametrize("key", SOLANA_KEYS)
def test_what_excludes_a_second_success_only_binds_nothing(bench, key):
    """The loser would be in a block too, and pay its fee; the codec names no binding key."""
    mandate = bench.mandate("solana-local")
    claims = {"conflict_keys": [f"{mandate.core.network}/{key}"], "binding_keys": []}
    first = bench.send(mandate, **claims)
    assert outcome_word(first) == "signed"
    assert outcome_word(bench.send(mandate, fee_max=9, **claims)) == "conflict/both-could-confirm"
    assert is_repetition(bench.send(mandate, **claims), first)


def test_keys_that_do_not_bind_are_not_made_to_bind_by_a_restart(bench):
    mandate = bench.mandate("solana-local")
    claims = {"conflict_keys": ["a"], "binding_keys": []}
    assert outcome_word(bench.send(mandate, **claims)) == "signed"
    bench.restart()
    dearer = bench.send(mandate, fee_max=9, conflict_keys=["a"], binding_keys=["a"])
    assert outcome_word(dearer) == "conflict/both-could-confirm"


def test_one_transaction_is_signed_for_one_transfer_in_whatever_container(bench):
    """Also within a batch, after a restart, and where the bytes around it differ."""
    first, second = bench.mandate(transfer="t1"), bench.mandate(transfer="t2")
    tx = script(first)
    outcomes = bench.sign(paying(agreed(first), tx=tx), paying(agreed(second), tx=tx))
    assert [outcome_word(o) for o in outcomes] == ["signed", "conflict/another-set"]
    bench.restart()
    assert outcome_word(bench.sign(paying(agreed(second), tx=tx))) == "conflict/another-set"
    assert is_repetition(bench.sign(paying(agreed(first), tx=tx)), outcomes[0])
    third, fourth = bench.mandate(transfer="t3"), bench.mandate(transfer="t4")
    wrapped = [
        paying(agreed(mandate), nonce=1, identity="one", container=mandate.core.transfer)
        for mandate in (third, fourth)
    ]
    assert wrapped[0].tx != wrapped[1].tx
    words = [outcome_word(o) for o in bench.sign(*wrapped)]
    assert words == ["signed", "conflict/another-set"]


def test_the_same_transaction_under_a_new_mandate_of_its_transfer_is_a_retry(bench):
    """It has been signed, for the version that the receipt names."""
    mandate = bench.mandate()
    first = bench.send(mandate)
    renewed = changed(mandate, version=2, expires_at=mandate.expires_at + timedelta(hours=1))
    assert bench.sign(paying(agreed(renewed), tx=script(mandate))) == first
    assert first.mandates == (mandate.digest,)


def test_a_record_that_takes_nothing_empties_no_window():
    """Whatever the newest transaction takes, an earlier one may be the one that confirms."""
    earlier = [Spend("t1", "v1", ETH, Payee(Address("bob")), 5, NOON)]
    later = NOON + timedelta(hours=1)
    assert most_of((), earlier, later) == (earlier[0]._replace(at=later),)
    assert most_of((), (), later) == ()
    less = [earlier[0]._replace(amount=3, at=later)]
    assert most_of(less, earlier, later) == (earlier[0]._replace(at=later),)


# Windows


def limited(tmp_path, *limits, **changes):
    document = policy_document(rule("w", windows=list(limits), **changes))
    return Bench(tmp_path / "s", document=document)


def spend(bench, number, amount=100, **changes):
    mandate = bench.mandate(transfer=f"t{number}", amount=amount, **changes)
    return outcome_word(bench.send(mandate, nonce=number))


def test_a_limit_split_over_many_requests_restarts_and_batches(tmp_path):
    bench = limited(tmp_path, window(ETH, HOUR, 5 * 110))
    assert [spend(bench, number) for number in range(3)] == ["signed"] * 3
    bench.restart()
    mandates = [bench.mandate(transfer=f"b{number}") for number in range(4)]
    outcomes = bench.sign(*(paying(agreed(m), nonce=m.core.transfer) for m in mandates))
    assert [outcome_word(o) for o in outcomes] == ["signed"] * 2 + ["denied/window-amount"] * 2
    bench.clock.advance(HOUR - 1)
    assert spend(bench, 8) == "denied/window-amount"
    bench.clock.advance(1)
    assert spend(bench, 9) == "signed"


def test_windows_count_transfers_and_keep_vaults_and_assets_apart(tmp_path):
    limits = [window(asset, HOUR, 10**6, count=1) for asset in (ETH, TRX)]
    bench = limited(tmp_path, *limits)
    assert spend(bench, 1) == "signed"
    assert spend(bench, 2) == "denied/window-count"
    assert spend(bench, 3, client="c2", source="v2") == "signed"
    assert spend(bench, 4, alias="tron-local") == "signed"


def test_a_window_per_destination(tmp_path):
    everybody = window(ETH, HOUR, 1000)
    bench = limited(tmp_path, window(ETH, HOUR, 210, per_destination=True), everybody)
    assert spend(bench, 1) == "signed"
    assert spend(bench, 2) == "denied/window-amount"
    assert spend(bench, 4, amount=90) == "signed"
    bench.restart()
    assert spend(bench, 5, amount=1, fee_max=0) == "denied/window-amount"
    elsewhere = (Pay(Address("other"), ETH, 100),)
    mandate = bench.mandate(transfer="t3", effects=elsewhere)
    assert outcome_word(bench.send(mandate, nonce=3)) == "signed"


def test_a_replacement_counts_once_with_the_most_that_one_of_them_takes(tmp_path):
    bench = limited(tmp_path, window(ETH, HOUR, 300))
    everything = Window("v1", ETH, None, HOUR)

    def held():
        return bench.session.guard.usage(everything, bench.clock.now, ["other"])

    assert outcome_word(bench.send(bench.mandate(fee_max=10))) == "signed"
    assert held() == Usage(110, 1)
    assert outcome_word(bench.send(bench.mandate(fee_max=50))) == "signed"
    assert held() == Usage(150, 1)
    assert outcome_word(bench.send(bench.mandate(fee_max=20))) == "signed"
    assert held() == Usage(150, 1)
    bench.restart()
    assert held() == Usage(150, 1)
    assert spend(bench, 2, amount=141) == "denied/window-amount"
    assert spend(bench, 3, amount=140) == "signed"
    assert held() == Usage(300, 2)
    bench.clock.advance(HOUR)
    assert held() == Usage(0, 0)


def test_a_replacement_stays_in_the_window_as_long_as_its_newest_transaction(tmp_path):
    bench = limited(tmp_path, window(ETH, HOUR, 300))
    everything = Window("v1", ETH, None, HOUR)
    mandate = bench.mandate(expires_at=bench.clock.now + timedelta(hours=2))
    for fee in (50, 20):
        assert outcome_word(bench.send(changed(mandate, fee_max=fee))) == "signed"
        bench.clock.advance(HOUR // 2)
    for restart in (False, True):
        if restart:
            bench.restart()
        usage = bench.session.guard.usage(everything, bench.clock.now, ["other"])
        assert usage == Usage(150, 1)


def test_a_replacement_is_measured_without_its_earlier_self(tmp_path):
    bench = limited(tmp_path, window(ETH, HOUR, 120))
    assert outcome_word(bench.send(bench.mandate(fee_max=10))) == "signed"
    assert outcome_word(bench.send(bench.mandate(fee_max=20))) == "signed"
    assert outcome_word(bench.send(bench.mandate(fee_max=21))) == "denied/window-amount"


def test_a_clock_that_is_set_back_frees_no_window(tmp_path):
    bench = limited(tmp_path, window(ETH, HOUR, 110))
    assert spend(bench, 1) == "signed"
    bench.clock.advance(-60)
    assert spend(bench, 2) == "denied/window-amount"


def test_a_refused_batch_takes_nothing_from_the_windows(tmp_path, monkeypatch):
    """A disk that fails in the middle: nothing is recorded, nothing counts, nothing is signed."""
    bench = limited(tmp_path, window(ETH, HOUR, 110))
    import sqlite3

    def full_disk():
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(bench.session.journal, "_write_seal", full_disk)
        assert spend(bench, 1) == "unavailable/not-durable"
    assert spend(bench, 2) == "signed"


# Time locks


def test_a_time_lock_runs_from_when_the_signer_first_saw_all_approvals(tmp_path):
    from tests.support.signer import ADA, BOB

    document = policy_document(rule("t", needs=[("treasury", 1)], time_lock_s=600))
    bench = Bench(tmp_path / "s", document=document)
    mandate = bench.mandate(requested_at=bench.clock.now - timedelta(hours=1))
    assert outcome_word(bench.send(mandate)) == "needs-approvals/approvals"
    bench.clock.advance(3000)
    assert outcome_word(bench.send(mandate, ADA)) == "not-yet/time-lock"
    bench.clock.advance(300)
    bench.restart()
    refused = bench.send(mandate, BOB)
    assert outcome_word(refused) == "not-yet/time-lock"
    assert "2026-03-04T13:00:00Z" in refused.message
    bench.clock.advance(299)
    assert outcome_word(bench.send(mandate, ADA)) == "not-yet/time-lock"
    assert outcome_word(bench.send(changed(mandate, fee_max=9), ADA)) == "not-yet/time-lock"
    bench.clock.advance(1)
    assert outcome_word(bench.send(mandate, ADA)) == "expired/mandate"


def test_a_time_lock_ends(tmp_path):
    bench = Bench(tmp_path / "s", document=policy_document(rule("t", time_lock_s=600)))
    mandate = bench.mandate()
    assert outcome_word(bench.send(mandate)) == "not-yet/time-lock"
    bench.clock.advance(600)
    assert outcome_word(bench.send(mandate)) == "signed"


# Vaults


def test_vaults_get_the_next_number_once_and_for_one_client(bench):
    vaults = bench.session.vaults
    assert [vaults.open(f"c{n}", f"v{n}").account for n in (1, 2)] == [0, 1]
    assert vaults.open("c1", "v3").account == 2
    bench.restart()
    assert bench.session.vaults.open("c1", "v3").account == 2
    assert bench.session.vaults.open("c9", "v4").account == 3
    with pytest.raises(Refused) as raised:
        bench.session.vaults.open("c2", "v3")
    assert raised.value.detail == "other-client"


# Policies


def test_policy_versions_never_go_back(bench):
    publish = bench.session.publisher.publish
    second = sign_policy(policy_document(version=2))
    assert publish(second) == 2
    assert publish(second) == 2
    for version in (1, 2):
        other = sign_policy(policy_document(rule("other"), version=version))
        with pytest.raises(Refused) as raised:
            publish(other)
        assert raised.value.detail == "policy-rollback"
    bench.restart()
    assert bench.session.guard.in_force.policy.version == 2
    with pytest.raises(Refused):
        bench.session.publisher.publish(sign_policy(policy_document(rule("other"))))


def test_each_policy_names_who_signs_the_next(bench):
    from tests.support.signer import Person, administrators_json

    new = (Person("new-1"), Person("new-2"))
    handover = policy_document(version=2, administrators=administrators_json(2, new))
    bench.session.publisher.publish(sign_policy(handover))
    third = policy_document(version=3, administrators=administrators_json(2, new))
    for signers in (ADMINISTRATORS[:2], ADMINISTRATORS, new[:1]):
        with pytest.raises(Refused) as raised:
            bench.session.publisher.publish(sign_policy(third, signers))
        assert raised.value.detail == "policy-unsigned"
    assert bench.session.publisher.publish(sign_policy(third, new)) == 3
    bench.restart()
    assert bench.session.guard.in_force.policy.version == 3


def test_a_recorded_policy_is_verified_again_on_opening(bench, monkeypatch):
    forged = SignedPolicy(policy_document(version=2), {"admin-1": bytes(64)})
    with monkeypatch.context() as unchecked:
        unchecked.setattr("signer.inforce.check_quorum", lambda signed, administrators: None)
        bench.session.publisher.publish(forged)
    bench.session.close()
    with pytest.raises(JournalDamaged, match="policy"):
        bench.open()


US = {"zone": "US/Eastern", "days": ["wed"], "from": "00:00", "to": "24:00"}


def forget_names(monkeypatch):
    """As the next build of this program on the next image: a network and a time zone are gone."""
    from signer.policy import zones

    gone, whole = find_network("bsc-local"), built_in()
    networks = {name: row for name, row in whole.network_rows.items() if name != gone.id}
    assets = {name: row for name, row in whole.asset_rows.items() if name != gone.native.id}
    known = catalogue_of(networks, assets)

    def unknown(name):
        raise KeyError(name)

    for module in ("signer.policy.document", "signer.inforce", "chains.lasting"):
        monkeypatch.setattr(f"{module}.built_in", lambda: known)
    monkeypatch.setattr(zones, "time_zone", unknown)


def without_bsc(**changes):
    fee = {"network": find_network("ethereum-local").id, "kind": "fee", "amount": "1000"}
    return policy_document(rule("r", costs=[fee]), **changes)


def test_a_superseded_policy_may_name_what_is_gone(bench, monkeypatch):
    bench.session.publisher.publish(sign_policy(policy_document(rule("r", hours=US), version=2)))
    bench.session.publisher.publish(sign_policy(without_bsc(version=3)))
    forget_names(monkeypatch)
    bench.restart()
    assert bench.session.guard.in_force.policy.version == 3
    assert outcome_word(bench.send(bench.mandate())) == "signed"


def test_a_policy_in_force_that_names_what_is_gone_denies_until_the_next(bench, monkeypatch):
    """It can't be half believed, and must not keep the signer from starting either."""
    bench.session.publisher.publish(sign_policy(policy_document(rule("r", hours=US), version=2)))
    forget_names(monkeypatch)
    bench.restart()
    status = bench.session.status(())
    assert status.policy_version == 2
    codes = [warning.code for warning in status.warnings]
    assert codes == ["policy-unreadable", "network-unknown"]
    refused = bench.send(bench.mandate())
    assert outcome_word(refused) == "denied/policy-unreadable"
    assert bench.session.publisher.publish(sign_policy(without_bsc(version=3))) == 3
    assert outcome_word(bench.send(bench.mandate())) == "signed"
    assert [each.code for each in bench.session.status(()).warnings] == ["network-unknown"]


def test_without_pinned_administrators_there_is_no_policy(tmp_path, monkeypatch):
    import tests.support.signer as support

    monkeypatch.setattr(support, "PINNED", None)
    with pytest.raises(Refused) as raised:
        Bench(tmp_path / "s", clock=Clock())
    assert raised.value.detail == "no-administrators"


@pytest.mark.parametrize("address", ["0xAB", " 0xab"])
def test_a_policy_with_an_address_in_another_spelling_is_refused(bench, address):
    """As typed it would match nothing: an idle allowlist, or worse, an idle deny rule."""
    group = {
        "id": "g",
        "cooling_s": 0,
        "entries": [
            {
                "network": "eip155:31337",
                "address": address,
                "memo": None,
                "added_at": "2026-01-01T00:00:00Z",
            }
        ],
    }
    with pytest.raises(Refused, match=r"canonical|ASCII"):
        bench.session.publisher.publish(
            sign_policy(policy_document(version=2, destinations=[group]))
        )


# A journal that has forgotten something


def test_a_receipt_from_the_future_stops_everything_that_writes(bench):
    receipt = bench.send(bench.mandate())
    bench.session.guard.expect(receipt.sequence, receipt.head)
    with pytest.raises(Refused) as raised:
        bench.session.guard.expect(receipt.sequence + 1, bytes(32))
    assert raised.value.detail == "journal-behind"
    assert outcome_word(bench.send(bench.mandate())) == "unavailable/journal-behind"
    with pytest.raises(Refused):
        bench.session.vaults.open("c1", "v3")
    with pytest.raises(Refused):
        bench.session.publisher.publish(sign_policy(policy_document(version=2)))
