"""ZServer's FCGIServer: what it published behind a web server, it publishes still."""

from __future__ import annotations

import os
import socket
import struct
import threading
from importlib import import_module

import pytest

from servers import zserver
from servers.fcgi.records import RecordError
from servers.http.handlers import Files
from servers.zserver import PubCore
from servers.zserver.HTTPServer import zhttp_handler
from tests.fcgi.web_server import WebServer, asked
from tests.medusa.conftest import shut_down
from tests.medusa.test_legacy_switch import installed

# The package has a class of that name as well.
FCGIServer = import_module("servers.zserver.FCGIServer")
FCGIRecord = FCGIServer.FCGIRecord

begun = threading.Event()
go_on = threading.Event()


class application:
    """What a site publishes: methods by the first part of the path."""

    def __call__(self, request, response):
        name = request.environ["PATH_INFO"].split("/")[1]
        return getattr(self, f"do_{name}")(request, response)

    def do_hello(self, request, response):
        response.setHeader("content-type", "text/plain")
        return "hello\n"

    def do_env(self, request, response):
        names = sorted(name for name in request.environ if name.isupper())
        return "\n".join(f"{name}={request.environ[name]}" for name in names)

    def do_echo(self, request, response):
        return request.stdin.read()

    def do_stream(self, request, response):
        for number in range(3):
            response.write(f"part {number}\n")

    def do_boom(self, request, response):
        raise ValueError("a secret")

    def do_slow(self, request, response):
        begun.set()
        assert go_on.wait(10.0)
        return "slow"

    def do_header(self, request, response):
        return request.get_header("Authorization") or "none"


@pytest.fixture
def site(run, lines):
    """An FCGIServer in a thread; a function that makes connections to it."""
    sockets = []

    def start(module=None, **settings):
        server = FCGIServer.FCGIServer(
            module or application(), port=0, logger_object=lines, **settings
        )
        running = run(server)

        def connect():
            address = server.addr
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            sockets.append(socket.socket(family, socket.SOCK_STREAM))
            sockets[-1].connect(address)
            return WebServer(sockets[-1])

        running.connect = connect
        return running

    yield start
    for each in sockets:
        each.close()


def test_an_application_is_published(site):
    answer = site().connect().ask(asked("/hello", SCRIPT_NAME="/hello"))
    assert (answer.status, answer.body) == (200, b"hello\n")


def test_the_environment_is_what_the_web_server_gave(site):
    params = {"PATH_INFO": "/env", "SCRIPT_NAME": "/app", "REMOTE_USER": "me", "OWN": "1"}
    body = site().connect().ask(asked("/app/env", **params)).body.decode()
    env = dict(line.split("=", 1) for line in body.splitlines())
    assert {name: env[name] for name in params} == params


def test_without_path_info_all_of_the_path_is_taken_for_it(site):
    body = site().connect().ask(asked("/env/a", SCRIPT_NAME="/env/a")).body.decode()
    assert "PATH_INFO=/env/a" in body.splitlines()
    assert "SCRIPT_NAME=" in body.splitlines()


def test_credentials_are_found_under_apaches_name_for_them(site):
    params = {"PATH_INFO": "/header", "Authorization": "Basic x"}
    assert site().connect().ask(asked(**params)).body == b"Basic x"


@pytest.mark.parametrize("size", [0, 5, 600_000])
def test_a_body_of_any_size_is_a_file(site, size):
    body = os.urandom(size)
    assert site().connect().ask(asked("/", "POST", body, PATH_INFO="/echo")).body == body


def test_a_stream_is_sent(site):
    answer = site().connect().ask(asked(PATH_INFO="/stream"))
    assert answer.body == b"part 0\npart 1\npart 2\n"


def test_an_application_that_fails_says_nothing_of_why(site):
    answer = site().connect().ask(asked(PATH_INFO="/boom"))
    assert (answer.status, b"secret" in answer.body) == (500, False)


def test_the_access_log_names_the_client(site, lines):
    peer = site().connect()
    for _ in range(2):  # the line of the first is written before the second is answered
        peer.ask(asked(PATH_INFO="/hello", REMOTE_ADDR="192.0.2.1", keep=True))
    assert lines.lines[0].startswith("192.0.2.1 - Anonymous [")
    assert '"GET / HTTP/1.1" 200 6' in lines.lines[0]


def test_handlers_are_asked_before_the_application(site, tmp_path):
    (tmp_path / "page.txt").write_text("a page")
    running = site()
    running.server.install_handler(Files(tmp_path, "/files"))
    running.server.install_handler(zhttp_handler(application(), "zope"))
    peer = running.connect()
    assert peer.ask(asked("/files/page.txt", keep=True)).body == b"a page"
    assert peer.ask(asked("/zope/hello", keep=True)).body == b"hello\n"
    assert peer.ask(asked("/", PATH_INFO="/hello", keep=True)).body == b"hello\n"


def test_over_a_unix_socket(site, tmp_path):
    running = site(socket_file=str(tmp_path / "socket"))
    assert running.connect().ask(asked(PATH_INFO="/hello")).body == b"hello\n"


def test_the_environment_variable_names_who_may_connect(site, monkeypatch):
    monkeypatch.setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.1,127.0.0.1")
    assert site().connect().ask(asked(PATH_INFO="/hello")).status == 200


def test_others_than_those_may_not_connect(site, monkeypatch):
    monkeypatch.setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.1,192.0.2.2")
    assert site().connect().at_end()


def test_the_limit_of_connections_holds(site, monkeypatch):
    monkeypatch.setattr(zserver, "CONNECTION_LIMIT", 7)
    assert site().server.max_channels == 7


def test_a_request_in_a_thread_is_answered_in_a_shutdown(site):
    begun.clear()
    go_on.clear()
    peer = site().connect().send(asked(PATH_INFO="/slow", keep=True))
    assert begun.wait(10.0)
    shut_down()
    go_on.set()
    assert peer.read().body == b"slow"
    assert peer.at_end()


def test_what_pubcore_refuses_is_answered(site, monkeypatch):
    def refuse(module, request, response):
        response.setStatus(503)
        response.finish()

    monkeypatch.setattr(PubCore, "handle", refuse)
    assert site().connect().ask(asked(PATH_INFO="/hello")).status == 503


# Records


def test_a_record_says_what_it_wants_until_it_is_complete():
    record = FCGIRecord(bytes((1, 4, 0, 7, 0, 4, 3, 0)))
    assert (record.version, record.recType, record.reqId) == (1, FCGIServer.FCGI_PARAMS, 7)
    assert record.needContent() and record.needMore() == 4
    record.parseContent(b"\x01\x01ab")
    assert record.values == {b"a": b"b"}
    assert record.needPadding() and record.needMore() == 3
    record.gotPadding()
    assert not record.needMore()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("BEGIN_REQUEST", {"role": 1, "flags": 1}),
        ("END_REQUEST", {"appStatus": 7, "protocolStatus": 2}),
        ("UNKNOWN_TYPE", {"unknownType": 99}),
        ("PARAMS", {"values": {b"NAME": b"x" * 300}}),
        ("GET_VALUES_RESULT", {"values": {b"FCGI_MPXS_CONNS": b"0"}}),
        ("STDOUT", {"content": b"hello"}),
    ],
)
def test_a_record_is_read_as_it_was_written(kind, fields):
    record = FCGIRecord()
    record.recType, record.reqId = getattr(FCGIServer, f"FCGI_{kind}"), 258
    for name, value in fields.items():
        setattr(record, name, value)
    data = record.getRecordAsString()
    assert len(data) % 8 == 0
    again = FCGIRecord(data[:8])
    again.parseContent(data[8 : 8 + again.contentLength])
    assert (again.recType, again.reqId) == (record.recType, 258)
    assert {name: getattr(again, name) for name in fields} == fields


def test_a_broken_record_is_an_error():
    with pytest.raises(struct.error):
        FCGIRecord(b"\x01")
    record = FCGIRecord(bytes((1, 4, 0, 1, 0, 1, 0, 0)))
    with pytest.raises(RecordError):
        record.parseContent(b"\x05")


def test_it_is_there_under_its_old_name_and_pcgi_is_left_out_in_a_sentence():
    output = installed(
        """
        from ZServer.FCGIServer import FCGIServer
        print(FCGIServer.__module__)
        try:
            import ZServer.PCGIServer
        except ImportError as error:
            print(error)
        """
    )
    assert output.splitlines() == [
        "servers.zserver.FCGIServer",
        "ZServer.PCGIServer is left out: PCGI is left out; serve HTTP, or FastCGI with "
        "servers.zserver.FCGIServer",
    ]
