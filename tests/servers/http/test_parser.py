"""From bytes to a head: where it ends, what it says, and why it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.errors import ClientError
from servers.http.limits import Limits
from servers.http.parser import Head, find_head, parse_head
from tests.servers.http.fuzz_llhttp import CORPUS, understand
from tests.servers.http.reading import bytewise, cut, read_request

LIMITS = Limits()


def head(*lines: bytes, start: bytes = b"GET / HTTP/1.1", limits: Limits = LIMITS) -> Head:
    return parse_head(b"\r\n".join([start, *lines, b"", b""]), limits)


def status(*lines: bytes, start: bytes = b"GET / HTTP/1.1", limits: Limits = LIMITS) -> int:
    with pytest.raises(ClientError) as caught:
        head(*lines, start=start, limits=limits)
    return caught.value.status


# What a head says


def test_a_head_tells_what_was_sent() -> None:
    request = head(
        b"Host:example.org", b"X-Name:\t a b \t", b"Empty:", start=b"PUT /a%20?b HTTP/1.1"
    )
    assert request.method == "PUT"
    assert request.target == "/a%20?b"
    assert request.version == "1.1"
    assert request.host == "example.org"
    assert request.line == "PUT /a%20?b HTTP/1.1"
    assert request.lines == ["Host:example.org", "X-Name:\t a b \t", "Empty:"]
    assert request.fields == [("Host", "example.org"), ("X-Name", "a b"), ("Empty", "")]


def test_fields_are_found_whatever_their_case() -> None:
    request = head(b"Host: h", b"User-Agent: x")
    assert request.get("user-AGENT") == "x"
    assert request.get("Referer") is None


def test_several_fields_of_a_name_are_joined() -> None:
    assert head(b"Host: h", b"Accept: a", b"ACCEPT: b", b"accept:").get("Accept") == "a, b, "


def test_underscores_are_not_dashes() -> None:
    request = head(b"Host: h", b"Content_Length: 5", b"Transfer_Encoding: chunked")
    assert request.get("Content-Length") is None
    assert (request.length, request.chunked) == (None, False)


def test_values_are_latin_1() -> None:
    assert head(b"Host: h", b"X: caf\xe9 \x85").get("X") == "café \x85"


def test_white_space_of_other_alphabets_is_kept() -> None:
    assert head(b"Host: h", b"X: \xa0a\x85").get("X") == "\xa0a\x85"


def test_a_handler_that_alters_the_fields_alters_nobody_elses() -> None:
    lines = (b"Host: h", b"X: y")
    head(*lines).fields.append(("Z", "z"))
    head(*lines).lines.clear()
    assert head(*lines).fields == [("Host", "h"), ("X", "y")]
    assert head(*lines).lines == ["Host: h", "X: y"]


def test_what_was_refused_once_is_refused_again() -> None:
    assert [status(b"Host: h", b"X : y") for _ in range(3)] == [400, 400, 400]


@pytest.mark.parametrize("target", [b"HTTP/1.1", b"HTTP/", b"HTTP/1.1\r\nHost:"])
def test_a_target_is_not_mistaken_for_a_version(target: bytes) -> None:
    assert status(b"Host: h", start=b"GET " + target + b" HTTP/1.1") == 400


# Version


@pytest.mark.parametrize(
    ("digits", "version"), [(b"1.0", "1.0"), (b"1.1", "1.1"), (b"1.2", "1.1"), (b"1.9", "1.1")]
)
def test_later_minor_versions_are_treated_as_1_1(digits: bytes, version: str) -> None:
    request = head(b"Host: h", start=b"GET / HTTP/" + digits)
    assert request.version == version
    assert request.line.endswith(digits.decode())


def test_the_preface_of_http_2_is_answered_with_505() -> None:
    assert status(start=b"PRI * HTTP/2.0") == 505


# Host


def test_http_1_1_wants_a_host() -> None:
    assert status() == 400


def test_http_1_0_wants_no_host() -> None:
    assert head(start=b"GET / HTTP/1.0").host is None


def test_an_empty_host_is_allowed() -> None:
    assert head(b"Host:").host == ""


@pytest.mark.parametrize(
    "lines",
    [
        (b"Host: a", b"Host: b"),
        (b"Host: a", b"host: a"),
        (b"Host:", b"Host: a"),
        (b"Host: a, b",),
        (b"Host: a/b",),
    ],
)
@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"GET / HTTP/1.0"])
def test_a_host_that_is_not_one_host_is_refused(lines: tuple[bytes, ...], start: bytes) -> None:
    assert status(*lines, start=start) == 400


# Framing


def test_without_framing_fields_there_is_no_body() -> None:
    request = head(b"Host: h", start=b"POST / HTTP/1.1")
    assert (request.length, request.chunked) == (None, False)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"DELETE", b"BREW"])
def test_a_body_is_legal_with_every_method(method: bytes) -> None:
    assert head(b"Host: h", b"content-LENGTH: 5", start=method + b" / HTTP/1.1").length == 5


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 5", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Content-Length: 6"),
        (b"Content-Length: 5, 5",),
        (b"Content-Length:",),
        (b"Content-Length: +5",),
    ],
)
def test_a_length_that_is_not_one_number_is_refused(lines: tuple[bytes, ...]) -> None:
    assert status(b"Host: h", *lines) == 400


def test_an_astronomic_length_is_too_much_content() -> None:
    assert status(b"Host: h", b"Content-Length: " + b"9" * 40) == 413


@pytest.mark.parametrize("line", [b"Transfer-Encoding: chunked", b"TRANSFER-ENCODING:\tChunked \t"])
def test_a_chunked_body_is_announced(line: bytes) -> None:
    request = head(b"Host: h", line)
    assert (request.length, request.chunked) == (None, True)


@pytest.mark.parametrize(
    "lines",
    [
        (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Content-Length: 5", b"Transfer-Encoding: identity"),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        (b"Transfer-Encoding:", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding:",),
    ],
)
def test_ambiguous_framing_is_refused(lines: tuple[bytes, ...]) -> None:
    assert status(b"Host: h", *lines) == 400


def test_codings_are_judged_over_all_fields_of_the_name() -> None:
    assert status(b"Host: h", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked") == 501


def test_http_1_0_has_no_transfer_coding() -> None:
    assert status(b"Host: h", b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") == 400


def test_a_value_is_not_mistaken_for_a_field() -> None:
    request = head(b"Host: h", b"X: Content-Length: 5", b"Y-Content-Length: 6")
    assert request.length is None


# Connection


@pytest.mark.parametrize(
    ("version", "lines", "keep_alive"),
    [
        (b"1.1", (), True),
        (b"1.1", (b"Connection: close",), False),
        (b"1.1", (b"connection: CLOSE",), False),
        (b"1.1", (b"Connection: keep-alive, close",), False),
        (b"1.1", (b"Connection: x", b"Connection: ,\tclose ,",), False),
        (b"1.1", (b"Connection: keep-alive", b"Connection: close"), False),
        (b"1.1", (b"Connection: closed",), True),
        (b"1.1", (b"Connection: not close",), True),
        (b"1.1", (b"Connection:",), True),
        (b"1.1", (b"Proxy-Connection: close",), True),
        (b"1.0", (), False),
        (b"1.0", (b"Connection: Keep-Alive",), True),
        (b"1.0", (b"Connection: x", b"Connection: keep-alive"), True),
        (b"1.0", (b"Connection: close", b"Connection: keep-alive"), False),
        (b"1.0", (b"Connection: upgrade",), False),
    ],
)  # fmt: skip
def test_a_connection_persists_if_the_client_wants_it(
    version: bytes, lines: tuple[bytes, ...], keep_alive: bool
) -> None:
    request = head(b"Host: h", *lines, start=b"GET / HTTP/" + version)
    assert request.keep_alive is keep_alive


# Expect


@pytest.mark.parametrize("body", [b"Content-Length: 1", b"Transfer-Encoding: chunked"])
def test_a_client_may_wait_for_100_continue(body: bytes) -> None:
    assert head(b"Host: h", b"Expect: 100-Continue", body).expects_continue


@pytest.mark.parametrize("body", [b"Content-Length: 0", b"X: no body"])
def test_a_client_without_a_body_waits_for_nothing(body: bytes) -> None:
    assert not head(b"Host: h", b"Expect: 100-continue", body).expects_continue


def test_a_client_of_http_1_0_waits_for_nothing() -> None:
    start = b"POST / HTTP/1.0"
    assert not head(b"Expect: 100-continue", b"Content-Length: 1", start=start).expects_continue
    assert not head(b"Expect: magic", b"Content-Length: 1", start=start).expects_continue


@pytest.mark.parametrize("value", [b"magic", b"", b"100-continue, magic", b"100-continue;a=b"])
def test_any_other_expectation_is_refused(value: bytes) -> None:
    assert status(b"Host: h", b"Expect: " + value) == 417


# Lines


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\r\nHost: h\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
        b"GET / HTTP/1.1\rHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost: h\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\nsurplus",
        b"",
        b"\r\n\r\n",
    ],
)
def test_what_is_not_exactly_one_head_is_refused(request_: bytes) -> None:
    with pytest.raises(ClientError, match="400"):
        parse_head(request_, LIMITS)


def test_a_head_after_empty_lines_is_understood() -> None:
    assert parse_head(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", LIMITS).line == "GET / HTTP/1.0"


def test_too_many_empty_lines_are_refused() -> None:
    with pytest.raises(ClientError, match="400"):
        parse_head(b"\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n", LIMITS)


# Limits


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(request_line=13), 414),
        (Limits(header_line=10), 431),
        (Limits(header_lines=1), 431),
        (Limits(head=33), 431),
    ],
)
def test_a_head_beyond_a_limit_is_refused(limits: Limits, expected: int) -> None:
    assert status(b"Host: h", b"X: yyyyyyyy", limits=limits) == expected


def test_a_head_within_all_limits_is_understood() -> None:
    limits = Limits(request_line=14, header_line=11, header_lines=2, head=40)
    assert head(b"Host: h", b"X: yyyyyyyy", limits=limits).get("x") == "yyyyyyyy"


def test_a_large_head_within_the_limits_is_understood() -> None:
    lines = [b"X-%d: %b" % (number, b"y" * 500) for number in range(99)]
    assert head(b"Host: h", *lines).get("x-98") == "y" * 500


# Where a head ends


def test_the_end_of_a_head_is_behind_the_blank_line() -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    assert find_head(request + b"GET /next", 0, LIMITS) == len(request)


def test_an_unfinished_head_has_no_end() -> None:
    assert find_head(b"GET / HTTP/1.1\r\nHost: h\r\n\r", 0, LIMITS) == -1


def test_nothing_at_all_has_no_end() -> None:
    assert find_head(b"", 0, LIMITS) == -1


def test_empty_lines_before_a_request_are_no_head() -> None:
    assert find_head(b"\r\n\r\n", 0, LIMITS) == -1
    assert find_head(b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", 4, LIMITS) == 22


@given(st.sampled_from(CORPUS), st.lists(st.integers(0)))
def test_a_request_cut_anywhere_is_the_same_request(request_: bytes, places: list[int]) -> None:
    assert read_request(cut(request_, places)) == read_request([request_])


@pytest.mark.parametrize("request_", CORPUS)
def test_a_request_that_comes_byte_by_byte_is_the_same_request(request_: bytes) -> None:
    assert read_request(bytewise(request_)) == read_request([request_])


@pytest.mark.parametrize("request_", CORPUS)
def test_a_request_cut_in_two_at_any_place_is_the_same_request(request_: bytes) -> None:
    whole = read_request([request_])
    for place in range(len(request_)):
        assert read_request([request_[:place], request_[place:]]) == whole


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (b"\x16", 400),
        (b" ", 400),
        (b"\rG", 400),
        (b"\r\n\r\n\r\n", 400),
        (b"\n", 400),
        (b"GET /\r\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"GET / HTTP/1.0\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\rX", 400),
        (b"GET / HTTP/1.1\r\n folded\r\n", 400),
        (b"GET / HTTP/1.1\r\nX : y\r\n", 400),
        (b"GET /" + b"a" * 8186, 414),
        (b"GET" + b"a" * 8188, 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 8188, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: yyyyyyyyyyy\r\n" * 4095 + b"Z", 431),
    ],
)
def test_a_head_that_cannot_become_one_is_refused_before_its_end(
    beginning: bytes, expected: int
) -> None:
    assert understand([beginning]) == expected
    assert understand([beginning[:-1]]) is None
    assert understand(bytewise(beginning)) == expected


@pytest.mark.parametrize(
    "lines",
    [
        (b"X: " + b"y" * 200,),
        (b"X: " + b"y" * 50 + b"\n" + b"y" * 200,),
        (b"X: " + b"y" * 200 + b"\n",),
        (b"X: y",) * 60,
        (b"X: y",) * 60 + (b"bad",),
        (b"bad",) + (b"X: y",) * 60,
        (b"X: y",) * 200,
    ],
)
@pytest.mark.parametrize("start", [b"GET / HTTP/1.1", b"GET /" + b"a" * 150, b"G" * 150])
def test_a_refusal_does_not_depend_on_how_the_bytes_arrive(
    start: bytes, lines: tuple[bytes, ...]
) -> None:
    limits = Limits(request_line=100, header_line=100, head=500, header_lines=50)
    data = b"\r\n".join([start, b"Host: h", *lines, b"", b""])

    def refusal(pieces: list[bytes]) -> int:
        with pytest.raises(ClientError) as caught:
            read_request(pieces, limits)
        return caught.value.status

    assert refusal(bytewise(data)) == refusal([data])
