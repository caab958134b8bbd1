"""What each of several transfers pays of the costs of the transaction that carries them all. Pure.

Custody plans and books by it and the signer checks it: one rule, so that nobody pays more than was
agreed for him, and nobody's bound is lent to another. Shares go by size, the bytes that a
transfer's own outputs add (`TransactionCodec.size_of`): rounded down, then one unit each to those
with the largest remainders, of equal ones to those whose mandate stands first. They are exactly the
costs, kind by kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from chains.costs import Costs


def shares(units: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Of `units` (>= 0), in the order of the sizes, each of which is above zero."""
    whole = sum(sizes)
    parts = [divmod(units * size, whole) for size in sizes]
    left = units - sum(part for part, _ in parts)
    dearest = sorted(range(len(sizes)), key=lambda at: (-parts[at][1], at))[:left]
    return tuple(part + (at in dearest) for at, (part, _) in enumerate(parts))


def shares_of(costs: Costs, sizes: Sequence[int]) -> tuple[Costs, ...]:
    """`shares` of each kind of cost."""
    split = {kind: shares(units, sizes) for kind, units in costs.items()}
    return tuple({kind: parts[at] for kind, parts in split.items()} for at in range(len(sizes)))


def most_together(bounds: Sequence[Costs], sizes: Sequence[int]) -> Costs:
    """The most that a transaction may cost, kind by kind, for every share to stay within its own
    bound, whatever it costs up to that."""
    whole = sum(sizes)
    kinds = dict.fromkeys(kind for each in bounds for kind in each)
    return {
        kind: min(
            most.get(kind, 0) * whole // size for most, size in zip(bounds, sizes, strict=True)
        )
        for kind in kinds
    }
