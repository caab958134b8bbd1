"""Settings of custody's processes, from the environment (`CUSTODY_…`) or an env file.

Never a secret that moves money: keys and their passphrase are the signer's, and it takes neither
from the environment. Node and database URLs may carry passwords, so they are never logged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Self

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from chains.transport.endpoint import Endpoint, Endpoints
from custody.log.cosignature import WitnessKey
from signer.wire import MalformedMessage

_PREFIX: Final = "CUSTODY_"
_ENV_FILE: Final = ".env"
OF_OTHERS: Final = frozenset({"CUSTODY_SECRETS"})
"""Names with our prefix that are not custody's: the compose file's."""


class Unset(ValueError):
    """A setting that this command needs has no value. The message names it and what it may be."""


def _listed(value: Any) -> Any:
    """A URL, a node or a list of both, as a list of nodes."""
    each = value if isinstance(value, list) else [value]
    return [{"url": one} if isinstance(one, str) else one for one in each]


def _usable(found: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    Endpoints.of(found)
    return found


NetworkNodes = Annotated[tuple[Endpoint, ...], BeforeValidator(_listed), AfterValidator(_usable)]
_NODES: TypeAdapter[dict[str, NetworkNodes]] = TypeAdapter(dict[str, NetworkNodes])


class LogWitness(BaseModel):
    """Of the transparency log."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    key: str
    url: Annotated[str, Field(pattern=r"^https?://[^/@\s]+(/[^\s]*[^/\s])?$")]

    @field_validator("key")
    @classmethod
    def _check_key(cls, vkey: str) -> str:
        try:
            WitnessKey.parse(vkey)
        except MalformedMessage as error:
            raise ValueError(str(error)) from None
        return vkey

    @property
    def parsed(self) -> WitnessKey:
        return WitnessKey.parse(self.key)


class Settings(BaseSettings):
    """`nodes`: network alias -> its nodes, as `docs/nodes.md` describes; a network without a node
    is not served. As JSON in the environment, CUSTODY_NODES='{"bitcoin-regtest": "http://…"}', or
    in the file `nodes_file`, so that keys need not be in the environment.
    `accept_without_internal`: aliases of main networks that are followed though their node does not
    show what contracts pay. `database_owner_url`: of the role that owns the tables, for `custody
    migrate` only. `accept_owning_role`: main networks are served though the role in `database_url`
    could rewrite the past. `speed_up_after_blocks`: network alias -> for how many blocks what was
    sent waits before it is paid more for, within its terms; as JSON. A network that is not named
    waits for people to ask. `collect_for`: network alias -> for how many seconds a transfer waits
    for others of its vault that one transaction can pay with it; as JSON, only where coins are
    spent. `deposit_minimum`: id of an asset -> the least that is credited at a time to an address,
    in base units; as JSON. `in_flight_max`: transactions of one address that may wait for a block
    at a time, where they are numbered; nodes keep so many and drop the rest. `duplicate_window`:
    how long after one payment the same amount to the same payee from the same vault is accepted
    with a warning; 0 warns of none. `rpc_lifetime`: how long the terms of what an app asks for by
    JSON-RPC are offered. `quarantine_four_eyes`: a deposit is released by another person
    than the one who held it or who set the rule that did.
    `log_origin`: what the transparency log calls itself, like custody.example/log/1; without it
    none is kept. `log_key_file`: its key, for the processes that work. `log_witnesses`: who signs
    it as well, each with `key` (a C2SP vkey) and `url`; as JSON.

    The signer is at `signer_socket`, or at `signer_url`: unix:///FILE, or tls://HOST:PORT with
    mutual TLS, which needs `signer_ca_file` (who may be the signer), `signer_certificate_file` and
    `signer_private_key_file` (who we are), all PEM."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=_ENV_FILE, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    """None: only commands that need no database work. There is no default, because a second, empty
    database where nobody looks for it takes deposits for nobody's."""
    database_owner_url: SecretStr | None = None
    accept_owning_role: bool = False
    signer_socket: Path = Path("signer.sock")
    signer_url: str | None = None
    signer_ca_file: Path | None = None
    signer_certificate_file: Path | None = None
    signer_private_key_file: Path | None = None
    nodes: dict[str, NetworkNodes] = Field(default_factory=dict)
    nodes_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    run_workers: bool = True
    accept_without_internal: frozenset[str] = frozenset()
    speed_up_after_blocks: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    collect_for: dict[str, Annotated[int, Field(ge=1, le=86_400)]] = Field(default_factory=dict)
    deposit_minimum: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    in_flight_max: Annotated[int, Field(ge=1)] = 16
    poll_interval_s: float = 2.0
    node_timeout_s: float = 10.0
    transfer_lifetime: timedelta = timedelta(hours=24)
    rpc_lifetime: Annotated[timedelta, Field(ge=timedelta(minutes=1))] = timedelta(minutes=15)
    quarantine_four_eyes: bool = False
    log_origin: Annotated[str, Field(pattern=r"^[!-*,-~]{1,255}$")] | None = None
    log_key_file: Path | None = None
    log_witnesses: tuple[LogWitness, ...] = ()
    duplicate_window: Annotated[timedelta, Field(ge=timedelta())] = timedelta(hours=24)
    reconcile_interval_s: float = 300.0
    body_bytes_max: int = 64 * 1024

    @property
    def database(self) -> str:
        """`database_url`, which may hold a password. Raises Unset."""
        if self.database_url is None:
            raise Unset(
                "CUSTODY_DATABASE_URL is not set: sqlite+aiosqlite:///FILE or postgresql+psycopg://…"
            )
        return self.database_url.get_secret_value()

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_names(cls, given: Any) -> Any:
        """A mistyped name would leave its default in force without a word."""
        known = {f"{_PREFIX}{name.upper()}" for name in cls.model_fields} | OF_OTHERS
        named = {name.upper() for name in (*os.environ, *dotenv_values(_ENV_FILE))}
        if complaint := unknown_names(named, known):
            raise ValueError(complaint)
        return given

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


def unknown_names(named: Iterable[str], known: Iterable[str]) -> str:
    """What is wrong with these names, in one line; empty if nothing is."""
    known = sorted(known)
    found = []
    for name in sorted(name for name in named if name.startswith(_PREFIX) and name not in known):
        near = get_close_matches(name, known, n=1, cutoff=0.0)[0]
        found.append(f"{name} is no setting; the nearest is {near}")
    return "; ".join(found)


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
