"""What a new policy voids ends at once where nothing of it is at the signer, else after the
signer's word. Money comes back exactly once, and nobody is paid twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from chains.costs import CostKind
from chains.model import AssetId
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.policies.judge import Judge
from custody.transfers.consent import Consent, let_go
from custody.transfers.mandates import stored_mandate
from custody.transfers.repository import standing_reservations
from signer.policy import SignedPolicy
from signer.wire import (
    Outcome,
    RefusalCode,
    SignRequest,
    Verdict,
    canonical_json,
    parse_json,
)
from tests.support.fakes import changed_policy
from tests.unit.api.test_broken_rows import overwrite
from tests.unit.custody.transfers.desk import Desk
from tests.unit.custody.transfers.life import FUNDS, ended_well
from tests.unit.custody.transfers.test_approvals import ask_people, decide
from tests.unit.custody.transfers.test_versions import approved, raised, states

NOBODY = {"approvals": {"order": "any", "needs": []}}
ONE_OF_TREASURY = {"approvals": {"order": "any", "needs": [{"group": "treasury", "count": 1}]}}
OTHER_RULES: dict[str, Any] = {"grant": {**NOBODY, "mandate_lifetime_s": 90_000}}


def deny(desk: Desk, **limits: Any) -> None:
    """The policy as it is, and a rule that denies what is above `limits`, or all."""
    if desk.signer.signed_policy is None:
        desk.use_policy()
    assert desk.signer.signed_policy is not None
    document = parse_json(desk.signer.signed_policy.document)
    nothing: dict[str, Any] = {"per_transfer": [], "windows": [], "hours": None}
    anything = dict.fromkeys(
        "clients vaults networks assets destinations initiators".split(), "any"
    )
    stop = {
        "id": "stop", "effect": "deny", "scope": anything | {"actions": ["transfer"]},
        "limits": nothing | limits, "grant": None,
    }  # fmt: skip
    document |= {"version": document["version"] + 1, "rules": [*document["rules"], stop]}
    desk.signer.signed_policy = SignedPolicy(canonical_json(document), {})
    desk.services.policies._fresh_until = None


async def in_flight(desk: Desk, transfer_id: str) -> None:
    """Its bytes are stored, and whether the signer has signed them nobody knows."""
    desk.signer.refuse = [(RefusalCode.UNAVAILABLE, "not-durable")]
    await desk.worker.run_due()
    assert await desk.state(transfer_id) == "in_flight"


async def refused(desk: Desk, code: RefusalCode) -> None:
    """The signer says so as often as it is asked now."""
    desk.signer.refuse = [(code, "denied-by-rule")] * 50
    await desk.run_outbox()
    desk.signer.refuse = []


async def nothing_held(desk: Desk, transfer_id: str, available: int = FUNDS) -> None:
    vault = (await desk.transfer(transfer_id)).vault_id
    async with desk.database.read() as session:
        rows = await standing_reservations(session, transfer_id)
    assert all(row.spent is not None for row in rows)
    balance = await desk.balance(await _vault(desk, vault))
    assert (balance.available, balance.reserved) == (available, 0)
    assert (await desk.reconcile()).is_clean


async def _vault(desk: Desk, vault_id: str) -> VaultRow:
    async with desk.database.read() as session:
        vault = await session.get(VaultRow, vault_id)
    assert vault is not None
    return vault


async def test_what_is_in_flight_is_offered_again_after_the_signers_word(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await in_flight(desk, transfer_id)
    desk.use_policy(**OTHER_RULES)
    assert await desk.services.renewal.renew() == 0
    assert await states(desk, transfer_id) == ["agreed"], "the signer may have signed under it"
    await refused(desk, RefusalCode.BASIS)
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "signer_basis")
    assert await desk.services.renewal.renew() == 1, "although the policy was looked at before"
    assert await states(desk, transfer_id) == ["void", "agreed"]
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_where_the_signer_asks_for_approvals_people_are_asked(desk: Desk):
    """Found by a game: custody saw room in a window, and the signer did not. So it was asked in
    vain until the terms expired."""
    free = json.loads(changed_policy(1).document)["rules"][0]
    people = free | {"id": "people", "grant": free["grant"] | ONE_OF_TREASURY}
    ask_people(desk, rules=[free, people])
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await refused(desk, RefusalCode.NEEDS_APPROVALS)
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "signer_needs_approvals")
    assert await desk.services.renewal.renew() == 1
    assert await desk.state(transfer_id) == "awaiting_approval"
    assert await states(desk, transfer_id) == ["void", "offered"]
    assert await desk.services.renewal.renew() == 0, "it is for people to say now"
    assert (await decide(desk, transfer_id, "bob")).state == "approved"
    assert await desk.services.renewal.renew() == 0, "although its work has the old word still"
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_what_was_signed_before_the_new_rules_is_paid_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    sign = desk.signer.sign

    async def lose_one(
        requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]:
        desk.signer.lose_replies = 1
        return await sign(requests, follows)

    monkeypatch.setattr(desk.signer, "sign", lose_one)
    await desk.worker.run_due()
    monkeypatch.undo()
    assert await desk.state(transfer_id) == "in_flight"
    deny(desk)
    await desk.services.renewal.renew()
    assert await desk.state(transfer_id) == "in_flight"
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_what_a_new_deny_rule_denies_in_flight_ends_with_the_signers_word(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    await in_flight(desk, transfer_id)
    deny(desk)
    await desk.services.renewal.renew()
    assert (await desk.balance(vault)).reserved > 0, "it may have been signed"
    await refused(desk, RefusalCode.DENIED)
    row = await desk.transfer(transfer_id)
    assert row.state == "denied" and "denied-by-rule" in (row.reason or "")
    await nothing_held(desk, transfer_id)


@pytest.mark.parametrize("state", ["approved", "awaiting_approval"])
async def test_a_new_deny_rule_ends_at_once_what_only_waits(desk: Desk, state: str):
    if state == "awaiting_approval":
        ask_people(desk)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    assert await desk.state(transfer_id) == state
    if state == "awaiting_approval":
        await decide(desk, transfer_id, "bob")
    deny(desk)
    assert await desk.services.renewal.renew() == 1
    row = await desk.transfer(transfer_id)
    assert (row.state, await states(desk, transfer_id)) == ("rejected", ["void"])
    assert row.reason == "policy/denied-by-rule: denies all that is in its scope (rule stop)"
    await nothing_held(desk, transfer_id)
    await desk.work(2)
    assert await desk.transactions(transfer_id) == []
    assert await desk.services.renewal.renew() == 0


async def test_a_ceiling_ends_what_is_above_it_and_nothing_else(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    small, large = await desk.send(vault, 1_000), await desk.send(vault, 5_000)
    limit = {"asset": desk.native, "amount": "1000"}
    deny(desk, per_transfer=[limit])
    assert await desk.services.renewal.renew() == 1
    assert (await desk.state(small), await desk.state(large)) == ("approved", "rejected")
    await desk.settle(small)
    await ended_well(desk, vault, small, 1_000)


async def test_what_time_heals_is_not_ended(desk: Desk):
    """A deny rule for the night does not end what waits for the morning."""
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    minute = desk.clock().strftime("%H:%M")
    closed = ("00:00", "00:01") if minute > "12" else ("23:58", "23:59")
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = {"zone": "UTC", "days": days, "from": closed[0], "to": closed[1]}
    deny(desk, hours=hours)
    policy = await desk.services.policies.current()
    async with desk.database.read() as session:
        terms = stored_mandate((await desk.mandates(transfer_id))[-1])
        verdict = await Judge(policy, desk.clock()).judge(session, terms, ())
    assert verdict.ruling == "deny"
    assert await desk.services.renewal.renew() == 0
    assert await desk.state(transfer_id) == "approved"


async def test_what_asked_and_is_in_no_policy_any_more_ends(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.use_policy(machines=[])
    assert await desk.services.renewal.renew() == 1
    row = await desk.transfer(transfer_id)
    assert row.state == "rejected" and (row.reason or "").startswith("policy/initiator-unknown")
    await nothing_held(desk, transfer_id)


async def test_an_offer_beside_what_is_in_flight_is_withdrawn_and_gives_back(desk: Desk):
    transfer_id = await approved(desk)
    await in_flight(desk, transfer_id)
    await raised(desk, transfer_id, 5_000)
    vault = await _vault(desk, (await desk.transfer(transfer_id)).vault_id)
    assert (await desk.balance(vault)).reserved == 6_000
    ask_people(desk, grant={"mandate_lifetime_s": 90_000})
    assert await desk.services.renewal.renew() == 1
    assert await states(desk, transfer_id) == ["agreed", "void"]
    assert (await desk.transfer(transfer_id)).costs_max == 1_500
    assert (await desk.balance(vault)).reserved == 2_500
    assert await desk.services.renewal.renew() == 0, "given back once"
    await refused(desk, RefusalCode.BASIS)
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["void", "void", "offered"]
    assert await desk.state(transfer_id) == "awaiting_approval"
    assert (await desk.balance(vault)).reserved == 2_500
    async with desk.database.read() as session:
        rows = await standing_reservations(session, transfer_id)
    assert {row.mandate_version for row in rows} == {1}, "the second held what came back"
    for who in ("bob", "carol"):
        await decide(desk, transfer_id, who)
    desk.node.fee = 1_500
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def _two_bases(desk: Desk, transfer_id: str, *, stale: int) -> None:
    """As when two processes know different policies for a moment: version 2 was made under other
    rules than version 1, and version `stale` rests on those that are in force no more."""
    ask_people(desk, grant={"mandate_lifetime_s": 90_000})
    await raised(desk, transfer_id, 5_000)
    if stale == 2:
        ask_people(desk)


async def test_a_stale_later_version_gives_back_what_it_held(desk: Desk):
    transfer_id = await approved(desk)
    vault = await _vault(desk, (await desk.transfer(transfer_id)).vault_id)
    await _two_bases(desk, transfer_id, stale=2)
    assert (await desk.balance(vault)).reserved == 6_000
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["agreed", "void"]
    row = await desk.transfer(transfer_id)
    assert (row.state, row.costs_max) == ("approved", 1_500)
    assert (await desk.balance(vault)).reserved == 2_500
    desk.node.fee = 1_500
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_a_later_version_that_stands_alone_waits_for_people(desk: Desk):
    transfer_id = await approved(desk)
    await _two_bases(desk, transfer_id, stale=1)
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["void", "offered"]
    assert await desk.state(transfer_id) == "awaiting_approval"
    await desk.work()
    assert await desk.transactions(transfer_id) == []
    await decide(desk, transfer_id, "bob", Verdict.REJECT)
    assert await desk.state(transfer_id) == "rejected"
    await nothing_held(desk, transfer_id)


async def test_both_versions_stale_hold_what_the_new_one_needs(desk: Desk):
    transfer_id = await approved(desk)
    vault = await _vault(desk, (await desk.transfer(transfer_id)).vault_id)
    await raised(desk, transfer_id, 5_000)
    ask_people(desk, grant={"mandate_lifetime_s": 90_000})
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["void", "void", "offered"]
    assert (await desk.balance(vault)).reserved == 6_000
    await decide(desk, transfer_id, "bob", Verdict.REJECT)
    await nothing_held(desk, transfer_id)


async def test_terms_that_cannot_be_read_keep_nobody_else_waiting(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    broken, other = await desk.send(vault, 1_000), await desk.send(vault, 2_000)
    await overwrite(desk.database, broken, b"{}")
    desk.use_policy(**OTHER_RULES)
    assert await desk.services.renewal.renew() == 1
    assert await states(desk, other) == ["void", "agreed"]
    assert await states(desk, broken) == ["agreed"]


ASSET = AssetId("eip155:1/slip44:60")
FEE = (ASSET, CostKind.FEE)
HELD_FEE = (ASSET, "fee")
AGREED, VOID, REJECTED = Consent.AGREED, Consent.VOID, Consent.REJECTED


@pytest.mark.parametrize(
    ("versions", "held", "gone"),
    [
        # raised, and that was rejected; raised again
        ([(AGREED, 5), (REJECTED, 9), (AGREED, 7)], {1: 5, 2: 4, 3: 2}, {2}),
        # raised, and both offered again
        ([(VOID, 5), (VOID, 9), (AGREED, 9)], {1: 5, 2: 4}, set()),
        # raised and withdrawn; the first offered again
        ([(VOID, 5), (VOID, 9), (AGREED, 5)], {1: 5, 2: 4}, {2}),
        # raised and withdrawn; raised again from the first, to more
        ([(AGREED, 5), (VOID, 9), (AGREED, 12)], {1: 5, 2: 4, 3: 7}, {2}),
        # ended while everything was void
        ([(VOID, 5), (VOID, 9), (VOID, 9)], {1: 5, 2: 4}, set()),
        # a version that was signed elsewhere
        ([(AGREED, 5), (AGREED, 20)], {1: 5}, set()),
    ],
)
def test_which_versions_let_go_what_they_held(
    versions: list[tuple[Consent, int]], held: dict[int, int], gone: set[int]
):
    rows = [(number, state, {FEE: most}) for number, (state, most) in enumerate(versions, 1)]
    assert let_go(rows, [(number, HELD_FEE, units) for number, units in held.items()]) == gone


@pytest.fixture
def desk(sqlite: Database) -> Desk:
    return Desk(sqlite)
