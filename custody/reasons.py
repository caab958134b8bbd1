"""The words with which a person decides something: kept with what was decided, so never empty."""

from __future__ import annotations

from typing import Final

from custody.errors import Invalid
from custody.texts import PRINTABLE, fits

LENGTH_MAX: Final = 500


def checked_reason(text: str) -> str:
    """Without the blanks around it. Raises Invalid(reason_invalid)."""
    reason = text.strip()
    if not 0 < len(reason) <= LENGTH_MAX or not fits(reason, PRINTABLE):
        raise Invalid("reason_invalid", f"1 to {LENGTH_MAX} printable characters.", field="reason")
    return reason
