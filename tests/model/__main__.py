"""`python -m tests.model [SEEDS]`: play the full rules, then each with one rule left out.

Prints what each rule keeps from happening and writes it into docs/threat-model.md.
"""

from __future__ import annotations

import sys

from tests.model.guard import Rule
from tests.model.table import DOCUMENT, NotFound, documented, look
from tests.model.world import first_fault

SEEDS = 25_000


def main(seeds: int) -> int:
    found = first_fault(range(seeds))
    if found is not None:
        print("all rules:", *found)
        return 1
    print(f"all rules: nothing found in {seeds:,} games")
    rows = []
    for rule in Rule:
        try:
            rows.append(look(rule, range(seeds)))
        except NotFound:
            print(f"without {rule.name}: NOTHING FOUND ({rule})")
            return 1
        print(f"without {rule.name}: {rows[-1].harm}, in game {rows[-1].game:,} ({rule})")
    DOCUMENT.write_text(documented(DOCUMENT.read_text(), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS))
