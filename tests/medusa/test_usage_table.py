"""What real code uses, row by row: the number of projects in front, the most used names first.

Each test is a program as those projects are, and really uses the names of (a part of) a row.  That
nothing of a row is forgotten, the lists beside the tests say: `uses` holds a test to its names.
"""

from __future__ import annotations

import base64
import ftplib
import io
import logging
import re
import signal
import socket
import threading
import xmlrpc.client
from types import SimpleNamespace

import pytest

import servers.zserver
from servers.medusa import (
    asynchat_25,
    auth_handler,
    chat_server,
    counter,
    default_handler,
    filesys,
    ftp_server,
    http_date,
    http_server,
    logger,
    monitor,
    producers,
    put_handler,
    resolver,
    script_handler,
    select_trigger,
    status_handler,
    unix_user_handler,
    util,
    virtual_handler,
    xmlrpc_handler,
)
from servers.medusa import asyncore_25 as asyncore
from servers.zserver import (
    AccessLogger,
    BaseLogger,
    ClockServer,
    DebugLogger,
    HTTPResponse,
    HTTPServer,
    Lifetime,
    Producers,
    PubCore,
    Signals,
    Wakeup,
    datatypes,
)
from servers.zserver.FTPServer import FTPServer, zope_ftp_channel
from servers.zserver.PubCore import ZRendezvous
from tests.medusa.conftest import get, post
from tests.medusa.test_replies import answers
from tests.servers.name_server import address, knows, name_server

ROWS = {
    21: "install_handler asyncore.loop",
    17: "http_server.http_server",
    12: "logger_object= request[name]=value request.push request.done request.channel "
    "asyncore.socket_map filesys.os_filesystem logger.file_logger",
    10: "resolver= zhttp_server request.split_uri request.command request.uri request.error "
    "request.get_header default_handler xmlrpc_handler asyncore.dispatcher status_extension "
    "simple_producer",
    9: "Lifetime.shutdown asyncore.poll request.header set_terminator found_terminator log_info "
    "counter log() server_name",
    8: "monitor request.collector continue_request auth_handler get_header(regex,lines) readable "
    "writable create_socket",
    7: "shutdown(0,fast=1) ServerFactory ftp_server request.reply_code status() zhttp_handler "
    "channel_class SERVER_IDENT server.handlers",
    6: "ClockServer PubCore.handle xmlrpc_handler.collector call(method,params) subclass "
    "collect_incoming_data http_date dummy_authorizer anon_authorizer",
    5: "signals request.version parked async_chat current_request compact_traceback set_reuse_addr "
    "handle_connect Wakeup unresolving_logger logger_for_status log_date_string caching_resolver",
    4: "setNumberOfThreads FTPServer loop(timeout=) numeric request.log CONTENT_LENGTH IDENT "
    "script_handler http_channel push_with_producer close_when_done zhttp_channel handle_accept "
    "handle_error respond composite_producer build_http_date VERSION_STRING LogHelper bytes_out",
    3: "_shutdown_phase outgoing response(code) get_header_match put_handler more() auth_info "
    "producer_fifo ExitNow ftp_channel cmd_* read_only request_counter rotating_file_logger "
    "syslog_logger ChannelPipe make_response access_logger ZRendezvous",
    2: "loop(count=) close_all requestCloseOnExec CONNECTION_LIMIT reply_headers use_chunked "
    "responses build_reply_header has_key path_regex crack_request join_headers remove_handler "
    "ac_out_buffer refill_buffer handle_close file_producer globbing_producer chunked_producer "
    "iterator_producer html_repr chat_server unix_user_handler DebugLogger get_environment",
    1: "lifetime_loop graceful_shutdown_loop clean_shutdown_control loop(use_poll=1) exit_code "
    "http_request isinstance hooked_producer initiate_send find_prefix_at_end pull_trigger fifo "
    "unix_socket channel.handle_close lines_producer python_logger parse_http_date BaseLogger",
    0: "virtual_handler schizophrenic_unix_filesystem discard_buffers file_dispatcher "
    "output_producer scanning_producer escaping_producer",
}

USED: dict[int, set[str]] = {row: set() for row in ROWS}


def uses(row, names):
    """What the test below uses of a row."""

    def note(test):
        USED[row] |= set(names.split())
        return test

    return note


@pytest.mark.parametrize("row", ROWS)
def test_every_name_of_the_table_is_used_here(row):
    assert USED[row] == set(ROWS[row].split())


# 21, 17, 12-14


@uses(21, "install_handler asyncore.loop")
@uses(17, "http_server.http_server")
@uses(12, ROWS[12])
@uses(2, "remove_handler")
def test_a_server_with_handlers_a_folder_and_a_log(run, tmp_path):
    (tmp_path / "file.txt").write_bytes(b"content")

    class page_handler:
        def match(self, request):
            return request.uri == "/page"

        def handle_request(self, request):
            request["Content-Type"] = "text/html"
            request.push("<p>")
            request.push(request.channel.addr[0])
            request.done()

    out = io.StringIO()
    fs = filesys.os_filesystem(str(tmp_path))
    hs = http_server.http_server(ip="127.0.0.1", port=0, logger_object=logger.file_logger(out))
    page = page_handler()
    hs.install_handler(default_handler.default_handler(fs))
    hs.install_handler(page)
    assert hs in asyncore.socket_map.values()
    running = run(hs, lambda: asyncore.loop())
    assert running.get("/file.txt") == b"content"
    assert running.ask(get("/page"))[1]["content-type"] == "text/html"
    hs.remove_handler(page)
    assert running.ask(get("/page"))[0] == 404
    running.stop()
    assert '"GET /file.txt HTTP/1.1" 200 7' in out.getvalue()


# 10-11


@uses(10, "resolver= zhttp_server")
def test_names_in_the_log_of_a_zserver(run, lines):
    class names:
        def resolve_ptr(self, ip, callback):
            callback(ip, 60, "client.example")

    server = HTTPServer.zhttp_server(
        ip="127.0.0.1", port=0, resolver=names(), logger_object=lines
    )
    running = run(server)
    assert running.ask(get("/"))[0] == 404
    running.stop()
    assert lines.lines[0].startswith("client.example:")


@uses(10, "request.split_uri request.command request.uri request.error request.get_header")
@uses(9, "request.header")
@uses(8, "get_header(regex,lines)")
@uses(5, "request.version parked log_date_string")
@uses(3, "get_header_match response(code) outgoing")
@uses(2, "has_key path_regex reply_headers")
def test_what_a_handler_reads_of_a_request(serve):
    agent = re.compile("User-Agent: (.*)", re.IGNORECASE)

    def answer(request):
        path, params, query, fragment = request.split_uri()
        assert (path, params, query, fragment) == ("/a b", ";c", "?d=%20", None)
        assert request.uri == "/a b;c?d=%20"
        assert (request.command, request.version) == ("GET", "1.1")
        assert request.command == "get"
        assert request.get_header("user-agent") == "old"
        assert http_server.get_header(agent, request.header) == "old"
        assert http_server.get_header_match(agent, request.header).group(1) == "old"
        assert "User-Agent: old" in request.header
        assert request.path_regex.match("/x?y").group(1) == "/x"
        assert request.log_date_string(0)[2:3] == "/"
        request.parked = "here"
        request["X-Parked"] = request.parked
        assert request.has_key("X-Parked") and request.reply_headers["X-Parked"] == "here"
        assert request.response(403).endswith("403 Forbidden")
        request.push("thrown away")
        assert request.outgoing[-1] == b"thrown away"
        request.error(403)

    running = serve(answers(answer))
    status, fields, _ = running.ask(get("/a%20b;c?d=%20", "User-Agent: old"))
    assert (status, fields["x-parked"]) == (403, "here")


@uses(10, "default_handler xmlrpc_handler")
@uses(9, "found_terminator set_terminator log_info")
@uses(8, "request.collector continue_request")
@uses(6, "xmlrpc_handler.collector call(method,params) collect_incoming_data")
def test_calls_and_bodies(serve, monkeypatch):
    pytest.importorskip("defusedxml")
    said = []
    monkeypatch.setattr(http_server.http_server, "log_info", lambda *args: said.append(args[1]))

    class calls(xmlrpc_handler.xmlrpc_handler):
        def call(self, method, params):
            return [method, *params]

    class upload_handler:
        def match(self, request):
            return request.uri == "/upload"

        def handle_request(self, request):
            request.collector = xmlrpc_handler.collector(self, request)

        def continue_request(self, data, request):
            request.push(data.upper())
            request.done()

    class own_collector:
        def match(self, request):
            return request.uri == "/own"

        def handle_request(self, request):
            self.request, self.data = request, b""
            request.collector = self
            request.channel.set_terminator(int(request.get_header("content-length")))

        def collect_incoming_data(self, data):
            self.data = self.data + data

        def found_terminator(self):
            self.request.channel.set_terminator("\r\n\r\n")
            self.request.collector = None
            self.request.push(self.data[::-1])
            self.request.done()

    running = serve(
        default_handler.default_handler(filesys.os_filesystem("/nowhere")),
        calls(),
        upload_handler(),
        own_collector(),
    )
    proxy = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{running.port}/RPC2")
    with proxy:
        assert proxy.name(1, "x") == ["name", 1, "x"]
    assert running.ask(post("/upload", b"abc"))[2] == b"ABC"
    assert running.ask(post("/own", b"abc"))[2] == b"cba"
    assert running.ask(get("/file"))[0] == 404
    assert any("started at" in line for line in said)


@uses(10, "asyncore.dispatcher status_extension simple_producer")
@uses(9, "counter log() server_name")
@uses(8, "readable writable create_socket")
@uses(7, "status()")
@uses(5, "handle_connect set_reuse_addr logger_for_status unresolving_logger")
def test_a_status_page_asked_for_by_a_client_of_ones_own(run, lines):
    class status_object:
        hits = counter.counter()

        def status(self):
            self.hits.increment()
            return producers.simple_producer(f"<b>hits: {self.hits}</b>")

    class http_client(asyncore.dispatcher):
        def __init__(self, address):
            asyncore.dispatcher.__init__(self)
            self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
            self.buffer = b""
            self.data = b""
            self.ended = threading.Event()
            self.connect(address)

        def handle_connect(self):
            self.buffer = b"GET /status HTTP/1.0\r\nHost: x\r\n\r\n"

        def readable(self):
            return 1

        def writable(self):
            return not self.connected or self.buffer

        def handle_write(self):
            self.buffer = self.buffer[self.send(self.buffer) :]

        def handle_read(self):
            self.data += self.recv(8192)

        def handle_close(self):
            self.close()
            self.ended.set()

    lg = status_handler.logger_for_status(lines)
    server = http_server.http_server("127.0.0.1", 0, None, lg)
    server.set_reuse_addr()
    assert isinstance(server.logger, logger.unresolving_logger)
    assert server.server_name
    server.install_handler(status_handler.status_extension([server, lg, status_object()]))
    client = http_client(("127.0.0.1", server.port))
    running = run(server)
    assert client.ended.wait(10.0)
    assert b"<b>hits: 1</b>" in client.data
    assert b'<img src="/status/medusa.gif"' in client.data
    assert running.get("/status/medusa.gif")[:6] == b"GIF89a"
    running.stop()
    assert lg.messages and "GET /status" in lines.lines[0]


# 9


@uses(9, "asyncore.poll Lifetime.shutdown")
@uses(3, "_shutdown_phase")
@uses(1, "graceful_shutdown_loop exit_code")
def test_a_loop_of_ones_own_that_looks_at_the_phase(run, lines):
    def loop():
        while 1:
            asyncore.poll(0.05)
            if Lifetime._shutdown_phase:
                break
        Lifetime.graceful_shutdown_loop()

    server = http_server.http_server("127.0.0.1", 0, logger_object=lines)
    running = run(server, loop, lambda: Lifetime.shutdown(1))
    assert running.ask(get("/"))[0] == 404
    running.stop()
    assert (Lifetime._shutdown_phase, servers.zserver.exit_code) == (4, 1)


# 8


@uses(8, "monitor")
def test_a_monitor_runs_what_it_is_told(run):
    server = monitor.secure_monitor_server("secret", "127.0.0.1", 0)
    peer = run(server).connect()
    stamp = peer.read_line().decode()
    peer.send(monitor.hex_digest(stamp + "secret").encode() + b"\r\n")
    peer.send(b"6 * 7\r\nexit\r\n")
    assert b"42\r\n" in peer.read_to_end()


@uses(8, "auth_handler")
@uses(3, "auth_info")
def test_a_password_in_front_of_a_handler(serve):
    inner = answers(lambda request: (request.push(repr(request.auth_info)), request.done()))
    running = serve(auth_handler.auth_handler({"me": "pw"}, inner))
    token = base64.b64encode(b"me:pw").decode()
    assert running.ask(get("/"))[0] == 401
    assert running.ask(get("/", f"Authorization: Basic {token}"))[2] == b"['me', 'pw']"


# 7


@uses(7, "shutdown(0,fast=1) ServerFactory zhttp_handler")
@uses(6, "PubCore.handle ClockServer")
@uses(4, "setNumberOfThreads LogHelper")
@uses(3, "make_response ChannelPipe access_logger")
@uses(2, "get_environment requestCloseOnExec CONNECTION_LIMIT DebugLogger iterator_producer")
def test_a_zope_of_ones_own(run, lines, monkeypatch):
    heard = []
    for channel in AccessLogger.access_logger, DebugLogger.debug_logger:
        handler = logging.Handler()
        handler.emit = lambda record: heard.append(record.getMessage())
        monkeypatch.setattr(channel.logger, "handlers", [handler])
    asked = []

    def published(request, response):
        asked.append(request.environ["PATH_INFO"])
        response.setHeader("Content-Length", 4)
        return Producers.iterator_producer(iter(["text"]))

    class own_handler(HTTPServer.zhttp_handler):
        def get_environment(self, request):
            env = HTTPServer.zhttp_handler.get_environment(self, request)
            env["PATH_INFO"] = env["PATH_INFO"].upper()
            return env

        def continue_request(self, sin, request):
            env = self.get_environment(request)
            response = HTTPResponse.make_response(request, env)
            assert isinstance(response.stdout, HTTPResponse.ChannelPipe)
            zrequest = HTTPServer.ZRequest(sin, env, response)
            PubCore.handle(self.module_name, zrequest, response)

    class own_factory(datatypes.ServerFactory):
        def create(self):
            server = HTTPServer.zhttp_server(
                self.ip, self.port, self.dnsresolver, AccessLogger.access_logger
            )
            servers.zserver.requestCloseOnExec(server.socket)
            server.install_handler(own_handler(self.module, ""))
            return server

    servers.zserver.setNumberOfThreads(2)
    factory = own_factory(("127.0.0.1", 0))
    factory.prepare(module=published)
    server = factory.create()
    assert server.max_channels == servers.zserver.CONNECTION_LIMIT
    fired = threading.Event()
    clock = ClockServer.ClockServer(
        "/cron", 0.01, host="localhost", logger=lines, handler=lambda *args: fired.set()
    )
    assert isinstance(clock.logger, ClockServer.LogHelper)
    running = run(server, Lifetime.loop, lambda: Lifetime.shutdown(0, fast=1))
    assert running.get("/page") == b"text"
    assert fired.wait(10.0)
    clock.close()
    running.stop()
    servers.zserver.setNumberOfThreads(1)
    assert asked == ["/PAGE"]
    assert lines.lines[0].endswith("GET /cron HTTP/1.0")
    assert any(line.startswith("B ") for line in heard)
    assert any('"GET /page HTTP/1.1" 200 4' in line for line in heard)


@uses(7, "ftp_server")
@uses(6, "anon_authorizer dummy_authorizer")
@uses(4, "respond")
@uses(3, "ftp_channel cmd_* read_only")
def test_files_by_ftp(run, lines, tmp_path):
    (tmp_path / "file.txt").write_bytes(b"content")

    class own_channel(ftp_server.ftp_channel):
        def cmd_hello(self, line):
            self.respond(f"200 hello, {line[1]}, read only: {self.read_only}")

    class own_server(ftp_server.ftp_server):
        ftp_channel_class = own_channel

    for kind in ftp_server.anon_authorizer, ftp_server.dummy_authorizer:
        authorizer = kind(str(tmp_path))
        server = own_server(authorizer, ip="127.0.0.1", port=0, logger_object=lines)
        running = run(server)
        with ftplib.FTP(timeout=10) as ftp:
            ftp.connect(*server.getsockname())
            ftp.login("anonymous", "me@site.example")
            pieces = []
            ftp.retrbinary("RETR file.txt", pieces.append)
            assert b"".join(pieces) == b"content"
            assert ftp.sendcmd("HELLO you") == "200 hello, you, read only: 1"
        running.stop()


@uses(7, "request.reply_code channel_class SERVER_IDENT server.handlers")
@uses(6, "subclass http_date")
@uses(5, "current_request compact_traceback")
@uses(4, "request.log http_channel IDENT VERSION_STRING build_http_date bytes_out")
@uses(3, "request_counter")
@uses(2, "use_chunked responses build_reply_header crack_request join_headers")
@uses(1, "isinstance http_request channel.handle_close fifo parse_http_date")
def test_classes_that_are_extended(serve, lines, monkeypatch):
    monkeypatch.setitem(http_server.http_request.responses, 290, "Old Style")
    monkeypatch.setattr(http_server.http_request, "use_chunked", 0)
    seen = []
    gone = threading.Event()

    class my_request(http_server.http_request):
        def build_reply_header(self):
            seen.append(self.reply_code)
            return http_server.http_request.build_reply_header(self)

        def log(self, bytes):
            lines.log(f"{self.request} {bytes}")

    class my_channel(http_server.http_channel):
        request_class = my_request

        def found_terminator(self):
            http_server.http_channel.found_terminator(self)
            seen.append(self.request_counter.as_long())

    class my_server(http_server.http_server):
        SERVER_IDENT = f"Mine {http_server.VERSION_STRING}"
        channel_class = my_channel

    def answer(request):
        assert isinstance(request, http_server.http_request)
        assert request.channel.current_request is request
        request.channel.handle_close = lambda: (request.channel.close(), gone.set())
        now = http_server.http_date.build_http_date(1e9)
        assert http_date.parse_http_date(now) == 1e9
        try:
            raise ValueError("boom")
        except ValueError:
            (_, function, _), kind, value, _ = asyncore.compact_traceback()
            assert (function, kind, str(value)) == ("answer", ValueError, "boom")
        request.reply_code = 290
        request["Last-Modified"] = now
        request["Content-Length"] = 4
        request.push("body")
        request.done()

    running = serve(answers(answer), server=my_server)
    assert running.server.handlers[0].match(None)
    assert default_handler.default_handler.IDENT
    assert http_server.crack_request("GET /x HTTP/1.0") == ("GET", "/x", "1.0")
    assert http_server.join_headers(["A: b", " c"]) == ["A: bc"]
    assert http_server.fifo([1]).pop() == (1, 1)
    peer = running.connect().send(get("/x"))
    head, fields = peer.read_head()
    assert head == "HTTP/1.1 290 Old Style"
    assert fields["last-modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    assert peer.read(4) == b"body"
    peer.sock.close()
    assert gone.wait(10.0)
    running.stop()
    assert 290 in seen
    assert lines.lines == ["GET /x HTTP/1.1 4"]
    assert running.server.bytes_out.as_long() > 4


# 5


@uses(5, "signals")
def test_a_signal_is_heard_by_handlers_of_ones_own(serve, monkeypatch):
    monkeypatch.setattr(Signals, "_registered", {})
    before = signal.getsignal(signal.SIGUSR2)
    heard = threading.Event()
    try:
        Signals.SignalHandler.registerHandler(signal.SIGUSR2, heard.set)
        serve()
        signal.raise_signal(signal.SIGUSR2)
        assert heard.wait(10.0)
    finally:
        signal.signal(signal.SIGUSR2, before)


@uses(5, "async_chat Wakeup")
@uses(4, "handle_accept handle_error push_with_producer close_when_done numeric loop(timeout=)")
@uses(3, "more() producer_fifo")
@uses(2, "handle_close ac_out_buffer")
@uses(1, "initiate_send find_prefix_at_end pull_trigger clean_shutdown_control hooked_producer")
@uses(0, "discard_buffers")
def test_a_protocol_of_ones_own(run, caplog):
    notes = []

    class count_down:
        def __init__(self, n):
            self.n = n

        def more(self):
            self.n -= 1
            return f"{self.n}\n" if self.n >= 0 else ""

    class record_channel(asynchat_25.async_chat):
        def __init__(self, conn):
            asynchat_25.async_chat.__init__(self, conn)
            self.set_terminator(3)
            self.data = b""

        def collect_incoming_data(self, data):
            self.data += data

        def found_terminator(self):
            data, self.data = self.data, b""
            self.set_terminator(3)
            if data == b"bad":
                raise ValueError("a bad record")
            self.producer_fifo.append(data.upper() + b"\n")
            self.initiate_send()
            hooked = producers.hooked_producer(count_down(3), notes.append)
            self.push_with_producer(hooked)
            assert self.ac_out_buffer in (b"", "")
            if data == b"end":
                self.close_when_done()

        def handle_close(self):
            notes.append("closed")
            self.discard_buffers()
            self.close()

        def clean_shutdown_control(self, phase, time_in_phase):
            notes.append(phase)

    class record_server(asyncore.dispatcher):
        def __init__(self):
            asyncore.dispatcher.__init__(self)
            self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
            self.bind(("127.0.0.1", 0))
            self.listen(5)

        def handle_accept(self):
            record_channel(self.accept()[0])

        def handle_error(self):
            raise

        def log_info(self, message, type="info"):
            pass

    running = run(record_server(), lambda: asyncore.loop(timeout=1.0))
    peer = running.connect().send(b"one")
    assert peer.read(10) == b"ONE\n2\n1\n0\n"
    assert peer.send(b"end").read_to_end() == b"END\n2\n1\n0\n"
    running.connect().send(b"bad").read_to_end()
    assert "a bad record" in caplog.text
    staying = running.connect()
    assert staying.send(b"one").read(4) == b"ONE\n"
    woken = threading.Event()
    Wakeup.Wakeup(woken.set)
    assert woken.wait(10.0)
    pulled = threading.Event()
    Wakeup.Wakeup(lambda: notes.append(select_trigger.trigger()))
    Wakeup.Wakeup(lambda: notes[-1].pull_trigger(pulled.set))
    assert pulled.wait(10.0)
    Lifetime.shutdown(0)
    running.thread.join(10.0)
    assert {6, "closed", 1, 2, 3} <= set(notes)
    assert asynchat_25.find_prefix_at_end(b"data\r", b"\r\n") == 1


@uses(5, "caching_resolver")
def test_a_resolver_that_remembers():
    heard = []
    with name_server(knows(address("site.example", "192.0.2.1"))) as server:
        names = resolver.caching_resolver("127.0.0.1", port=server.port)
        names.resolve("site.example", lambda *answer: heard.append(answer[::2]))
        asyncore.loop(10.0)
        names.resolve("site.example", lambda *answer: heard.append(answer[::2]))
        assert len(server.asked) == 1
    assert heard == [("site.example", "192.0.2.1")] * 2


# 4


@uses(4, "FTPServer")
def test_zope_by_ftp(run, lines):
    server = FTPServer(
        lambda request, response: None,
        ip="127.0.0.1",
        hostname="localhost",
        port=0,
        resolver=None,
        logger_object=lines,
    )
    assert issubclass(server.ftp_channel_class, zope_ftp_channel)
    peer = run(server).connect()
    assert peer.read_line().startswith(b"220 ")
    assert peer.send(b"QUIT\r\n").read_line().startswith(b"221 ")


@uses(4, "CONTENT_LENGTH script_handler composite_producer zhttp_channel")
@uses(3, "put_handler")
@uses(2, "file_producer globbing_producer chunked_producer html_repr refill_buffer")
@uses(1, "lines_producer")
@uses(0, "output_producer scanning_producer escaping_producer virtual_handler")
def test_handlers_and_producers_side_by_side(serve, tmp_path):
    (tmp_path / "run.mpy").write_text("print('printed')\n")
    refilled = []

    class my_channel(HTTPServer.zhttp_channel):
        def refill_buffer(self):
            refilled.append(1)
            HTTPServer.zhttp_channel.refill_buffer(self)

    class my_server(HTTPServer.zhttp_server):
        channel_class = my_channel

    def answer(request):
        out = producers.output_producer()
        out.write(util.html_repr("<") + "\n")
        file = open(tmp_path / "run.mpy", "rb")  # noqa: SIM115
        parts = [
            producers.lines_producer(["line"]),
            out,
            producers.scanning_producer("scanned "),
            producers.escaping_producer(producers.simple_producer("a\r\n.b")),
            producers.file_producer(file),
        ]
        request["Transfer-Encoding"] = "chunked"
        whole = producers.globbing_producer(producers.composite_producer(parts))
        request.push(producers.chunked_producer(whole))
        request.done()

    fs = filesys.os_filesystem(str(tmp_path))
    hosted = answers(lambda request: (request.push("hosted"), request.done()))
    running = serve(
        answers(answer),
        put_handler.put_handler(fs, "/up/.*|/new.txt"),
        script_handler.script_handler(fs),
        virtual_handler.virtual_handler(hosted, "virtual.example"),
        server=my_server,
    )
    peer = running.connect().send(get("/"))
    peer.read_head()
    text = b"line\r\n&#x27;&lt;&#x27;\r\nscanned a\r\n..bprint('printed')\n"
    assert peer.read_chunked() == text
    assert running.get("/run.mpy") == b"printed\n"
    put = b"PUT /new.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nnew"
    assert running.ask(put)[0] == 201
    assert (tmp_path / "new.txt").read_bytes() == b"new"
    assert refilled
    other = b"GET / HTTP/1.1\r\nHost: virtual.example\r\n\r\n"
    assert running.ask(other)[2] == b"hosted"
    for module in put_handler, script_handler, HTTPServer:
        assert http_server.get_header(module.CONTENT_LENGTH, ["Content-Length: 3"]) == "3"


# 3


@uses(3, "ExitNow")
def test_a_handler_leaves_the_loop(serve):
    def leave(request):
        raise asyncore.ExitNow("enough")

    running = serve(answers(leave))
    running.connect().send(get("/"))
    running.thread.join(10.0)
    assert isinstance(running.error, asyncore.ExitNow)


@uses(3, "rotating_file_logger syslog_logger")
@uses(1, "python_logger BaseLogger")
def test_where_lines_go(tmp_path):
    path = tmp_path / "access.log"
    rotating = logger.rotating_file_logger(str(path), None, 10)
    rotating.log("a line that is long enough")
    rotating.log("the next")
    assert len(list(tmp_path.iterdir())) >= 2
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(10.0)
        syslog = logger.syslog_logger(str(tmp_path / "log"))
        syslog.log("a line")
        assert b"a line" in receiver.recv(1000)
        syslog.close()
    heard = []
    logger.python_logger(heard.append).log("a line\n")
    assert heard == ["a line"]
    assert BaseLogger.BaseLogger("trace").logger.propagate is False


@uses(3, "ZRendezvous")
def test_a_pool_of_ones_own():
    done = threading.Event()
    response = SimpleNamespace(setBody=lambda body: None, finish=done.set)
    pool = ZRendezvous.ZRendevous(1)
    pool.handle(lambda request, response: "body", object(), response)
    assert done.wait(10.0)
    assert pool.stop(10.0)


# 2, 1, 0


@uses(2, "loop(count=) close_all")
@uses(1, "loop(use_poll=1) lifetime_loop unix_socket")
@uses(0, "file_dispatcher schizophrenic_unix_filesystem")
def test_loops_by_their_arguments(tmp_path):
    heard = []

    class reading(asyncore.file_dispatcher):
        def handle_read(self):
            heard.append(self.recv(100))

        def writable(self):
            return 0

    here, there = socket.socketpair()
    with here, there:
        reading(here)
        there.send(b"first")
        asyncore.loop(timeout=10.0, count=1)
        there.send(b"second")
        asyncore.loop(10.0, use_poll=1, count=1)
        assert heard == [b"first", b"second"]
        asyncore.close_all()
    assert not asyncore.socket_map
    Lifetime.lifetime_loop()  # nothing is left to serve, so it returns
    path = str(tmp_path / "socket")
    listening = asyncore.dispatcher()
    listening.create_socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen(1)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        conn, _ = listening.accept()
        channel = http_server.http_channel(http_server_of_nobody(), conn, path)
        assert channel.addr == path
        channel.close()
    asyncore.close_all()
    (tmp_path / "file").write_bytes(b"here")
    fs = filesys.schizophrenic_unix_filesystem(str(tmp_path), "/", (None, None))
    with fs.open("file", "rb") as file:
        assert file.read() == b"here"


def http_server_of_nobody():
    """A server that stays in the map until all are closed."""
    return http_server.http_server("127.0.0.1", 0, logger_object=SimpleNamespace(log=str))


@uses(2, "chat_server unix_user_handler")
def test_a_chat_and_the_folders_of_users(run):
    peer = run(chat_server.chat_server("127.0.0.1", 0)).connect()
    peer.send(b"ann\r\n/quit\r\n")
    assert b"Hello, ann" in peer.read_to_end()
    handler = unix_user_handler.unix_user_handler("public_html")
    assert handler.match(SimpleNamespace(uri="/~ann/", split_uri=lambda: ("/~ann/",)))
    assert not handler.match(SimpleNamespace(uri="/ann/", split_uri=lambda: ("/ann/",)))
