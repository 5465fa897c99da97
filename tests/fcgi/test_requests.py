"""Requests of a web server, and their answers, record by record."""

from __future__ import annotations

import os
import socket

import pytest

from servers.fcgi.records import Status, Type, decode_pairs, encode_end, encode_pairs, encode_record
from servers.http import Limits
from servers.http.handlers import Files
from servers.http.handlers.xmlrpc import XMLRPC
from servers.producers import FileProducer, IteratorProducer
from tests.fcgi.pages import Later, Page, echo, hello, stream
from tests.fcgi.web_server import WebServer, asked, begin


def test_a_request_is_answered_as_cgi_answers(serve):
    peer = serve(Page(hello)).connect().send(asked("/"))
    records = [peer.read_record() for _ in range(4)]
    assert [record.type for record in records] == [Type.STDOUT] * 3 + [Type.END_REQUEST]
    head = b"Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n"
    assert [record.content for record in records[:3]] == [head, b"hello\n", b""]
    assert {record.request_id for record in records} == {1}


def test_the_web_server_that_does_not_keep_the_connection_sees_its_end(serve):
    peer = serve(Page(hello)).connect()
    assert peer.ask(asked("/")).body == b"hello\n"
    assert peer.at_end()


def test_a_kept_connection_takes_one_request_after_the_other(serve):
    peer = serve(Page(hello), Page(echo)).connect()
    for request_id in (1, 1, 2, 65535):
        peer.send(asked("/", request_id=request_id, keep=True))
        assert peer.read(request_id).body == b"hello\n"


def test_the_last_request_of_a_kept_connection_may_end_it(serve):
    peer = serve(Page(hello)).connect()
    peer.ask(asked(keep=True))
    peer.ask(asked(keep=False))
    assert peer.at_end()


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 1_000_000])
def test_a_body_of_any_size_comes_and_goes(serve, size):
    body = os.urandom(size)
    assert serve(Page(echo)).ask(asked(method="POST", body=body)).body == body


def test_a_body_without_a_length_is_taken_to_its_end(serve):
    data = asked(method="POST", body=b"abc", CONTENT_LENGTH="")
    assert serve(Page(echo)).ask(data).body == b"abc"


def test_a_request_may_come_byte_by_byte(serve):
    peer = serve(Page(echo)).connect()
    for byte in asked(method="POST", body=b"abc"):
        peer.send(bytes((byte,)))
    assert peer.read().body == b"abc"


def test_head_has_no_body(serve):
    answer = serve(Page(hello)).ask(asked(method="HEAD"))
    assert (answer.fields["content-length"], answer.body) == ("6", b"")


def test_a_body_of_unknown_length_needs_no_chunks(serve):
    answer = serve(Page(stream)).ask(asked())
    assert (answer.fields, answer.body) == ({}, b"0\n1\n2\n3\n4\n")


def test_an_answer_may_come_bit_by_bit(serve):
    def bits(request):
        request.flush()
        request.push("one")
        request.push(IteratorProducer([b"two"]))
        request.done()

    assert serve(Page(bits)).ask(asked()).body == b"onetwo"


def test_a_streamed_answer_is_held_to_its_length(serve):
    def bits(request):
        request["Content-Length"] = 4
        request.flush()
        request.push("onetwo")
        request.done()

    assert serve(Page(bits)).ask(asked()).body == b"onet"


def test_nothing_is_said_about_the_clients_connection(serve):
    def close(request):
        request["Connection"] = "close"
        hello(request)

    peer = serve(Page(close)).connect()
    assert "connection" not in peer.ask(asked(keep=True)).fields
    assert peer.ask(asked(keep=True)).body == b"hello\n"


def test_an_answer_from_another_thread_is_sent(serve):
    later = Later()
    peer = serve(later).connect().send(asked("/later"))
    later.answer()
    assert peer.read().body == b"late\n"


def test_a_folder_is_served(serve, tmp_path):
    (tmp_path / "large.bin").write_bytes(content := os.urandom(700_000))
    served = serve(Files(tmp_path))
    answer = served.ask(asked("/large.bin"))
    assert (answer.status, answer.body == content) == (200, True)
    tag = answer.fields["etag"]
    assert served.ask(asked("/large.bin", HTTP_IF_NONE_MATCH=tag)).status == 304
    part = served.ask(asked("/large.bin", HTTP_RANGE="bytes=1-3"))
    assert (part.status, part.body) == (206, content[1:4])
    assert served.ask(asked("/nothing")).status == 404


def test_xml_rpc_is_served(serve):
    pytest.importorskip("defusedxml")
    call = b"<methodCall><methodName>add</methodName><params><param><value><int>1</int></value>"
    call += b"</param><param><value><int>2</int></value></param></params></methodCall>"
    served = serve(XMLRPC({"add": lambda a, b: a + b}))
    assert b"<int>3</int>" in served.ask(asked("/RPC2", "POST", call)).body


def test_a_handler_sees_the_client_and_the_parameters(serve):
    def tell(request):
        host, port = request.channel.addr
        request.push(f"{host} {port} {request.environ['REMOTE_USER']} {request.host}")
        request.done()

    params = {"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "99", "REMOTE_USER": "me"}
    assert serve(Page(tell)).ask(asked(**params)).body == b"192.0.2.1 99 me site.example"


def test_the_access_log_names_the_client_and_counts_the_body(serve):
    class Lines(list):
        log = list.append

    lines = Lines()
    served = serve(Page(hello, "/hello"), Page(stream), access_log=lines)
    peer = served.connect()
    peer.ask(asked("/hello", REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="test", keep=True))
    peer.ask(asked("/stream", REMOTE_ADDR="192.0.2.2", keep=True))
    peer.ask(asked("/hello"))  # answered behind the line of the one before
    assert [line.split()[0] for line in lines[:2]] == ["192.0.2.1", "192.0.2.2"]
    assert lines[0].endswith('"GET /hello HTTP/1.1" 200 6 "-" "test"')
    assert '"GET /stream HTTP/1.1" 200 10 ' in lines[1]


def test_questions_about_the_server_are_answered(serve):
    names = [b"FCGI_MAX_CONNS", b"FCGI_MAX_REQS", b"FCGI_MPXS_CONNS"]
    peer = serve(Page(hello), limits=Limits(connections=7)).connect()
    peer.send(encode_record(Type.GET_VALUES, 0, encode_pairs((name, b"") for name in names)))
    record = peer.read_record()
    assert record[:2] == (Type.GET_VALUES_RESULT, 0)
    assert decode_pairs(record.content) == list(zip(names, [b"7", b"7", b"0"], strict=True))
    assert peer.ask(asked()).status == 200


def test_a_second_request_is_refused_and_the_first_one_answered(serve):
    later = Later()
    peer = serve(later).connect().send(asked("/later", keep=True))
    assert later.asked.wait(10.0)
    peer.send(asked("/later", request_id=2, keep=True))
    assert peer.read(2).protocol_status is Status.CANT_MPX_CONN
    later.answer()
    assert peer.read(1).body == b"late\n"


def test_another_role_is_refused(serve):
    peer = serve(Page(hello)).connect()
    assert peer.ask(asked(role=2, keep=True)).protocol_status is Status.UNKNOWN_ROLE
    assert peer.ask(asked(role=3)).protocol_status is Status.UNKNOWN_ROLE
    assert peer.at_end()


# The web server gives up


def test_a_request_that_is_given_up_ends_at_once(serve):
    later = Later()
    peer = serve(later, Page(hello)).connect().send(asked("/later", keep=True))
    assert later.asked.wait(10.0)
    answer = peer.ask(encode_record(Type.ABORT_REQUEST, 1))
    assert (answer.status, answer.protocol_status) == (0, Status.REQUEST_COMPLETE)
    later.answer()  # it comes too late, and goes nowhere
    assert peer.ask(asked("/", keep=True)).body == b"hello\n"


def test_a_request_whose_parameters_are_not_complete_can_be_given_up(serve):
    peer = serve(Page(hello)).connect().send(begin(keep=True))
    assert peer.ask(encode_record(Type.ABORT_REQUEST, 1)).status == 0
    assert peer.ask(asked("/")).body == b"hello\n"


def test_a_request_that_was_refused_can_be_given_up(serve):
    peer = serve(Page(hello)).connect()
    refused = begin(keep=True) + encode_record(Type.STDIN, 1, b"too early")
    assert peer.ask(refused + encode_record(Type.ABORT_REQUEST, 1)).status == 0
    assert peer.ask(asked("/")).body == b"hello\n"


def test_an_upload_that_is_given_up_never_reaches_its_handler(serve):
    bodies = []
    served = serve(Page(lambda request: request.read_body(bodies.append), "/upload"), Page(hello))
    peer = served.connect()
    peer.send(asked("/upload", "POST", b"x" * 100, keep=True)[:-30])
    peer.send(bytes(22))  # the rest of the record
    assert peer.ask(encode_record(Type.ABORT_REQUEST, 1)).status == 0
    assert peer.ask(asked("/", keep=True)).body == b"hello\n"
    assert bodies == []


def test_an_answer_that_is_given_up_half_way_ends_between_two_records(serve):
    closed = []

    class Endless:
        def more(self):
            return b"x" * 1000

        def close(self):
            closed.append(True)

    def endless(request):
        request.push(Endless())
        request.done()

    peer = serve(Page(endless, "/endless"), Page(hello)).connect()
    peer.send(asked("/endless", keep=True))
    assert peer.read_record().type == Type.STDOUT
    peer.send(encode_record(Type.ABORT_REQUEST, 1))
    while (record := peer.read_record()).type == Type.STDOUT:
        pass
    assert (record.type, closed) == (Type.END_REQUEST, [True])
    assert peer.ask(asked(keep=True)).body == b"hello\n"


def let_turn(served):
    """Whatever was sent before has been read, and what that gave has begun to leave."""
    for _ in range(2):  # the first may be answered in the same turn of the loop
        assert served.ask(asked()).status == 200


def test_an_answer_whose_end_is_on_its_way_has_no_second_end(serve):
    def large(request):
        request.push(b"x" * 50_000)
        request.done()

    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that most of it has to wait
    served = serve(Page(large, "/large"), Page(hello), sock=sock)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(served.address)
        peer = WebServer(client).send(asked("/large", keep=True))
        let_turn(served)
        ours = client.getsockname()
        [channel] = [each for each in list(served.site.channels) if each.peer == ours]
        assert channel.ac_out_buffer.endswith(encode_end(1))
        peer.send(encode_record(Type.ABORT_REQUEST, 1))
        let_turn(served)
        assert peer.read().body == b"x" * 50_000
        assert peer.ask(asked(keep=True)).body == b"hello\n"


# Who may connect


@pytest.mark.parametrize("web_servers", ["127.0.0.1", "192.0.2.0/24, 127.0.0.0/8", ["127.0.0.1"]])
def test_the_web_server_may_connect(serve, web_servers):
    assert serve(Page(hello), web_servers=web_servers).ask(asked()).status == 200


def test_others_may_not_connect(serve):
    assert serve(Page(hello), web_servers="192.0.2.1").connect().at_end()


def test_over_a_unix_socket_the_file_decides(serve, tmp_path):
    served = serve(Page(hello), unix=tmp_path / "socket", web_servers="192.0.2.1")
    assert served.ask(asked()).body == b"hello\n"
    assert served.site.url == f"fastcgi+unix:{tmp_path / 'socket'}"


def test_a_list_of_web_servers_that_is_none_is_refused(serve):
    with pytest.raises(ValueError, match="'nonsense' is no network"):
        serve(web_servers="nonsense")


def test_tls_is_refused_with_the_way_out(serve):
    with pytest.raises(ValueError, match="Unix socket"):
        serve(tls=object())


def test_a_file_is_closed_when_its_client_has_gone(serve, tmp_path):
    (tmp_path / "file").write_bytes(bytes(5_000_000))
    files = []

    def send(request):
        files.append((tmp_path / "file").open("rb"))
        request.push(FileProducer(files[0]))
        request.done()

    served = serve(Page(send, "/file"), Page(hello))
    peer = served.connect().send(asked("/file"))
    peer.read_record()
    peer.sock.close()
    for _ in range(1000):  # each is a turn of the loop, and in one of them it hears of the end
        served.ask(asked())
        if files[0].closed:
            break
    assert files[0].closed
