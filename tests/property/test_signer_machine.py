"""Requests, replacements, retries, policies, wrong clocks and crashes in any order, and a model.

The model keeps in lists what the signer keeps in its journal, and says of each request what must
come of it. After every step: of a transfer's transactions at most one can confirm, and the log
verifies and tells all of it.
"""

import itertools
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from chains.model import UnsignedTx
from signer.agreement import set_digest
from signer.logfile import verify_log
from signer.policy import Policy, basis_of
from signer.wire import Mandate, Purpose, Receipt
from tests.support.signer import (
    ADA,
    BOB,
    Bench,
    agreed,
    calling_off,
    is_repetition,
    native,
    outcome_word,
    paying,
    policy_document,
    sign_policy,
    window,
)
from tests.support.signer import rule as policy_rule

ETH = native("ethereum-local")
LIMIT, SECONDS, COUNT = 1000, 600, 4
TRANSFERS = [f"t{number}" for number in range(4)]


class Signed(NamedTuple):
    """A record: one for each mandate of what was signed. `named`: all transfers, and what for."""

    mandate: Mandate
    named: bytes
    keys: frozenset[str]
    payload: bytes
    at: datetime


def document(version):
    """Small amounts freely within a window, larger ones with two approvals. Every second version
    rests on something else."""
    free = policy_rule(
        "free",
        windows=[window(ETH, SECONDS, LIMIT, count=COUNT)],
        per_transfer=[{"asset": ETH, "amount": "400"}],
    )
    lifetime = 7200 + version % 2
    approved = policy_rule("approved", needs=[("treasury", 2)], mandate_lifetime_s=lifetime)
    return policy_document(free, approved, version=version)


def distinct(mandates):
    """One of each transfer."""
    return list({mandate.core.transfer: mandate for mandate in mandates}.values())


class SignerMachine(RuleBasedStateMachine):
    mandates = Bundle("mandates")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name) / "s", document=document(1))
        self.version = 1
        self.wrong = 0
        self.cores = {}
        self.receipts = {}
        self.signed = []

    def teardown(self):
        self.bench.session.close()
        self.folder.cleanup()

    @initialize(target=mandates)
    def agree_on_some(self):
        return multiple(*(self.agree_on(name, 150, 10) for name in TRANSFERS))

    @rule(
        target=mandates,
        transfer=st.sampled_from(TRANSFERS),
        amount=st.sampled_from([1, 150, 400, 401]),
        fee=st.sampled_from([0, 10, 50]),
        same=st.sampled_from([True, True, True, False]),
    )
    def agree(self, transfer, amount, fee, same):
        """A version of a transfer; or, by the same name, another transfer."""
        return self.agree_on(transfer, amount, fee, same=same)

    def agree_on(self, transfer, amount, fee, *, same=True):
        made = self.bench.mandate(
            transfer=transfer,
            amount=amount,
            fee_max=fee,
            requested_at=self.now(),
            expires_at=self.now() + timedelta(hours=1),
        )
        core = self.cores.setdefault(transfer, made.core)
        return replace(made, core=core, version=2) if same else made

    @rule(
        chosen=st.lists(mandates, min_size=1, max_size=3),
        keys=st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        approved=st.booleans(),
    )
    def ask(self, chosen, keys, approved):
        approvers = (ADA, BOB) if approved else ()
        consents = [agreed(mandate, *approvers) for mandate in distinct(chosen)]
        request = paying(*consents, conflict_keys=keys)
        self.judge(request, frozenset(keys), approved, self.bench.sign(request))

    @rule(
        batch=st.lists(mandates, min_size=2, max_size=4),
        key=st.sampled_from("abc"),
    )
    def ask_at_once(self, batch, key):
        requests = [paying(agreed(mandate), conflict_keys=[key]) for mandate in batch]
        for request, outcome in zip(requests, self.bench.sign(*requests), strict=True):
            self.judge(request, frozenset(key), False, outcome)

    @rule(
        chosen=st.lists(mandates, min_size=1, max_size=2),
        keys=st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True),
    )
    def call_off(self, chosen, keys):
        request = calling_off(*distinct(chosen), conflict_keys=keys)
        self.judge(request, frozenset(keys), False, self.bench.sign(request))

    @precondition(lambda self: self.signed)
    @rule(data=st.data(), key=st.sampled_from("abc"))
    def call_off_what_was_signed(self, data, key):
        signed = data.draw(st.sampled_from(self.signed))
        keys = [key, *sorted(signed.keys - {key})]
        request = calling_off(signed.mandate, conflict_keys=keys)
        self.judge(request, frozenset(keys), False, self.bench.sign(request))

    @precondition(lambda self: self.signed)
    @rule(data=st.data(), mandate=mandates)
    def reuse(self, data, mandate):
        """Bytes that were signed before, shown for another transfer."""
        signed = data.draw(st.sampled_from(self.signed))
        tx = UnsignedTx(mandate.core.network, signed.payload)
        outcome = self.bench.sign(paying(agreed(mandate, ADA, BOB), tx=tx))
        if set_digest(Purpose.PAY, [mandate.core.transfer]) != signed.named:
            assert not isinstance(outcome, Receipt)

    @rule(mandate=consumes(mandates))
    def lie(self, mandate):
        expected = "mismatch/effects"
        if mandate.basis != self.basis(mandate):
            expected = "basis/other-basis"
        elif self.now() >= mandate.expires_at:
            expected = "expired/mandate"
        sent = self.bench.send(mandate, payments=[], note="a lie")
        assert self.wrong or outcome_word(sent) == expected

    @rule(seconds=st.sampled_from([1, 60, SECONDS - 1, SECONDS, 3600]))
    def wait(self, seconds):
        self.bench.clock.advance(seconds)

    @rule(by=st.sampled_from([-86400, -SECONDS, -60, 60, SECONDS, 86400]))
    def set_clock_wrong(self, by):
        if not self.wrong:
            self.wrong = by
            self.bench.clock.step(by)

    @precondition(lambda self: self.wrong)
    @rule()
    def set_clock_right(self):
        self.bench.clock.step(-self.wrong)
        self.wrong = 0

    @precondition(lambda self: not self.wrong)
    @rule()
    def crash(self):
        self.bench.restart()

    @rule()
    def look_at_the_clock(self):
        self.bench.session.tick()

    @precondition(lambda self: self.version < 4)
    @rule()
    def publish(self):
        self.version += 1
        signed = sign_policy(document(self.version))
        assert self.bench.session.publisher.publish(signed) == self.version

    def judge(self, request, keys, approved, outcome):
        """Whether the outcome is what the model says."""
        now = self.now()
        identity = set_digest(request.purpose, request.transfers), request.tx.payload
        if identity in self.receipts:
            assert is_repetition(outcome, self.receipts[identity])
            return
        expected = self.verdict(request, keys, approved, now)
        if self.wrong and expected != "signed":
            assert not isinstance(outcome, Receipt), "a wrong clock never makes more possible"
        elif not self.wrong:
            assert outcome_word(outcome).split("/")[0] == expected, outcome
        if isinstance(outcome, Receipt):
            self.receipts[identity] = outcome
            for consent in request.consents:
                self.signed.append(Signed(consent.mandate, identity[0], keys, identity[1], now))

    def now(self):
        """As it is."""
        return self.bench.clock.now - timedelta(seconds=self.wrong)

    def basis(self, mandate):
        """Of the policy in force."""
        return basis_of(Policy.parse(document(self.version)), mandate.core)

    def verdict(self, request, keys, approved, now):
        """The order of the mandates makes no difference to whether it is signed."""
        mandates = [consent.mandate for consent in request.consents]
        if request.purpose is Purpose.PAY:
            for mandate in mandates:
                if mandate.basis != self.basis(mandate):
                    return "basis"
                if now >= mandate.expires_at:
                    return "expired"
        if self.conflicts(request, mandates, keys):
            return "conflict"
        if request.purpose is Purpose.CANCEL or approved:
            return "signed"
        others = self.held(now, without=request.transfers)
        takes = [sum(self.most([*self.of(mandate), mandate])) for mandate in mandates]
        fits = sum(others.values()) + sum(takes) <= LIMIT and len(others) + len(takes) <= COUNT
        small = all(mandate.core.effects[0].amount <= 400 for mandate in mandates)
        return "signed" if small and fits else "needs-approvals"

    def conflicts(self, request, mandates, keys):
        named, payload = set_digest(request.purpose, request.transfers), request.tx.payload
        if any(each.payload == payload and each.named != named for each in self.signed):
            return True
        for mandate in mandates:
            mine = self.records(mandate)
            if request.purpose is Purpose.CANCEL and mandate not in self.of(mandate):
                return True
            if any(each.mandate.core != mandate.core for each in mine):
                return True
            if any(not (each.keys & keys) and each.payload != payload for each in mine):
                return True
        return False

    def records(self, mandate):
        name = mandate.core.transfer
        return [each for each in self.signed if each.mandate.core.transfer == name]

    def of(self, mandate):
        """What something was signed for, of the transfer of `mandate`."""
        return [each.mandate for each in self.records(mandate)]

    def most(self, mandates):
        """The most that any of these versions takes: what is paid, and what it costs."""
        amounts = [mandate.core.effects[0].amount for mandate in mandates]
        return max(amounts), max(sum(mandate.costs_max.values()) for mandate in mandates)

    def held(self, now, *, without):
        """By transfer: the most that any of its transactions takes, as long as one is young."""
        young = {
            each.mandate.core.transfer: each.mandate
            for each in self.signed
            if each.at > now - timedelta(seconds=SECONDS)
            and each.mandate.core.transfer not in without
        }
        return {name: sum(self.most(self.of(mandate))) for name, mandate in young.items()}

    @invariant()
    def at_most_one_transaction_of_a_transfer_can_confirm(self):
        for a, b in itertools.combinations(self.signed, 2):
            same_transfer = a.mandate.core.transfer == b.mandate.core.transfer
            assert not same_transfer or a.keys & b.keys or a.payload == b.payload

    @invariant()
    def the_log_tells_all_of_it(self):
        session = self.bench.session
        good = verify_log(self.bench.state.log, session.status(()).log_key)
        assert good == session.journal.end
        kinds = [row["kind"] for row in self.bench.log()]
        assert kinds.count("signed") == len(self.signed)


SignerMachine.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSignerMachine = SignerMachine.TestCase
