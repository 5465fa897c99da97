"""medusa's chat server, and what it put on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from servers.medusa import asynchat_25, chat_server
from tests.medusa.conftest import Running
from tests.servers.talking import hear

Run = Callable[..., Running]


def test_two_callers_hear_what_they_heard_then(run: Run):
    """The dialogue of wire_text.json, from `chat_medusa`."""
    running = run(chat_server.chat_server("127.0.0.1", 0))
    ann = running.connect()
    hear(ann, "nickname?: ")
    ann.send(b"ann\r\n")
    hear(ann, "Hello, ann\r\n[Kinda lonely in here... you're the only caller!]\r\n")
    bob = running.connect()
    hear(bob, "nickname?: ")
    bob.send(b"bob\r\n")
    hear(bob, "Hello, bob\r\n[There are 1 other callers]\r\nann\r\n  bob\r\n")
    bob.send(b"hi there\r\n/nope\r\n/quit\r\n")
    hear(ann, "bob: [joined]\r\nbob: hi there\r\nbob: [left]\r\n")
    assert bob.read_to_end() == b"Goodbye!\r\n"


def test_a_spy_reads_along(run: Run, capsys: pytest.CaptureFixture[str]):
    running = run(chat_server.chat_server("127.0.0.1", 0))
    running.connect().send(b"ann\r\nhello\r\n/q\r\n").read_to_end()
    running.stop()
    assert capsys.readouterr().out == "ann: [joined]\nann: hello\nann: [left]\n"


def test_a_server_of_1999_has_a_channel_class_with_commands(run: Run):
    class wise_channel(chat_server.chat_channel):
        def cmd_who(self, args):
            for channel in self.server.channels:
                self.push(channel.get_nick() + '\r\n')

        def cmd_shout(self, args):
            self.server.push_line(self, ' '.join(args).upper())

    class wise_server(chat_server.chat_server):
        channel_class = wise_channel
        spy = 0

    running = run(wise_server('127.0.0.1', 0))
    ann = running.connect().send(b"ann\r\n")
    for _ in range(2):
        ann.read_line()
    bob = running.connect().send(b"bob\r\n/shout come here\r\n/who\r\n/quit\r\n")
    assert bob.read_to_end().endswith(b"\r\nann\r\nbob\r\nGoodbye!\r\n")
    hear(ann, "bob: [joined]\r\nbob: COME HERE\r\n")


def test_channels_are_what_they_were(run: Run):
    server: Any = chat_server.chat_server("127.0.0.1", 0)
    assert server.channels == {}
    assert server.getsockname()[1] == server.port
    running = run(server)
    hear(running.connect(), "nickname?: ")
    [channel] = list(server.channels)
    assert isinstance(channel, asynchat_25.async_chat)
    assert channel.get_nick() == "Unknown"
