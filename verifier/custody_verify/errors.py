"""Why something does not hold, or can't be read. Verification raises; it never returns a bool."""

from __future__ import annotations


class Unreadable(Exception):
    """Not the one spelling that there is. Nothing of it counts."""


class Refuted(Exception):
    """It was read, and shows something else than is claimed."""
