"""An orderly stop: what was begun is answered, and no connection ends without being seen to."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lifetime import Phase
from servers.fcgi.records import Type
from servers.http import Limits
from tests.fcgi.pages import Later, Page, echo, hello
from tests.fcgi.web_server import asked


def reached(served, phase):
    """An event that is set once this phase begins."""
    event = threading.Event()
    served.lifetime.on_phase(lambda entered: entered is phase and event.set())
    return event


def test_an_idle_server_stops_at_once(serve):
    served = serve(Page(hello))
    served.lifetime.shutdown()
    served.thread.join(10.0)
    assert served.lifetime.report.seconds < 0.5
    assert not served.lifetime.map


def test_nobody_is_accepted_behind_phase_2(serve):
    later = Later()
    served = serve(later)
    peer = served.connect().send(asked("/later"))
    assert later.asked.wait(10.0)
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    with pytest.raises(ConnectionRefusedError):
        served.connect()
    later.answer()
    assert peer.read().body == b"late\n"


@pytest.mark.parametrize("keep", [False, True])
def test_a_request_in_flight_is_answered_and_then_the_connection_ends(serve, keep):
    later = Later()
    served = serve(later)
    peer = served.connect().send(asked("/later", keep=keep))
    assert later.asked.wait(10.0)
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    later.answer()
    assert peer.read().body == b"late\n"
    assert peer.at_end()
    peer.sock.close()
    served.thread.join(10.0)
    assert not served.thread.is_alive()
    assert served.lifetime.report.tally.finished == 1


def test_a_streamed_answer_that_began_before_the_stop_ends_with_its_connection(serve):
    streamed, requests = threading.Event(), []

    def bits(request):
        request.flush()
        request.push("one")
        requests.append(request)
        streamed.set()

    served = serve(Page(bits))
    peer = served.connect().send(asked(keep=True))
    assert streamed.wait(10.0)
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    requests[0].push("two")
    requests[0].done()
    assert peer.read().body == b"onetwo"
    peer.sock.setblocking(False)
    assert peer.at_end()


def test_a_request_that_has_begun_to_come_is_answered(serve):
    served = serve(Page(echo))
    peer = served.connect()
    data = asked(method="POST", body=b"x" * 1000, keep=True)
    peer.send(data[:100])
    while not any(channel.working for channel in list(served.site.channels)):
        time.sleep(0.001)
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    peer.send(data[100:])
    assert peer.read().body == b"x" * 1000
    assert peer.at_end()


def test_a_request_on_an_idle_kept_connection_is_answered_for_a_while(serve):
    served = serve(Page(hello))
    peer = served.connect()
    peer.ask(asked(keep=True))
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    assert peer.ask(asked(keep=True)).body == b"hello\n"
    assert peer.at_end()


def test_an_idle_kept_connection_is_closed_behind_its_quiet_time(serve):
    served = serve(Page(hello), limits=Limits(keep_alive=3600, quiet_time=0.1))
    peer = served.connect()
    peer.ask(asked(keep=True))
    served.lifetime.shutdown()
    assert peer.at_end()
    served.thread.join(10.0)
    assert served.lifetime.report.seconds < 2.0


def last_records(served, software):
    """What comes last on a kept connection over which a stop goes."""
    later = Later()
    served.site.install_handler(later)
    peer = served.connect().send(asked("/later", keep=True, SERVER_SOFTWARE=software))
    assert later.asked.wait(10.0)
    stopping = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert stopping.wait(10.0)
    later.answer()
    peer.read()
    try:
        return [(record := peer.read_record()).type, record.content]
    except EOFError:
        return []


def test_nginx_on_a_unix_socket_is_told_of_the_end_by_something_behind_the_answer(serve, tmp_path):
    """Its FIN comes apart; nginx keeps a connection only if nothing is behind the answer."""
    served = serve(unix=tmp_path / "site")
    assert last_records(served, "nginx/1.22.1") == [Type.STDERR, b""]


def test_to_others_and_over_tcp_the_end_is_only_the_end(serve, tmp_path):
    """There it would hide the end of the connection, or has no use."""
    assert last_records(serve(unix=tmp_path / "site"), "Apache/2.4.57") == []
    assert last_records(serve(), "nginx/1.22.1") == []


def test_a_web_server_that_was_in_the_accept_queue_is_served(serve):
    entered, go_on = threading.Event(), threading.Event()

    def block(request):
        entered.set()
        assert go_on.wait(10.0)
        hello(request)

    served = serve(Page(block, "/block"), Page(hello))
    first = served.connect().send(asked("/block"))
    assert entered.wait(10.0)
    waiting = [served.connect().send(asked("/", keep=True)) for _ in range(10)]
    served.lifetime.shutdown()
    go_on.set()
    assert [peer.read().body for peer in [first, *waiting]] == [b"hello\n"] * 11


def test_the_end_of_a_kept_connection_comes_with_the_end_of_its_last_request(serve):
    """Between the two the web server might choose the connection for another request."""
    served = serve(Page(hello))
    peers = [served.connect() for _ in range(100)]
    assert [peer.ask(asked(keep=True)).status for peer in peers] == [200] * 100
    draining = reached(served, Phase.DRAINING)
    served.lifetime.shutdown()
    assert draining.wait(10.0)
    for peer in peers:
        assert peer.ask(asked(keep=True)).status == 200
        peer.sock.setblocking(False)
        assert peer.at_end()  # what else there is, is here already


def test_what_the_operator_reads_names_the_web_server_and_the_request(serve):
    later = Later()
    served = serve(later)
    peer = served.connect().send(asked("/later"))
    assert later.asked.wait(10.0)
    [channel] = served.site.channels
    host, port = peer.sock.getsockname()
    assert channel.shutdown_name == f"FastCGI {host}:{port}"
    assert channel.occupation() == "answering GET /later"
    later.answer()
    assert peer.read_record().type == Type.STDOUT


def test_a_web_server_that_does_not_hang_up_does_not_hold_the_stop(serve):
    served = serve(Page(hello), limits=Limits(keep_alive=3600, linger_time=0.1, quiet_time=0.1))
    peer = served.connect()
    peer.ask(asked(keep=True))
    served.lifetime.shutdown()
    served.thread.join(10.0)
    assert not served.thread.is_alive()
    assert peer.sock.recv(1, socket.MSG_PEEK) == b""
