"""Idiom 10: looking for servers and channels in the socket map."""

from __future__ import annotations

import threading
import time

from servers.medusa import asyncore_25 as asyncore
from servers.medusa import http_server
from tests.medusa.conftest import get
from tests.medusa.test_replies import answers, hello_handler


def test_the_real_port_of_a_server_is_found(serve):
    running = serve(hello_handler())
    found = [
        each.socket.getsockname()[1]
        for each in list(asyncore.socket_map.values())
        if isinstance(each, http_server.http_server)
    ]
    assert found == [running.port]


def test_channels_know_their_age_and_can_be_killed_in_the_loop(serve):
    def kill(request):
        for channel in list(asyncore.socket_map.values()):
            if isinstance(channel, http_server.http_channel) and channel is not request.channel:
                assert abs(time.time() - channel.creation_time) < 60
                channel.close()
        request.push("killed")
        request.done()

    running = serve(answers(kill))
    idle = running.connect()
    idle.send(get("/")).read_reply()
    assert running.get("/") == b"killed"
    assert idle.read_to_end() == b""


def test_a_zombie_is_killed_when_it_is_idle(serve, monkeypatch):
    monkeypatch.setattr(http_server.http_channel, "zombie_timeout", -1)

    def kill(request):
        request.channel.kill_zombies()
        request.push("killed")
        request.done()

    running = serve(answers(kill))
    idle = running.connect()
    idle.send(get("/")).read_reply()
    assert running.get("/") == b"killed"
    assert idle.read_to_end() == b""


def test_each_so_many_new_channels_maintenance_is_called(serve):
    calls = []

    class my_channel(http_server.http_channel):
        maintenance_interval = 1

        def maintenance(self):
            calls.append(self.channel_number)

    class my_server(http_server.http_server):
        channel_class = my_channel

    serve(hello_handler(), server=my_server).get("/hello")
    assert calls


def test_is_the_browser_still_there(serve):
    arrived, answered = threading.Event(), threading.Event()
    seen = []

    class waiting:
        def match(self, request):
            return request.uri == "/wait"

        def handle_request(self, request):
            def work():
                arrived.set()
                answered.wait(10.0)
                seen.append(request.channel in asyncore.socket_map.values())
                request.push("x")
                request.done()

            threading.Thread(target=work).start()

    running = serve(waiting())
    peer = running.connect().send(get("/wait"))
    assert arrived.wait(10.0)
    answered.set()
    peer.read_reply()
    assert seen == [True]


def test_channel_and_request_know_each_other(serve):
    def answer(request):
        channel = request.channel
        facts = (
            channel.server is channel.current_request.channel.server,
            channel.addr[0],
            channel.socket.fileno() == channel.fileno(),
            channel.getpeername()[0],
        )
        request.push(repr(facts))
        request.done()

    assert serve(answers(answer)).get("/") == b"(True, '127.0.0.1', True, '127.0.0.1')"
