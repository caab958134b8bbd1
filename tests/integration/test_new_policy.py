"""A new policy while transfers are at every stage, with the signer's process, a real engine and all
loops: what it voids ends or is offered again, what was signed is paid, and nothing twice.

Each stage is one transfer: what waits, what is in flight without the signer having seen it, what it
signed and whose answer was lost, what was sent. The new policy has other rules, and a ceiling.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from custody.bootstrap import open_custody
from custody.db.transfer_tables import TransferRow
from custody.devnet.policy import ADMINISTRATOR, standing_policy
from custody.ledger import repository as balances
from custody.services import Services, make_services
from custody.transactions import repository as transactions
from custody.transactions.looking import Built
from custody.transactions.signing import request_of
from custody.transfers import repository as transfers
from custody.transfers.state import TERMINAL
from custody.workers.workers import Workers
from signer.client import SignerClient
from signer.policy import SignedPolicy, policy_message
from signer.wire import Receipt, canonical_json, parse_json
from tests.integration.test_restore_drill import Drill, begun, until
from tests.support.networks import find_network
from tests.support.signer import running_signer

ALIAS = "ethereum-local"
SMALL = ("sent", "unseen", "unanswered", "waiting")
LARGE = ("unseen and large", "unanswered and large", "waiting and large")
PAID = (*SMALL, "unanswered and large")
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]


@pytest_asyncio.fixture
async def drill(folder: Path) -> AsyncIterator[Drill]:
    async with begun(ALIAS, folder) as made:
        yield made


def next_policy(drill: Drill, ceiling: int, *, other_rules: bool) -> SignedPolicy:
    """A deny rule for what is above the ceiling; and if so, an allow rule with another window."""
    before = standing_policy([find_network(ALIAS)], drill.administrator)
    document: dict[str, Any] = parse_json(before.document)
    (rule,) = document["rules"]
    rule["limits"]["windows"][0]["seconds"] += 60 if other_rules else 0
    limit = {"asset": find_network(ALIAS).native.id, "amount": str(ceiling)}
    stop = {
        **rule, "id": "ceiling", "effect": "deny", "grant": None,
        "limits": {"per_transfer": [limit], "windows": [], "hours": None},
    }  # fmt: skip
    document |= {"version": 2, "rules": [rule, stop]}
    canonical = canonical_json(document)
    signature = drill.administrator.sign(policy_message(canonical))
    return SignedPolicy(canonical, {ADMINISTRATOR: signature})


async def stage(drill: Drill, ids: dict[str, str], services: Services) -> None:
    """Bring each to where it is when the policy changes. No loop runs."""
    driver = Workers(services).networks[find_network(ALIAS).id]._driver
    await driver.sign([ids["sent"]])
    unanswered = [ids["unanswered"], ids["unanswered and large"]]
    built = (await driver._builder.build(unanswered)).values()
    # Signed in their order, and we died before we stored it.
    requests = [request_of(each) for each in built if isinstance(each, Built)]
    outcomes = await services.custody.signer.sign(requests)
    assert [type(each) for each in outcomes] == [Receipt, Receipt]
    await driver._builder.build([ids["unseen"], ids["unseen and large"]])
    assert await states(services, ids) == {
        "sent": "in_flight", "unseen": "in_flight", "unanswered": "in_flight",
        "waiting": "approved", "unseen and large": "in_flight",
        "unanswered and large": "in_flight", "waiting and large": "approved",
    }  # fmt: skip


async def states(services: Services, ids: dict[str, str]) -> dict[str, str]:
    async with services.custody.database.read() as session:
        rows = {name: await session.get(TransferRow, each) for name, each in ids.items()}
    return {name: row.state for name, row in rows.items() if row is not None}


@pytest.mark.parametrize("other_rules", [True, False], ids=["other rules", "a ceiling"])
async def test_a_new_policy_while_transfers_are_at_every_stage(
    drill: Drill, other_rules: bool
) -> None:
    with running_signer(drill.state):
        client = SignerClient(drill.socket)
        first = standing_policy([find_network(ALIAS)], drill.administrator)
        await client.publish_policy(first)
        async with drill.living() as services:
            await drill.move_in(services)
        async with open_custody(drill.settings()) as custody:
            services = make_services(custody)
            ids = {name: await drill.ask(services, name) for name in (*SMALL, *LARGE)}
            await stage(drill, ids, services)
        ceiling = max(drill.asked[name][0] for name in SMALL)
        await client.publish_policy(next_policy(drill, ceiling, other_rules=other_rules))
        await client.close()
        async with drill.living() as services:
            # What ends leaves no hole among the account's nonces, so nobody has to pay once more.
            await until(lambda: ended(services, ids))
            await check(drill, services, ids, other_rules=other_rules)
    rows = [json.loads(line) for line in drill.state.log.read_text().splitlines()]
    signed = [each["body"]["transfer"] for each in rows if _is_signed(each)]
    assert sorted(signed) == sorted(ids[name] for name in PAID), "each once"


def _is_signed(row: dict[str, Any]) -> bool:
    return bool(row.get("body", {}).get("kind") == "signed")


async def ended(services: Services, ids: dict[str, str]) -> bool:
    return all(state in TERMINAL for state in (await states(services, ids)).values())


async def check(
    drill: Drill, services: Services, ids: dict[str, str], *, other_rules: bool
) -> None:
    ended_as = await states(services, ids)
    # Whoever comes first: the look at what the new policy voids, or the signer's word.
    assert ended_as.pop("waiting and large") in ("rejected", "denied")
    assert ended_as == {
        **dict.fromkeys(PAID, "final"),
        # The signer's word is that it rests on other rules, or that it is denied.
        "unseen and large": "rejected" if other_rules else "denied",
    }
    assert await drill.received() == drill.amounts(*PAID)
    async with services.custody.database.read() as session:
        for name in ("unseen", "waiting"):
            versions = await transfers.mandates_of(session, ids[name])
            stand = ["void", "agreed"] if other_rules else ["agreed"]
            assert [each.state for each in versions] == stand, name
        for name, transfer in ids.items():
            contest = await transactions.contest(session, transfer)
            assert len([each for each in contest if each.raw]) == (name in PAID), name
        (balance,) = await balances.balances_of_vault(session, drill.vault)
    assert balance.reserved == 0
    amounts = sum(drill.asked[name][0] for name in PAID)
    assert 0 < 60_000 * drill.unit - amounts - balance.available < drill.unit, "the fees"
    drill.at_rest = True

    async def books_agree() -> bool:
        report = await services.reconciliation.run()
        return report.is_clean

    await until(books_agree)
