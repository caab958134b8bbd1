"""Writes the table of attacks into docs/threat-model.md: `python -m tests.hostile`."""

from __future__ import annotations

from tests.hostile.attacks import DOCUMENT, documented

if __name__ == "__main__":
    DOCUMENT.write_text(documented(DOCUMENT.read_text()))
