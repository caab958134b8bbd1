"""The real signer behind the model's interface, so that both can be played against each other.

What the model calls a source is a vault with its first address; a tick is ten minutes, longer than
the skew that the signer allows for clocks; "A" and "B" are two policies. Everything else is the
program itself: its socket's values, its journal, its policy, its signatures.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from chains.costs import CostKind
from chains.effects import Pay
from chains.model import Address, UnsignedTx
from signer.ceremonies.recovery import LostVault, Skip, recover
from signer.policy import Policy, Stop, Window, basis_of, stop_message
from signer.policy.fields import SECONDS_MAX
from signer.wire import Action, Approval, Consent, Core, Mandate, Purpose, Receipt, SignRequest
from tests.model import guard as model
from tests.support.networks import find_network
from tests.support.signer import (
    ADA,
    ADMINISTRATORS,
    PINNED,
    Bench,
    log_key,
    native,
    policy_document,
    rule,
    script,
    sign_policy,
    window,
)

ALIAS = "ethereum-local"
ETH = native(ALIAS)
NETWORK = find_network(ALIAS).id
TICK = timedelta(minutes=10)
_KINDS = {"fee": CostKind.FEE, "rent": CostKind.RENT}


class RealGuard:
    """One game. `bench`: a signer; each game has vaults and transfers of its own in it."""

    def __init__(self, bench: Bench, game: int) -> None:
        self.bench = bench
        self._game = game
        self._begin = bench.clock.now
        self._bases: list[str] = []
        self._policies: dict[str, Policy] = {}
        self._limit = 0
        self._vaults = {source: f"v{game}{source}" for source in "XY"}
        for source, vault in self._vaults.items():
            bench.session.vaults.open(f"c{game}{source}", vault)

    def rules(self, basis: str, limit: int) -> None:
        """What is in force from now on. The limit stays the same for all of a game."""
        if not self._bases:
            self._limit = limit
            self._policies = {name: Policy.parse(self._document(name, 1)) for name in "AB"}
        if self._bases[-1:] != [basis]:
            self.publish(basis)

    def publish(self, basis: str) -> None:
        """A next version."""
        version = self.bench.session.guard.in_force.version + 1
        self.bench.session.publisher.publish(sign_policy(self._document(basis, version)))
        self._bases.append(basis)

    def stop(self) -> None:
        """By the word of one administrator."""
        origin = self.bench.session.journal.end.origin
        version, by = self.bench.session.guard.in_force.version, ADMINISTRATORS[0]
        message = stop_message(origin, version, by.name, "now")
        made = Stop(origin, version, by.name, "now", by.key.sign(message))
        self.bench.session.publisher.stop(made)

    def sign(
        self,
        purpose: model.Purpose,
        transaction: model.Transaction,
        consents: Sequence[model.Consent],
        now: int,
    ) -> None:
        """Returns if a signature is made, for the first time or again. Raises model.Refused."""
        self._wait_until(now)
        request = SignRequest(
            Purpose(purpose.value),
            self._tx(transaction, consents[0].mandate),
            tuple(map(self._consent, consents)),
        )
        outcome = self.bench.sign(request)
        if not isinstance(outcome, Receipt):
            raise model.Refused(f"{outcome.code}/{outcome.detail}")
        assert sorted(outcome.transfers) == sorted(request.transfers)

    def taken(self, source: str, without: Collection[str] = ()) -> int:
        """What the windows of a source hold."""
        every = Window(self._vaults[source], ETH, None, SECONDS_MAX)
        held = self.bench.session.guard.usage(
            every, self.bench.clock.now, [self._name(transfer) for transfer in without]
        )
        assert held is not None
        return held.amount

    def lose_journal(self, now: int) -> None:
        """Recover without a copy of the log, but with the policy and the vaults."""
        self._wait_until(now)
        guard = self.bench.session.guard
        vaults = []
        for source, vault in self._vaults.items():
            found = guard.registry.vault(vault)
            assert found is not None
            vaults.append(LostVault(f"c{self._game}{source}", vault, found.account))
        first = guard.in_force.version - len(self._bases) + 1
        policies = [
            sign_policy(self._document(basis, version))
            for version, basis in enumerate(self._bases, first)
        ]
        skip = Skip(
            self.bench.session.journal.sequence,
            guard.in_force.version,
            tuple(vaults),
            tuple(policies),
        )
        self.bench.session.close()
        for file in self.bench.state.path.iterdir():
            file.unlink()
        recover(self.bench.state, log_key(), None, skip, self.bench.clock.now, PINNED).close()
        self.bench.session = self.bench.open()

    def _document(self, basis: str, version: int) -> bytes:
        """Any payment with one approval, in a year no more than the limit out of each vault."""
        windows = [window(ETH, SECONDS_MAX, self._limit)] if self._limit < 1000 else []
        lifetime = 30 * 86400 + "AB".index(basis)
        one = rule("one", needs=[("treasury", 1)], windows=windows, mandate_lifetime_s=lifetime)
        return policy_document(one, version=version)

    def _wait_until(self, tick: int) -> None:
        waited = self._at(tick) - self.bench.clock.now
        self.bench.clock.advance(int(waited.total_seconds()))

    def _at(self, tick: int) -> datetime:
        return self._begin + tick * TICK

    def _name(self, transfer: str) -> str:
        return f"{self._game}{transfer}"

    def _consent(self, consent: model.Consent) -> Consent:
        """With the approval of this very mandate, if there is one, else of another version."""
        mandate = self._mandate(consent.mandate)
        given: tuple[Approval, ...] = ()
        if consent.mandate in consent.approvals:
            given = (ADA.approve(mandate),)
        else:
            others = [a for a in consent.approvals if a.core == consent.mandate.core]
            given = tuple(ADA.approve(self._mandate(a)) for a in sorted(others, key=repr)[:1])
        return Consent(mandate, given)

    def _mandate(self, offered: model.Mandate) -> Mandate:
        source = offered.core.source
        vault = self._vaults[source]
        core = Core(
            transfer=self._name(offered.core.transfer),
            retry_of=None,
            client=f"c{self._game}{source}",
            vault=vault,
            network=NETWORK,
            action=Action.TRANSFER,
            initiator="robot",
            source_path=self.bench.path(ALIAS, vault),
            source_address=self.bench.address(ALIAS, vault),
            effects=tuple(Pay(Address(to), ETH, units) for to, units in offered.core.pays),
            requested_at=self._at(offered.core.requested_at),
        )
        policy = self._policies[offered.basis]
        return Mandate(
            core=core,
            version=offered.version,
            costs_max={(ETH, _KINDS[kind]): units for kind, units in offered.bounds if units},
            basis=basis_of(policy, core),
            offered_at=core.requested_at,
            expires_at=self._at(offered.expires_at),
        )

    def _tx(self, transaction: model.Transaction, mandate: model.Mandate) -> UnsignedTx:
        keys = {key: f"{self._game}/{key.name}" for key in sorted(transaction.keys)}
        binding = [name for key, name in keys.items() if key.excludes is model.Excludes.INCLUSION]
        costs = dict(transaction.costs)
        vault = self._vaults[transaction.source]
        address = self.bench.address(ALIAS, vault)
        inputs = [[address, "ecdsa-recoverable", None]]
        return script(
            self._mandate(mandate),
            sources=[address],
            inputs=inputs,
            payments=[[to, ETH, units] for to, units in transaction.pays],
            conflict_keys=list(keys.values()),
            binding_keys=binding,
            fee_max=costs.get("fee", 0),
            rent=costs.get("rent", 0),
        )


def fresh(folder: Path) -> Bench:
    """A signer that has signed nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    return Bench(folder)
