"""The signer's policy document, remembered for a moment."""

from __future__ import annotations

import asyncio
from time import monotonic_ns
from typing import Protocol

from custody.errors import Unprocessable
from signer.client import SignerError
from signer.policy import Policy, SignedPolicy

FRESH_NS = 2 * 10**9
"""How long a policy is believed to be in force without asking again, in nanoseconds."""


class PolicyHolder(Protocol):
    """The part of the signer's client that tells the policy."""

    async def policy(self) -> SignedPolicy | None: ...


class PolicySource:
    """One per process. While the signer is away, the last policy it told is used."""

    def __init__(self, signer: PolicyHolder) -> None:
        self._signer = signer
        self._signed: SignedPolicy | None = None
        self._policy: Policy | None = None
        self._fresh_until: int | None = None
        self._asking = asyncio.Lock()

    async def current(self, version: int | None = None) -> Policy:
        """`version`: which one the signer has just said to be in force, if it was asked: then no
        moment is believed, and only another one than is known is asked for. Raises SignerError if
        the signer never answered yet, Unprocessable policy_missing."""
        if not self._is_known(version):
            async with self._asking:
                if not self._is_known(version):
                    await self._ask()
        if self._policy is None:
            raise Unprocessable("policy_missing", "the signer has no policy: nothing may leave")
        return self._policy

    def _is_known(self, version: int | None) -> bool:
        if version is not None:
            return self._policy is not None and self._policy.version == version
        return self._fresh_until is not None and monotonic_ns() < self._fresh_until

    async def _ask(self) -> None:
        try:
            signed = await self._signer.policy()
        except SignerError:
            if self._policy is None:
                raise
        else:
            if signed != self._signed:
                self._policy = None if signed is None else Policy.parse(signed.document)
                self._signed = signed
        self._fresh_until = monotonic_ns() + FRESH_NS
