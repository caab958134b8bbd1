"""New versions of the policy, other persons in it, and other API keys, while everything goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Final

from chains.model import NetworkId
from signer.canonical import canonical_json
from signer.policy import SignedPolicy
from tests.bench.requests import standing_policy
from tests.sim.assets import catalogue, rows
from tests.sim.house import House, other_costs
from tests.sim.machine import Died
from tests.support.signer import BOB, EVE, person_json, rule, sign_policy

ALONE_MOST: Final = 45_000
"""Of one transfer that nobody has to approve of."""
HOUR: Final = timedelta(hours=1)


def room_of(asset: str) -> int:
    """How much of it may leave a vault within an hour without anybody's approval, whatever the
    version of the policy. Costs count, which are of the native one."""
    network = catalogue().networks[NetworkId(asset.partition("/")[0])]
    return 150_000 + (4 * other_costs(network) if asset == network.native.id else 0)


def policy_of(version: int) -> SignedPolicy:
    """Each allows a little by itself and everything with one person's approval. Limits differ, so
    that whatever was agreed to before rests on something else; and each second one knows other
    persons."""
    row = json.loads(standing_policy(rows()).document)
    row["version"] = version
    (free,) = row["rules"]
    row["rules"].append(rule("people", needs=[("treasury", 1)]))
    for each in row["rules"]:
        each["scope"]["actions"] = ["transfer", "call"]  # of what others signed, for its fee
    for limit in free["limits"]["per_transfer"]:
        limit["amount"] = str(ALONE_MOST)
    for limit in free["limits"]["windows"]:
        if limit["amount"] is not None:
            limit["amount"] = str(room_of(limit["asset"]) + version)
    people = (BOB, EVE) if version % 2 == 0 else (EVE,)
    if version > 1:
        row["persons"] = [person_json(each) for each in people]
        row["groups"][0]["members"] = [each.name for each in people]
    return sign_policy(canonical_json(row))


async def rotate_policy(house: House, dice: Random) -> None:
    await house.publish(policy_of(len(house.policies) + 1))
    house.counts["policies"] = len(house.policies)


async def rotate_key(house: House, dice: Random) -> None:
    """A new API key; from then on the old one is nobody's."""
    process, old = house.any_process(dice), house.key
    with suppress(Died):
        house.key = await process.machine.start(process.new_key())
        house.counts["keys"] += 1
        if old is not None:
            await process.machine.start(house.tried("revoke", lambda: process.revoke(old)))
