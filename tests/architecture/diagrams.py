"""The drawings of docs/architecture.md, made from what they show.

Each stands between two markers, and a test compares it with what would be drawn now.

    python -m tests.architecture.diagrams --write     draw them again (make drawings)
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from custody.deposits import states as deposits
from custody.transactions import state as transactions
from custody.transfers import consent
from custody.transfers import state as transfers
from tests.support.hops import described
from tests.support.sources import modules, nodes, parsed

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = ROOT / "docs" / "architecture.md"
_BLOCK: Final = re.compile(r"(<!-- drawn: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Step = tuple[str, str, str]
"""From a state, by an event, to a state."""


# The lives of things, as Mermaid draws them


def life_of_transfers() -> str:
    return _life(_steps(transfers.TABLE, lambda rule: rule.to), str(transfers.State.REQUESTED))


def life_of_transactions() -> str:
    return _life(_steps(transactions.TABLE, lambda rule: rule.to), str(transactions.State.CLAIMED))


def life_of_mandates() -> str:
    return _life(_steps(consent.TABLE, lambda to: to), str(consent.Consent.OFFERED))


def life_of_deposits() -> str:
    return _life(_steps(deposits.TABLE, lambda to: to), str(deposits.DepositState.PENDING))


def _steps(table: Mapping[Any, Mapping[Any, Any]], to: Callable[[Any], str]) -> Iterator[Step]:
    for state, rules in table.items():
        for event, rule in rules.items():
            name = event.__name__.lower() if isinstance(event, type) else str(event)
            yield str(state), name, str(to(rule))


def _life(steps: Iterable[Step], first: str) -> str:
    """Events that lead the same way share a line."""
    ways: dict[tuple[str, str], list[str]] = {}
    for state, event, to in steps:
        ways.setdefault((state, to), []).append(event)
    lines = [f"    {a} --> {b} : {', '.join(events)}" for (a, b), events in ways.items()]
    return _fenced("mermaid", ["stateDiagram-v2", f"    [*] --> {first}", *lines])


# Folders


def layers() -> str:
    """From above to below, with what each imports of those below."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names: list[str] = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    lines = []
    for name in names:
        imported = _imports_of(name) & set(names) - {name}
        below = [other for other in names if other in imported]
        lines.append(f"{name + '/':9} {_says(name):88} {', '.join(below) or '-'}".rstrip())
    return _fenced("", lines)


def folders() -> str:
    """Of custody and the chains, with the first sentence of each."""
    found = [path.parent for top in ("custody", "chains") for path in ROOT.glob(f"{top}/*/*.py")]
    names = sorted({path.relative_to(ROOT).as_posix() for path in found})
    named = [name for name in names if (ROOT / name / "__init__.py").exists()]
    width = max(map(len, named))
    return _fenced("", [f"{name:{width}}  {_says(name)}" for name in named])


def _says(folder: str) -> str:
    """The first sentence of the folder's docstring, without its full stop."""
    tree = parsed(f"{folder}/__init__.py")
    words = " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split())
    return re.split(r"\.(?:\s|$)", words)[0]


@cache
def _imports_of(package: str) -> set[str]:
    found = set()
    for tree in modules(package).values():
        for node in nodes(tree):
            if isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
    return found


# Hops


def hops() -> str:
    """The rooms, with arrows that bear the numbers of the hops between them."""
    ways: dict[tuple[str, str], list[str]] = {}
    for numbered in described(DOCUMENT).values():
        for number, hop in numbered:
            ways.setdefault(hop.rooms, []).append(str(number))
    rooms = dict.fromkeys(room for way in ways for room in way)
    boxes = [f'    {_name(room)}["{room}"]' for room in rooms]
    arrows = [
        f'    {_name(a)} -- "{", ".join(numbers)}" --> {_name(b)}'
        for (a, b), numbers in ways.items()
    ]
    return _fenced("mermaid", ["flowchart TD", *boxes, *arrows])


def _name(room: str) -> str:
    """Mermaid's names of boxes have no slash."""
    return room.replace("/", "_")


DRAWINGS: Final[Mapping[str, Callable[[], str]]] = {
    "layers": layers,
    "folders": folders,
    "transfer": life_of_transfers,
    "transaction": life_of_transactions,
    "mandate": life_of_mandates,
    "deposit": life_of_deposits,
    "hops": hops,
}


def _fenced(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```", ""])


def drawn(text: str) -> str:
    """`text` with every drawing as it would be drawn now. Raises KeyError for an unknown one."""
    return _BLOCK.sub(lambda match: f"{match[1]}{DRAWINGS[match[2]]()}{match[3]}", text)


def missing(text: str) -> set[str]:
    """Drawings that have no place in `text`."""
    return DRAWINGS.keys() - {match[2] for match in _BLOCK.finditer(text)}


def main() -> int:
    text = DOCUMENT.read_text()
    now = drawn(text)
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(now)
        return 0
    print("as drawn" if now == text else "stale: run make drawings")
    return int(now != text)


if __name__ == "__main__":
    sys.exit(main())
