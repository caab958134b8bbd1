"""What custody's settings refuse, in which words, and how they lead to the signer."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from custody.cli.access import database_url, load_settings
from custody.cli.output import Misuse
from custody.config import Settings
from custody.signerlink import BadLink, connect_signer

SECRET = "s3cr3t-31415926"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CUSTODY_DATABASE_URL", raising=False)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CUSTODY_DATABSE_URL", "CUSTODY_DATABASE_URL"),
        ("CUSTODY_NODE", "CUSTODY_NODES"),
        ("CUSTODY_SIGNERSOCKET", "CUSTODY_SIGNER_SOCKET"),
        ("custody_pol_interval_s", "CUSTODY_POLL_INTERVAL_S"),
    ],
)
@pytest.mark.parametrize("by_file", [False, True])
def test_an_unknown_name_is_refused_with_the_nearest_known_one(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str, by_file: bool
) -> None:
    if by_file:
        Path(".env").write_text(f"{name}={SECRET}\nANOTHER_PROGRAMS=1\n")
    else:
        monkeypatch.setenv(name, SECRET)
    with pytest.raises(Misuse) as caught:
        load_settings()
    assert f"{name.upper()} is no setting; the nearest is {nearest}" in str(caught.value)
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_ours_is_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTODY_SECRETS", "/run/secrets")
    monkeypatch.setenv("CUSTODIAN", "somebody")
    Path(".env").write_text("POSTGRES_PASSWORD=1\nCUSTODY_PORT=9000\n")
    assert load_settings().port == 9000


def test_there_is_no_database_by_default() -> None:
    with pytest.raises(Misuse, match="CUSTODY_DATABASE_URL is not set: sqlite") as caught:
        database_url()
    assert "\n" not in str(caught.value)
    assert list(Path().iterdir()) == []


def test_the_signer_is_at_a_socket_or_a_url(tmp_path: Path) -> None:
    connect_signer(Settings(signer_url="unix:///run/signer.sock"))
    for url in (
        "unix://",
        "unix://host/run/signer.sock",
        "tls://host",
        "tls://:7000",
        "tls://host:99999",
        "tls://me@host:7000",
        "tls://host:7000/path",
        "https://host:7000",
        "host:7000",
    ):
        with pytest.raises(BadLink, match="CUSTODY_SIGNER_URL must be"):
            connect_signer(Settings(signer_url=url))
    with pytest.raises(BadLink, match="needs CUSTODY_SIGNER_CA_FILE, CUSTODY_SIGNER_CERT"):
        connect_signer(Settings(signer_url="tls://host:7000"))
    broken = tmp_path / "broken.pem"
    broken.write_text(SECRET)
    with pytest.raises(BadLink, match="not PEM") as caught:
        connect_signer(
            Settings(
                signer_url="tls://host:7000",
                signer_ca_file=broken,
                signer_certificate_file=broken,
                signer_private_key_file=broken,
            )
        )
    assert SECRET not in str(caught.value)


def test_a_database_url_is_no_ones_to_read() -> None:
    found = Settings(database_url=SecretStr(f"postgresql+psycopg://u:{SECRET}@h/d"))
    assert SECRET in found.database and SECRET not in repr(found)
