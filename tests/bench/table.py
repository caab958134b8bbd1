"""One table: what was measured, ours, the limit, the peers, the ratios, and whether the aim is met.

Knows figures and how to print them, as a terminal's table and as a page's; measures nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

HEADINGS = (
    "what",
    "unit",
    "ours",
    "a core",
    "limit",
    "is",
    "a core",
    "of limit",
    "a core",
    "peers",
    "aim",
    "",
)
_TEXTS = ("what", "limit", "peers", "aim")
_WIDTH = 190


@dataclass(frozen=True, slots=True)
class Figure:
    """One contestant's number. `core`: the same per second of one core's time, where it is a rate
    and its process was watched."""

    name: str
    value: float
    core: float | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """`small`: the smaller number is the better one. Ratios say how good ours is in either case:
    above 1 is better than the other."""

    section: str
    what: str
    unit: str
    ours: Figure
    limit: Figure | None = None
    peers: tuple[Figure, ...] = ()
    aims: tuple[Aim, ...] = ()
    small: bool = False
    note: str = ""
    """What does not fit into the table and stands below it."""

    def ratio(self, other: Figure) -> float:
        ratio = self.ours.value / other.value
        return 1 / ratio if self.small else ratio

    def core_ratio(self, other: Figure) -> float | None:
        """The same, for the rates of one core."""
        if self.ours.core is None or other.core is None:
            return None
        return self.ours.core / other.core

    def cells(self) -> tuple[str, ...]:
        """In the order of HEADINGS."""
        limit = ("", "", "", "", "")
        if self.limit is not None:
            limit = (
                self.limit.name,
                number(self.limit.value),
                _maybe(self.limit.core),
                number(self.ratio(self.limit)),
                _maybe(self.core_ratio(self.limit)),
            )
        peers = "; ".join(
            f"{each.name} {number(each.value)} ({number(self.ratio(each))}x)" for each in self.peers
        )
        aims = "; ".join(aim.text for aim in self.aims)
        met = "; ".join("met" if aim.met else "missed" for aim in self.aims)
        ours = (self.what, self.unit, number(self.ours.value), _maybe(self.ours.core))
        return (*ours, *limit, peers, aims, met)


def share_aim(least: float, ours: float, limit: float) -> Aim:
    """At least `least` of the limit, by wall time."""
    return Aim(f"{least:g} of limit", ours >= least * limit)


def core_aim(least: int, per_core: float) -> Aim:
    """At least so many per second of one core's time."""
    return Aim(f"{least:,} a core", per_core >= least)


def below_aim(most: float, unit: str, ours: float) -> Aim:
    return Aim(f"below {most:g} {unit}", ours < most)


def number(value: float) -> str:
    """Three digits are all that a benchmark knows."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value / 10**digits) * 10**digits:,}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def print_table(rows: Sequence[Row], console: Console) -> None:
    table = Table(*HEADINGS, show_lines=False, pad_edge=False)
    for heading, column in zip(HEADINGS, table.columns, strict=True):
        column.justify = "left" if heading in (*_TEXTS, "unit", "") else "right"
        column.no_wrap = heading not in _TEXTS
    for section, of_section in by_section(rows):
        table.add_section()
        table.add_row(f"[bold]{section}[/bold]")
        for row in of_section:
            table.add_row(*row.cells())
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.what}: {row.note}")


def wide_console() -> Console:
    """As wide as the table, also where the output is no terminal."""
    console = Console(highlight=False)
    return console if console.width >= _WIDTH else Console(highlight=False, width=_WIDTH)


def markdown(rows: Sequence[Row]) -> str:
    """The same table for a page."""
    lines = [_line(HEADINGS), _line(["---"] * len(HEADINGS))]
    for section, of_section in by_section(rows):
        lines.append(_line([f"**{section}**", *[""] * (len(HEADINGS) - 1)]))
        lines += [_line(row.cells()) for row in of_section]
    lines += ["", *(f"{row.what}: {row.note}." for row in rows if row.note)]
    return "\n".join(lines)


def by_section(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    """In the order in which the sections first appear."""
    for section in dict.fromkeys(row.section for row in rows):
        yield section, [row for row in rows if row.section == section]


def _maybe(value: float | None) -> str:
    return "" if value is None else number(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
