"""Whatever our parser understands, llhttp understands in the same way.

fuzz_llhttp.py holds the comparison, and the few places where the two may differ; here it runs
briefly, and each of those places is shown once, so that it cannot change unnoticed.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.errors import ClientError
from tests.servers.http.fuzz_llhttp import (
    CORPUS,
    PIECES,
    Llhttp,
    disagreement,
    examine,
    mutate,
    understand,
)
from tests.servers.http.reading import Reading, read_request


@pytest.mark.parametrize("request_", CORPUS)
def test_both_understand_the_corpus(request_: bytes) -> None:
    ours = read_request([request_])
    assert ours is not None and ours.complete
    assert disagreement(request_, ours) is None


@pytest.mark.parametrize("seed", range(10))
def test_accidents_cause_neither_crash_nor_disagreement(seed: int) -> None:
    random = Random(seed)
    outcomes = {examine(mutate(random), random) for _ in range(1500)}
    assert {"understood", "refused with 400"} <= outcomes


@given(st.integers(0), st.lists(st.sampled_from([*PIECES, *CORPUS]), max_size=12))
def test_requests_put_together_from_pieces_cause_no_disagreement(
    seed: int, pieces: list[bytes]
) -> None:
    examine(b"".join(pieces), Random(seed))


@given(st.binary(max_size=300))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    examine(data, Random(0))


def test_llhttp_refuses_methods_it_has_not_heard_of() -> None:
    request = b"BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n"
    assert isinstance(understand([request]), Reading)
    assert "Invalid method" in str(Llhttp(request).error)


def test_llhttp_refuses_later_minor_versions() -> None:
    request = b"GET / HTTP/1.2\r\nHost: h\r\n\r\n"
    assert isinstance(understand([request]), Reading)
    assert "Invalid HTTP version" in str(Llhttp(request).error)


def test_llhttp_takes_proxy_connection_for_connection() -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n"
    ours = read_request([request])
    assert ours is not None and ours.keep_alive
    assert not Llhttp(request).messages[0].keep_alive


def test_llhttp_lets_keep_alive_win_over_close_in_http_1_0() -> None:
    request = b"GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"
    ours = read_request([request])
    assert ours is not None and not ours.keep_alive
    assert Llhttp(request).messages[0].keep_alive


def test_llhttp_stops_where_an_upgrade_is_asked_for() -> None:
    request = (
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n"
        b"Content-Length: 2\r\n\r\nhi"
    )
    ours = read_request([request])
    assert ours is not None and ours.body == b"hi"
    assert Llhttp(request).messages[0].upgrade
    assert Llhttp(request).messages[0].body == b""


def test_llhttp_refuses_a_tab_after_the_transfer_coding() -> None:
    request = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"
    assert isinstance(understand([request]), Reading)
    assert "Transfer-Encoding" in str(Llhttp(request).error)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_we_refuse_what_llhttp_leaves_to_the_server(request_: bytes) -> None:
    assert Llhttp(request_).error is None
    with pytest.raises(ClientError):
        read_request([request_])
