"""What describes a node, what is refused, and what is never shown."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chains.transport.endpoint import Endpoint, EndpointInvalid, Endpoints, Role

SECRET = "s3cr3t-31415926"


def endpoint(url: str = "http://node.invalid", **fields: Any) -> Endpoint:
    return Endpoint(SecretStr(url), **fields)


@pytest.mark.parametrize(
    ("url", "path", "address"),
    [
        ("http://h", "", "http://h/"),
        ("http://h:8332/wallet/x", "", "http://h:8332/wallet/x"),
        ("https://h/v3/key?token=a%2Fb&c=d", "", "https://h/v3/key?token=a%2Fb&c=d"),
        ("https://h/base/?token=a", "/wallet/getblock", "https://h/base/wallet/getblock?token=a"),
        ("https://h", "/wallet/getblock", "https://h/wallet/getblock"),
        ("http://us%20er:p%40ss@[::1]:9/x", "", "http://[::1]:9/x"),
        ("http://h/ü", "", "http://h/%C3%BC"),
    ],
)
def test_addresses_keep_path_and_query_and_lose_the_user(url: str, path: str, address: str) -> None:
    assert endpoint(url).address(path) == address


@pytest.mark.parametrize("password", ["p@ss#w/:?%&=!", "pä ss+x", "simple", ""])
def test_users_in_urls_are_read_as_utf8(password: str) -> None:
    from urllib.parse import quote

    found = endpoint(f"http://{quote('us er')}:{quote(password, safe='')}@h").authorization()
    assert found is not None
    assert base64.b64decode(found.removeprefix("Basic ")).decode() == f"us er:{password}"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, "http"),
    ("ftp://h", {}, "http"),
    ("http://", {}, "http"),
    (f"http://h#{SECRET}", {}, "http"),
    (f"http://h/a b{SECRET}", {}, "http"),
    (f"http://h:{SECRET}/", {}, "can't be read"),
    (f"http://[{SECRET}", {}, "can't be read"),
    ("http://h", {"headers": {"bad header": SecretStr(SECRET)}}, "not the name"),
    ("http://h", {"headers": {"Host": SecretStr(SECRET)}}, "not yours"),
    ("http://h", {"headers": {"X": SecretStr(f"a\r\n{SECRET}")}}, "one line"),
    ("http://h", {"headers": {"X": SecretStr("")}}, "one line"),
    ("http://h", {"headers": {"X": SecretStr("a")}, "header_files": {"x": Path("f")}}, "twice"),
    (f"http://u:{SECRET}@h", {"headers": {"Authorization": SecretStr("x")}}, "twice"),
    (f"http://u:{SECRET}@h", {"cookie_file": Path("c")}, "cookie"),
    ("http://h", {"rate_per_s": 0}, "rate_per_s"),
]


@pytest.mark.parametrize(("url", "fields", "words"), REFUSED)
def test_what_is_refused_is_not_repeated(url: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(EndpointInvalid, match=words) as caught:
        endpoint(url, **fields)
    assert SECRET not in str(caught.value)


def test_no_secret_is_shown() -> None:
    made = endpoint(
        f"https://u:{SECRET}@h:1/{SECRET}?key={SECRET}", headers={"X-KEY": SecretStr(SECRET)}
    )
    assert SECRET not in repr(made) + str(made) + repr(Endpoints.of([made]))
    assert made.name == "h:1"
    assert SECRET in made.secrets()


def test_endpoints_are_sorted_by_role() -> None:
    first, second = endpoint("http://a"), endpoint("http://b")
    third = endpoint("http://c", role=Role.WITNESS)
    found = Endpoints.of([third, first, "http://b"])
    assert found == Endpoints((first, second), (third,))
    with pytest.raises(EndpointInvalid, match="primary"):
        Endpoints.of([third])
    with pytest.raises(EndpointInvalid, match="names"):
        Endpoints.of([f"http://a/{SECRET}", "http://a/other"])
    Endpoints.of([endpoint("http://a/x", name="one"), endpoint("http://a/y", name="two")])
