"""The four forms of a request target (RFC 9112, section 3.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.errors import ClientError
from servers.http.target import Target, split_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a?b=c", "/a", "b=c"),
        ("/a?b?c=%20d+e", "/a", "b?c=%20d+e"),
        ("/?", "/", ""),
        ("/a%20b", "/a b", ""),
        ("/caf%C3%A9", "/café", ""),
        ("/%FF", "/\udcff", ""),
        ("/a%2Fb", "/a/b", ""),
        ("/%00", "/\0", ""),
        ("/a+b", "/a+b", ""),
    ],
)
def test_a_path_is_decoded_and_a_query_is_not(target: str, path: str, query: str) -> None:
    assert split_target(target, "GET") == Target(path, query, None)


def test_a_path_is_decoded_only_once() -> None:
    assert split_target("/%252e%252e", "GET").path == "/%2e%2e"


@pytest.mark.parametrize("target", ["/%", "/%4", "/%zz", "/100%/%%"])
def test_a_bad_escape_stays_as_it_is(target: str) -> None:
    assert split_target(target, "GET").path == target


@pytest.mark.parametrize("target", ["//", "//example.org/a", "///a", "//[/a", "/..//../a"])
def test_a_path_that_begins_with_two_slashes_stays_a_path(target: str) -> None:
    assert split_target(target, "GET") == Target(target, "", None)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://example.org/a?b", Target("/a", "b", "example.org")),
        ("HTTP://example.org:80", Target("/", "", "example.org:80")),
        ("https://[::1]:8080/%20", Target("/ ", "", "[::1]:8080")),
        ("http://example.org?a/b", Target("/", "a/b", "example.org")),
        ("http://example.org//a", Target("//a", "", "example.org")),
    ],
)
def test_an_absolute_target_names_its_host(target: str, expected: Target) -> None:
    assert split_target(target, "GET") == expected


@pytest.mark.parametrize(
    "target",
    [
        "http:///a",
        "http://",
        "http:/a",
        "http:a",
        "http://user@example.org/",
        "http://a:b:c/",
        "http://a,b/",
        "http://[::1/",
        "ftp://example.org/",
        "urn:a",
        "a",
        "a/b",
        "?a",
        "example.org:80",
        "\\a",
        "",
    ],
)
def test_what_is_neither_a_path_nor_an_http_uri_is_refused(target: str) -> None:
    with pytest.raises(ClientError, match="400"):
        split_target(target, "GET")


@pytest.mark.parametrize("target", ["/a#b", "/#", "http://example.org/#b", "/?a#b"])
def test_a_fragment_is_refused(target: str) -> None:
    with pytest.raises(ClientError, match="fragment"):
        split_target(target, "GET")


@pytest.mark.parametrize("target", ["*", "http://example.org"])
def test_options_may_ask_for_the_server_itself(target: str) -> None:
    assert split_target(target, "OPTIONS").path == "*"


def test_nothing_else_may_ask_for_the_server_itself() -> None:
    with pytest.raises(ClientError, match="OPTIONS"):
        split_target("*", "GET")


def test_connect_names_host_and_port() -> None:
    assert split_target("example.org:443", "CONNECT") == Target("", "", "example.org:443")


@pytest.mark.parametrize(
    "target", ["/", "*", "example.org", "443", ":443", "example.org:", "[::1]", "http://a:80"]
)
def test_connect_wants_nothing_else(target: str) -> None:
    with pytest.raises(ClientError, match="400"):
        split_target(target, "CONNECT")


@given(st.text(), st.sampled_from(["GET", "OPTIONS", "CONNECT"]))
def test_any_text_is_a_target_or_is_refused(target: str, method: str) -> None:
    try:
        assert isinstance(split_target(target, method), Target)
    except ClientError as error:
        assert error.status == 400
