"""Settings of custody's processes, from the environment (`CUSTODY_…`) or an env file.

Never a secret that moves money: keys and their passphrase are the signer's, and it takes neither
from the environment. Node and database URLs may carry passwords, so they are never logged.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from chains.transport.endpoint import Endpoint, Endpoints


def _listed(value: Any) -> Any:
    """A URL, a node or a list of both, as a list of nodes."""
    each = value if isinstance(value, list) else [value]
    return [{"url": one} if isinstance(one, str) else one for one in each]


def _usable(found: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    Endpoints.of(found)
    return found


NetworkNodes = Annotated[tuple[Endpoint, ...], BeforeValidator(_listed), AfterValidator(_usable)]
_NODES: TypeAdapter[dict[str, NetworkNodes]] = TypeAdapter(dict[str, NetworkNodes])


class Settings(BaseSettings):
    """`nodes`: network alias -> its nodes, as `docs/nodes.md` describes; a network without a node
    is not served. As JSON in the environment, CUSTODY_NODES='{"bitcoin-regtest": "http://…"}', or
    in the file `nodes_file`, so that keys need not be in the environment.
    `accept_without_internal`: aliases of main networks that are followed though their node does not
    show what contracts pay. `database_owner_url`: of the role that owns the tables, for `custody
    migrate` only. `accept_owning_role`: main networks are served though the role in `database_url`
    could rewrite the past."""

    model_config = SettingsConfigDict(
        env_prefix="CUSTODY_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr = SecretStr("sqlite+aiosqlite:///custody.db")
    database_owner_url: SecretStr | None = None
    accept_owning_role: bool = False
    signer_socket: Path = Path("signer.sock")
    nodes: dict[str, NetworkNodes] = Field(default_factory=dict)
    nodes_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    run_workers: bool = True
    accept_without_internal: frozenset[str] = frozenset()
    poll_interval_s: float = 2.0
    node_timeout_s: float = 10.0
    transfer_lifetime: timedelta = timedelta(hours=24)
    reconcile_interval_s: float = 300.0
    body_bytes_max: int = 64 * 1024

    @model_validator(mode="after")
    def _read_nodes_file(self) -> Self:
        """Raises ValueError; what the file holds gets into no message."""
        if self.nodes_file is None:
            return self
        if self.nodes:
            raise ValueError("nodes are named both by CUSTODY_NODES and by CUSTODY_NODES_FILE")
        try:
            text = self.nodes_file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise ValueError(f"CUSTODY_NODES_FILE can't be read: {self.nodes_file}") from None
        self.nodes = read_nodes(text)
        return self


def read_nodes(text: str) -> dict[str, tuple[Endpoint, ...]]:
    """The JSON of a file of nodes. Raises ValueError, whose message says where and not what."""
    try:
        given = json.loads(text)
    except ValueError:
        raise ValueError("CUSTODY_NODES_FILE does not hold JSON") from None
    try:
        return _NODES.validate_python(given)
    except ValidationError as error:
        raise ValueError("; ".join(complaints(error, "CUSTODY_NODES_FILE"))) from None


def complaints(error: ValidationError, setting: str | None = None) -> list[str]:
    """One line for each thing that is wrong: where, and why, and never the value. `setting`: whose
    value was validated; else the first part of each place names it."""
    lines = []
    for item in error.errors(include_input=False, include_url=False):
        place = [str(part) for part in item["loc"]]
        name = setting or f"CUSTODY_{place.pop(0).upper()}" if setting or place else "CUSTODY"
        where = f" at {'.'.join(place)}" if place else ""
        lines.append(f"{name}{where}: {item['msg'].removeprefix('Value error, ')}")
    return lines
