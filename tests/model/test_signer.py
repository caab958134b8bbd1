"""The real signer and the model of its guard, played against each other: the same hostile custody,
the same people, the same verdict on every request, the same sums in the windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.model.guard import Consent, Guard, Purpose, Refused, Transaction
from tests.model.signer import RealGuard, fresh
from tests.model.world import play
from tests.support.signer import Bench

GAMES = 60
GAMES_LONG = 3_000


class Both(Guard):
    """Asks both, and insists that they agree."""

    def __init__(self, bench: Bench, game: int) -> None:
        super().__init__(limit=0)
        self.real = RealGuard(bench, game)
        self.signed = 0

    def sign(
        self, purpose: Purpose, transaction: Transaction, consents: Sequence[Consent], now: int
    ) -> None:
        self.real.rules(self.basis, self.limit)
        said = self._said(self.real, purpose, transaction, consents, now)
        expected = self._said(super(), purpose, transaction, consents, now)
        words = f"{purpose} {transaction} for {consents}: the signer says {said}, not {expected}"
        assert (said is None) == (expected is None), words
        for source in "XY" if self.recovered_at < 0 else "":
            assert self.real.taken(source) == self.taken(source), words
        if expected is not None:
            raise expected
        self.signed += 1

    def publish(self, basis: str) -> None:
        self.real.rules(self.basis, self.limit)
        self.real.publish(basis)
        super().publish(basis)

    def stop(self) -> None:
        self.real.rules(self.basis, self.limit)
        self.real.stop()
        super().stop()

    def lose_journal(self, now: int) -> None:
        """Not where windows count: the signer takes them for full after a recovery, which is more
        than the model knows."""
        if self.limit >= 1000:
            self.real.rules(self.basis, self.limit)
            self.real.lose_journal(now)
            super().lose_journal(now)

    def _said(self, guard: object, *request: object) -> Refused | None:
        try:
            guard.sign(*request)  # type: ignore[attr-defined]
        except Refused as refused:
            return refused
        return None


def play_all(seeds: Iterable[int], folder: Path) -> int:
    """How many signatures were given out. Raises AssertionError where the two disagree."""
    bench, signed = fresh(folder), 0
    for seed in seeds:
        both = Both(bench, seed)
        assert play(seed, guard=both) is None
        signed += both.signed
        if both.recovered_at >= 0:
            bench.session.close()
            bench = fresh(folder)
    bench.session.close()
    return signed


def test_the_signer_decides_as_the_model_does(tmp_path):
    assert play_all(range(GAMES), tmp_path / "s") > GAMES // 2


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_signer_decides_as_the_model_does_in_many_games(tmp_path):
    assert play_all(range(GAMES, GAMES_LONG), tmp_path / "s") > GAMES_LONG // 2
