"""Which characters a text of people may have: one rule, and the same as a pattern for schemas."""

from __future__ import annotations

import re
from typing import Final

# Controls, invisible and direction-changing characters, blanks other than the space, private use.
# Lone surrogates can't be in a pattern of Unicode text; they are refused beside it.
_REFUSED: Final = (
    r"\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680"
    r"\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U0010ffff"
)
PRINTABLE: Final = f"^[^{_REFUSED}]*$"
"""Of JSON Schema (ECMA 262) and of Python alike."""
NAMING: Final = f"^ *[^ {_REFUSED}][^{_REFUSED}]*$"
"""The same, with something to see in it."""
ASCII: Final = r"^[\u0020-\u007e]*$"

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def fits(text: str, pattern: str) -> bool:
    return re.fullmatch(pattern, text) is not None and _SURROGATES.search(text) is None
