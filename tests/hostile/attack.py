"""One thing that the intruder tries, and how the signer answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from signer.state import StateDirectory
from tests.hostile.world import World

NO_START: Final = "does not start"


@dataclass(frozen=True)
class Attack:
    """`recorded`: whether there is to be a record. `own`: takes a process of its own, because it
    ends or uses up something. `says`: for NO_START, part of what the operator is told."""

    name: str
    does: str
    expected: str
    perform: Callable[[World], str] | None = None
    spoil: Callable[[StateDirectory], None] | None = None
    own: bool = False
    recorded: bool = True
    says: str = ""

    @property
    def logged(self) -> bool:
        """Whether the audit log shows it. A signer that can't write its log, does not start or
        drops a connection has nothing to show; strangers are only counted."""
        return (
            self.recorded and "/" in self.expected and not self.expected.startswith("unavailable/")
        )
