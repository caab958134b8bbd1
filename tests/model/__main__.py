"""`python -m tests.model [SEEDS]`: play the full rules, then each with one rule left out."""

from __future__ import annotations

import sys

from tests.model.guard import Rule
from tests.model.world import first_fault

SEEDS = 20_000


def main(seeds: int) -> int:
    found = first_fault(range(seeds))
    print(f"{'all rules':22}", "nothing found" if found is None else found, f"in {seeds:,} games")
    missed = 0
    for rule in Rule:
        found = first_fault(range(seeds), {rule})
        missed += found is None
        print(f"without {rule.name:22}", found or "NOT FOUND", f"({rule})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS))
