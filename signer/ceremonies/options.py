"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StateDir = Annotated[Path, typer.Option(help="The signer's own directory, mode 700.")]
PassphraseFd = Annotated[
    int | None, typer.Option(help="File descriptor that holds the passphrase. [default: ask]")
]
PinFd = Annotated[int | None, typer.Option(help="File descriptor that holds the token's PIN.")]
TokenLibrary = Annotated[Path | None, typer.Option(help="PKCS#11 library of a wrapping token.")]
TokenLabel = Annotated[str, typer.Option(help="The token's label.")]
WordsFd = Annotated[int | None, typer.Option(help="File descriptor that holds the words.")]
MemoryMib = Annotated[int, typer.Option(help="Memory that one guess at the passphrase costs.")]
AdministratorsFile = Annotated[
    Path | None, typer.Option(help="JSON with threshold and members (id, Ed25519 key).")
]
