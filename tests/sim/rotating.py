"""New versions of the policy, other persons in it, and other API keys, while everything goes on."""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random

from signer.canonical import canonical_json
from signer.policy import SignedPolicy
from tests.bench.requests import standing_policy
from tests.sim.house import House
from tests.sim.machine import Died
from tests.support.signer import BOB, EVE, person_json, sign_policy


def policy_of(version: int) -> SignedPolicy:
    """Each allows what the first one does, by a rule of other limits, so that whatever was agreed
    to before rests on something else; and each second one knows other persons."""
    row = json.loads(standing_policy().document)
    row["version"] = version
    for limit in row["rules"][0]["limits"]["windows"]:
        if limit["amount"] is not None:
            limit["amount"] = str(int(limit["amount"]) + version)
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
