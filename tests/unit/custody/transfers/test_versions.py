"""Further versions of a transfer's terms: each has consent and money of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chains.costs import CostKind
from custody.db.session import Database
from custody.errors import Conflict, Invalid, Unprocessable
from signer.wire import RefusalCode, Verdict, approval_message
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import FUNDS, ended_well
from tests.unit.custody.transfers.test_approvals import PEOPLE, ask_people, decide

FEE = CostKind.FEE


async def states(desk: Desk, transfer_id: str) -> list[str]:
    return [each.state for each in await desk.mandates(transfer_id)]


async def raised(desk: Desk, transfer_id: str, most: int) -> None:
    await desk.services.versions.raise_costs(transfer_id, ANYONE, {FEE: most})


async def approved(desk: Desk, **more: Any) -> str:
    ask_people(desk)
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=1_500, **more)
    for who in ("bob", "carol"):
        await decide(desk, transfer_id, who)
    return transfer_id


async def test_higher_bounds_let_it_go_at_a_higher_fee(desk: Desk):
    """Nobody is asked by this policy, so the new version is agreed at once."""
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000, fee_max=1_500)
    desk.node.fee = 2_000
    await desk.run_outbox()
    assert (await desk.transfer(transfer_id)).waiting == "fee_above_maximum"
    await raised(desk, transfer_id, 2_500)
    assert (await desk.balance(vault)).reserved == 3_500
    assert await states(desk, transfer_id) == ["agreed", "agreed"]
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


async def test_bounds_only_rise_and_must_be_there(desk: Desk):
    vault = await desk.open_funded(10_000)
    transfer_id = await desk.send(vault, 1_000, fee_max=1_500)
    before = await desk.counts()
    for most in (1_500, 1_000):
        with pytest.raises(Invalid, match="only be raised"):
            await raised(desk, transfer_id, most)
    with pytest.raises(Unprocessable) as refused:
        await raised(desk, transfer_id, 9_001)
    assert refused.value.code == "amount_above_balance"
    assert await desk.counts() == before
    assert (await desk.balance(vault)).reserved == 2_500
    await desk.services.transfers.cancel(transfer_id, ANYONE)
    with pytest.raises(Conflict):
        await raised(desk, transfer_id, 2_000)


async def test_rejecting_a_version_leaves_the_one_before_alone(desk: Desk):
    transfer_id = await approved(desk)
    vault = (await desk.transfer(transfer_id)).vault_id
    await raised(desk, transfer_id, 5_000)
    assert await states(desk, transfer_id) == ["agreed", "offered"]
    with pytest.raises(Conflict, match="another version"):
        await raised(desk, transfer_id, 6_000)
    await decide(desk, transfer_id, "bob", Verdict.REJECT)
    assert await states(desk, transfer_id) == ["agreed", "rejected"]
    row = await desk.transfer(transfer_id)
    assert (row.state, row.costs_max) == ("approved", 1_500)
    desk.node.fee = 1_500
    assert (await desk.settle(transfer_id)).state == "final"
    (tx,) = [each for each in await desk.transactions(transfer_id) if each.raw]
    assert tx.state == "final"
    assert await desk.received(transfer_id) == 1_000
    assert vault == row.vault_id and (await desk.reconcile()).is_clean


async def test_approvals_of_one_version_count_for_no_other(desk: Desk):
    transfer_id = await approved(desk)
    await raised(desk, transfer_id, 5_000)
    first, second = await desk.mandates(transfer_id)
    old = PEOPLE["bob"].sign(approval_message(first.digest, Verdict.APPROVE))
    with pytest.raises(Exception, match="not this person's signature"):
        await desk.services.approvals.submit(
            transfer_id, ANYONE, "bob", Verdict.APPROVE, old, second.version
        )
    for who in ("bob", "carol"):
        await decide(desk, transfer_id, who)
    assert await states(desk, transfer_id) == ["agreed", "agreed"]
    desk.node.fee = 4_000
    assert (await desk.settle(transfer_id)).state == "final"


async def test_a_version_that_nobody_decides_on_expires_alone(sqlite: Database):
    desk = Desk(sqlite, lifetime=timedelta(hours=1))
    transfer_id = await approved(desk)
    await raised(desk, transfer_id, 5_000)
    second = (await desk.mandates(transfer_id))[-1]
    await desk.services.versions.expire(second.expires_at)
    assert await states(desk, transfer_id) == ["agreed", "expired"]
    row = await desk.transfer(transfer_id)
    assert (row.state, row.costs_max) == ("approved", 1_500)


async def test_what_waits_under_old_rules_is_offered_again(desk: Desk):
    transfer_id = await approved(desk)
    ask_people(desk)  # the same rules in another version of the document: the terms stand
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["agreed"]
    desk.use_policy(grant={"approvals": {"order": "any", "needs": []}})
    await desk.services.renewal.renew()
    assert await states(desk, transfer_id) == ["void", "agreed"]
    assert (await desk.transfer(transfer_id)).state == "approved"
    assert (await desk.settle(transfer_id)).state == "final"


async def test_what_new_rules_deny_ends(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.use_policy(limits={"per_transfer": [{"asset": desk.native, "amount": "999"}]})
    await desk.services.renewal.renew()
    row = await desk.transfer(transfer_id)
    assert (row.state, await states(desk, transfer_id)) == ("rejected", ["void", "void"])
    assert (row.reason or "").startswith("policy/amount-limit")
    assert (await desk.balance(vault)).available == FUNDS


async def test_a_basis_that_the_signer_does_not_know_is_no_end(desk: Desk):
    vault = await desk.open_funded(FUNDS)
    transfer_id = await desk.send(vault, 1_000)
    desk.signer.refuse = [(RefusalCode.BASIS, "other-rules")]
    await desk.worker.run_due()
    row = await desk.transfer(transfer_id)
    assert (row.state, row.waiting) == ("approved", "signer_basis")
    await desk.settle(transfer_id)
    await ended_well(desk, vault, transfer_id, 1_000)


def test_people_sign_with_keys_of_their_own():
    assert all(isinstance(each, Ed25519PrivateKey) for each in PEOPLE.values())
