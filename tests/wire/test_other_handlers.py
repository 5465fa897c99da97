"""The handlers beside Files: authentication, redirects, uploads, virtual hosts, status, XML-RPC."""

from __future__ import annotations

import base64
import xmlrpc.client

import pytest

from servers.http.handlers import XMLRPC, BasicAuth, Put, Redirect, Status, VirtualHost
from tests.wire.pages import HELLO, get


def basic(credentials: bytes) -> str:
    """The field that carries name and password."""
    return f"Authorization: Basic {base64.b64encode(credentials).decode()}"


def ask_with(field: str) -> bytes:
    """A GET of /hello with one more field."""
    return get("/hello").replace(b"\r\n\r\n", f"\r\n{field}\r\n\r\n".encode("latin-1"))


@pytest.mark.parametrize(
    "field, status",
    [
        ("X-None: 1", 401),
        (basic(b"me:pw"), 200),
        (basic(b"me:pw:more"), 401),
        (basic(b"me"), 401),
        (basic(b"nobody:"), 401),
        ("Authorization: Basic !", 401),
        ("Authorization: Digest x", 401),
        (basic("müller:größe".encode()), 200),
        (basic("müller:größe".encode("latin-1")), 200),
    ],
)
def test_who_may_pass(serve, field, status):
    users = {"me": "pw", "müller": "größe"}
    assert serve(BasicAuth(users, HELLO)).ask(ask_with(field))[0] == status


def test_a_check_of_ones_own_decides(serve):
    served = serve(BasicAuth(lambda user, password: user == password, HELLO, realm='a "b"'))
    assert served.ask(ask_with(basic(b"x:x")))[0] == 200
    assert served.ask(get("/hello"))[1]["www-authenticate"] == r'Basic realm="a \"b\""'


def test_what_the_inner_handler_does_not_want_is_not_asked_for(serve):
    assert serve(BasicAuth({}, HELLO)).ask(get("/other"))[0] == 404


def test_a_redirect_keeps_what_its_groups_hold(serve):
    served = serve(Redirect(r"/old/(.*)/(.*)", r"/new/\2/\1", code=308))
    status, fields, _ = served.ask(get("/old/a%20b/c"))
    assert (status, fields["location"]) == (308, "/new/c/a%20b")


def test_a_redirect_lets_others_have_the_rest(serve):
    assert serve(HELLO, Redirect("/old", "/new")).ask(get("/hello"))[0] == 200


@pytest.mark.parametrize(
    "host, status", [("WWW.Example", 200), ("www.example:80", 200), ("example", 404), ("", 404)]
)
def test_a_host_is_asked_for_by_name(serve, host, status):
    served = serve(VirtualHost(HELLO, "www.example"))
    data = f"GET /hello HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert served.ask(data)[0] == status


def test_a_file_is_put_and_put_again(serve, tmp_path):
    served = serve(Put(tmp_path, "/up/.*"))
    (tmp_path / "up").mkdir()
    data = b"PUT /up/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nnew"
    assert served.ask(data)[0] == 201
    assert served.connect().send(data).read_head()[0] == "HTTP/1.1 204 No Content"
    assert (tmp_path / "up" / "x").read_bytes() == b"new"


@pytest.mark.parametrize(
    "target, length, status",
    [
        ("/up/", "3", 405),
        ("/up/no/x", "3", 405),
        ("/up/../../x", "3", 405),
        ("/up/out/x", "3", 405),
        ("/up/link", "3", 405),
        ("/up/a%00b", "3", 405),
        ("/up/x", "99", 413),
        ("/other", "3", 404),
    ],
)
def test_what_cannot_be_put(serve, tmp_path, target, length, status):
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "out").symlink_to(tmp_path.parent)
    (tmp_path / "up" / "link").symlink_to(tmp_path / "elsewhere")
    served = serve(Put(tmp_path, "/up/.*", limit=10))
    data = f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\nnew"
    assert served.ask(data.encode())[0] == status


def test_a_status_page_asks_everybody(serve):
    class Part:
        def status(self) -> str:
            return "<p>a part"

    served = serve(Status([Part(), object()]))
    status, fields, body = served.ask(get("/status"))
    assert (status, fields["cache-control"]) == (200, "no-store")
    assert b"<p>a part" in body
    assert served.ask(get("/status/below"))[0] == 404
    assert served.ask(b"POST /status HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 405


def test_functions_are_called_by_xml_rpc(serve):
    pytest.importorskip("defusedxml")
    served = serve(XMLRPC({"add": lambda a, b: a + b}))
    with xmlrpc.client.ServerProxy(f"{served.site.url}/RPC2") as server:
        assert server.add(2, 3) == 5
        with pytest.raises(xmlrpc.client.Fault, match="there is no method 'nothing'"):
            server.nothing()


def test_a_call_must_be_a_post_with_a_body(serve):
    pytest.importorskip("defusedxml")
    served = serve(XMLRPC())
    status, fields, _ = served.ask(get("/RPC2"))
    assert (status, fields["allow"]) == (405, "POST")
    assert served.ask(b"POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 411
