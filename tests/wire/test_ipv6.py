"""HTTP over IPv6."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.wire.pages import HELLO, Page, get


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this system has no IPv6 loopback")


def test_it_is_served_like_any_other(serve):
    served = serve(HELLO, host="::1")
    assert served.site.url == f"http://[::1]:{served.site.port}"
    assert served.ask(get("/hello"))[2] == b"Hello\n"


def test_a_host_may_be_an_address_in_brackets(serve):
    page = Page("/", lambda request: (request.push(request.host), request.done()))
    served = serve(page, host="::1")
    head = b"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"
    assert served.ask(head)[2] == b"[::1]:8080"


def test_the_access_log_has_the_address(serve, tmp_path: Path):
    served = serve(HELLO, host="::1", access_log=tmp_path / "log")
    served.ask(get("/hello"))
    served.stop()
    assert (tmp_path / "log").read_text().startswith("::1 - - [")
