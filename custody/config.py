"""Settings of custody's processes, from the environment (`CUSTODY_…`) or an env file.

Never a secret that moves money: keys and their passphrase are the signer's, and it takes neither
from the environment. Node and database URLs may carry passwords, so they are never logged.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`nodes`: network alias -> RPC URL; a network without a node is not served. As JSON in the
    environment: CUSTODY_NODES='{"bitcoin-regtest": "http://…"}'. `accept_without_internal`: aliases
    of main networks that are followed though their node does not show what contracts pay."""

    model_config = SettingsConfigDict(env_prefix="CUSTODY_", env_file=".env", extra="ignore")

    database_url: SecretStr = SecretStr("sqlite+aiosqlite:///custody.db")
    signer_socket: Path = Path("signer.sock")
    nodes: dict[str, SecretStr] = Field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 8000
    run_workers: bool = True
    accept_without_internal: frozenset[str] = frozenset()
    poll_interval_s: float = 2.0
    node_timeout_s: float = 10.0
    transfer_lifetime: timedelta = timedelta(hours=24)
    reconcile_interval_s: float = 300.0
    body_bytes_max: int = 64 * 1024
