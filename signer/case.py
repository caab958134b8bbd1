"""One request to sign, with everything that was recorded before about its transfers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from chains.costs import Costs, sum_of
from chains.model import UnsignedTx
from signer.agreement import Consent, Core, Mandate, Purpose, set_digest
from signer.errors import malformed, mismatch
from signer.history import History, Signed
from signer.wire import SignRequest, tx_digest


@dataclass(frozen=True)
class Case:
    """`histories`: one for each consent, in order."""

    purpose: Purpose
    tx: UnsignedTx
    consents: tuple[Consent, ...]
    histories: tuple[History, ...]

    @cached_property
    def tx_digest(self) -> bytes:
        return tx_digest(self.tx)

    @cached_property
    def named(self) -> bytes:
        """Digest of the purpose and the transfers."""
        return set_digest(self.purpose, self.transfers)

    @property
    def mandates(self) -> tuple[Mandate, ...]:
        return tuple(consent.mandate for consent in self.consents)

    @property
    def cores(self) -> tuple[Core, ...]:
        return tuple(consent.mandate.core for consent in self.consents)

    @property
    def transfers(self) -> tuple[str, ...]:
        return tuple(core.transfer for core in self.cores)

    def size(self) -> int:
        """Bytes that its records hold of it."""
        mandates = sum(len(mandate.canonical) for mandate in self.mandates)
        return mandates + 2 * len(self.tx.payload)

    def each(self) -> Iterator[tuple[Mandate, History]]:
        return zip(self.mandates, self.histories, strict=True)

    def costs_max(self) -> Costs:
        """The most that the transaction may cost: the sum of what was agreed to."""
        return sum_of(mandate.costs_max for mandate in self.mandates)

    def retried(self) -> tuple[Signed, ...]:
        """The earlier decision that this request repeats, with one record for each transfer; empty
        if it repeats none."""
        found = [history.signed_as(self.named, self.tx_digest) for history in self.histories]
        retried = [signed for signed in found if signed is not None]
        assert len(retried) in (0, len(found)), "a request was recorded in part"
        return tuple(sorted(retried, key=lambda signed: signed.record.sequence))

    def as_recorded(self, retried: Sequence[Signed]) -> Case:
        """The request as it was decided then, whatever stands beside the bytes this time."""
        order = {signed.mandate.core.transfer: signed.mandate for signed in retried}
        histories = dict(zip(self.transfers, self.histories, strict=True))
        return replace(
            self,
            consents=tuple(Consent(mandate) for mandate in order.values()),
            histories=tuple(histories[transfer] for transfer in order),
        )


def case_of(request: SignRequest, history: Callable[[str], History]) -> Case:
    """`history`: of a transfer, from the journal."""
    histories = tuple(history(transfer) for transfer in request.transfers)
    return Case(request.purpose, request.tx, request.consents, histories)


def check_together(cores: Sequence[Core]) -> Core:
    """The first, if one source pays for all and each transfer stands there once. Raises Refused."""
    first, named = cores[0], set[str]()
    for core in cores:
        # Twice, or in two versions, it would lend its bounds twice.
        if core.transfer in named:
            message = f"{core.transfer} stands in the request twice"
            raise malformed("transfer-twice", message, core.transfer)
        named.add(core.transfer)
        # One client's or vault's money must not pay for another's transfer.
        if _source(core) != _source(first):
            message = f"{core.transfer} is paid from elsewhere than {first.transfer}"
            raise mismatch("together", message, core.transfer)
    return first


def _source(core: Core) -> tuple[object, ...]:
    return core.client, core.vault, core.network, core.source_path, core.source_address
