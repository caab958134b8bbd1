"""How long a policy is believed, and when the signer is asked for it again."""

from __future__ import annotations

import pytest

from custody.policies import source
from custody.policies.source import PolicySource
from signer.policy import SignedPolicy
from tests.support.fake_signer import changed_policy


class Holder:
    def __init__(self) -> None:
        self.newest: SignedPolicy | None = None
        self.asked = 0

    async def policy(self) -> SignedPolicy | None:
        self.asked += 1
        return self.newest


async def test_a_version_that_the_signer_named_is_asked_for_once(monkeypatch: pytest.MonkeyPatch):
    holder = Holder()
    policies = PolicySource(holder)
    holder.newest = changed_policy(1)
    assert (await policies.current(1)).version == 1
    monkeypatch.setattr(source, "monotonic_ns", lambda: 2**62)  # what is known has grown old
    assert ((await policies.current(1)).version, holder.asked) == (1, 1)
    holder.newest = changed_policy(2)
    assert ((await policies.current(2)).version, holder.asked) == (2, 2)  # at once
