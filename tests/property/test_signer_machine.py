"""Requests, replacements, retries, policies, wrong clocks and crashes in any order, and a model.

The model keeps in lists what the signer keeps in its journal, and says of each request what must
come of it. After every step: of a transfer's transactions at most one can confirm, and the log
verifies and tells all of it.
"""

import itertools
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from signer.auditlog import verify_log
from signer.wire import Mandate, Receipt, SignRequest
from tests.support.signer import (
    ADA,
    BOB,
    Bench,
    native,
    outcome_word,
    policy_document,
    script,
    sign_policy,
    window,
)
from tests.support.signer import rule as policy_rule

ETH = native("ethereum-local")
LIMIT, SECONDS, COUNT = 1000, 600, 4
TRANSFERS = [f"t{number}" for number in range(4)]


class Signed(NamedTuple):
    mandate: Mandate
    keys: frozenset[str]
    payload: bytes
    at: datetime


def document(version):
    """Small amounts freely within a window, larger ones with two approvals."""
    free = policy_rule(
        "free",
        windows=[window(ETH, SECONDS, LIMIT, count=COUNT)],
        per_transfer=[{"asset": ETH, "amount": "400"}],
    )
    approved = policy_rule("approved", needs=[("treasury", 2)], mandate_lifetime_s=7200)
    return policy_document(free, approved, version=version)


class SignerMachine(RuleBasedStateMachine):
    mandates = Bundle("mandates")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name) / "s", document=document(1))
        self.version = 1
        self.wrong = 0
        self.receipts = {}
        self.signed = []

    def teardown(self):
        self.bench.session.close()
        self.folder.cleanup()

    @rule(
        target=mandates,
        transfer=st.sampled_from(TRANSFERS),
        amount=st.sampled_from([1, 150, 400, 401]),
        fee=st.sampled_from([0, 10, 50]),
    )
    def agree(self, transfer, amount, fee):
        return self.bench.mandate(
            transfer=transfer,
            amount=amount,
            fee_max=fee,
            policy_version=self.version,
            requested_at=self.now(),
            expires_at=self.now() + timedelta(hours=1),
        )

    @rule(
        mandate=mandates,
        keys=st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        approved=st.booleans(),
    )
    def ask(self, mandate, keys, approved):
        approvers = (ADA, BOB) if approved else ()
        approvals = tuple(person.approve(mandate) for person in approvers)
        request = SignRequest(mandate, script(mandate, conflict_keys=keys), approvals)
        self.judge(request, frozenset(keys), approved, self.bench.sign(request))

    @rule(
        batch=st.lists(mandates, min_size=2, max_size=4),
        key=st.sampled_from("abc"),
    )
    def ask_at_once(self, batch, key):
        requests = [SignRequest(m, script(m, conflict_keys=[key])) for m in batch]
        for request, outcome in zip(requests, self.bench.sign(*requests), strict=True):
            self.judge(request, frozenset(key), False, outcome)

    @rule(mandate=consumes(mandates))
    def lie(self, mandate):
        expected = "mismatch/outputs"
        if mandate.policy_version != self.version:
            expected = "policy-version/other-version"
        elif self.now() >= mandate.expires_at:
            expected = "expired/mandate"
        assert self.wrong or outcome_word(self.bench.send(mandate, payments=[])) == expected

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
        mandate, now = request.mandate, self.now()
        identity = (mandate.digest(), request.tx.payload)
        if identity in self.receipts:
            assert outcome == self.receipts[identity]
            return
        expected = self.verdict(mandate, keys, request.tx.payload, approved, now)
        if self.wrong and expected != "signed":
            assert not isinstance(outcome, Receipt), "a wrong clock never makes more possible"
        elif not self.wrong:
            assert outcome_word(outcome).split("/")[0] == expected, outcome
        if isinstance(outcome, Receipt):
            self.receipts[identity] = outcome
            self.signed.append(Signed(mandate, keys, request.tx.payload, now))

    def now(self):
        """As it is."""
        return self.bench.clock.now - timedelta(seconds=self.wrong)

    def verdict(self, mandate, keys, payload, approved, now):
        if mandate.policy_version != self.version:
            return "policy-version"
        if now >= mandate.expires_at:
            return "expired"
        mine = [s for s in self.signed if s.mandate.transfer == mandate.transfer]
        others_too = [s for s in self.signed if s.mandate.transfer != mandate.transfer]
        if any(s.payload == payload for s in others_too):
            return "conflict"
        if any(not (s.keys & keys) and s.payload != payload for s in mine):
            return "conflict"
        amount = mandate.outputs[0].amount
        others = self.held(now, without=mandate.transfer)
        fits = sum(others.values()) + amount + mandate.fee_max <= LIMIT and len(others) < COUNT
        if amount <= 400 and fits:
            return "signed"
        return "signed" if approved else "needs-approvals"

    def held(self, now, *, without=None):
        """By transfer: the most that any of its transactions takes, as long as one is young."""
        most: dict[str, tuple[int, int]] = {}
        young = set()
        for signed in self.signed:
            transfer = signed.mandate.transfer
            if transfer == without:
                continue
            if signed.at > now - timedelta(seconds=SECONDS):
                young.add(transfer)
            paid, fee = most.get(transfer, (0, 0))
            amount, fee_max = signed.mandate.outputs[0].amount, signed.mandate.fee_max
            most[transfer] = max(paid, amount), max(fee, fee_max)
        return {transfer: sum(most[transfer]) for transfer in young}

    @invariant()
    def at_most_one_transaction_of_a_transfer_can_confirm(self):
        for a, b in itertools.combinations(self.signed, 2):
            same_transfer = a.mandate.transfer == b.mandate.transfer
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
    suppress_health_check=[HealthCheck.too_slow],
)
TestSignerMachine = SignerMachine.TestCase
