"""Reading apt's configuration, choosing a library closure, and finding engines: the pure parts."""

import platform
import subprocess
from pathlib import Path

import pytest

from chains.devnet import debian, engines
from chains.devnet.debian import Mirror

ONE_LINE = """\
# comment
deb http://mirror.test/debian bookworm main contrib # trailing
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://other.test/debian trixie main
deb-src http://mirror.test/debian bookworm main
deb http://security.test/debian-security bookworm-security main
deb [signed-by=/k.gpg] http://vendor.test/node nodistro main
deb
"""

DEB822 = """\
# a comment before
Types: deb deb-src
# a comment inside
URIs: http://mirror.test/debian http://second.test/debian/
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.test/debian
Suites: trixie
Enabled: no

types: deb
uris: http://inline.test/debian
suites: sid
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
"""

INDEX = """\
Package: node
Pre-Depends: init-helper
Depends: debconf (>= 0.5) | debconf-2.0, systemd | sysusers, libc6 (>= 2.34), libevent:any,
 libzmq5 (>= 4)
Description: first line
 continued line

Package: libc6
Depends: libgcc-s1, libc-gconv-modules-extra (= 1)

Package: libgcc-s1
Depends: gcc-base (= 1), libc6 (>= 2)

Package: libevent
Depends: libc6

Package: libzmq5
Depends: libc6, libsodium, zlib1g | libz-ng

Package: libsodium

Package: zlib1g
Depends: libc6
"""


def show(names):
    return [stanza for stanza in debian.parse_stanzas(INDEX) if stanza["Package"] in names]


def test_one_line_sources_keep_uri_suite_and_keyring():
    assert debian.parse_one_line(ONE_LINE) == [
        Mirror("http://mirror.test/debian", ("bookworm",)),
        Mirror("http://other.test/debian", ("trixie",), "/usr/share/keyrings/debian.gpg"),
        Mirror("http://security.test/debian-security", ("bookworm-security",)),
        Mirror("http://vendor.test/node", ("nodistro",), "/k.gpg"),
    ]


def test_deb822_sources_give_one_mirror_per_uri_and_skip_disabled_ones():
    mirrors = debian.parse_deb822(DEB822)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    suites = ("trixie", "trixie-updates")
    assert mirrors[:2] == [
        Mirror("http://mirror.test/debian", suites, keyring),
        Mirror("http://second.test/debian/", suites, keyring),
    ]
    assert [mirror.uri for mirror in mirrors[2:]] == ["http://inline.test/debian"]


def test_an_inline_key_is_carried_over_line_by_line():
    inline = debian.parse_deb822(DEB822)[2]
    assert inline.signed_by.splitlines()[1:3] == [" -----BEGIN PGP PUBLIC KEY BLOCK-----", " ."]


def test_only_debians_own_suites_count_and_each_mirror_once():
    mirrors = debian.debian_mirrors(debian.parse_one_line(ONE_LINE) + debian.parse_deb822(DEB822))
    assert [mirror.uri for mirror in mirrors] == [
        "http://mirror.test/debian",
        "http://other.test/debian",
        "http://second.test/debian/",
        "http://inline.test/debian",
    ]


def test_both_formats_are_read_from_the_configuration_folder(tmp_path: Path):
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.test/debian sid main\n")
    (parts / "b.list").write_text("deb http://b.test/debian sid main\n")
    (parts / "c.sources").write_text("Types: deb\nURIs: http://c.test/debian\nSuites: sid\n")
    (parts / "d.sources.disabled").write_text("Types: deb\nURIs: http://d.test/\nSuites: sid\n")
    found = [mirror.uri for mirror in debian.configured_mirrors(tmp_path)]
    assert found == ["http://a.test/debian", "http://b.test/debian", "http://c.test/debian"]


def test_a_machine_without_apt_configuration_has_no_mirror(tmp_path: Path):
    assert debian.configured_mirrors(tmp_path) == []


def test_closure_has_the_libraries_and_no_service_script_or_documentation():
    chosen = debian.library_closure("node", show)
    assert chosen[0] == "node"
    assert sorted(chosen[1:]) == [
        "libc6",
        "libevent",
        "libgcc-s1",
        "libsodium",
        "libzmq5",
        "zlib1g",
    ]


def test_what_is_present_does_not_come_along_nor_what_only_it_needs():
    chosen = debian.library_closure("node", show, {"libzmq5", "libc6"}.__contains__)
    assert sorted(chosen) == ["libevent", "node"]


def test_closure_names_the_package_the_archive_lacks():
    with pytest.raises(debian.DebianUnavailable, match="no-such"):
        debian.library_closure("no-such", show)


def test_dependencies_take_the_first_alternative_without_version_or_architecture():
    stanza = {"Pre-Depends": "a (>= 1)", "Depends": "b | c, d:any (<< 2), e [amd64]"}
    assert debian.dependencies(stanza) == ["a", "b", "d", "e"]


def test_libraries_outside_the_tree_are_told_by_name():
    listing = (
        "\tlinux-vdso.so.1 (0x00007ffc)\n"
        "\tlibgood.so.1 => /tree/usr/lib/libgood.so.1 (0x1)\n"
        "\tlibhost.so.2 => /usr/lib/libhost.so.2 (0x2)\n"
        "\tlibgone.so.3 => not found\n"
        "\t/tree/ld.so => /tree/ld.so (0x3)\n"
    )
    assert engines.strange_libraries(listing, Path("/tree")) == ["libhost.so.2", "libgone.so.3"]


def make_tree(folder: Path) -> Path:
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    (libraries / "gconv").mkdir(parents=True)
    (folder / "usr/bin").mkdir()
    (folder / "usr/lib64").mkdir()
    (libraries / "libc.so.6").touch()
    (libraries / "gconv" / "UTF-7.so").touch()
    loader = libraries / "ld-linux-x86-64.so.2"
    loader.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
    loader.chmod(0o755)
    (folder / "usr/lib64/ld-linux-x86-64.so.2").symlink_to("/nowhere")
    return folder


def test_the_wrapper_uses_the_trees_own_loader_wherever_the_tree_lies(tmp_path: Path):
    wrapper = engines.write_wrapper(make_tree(tmp_path / "made"), "bitcoind")
    moved = wrapper.parents[1].rename(tmp_path / "moved to")
    command = [str(moved / "run" / "bitcoind"), "-regtest", "two words"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    libraries = moved / "usr/lib/x86_64-linux-gnu"
    assert printed.splitlines() == [
        str(libraries / "ld-linux-x86-64.so.2"),
        "--library-path",
        str(libraries),
        str(moved / "usr/bin/bitcoind"),
        "-regtest",
        "two words",
    ]


def test_a_bitcoind_on_path_wins_and_an_unprepared_machine_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engines, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(engines.EngineMissing, match="make setup"):
        engines.bitcoind()
    program = tmp_path / "bitcoind"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert engines.bitcoind() == program


def test_the_pinned_anvil_wins_and_a_platform_without_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engines, "NODE_MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(engines.EngineMissing, match="linux-arm64"):
        engines.anvil()
    packaged = tmp_path / "node_modules/@foundry-rs/anvil-linux-arm64/bin/anvil"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    assert engines.anvil() == packaged
