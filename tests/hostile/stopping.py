"""The emergency stop: what somebody tries who is no administrator, or wants it to end."""

from __future__ import annotations

from typing import Any

from signer.policy import SignedPolicy, Stop, stop_message
from tests.hostile.consent import Perform
from tests.hostile.transactions import ETHEREUM, honest
from tests.hostile.world import RULING, THIEF, VERSION, World, policy
from tests.support.signer import ADMINISTRATORS, Person, sign_policy


def stop_by(by: Person, **changes: Any) -> Perform:
    """Of this signer under the policy in force, except for `changes`."""
    return lambda world: _say(world, _signed(world, by, **changes))


def signed_by_a_policy(world: World) -> str:
    """With the signature that put the policy in force."""
    signatures = sign_policy(policy(VERSION, world.now()), RULING).signatures
    name, signature = next(iter(signatures.items()))
    return _say(world, Stop(_origin(world), VERSION, name, "all of it", signature))


def signing_a_policy(world: World) -> str:
    """What an administrator signed to stop, as signatures of a next policy."""
    stops = [_signed(world, by) for by in RULING]
    signatures = {each.administrator: each.signature for each in stops}
    return world.publish(SignedPolicy(policy(VERSION + 1, world.now()), signatures))


def paying_meanwhile(world: World) -> str:
    _stop(world)
    return world.word(honest(world, ETHEREUM))


def ended_by_one(world: World) -> str:
    """A next version with one signature, where two are needed; then it is asked to pay."""
    _stop(world)
    one = sign_policy(policy(VERSION + 1, world.now()), RULING[:1])
    said = world.publish(one)
    return said if said != "denied/policy-unsigned" else world.word(honest(world, ETHEREUM))


def ended_by_the_version_in_force(world: World) -> str:
    """It is published again, as it was signed; then it is asked to pay."""
    signed = SignedPolicy.parse(world.call("policy"))
    _stop(world)
    world.publish(signed)
    return world.word(honest(world, ETHEREUM))


def ended_by_a_crash(world: World) -> str:
    _stop(world)
    if world.crash is not None:
        world.crash()
    return world.word(honest(world, ETHEREUM))


def _stop(world: World) -> None:
    assert _say(world, _signed(world, RULING[0])) == f"accepted {VERSION}"


def _say(world: World, stop: Stop) -> str:
    return world.refused("stop", stop=stop.to_json())


def _signed(world: World, by: Person, **changes: Any) -> Stop:
    said: dict[str, Any] = {"origin": _origin(world), "policy_version": VERSION}
    said |= {"administrator": by.name, "reason": "a laptop was stolen", **changes}
    return Stop(**said, signature=by.key.sign(stop_message(**said)))


def _origin(world: World) -> str:
    return str(world.call("status")["verifier_key"]).partition("+")[0]


REMOVED = ADMINISTRATORS[2]
"""Replaced with the version in force."""
STRANGER = THIEF
