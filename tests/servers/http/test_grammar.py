"""Each element of the grammar, right and wrong, on its own."""

from __future__ import annotations

import pytest

from servers.http.errors import ClientError
from servers.http.grammar import (
    check_codings,
    check_field_line,
    check_request_line,
    read_authority,
    read_length,
)
from servers.http.limits import Limits

LIMITS = Limits(request_line=60, header_line=40)


def refusal(rule: object, *arguments: object) -> ClientError:
    assert callable(rule)
    with pytest.raises(ClientError) as caught:
        rule(*arguments)
    return caught.value


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET / HTTP/1.9",
        b"get / HTTP/1.1",
        b"M-SEARCH * HTTP/1.1",
        b"!#$%&'*+-.^_`|~09azAZ / HTTP/1.1",
        b'GET /%zz?a=b&c="<>[]{}|\\^` HTTP/1.1',
        b"GET /" + b"a" * 46 + b" HTTP/1.1",
    ],
)
def test_a_request_line_is_method_target_and_version(line: bytes) -> None:
    check_request_line(line, LIMITS)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GE(T / HTTP/1.1",
        b"G\xc9T / HTTP/1.1",
        b"GET /caf\xc3\xa9 HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.",
        b"GET / HTTP/1.10",
        b"GET / HTTP/11.1",
        b"GET / HTTP/1.\xb2",
        b"GET / http/1.1",
        b"GET / HTTPS/1.1",
        b"GET / HTTP/1.1\r",
        b"GET / HTTP/1.1\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_any_other_request_line_is_refused(line: bytes) -> None:
    assert refusal(check_request_line, line, LIMITS).status == 400


def test_a_request_without_a_version_is_told_so() -> None:
    error = refusal(check_request_line, b"GET /", LIMITS)
    assert (error.status, "HTTP/0.9" in error.reason) == (400, True)


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"3.1", b"9.9"])
def test_another_major_version_is_not_supported(version: bytes) -> None:
    assert refusal(check_request_line, b"GET / HTTP/" + version, LIMITS).status == 505


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /" + b"a" * 47 + b" HTTP/1.1", 414),
        (b"GET /" + b"a" * 500, 414),
        (b"A" * 61, 400),
        (b"\x16\x03\x01" + b"\x00" * 500, 400),
    ],
)
def test_a_long_line_is_a_long_uri_if_it_looks_like_one(line: bytes, status: int) -> None:
    assert refusal(check_request_line, line, LIMITS).status == status


@pytest.mark.parametrize(
    "line",
    [
        b"Host: example.org",
        b"X:",
        b"X:y",
        b"X: \t y \t ",
        b"X: a: b",
        b"x_y: underscore",
        b"X: caf\xe9 \x80\xff",
        b"!#$%&'*+-.^_`|~09azAZ: tokens",
        b"X: " + b"y" * 37,
    ],
)
def test_a_field_is_a_token_a_colon_and_text(line: bytes) -> None:
    check_field_line(line, LIMITS)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b" folded", "begins with white space"),
        (b"\tfolded: x", "begins with white space"),
        (b"Host : h", "between a header's name and its colon"),
        (b"Host\t: h", "between a header's name and its colon"),
        (b"Host", "no colon"),
        (b"Host h", "no colon"),
        (b": h", "not allowed"),
        (b"Ho st: h", "not allowed"),
        (b"H\xf6st: h", "not allowed"),
        (b"X\0: y", "not allowed"),
        (b"X: \0", "not allowed"),
        (b"X: a\rb", "not allowed"),
        (b"X: a\nb", "not allowed"),
        (b"X: a\x0bb", "not allowed"),
        (b"X: a\x1bb", "not allowed"),
        (b"X: a\x7fb", "not allowed"),
        (b"X(y): z", "not allowed"),
    ],
)
def test_any_other_field_is_refused_and_the_reason_named(line: bytes, reason: str) -> None:
    error = refusal(check_field_line, line, LIMITS)
    assert (error.status, reason in error.reason) == (400, True)


def test_a_long_field_is_refused() -> None:
    assert refusal(check_field_line, b"X: " + b"y" * 38, LIMITS).status == 431


@pytest.mark.parametrize(
    "value",
    [
        b"example.org",
        b"example.org.:80",
        b"h:",
        b"127.0.0.1:65535",
        b"[::1]",
        b"[2001:db8::192.0.2.1]:8080",
        b"under_score",
        b"caf%C3%A9",
        b"a!$&'()*+;=~b",
    ],
)
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(value: bytes) -> None:
    assert read_authority(value) == value.decode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b":80",
        b"a, b",
        b"a,b",
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a@b",
        b"a\\b",
        b"a\0",
        b"a\n",
        b"caf\xe9",
        b"a%zz",
        b"a%4",
        b"a:b",
        b"a:80:80",
        b"a:+80",
        b"a:123456",
        b"::1",
        b"[::1",
        b"[::1]80",
        b"[::g]",
        b"[]",
        b"[v1.a]",
        b"<script>",
    ],
)
def test_any_other_host_is_refused(value: bytes) -> None:
    assert refusal(read_authority, value).status == 400


@pytest.mark.parametrize(
    ("value", "length"), [(b"0", 0), (b"42", 42), (b"007", 7), (b"9" * 18, 10**18 - 1)]
)
def test_a_length_is_digits(value: bytes, length: int) -> None:
    assert read_length(value) == length


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"+1",
        b"-1",
        b"1_0",
        b"0x10",
        b"1 0",
        b"1,1",
        b"1, 1",
        b"1.0",
        b"1e3",
        b"\xb2",
        b"\xa01",
        b"1\x0b",
        b"1\n",
        "\N{ARABIC-INDIC DIGIT ONE}".encode(),
        b"9" * 5000 + b"x",
    ],
)
def test_any_other_length_is_refused(value: bytes) -> None:
    assert refusal(read_length, value).status == 400


def test_a_length_beyond_all_measure_is_too_much_content() -> None:
    assert refusal(read_length, b"9" * 5000).status == 413


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED"])
def test_the_only_coding_is_chunked(value: bytes) -> None:
    check_codings(value)


@pytest.mark.parametrize("value", [b"gzip, chunked", b"deflate,x-gzip , chunked"])
def test_known_codings_before_chunked_are_not_implemented(value: bytes) -> None:
    assert refusal(check_codings, value).status == 501


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b",",
        b"chunked,",
        b",chunked",
        b"chunked, chunked",
        b"chunked, gzip",
        b"gzip",
        b"identity",
        b"identity, chunked",
        b"chunked;q=1",
        b"chunked;",
        b"xchunked",
        b"chunkedx",
        b'"chunked"',
        b"\x0bchunked",
        b"chunked\xa0",
        b"chun\xe2\x84\xaaed",
    ],
)
def test_any_other_coding_is_refused(value: bytes) -> None:
    assert refusal(check_codings, value).status == 400


def test_no_reason_repeats_what_the_client_sent() -> None:
    assert "script" not in refusal(check_field_line, b"<script>: x", LIMITS).reason
