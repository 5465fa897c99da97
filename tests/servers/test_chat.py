"""A chat: names, lines, commands, and what one caller can do to another."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from lifetime import Lifetime
from lifetime.testing import Silent, World, check_dispatcher
from servers.chat import Chat, ChatChannel
from servers.parting import LINGER_TIME
from tests.servers.talking import hear, talking
from tests.wire.conftest import Peer, Served

ALONE = "[Kinda lonely in here... you're the only caller!]\r\n"


@pytest.fixture
def chat() -> Iterator[Served]:
    with talking(lambda lifetime: Chat(("127.0.0.1", 0), lifetime=lifetime)) as served:
        yield served


def join(chat: Served, name: str, shown: str = "") -> Peer:
    """A caller who has been greeted."""
    peer = chat.connect()
    hear(peer, "nickname?: ")
    peer.send(f"{name}\r\n".encode())
    hear(peer, f"Hello, {shown or name}\r\n")
    greeting = peer.read_line().decode()
    if greeting + "\r\n" != ALONE:
        others = int(greeting.split()[2])
        for _ in range(others + 1):
            peer.read_line()
    return peer


def test_the_first_caller_is_alone(chat: Served):
    peer = chat.connect()
    hear(peer, "nickname?: ")
    peer.send(b"ann\r\n")
    hear(peer, "Hello, ann\r\n", ALONE)


def test_who_comes_later_is_told_who_is_there(chat: Served):
    join(chat, "ann")
    peer = chat.connect().send(b"bob\r\n")
    hear(peer, "nickname?: Hello, bob\r\n", "[There are 1 other callers]\r\nann\r\n  bob\r\n")


def test_what_one_types_the_others_read(chat: Served):
    ann = join(chat, "ann")
    bob = join(chat, "bob")
    hear(ann, "bob: [joined]\r\n")
    bob.send(b"hi there\r\n/quit\r\n")
    hear(ann, "bob: hi there\r\nbob: [left]\r\n")


@pytest.mark.parametrize("command", [b"/quit", b"/q"])
def test_who_quits_is_bidden_farewell(chat: Served, command: bytes):
    bob = chat.connect().send(b"bob\r\n" + command + b"\r\n")
    assert bob.read_to_end().endswith(b"Goodbye!\r\n")


def test_a_lone_line_feed_ends_a_line_too(chat: Served):
    bob = chat.connect().send(b"bob\n/quit\n")
    assert bob.read_to_end() == f"nickname?: Hello, bob\r\n{ALONE}Goodbye!\r\n".encode()


def test_who_gives_no_name_is_asked_again(chat: Served):
    peer = chat.connect().send(b"\r\n  \r\nann\r\n")
    hear(peer, "nickname?: " * 3, "Hello, ann\r\n")


@pytest.mark.parametrize("command", [b"/nope", b"/", b"/  ", b"/__init__ x", b"/quit_now"])
def test_a_command_that_is_none_does_nothing(chat: Served, command: bytes):
    ann = join(chat, "ann")
    ann.send(command + b"\r\n/quit\r\n")
    assert ann.read_to_end() == b"Goodbye!\r\n"


def test_a_subclass_has_commands_of_its_own():
    class Counting(ChatChannel):
        def cmd_count(self, words: list[str]) -> None:
            self.push(f"{len(words)} words\r\n")

    class Counters(Chat):
        channel_class = Counting

    with talking(lambda lifetime: Counters(("127.0.0.1", 0), lifetime=lifetime)) as chat:
        ann = join(chat, "ann").send(b"/count a b c\r\n")
        hear(ann, "3 words\r\n")


def test_nobody_drives_anothers_terminal(chat: Served):
    ann = join(chat, "ann")
    join(chat, "b\x1b[2Job", shown="b[2Job").send(b"\x1b]0;title\x07\xff caf\xc3\xa9\r\n")
    hear(ann, "b[2Job: [joined]\r\n", "b[2Job: ]0;title\ufffd café\r\n")


def test_a_line_that_nobody_types_ends_the_connection(chat: Served):
    ann = join(chat, "ann").send(b"a" * 1025)
    assert ann.read_to_end() == b"Goodbye!\r\n"


def test_a_line_of_1024_bytes_is_taken(chat: Served):
    ann = join(chat, "ann")
    join(chat, "bob").send(b"a" * 1024 + b"\n")
    hear(ann, "bob: [joined]\r\n", "bob: ", "a" * 1024, "\r\n")


def test_who_does_not_read_is_closed_and_harms_nobody(
    chat: Served, caplog: pytest.LogCaptureFixture
):
    deaf = join(chat, "deaf")
    loud = join(chat, "loud")
    seen = join(chat, "seen")
    for _ in range(64):  # more than all buffers between us and who does not read
        loud.send((b"x" * 1000 + b"\r\n") * 200)
        for _ in range(200):
            hear_line = seen.read_line()
            if b"[left]" in hear_line:
                break
        else:
            continue
        break
    assert hear_line == b"deaf: [left]"
    assert "does not read what it is sent" in caplog.text
    deaf.sock.close()


def test_many_who_do_not_read_are_closed_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with talking(lambda lifetime: Chat(("127.0.0.1", 0), lifetime=lifetime)) as chat:
        deaf = [chat.connect().send(b"x%d\n" % number) for number in range(250)]
        for number, peer in enumerate(deaf):
            hear_to(peer, f"Hello, x{number}\r\n")
        loud = join(chat, "loud")
        monkeypatch.setattr("servers.chat.MAX_WAITING", -1)  # as if nobody had read anything
        loud.send(b"one word too many\n")
        for peer in deaf:
            hear_to(peer, "")
    assert not [each for each in caplog.records if each.exc_info]


def hear_to(peer: Peer, text: str) -> None:
    """Read until this comes; to the end if it is empty."""
    heard = ""
    while not text or text not in heard:
        try:
            heard += peer.read_line().decode() + "\r\n"
        except EOFError:
            assert not text
            return


def test_who_says_no_name_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("servers.chat.NAMING_TIME", 0.05)
    with talking(lambda lifetime: Chat(("127.0.0.1", 0), lifetime=lifetime)) as chat:
        assert chat.connect().read_to_end() == b"nickname?: Goodbye!\r\n"


def test_a_caller_who_breaks_off_has_left(chat: Served, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    ann = join(chat, "ann")
    bob = join(chat, "bob")
    bob.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    bob.sock.close()
    hear(ann, "bob: [joined]\r\nbob: [left]\r\n")
    assert not [each for each in caplog.records if each.exc_info]


def test_half_of_a_conversation_is_answered_before_the_end(chat: Served):
    peer = chat.connect().send(b"bob\r\n")
    peer.sock.shutdown(socket.SHUT_WR)
    assert peer.read_to_end() == f"nickname?: Hello, bob\r\n{ALONE}".encode()


# -- the stop ----------------------------------------------------------------------------------


def test_a_stop_bids_everybody_farewell():
    with talking(lambda lifetime: Chat(("127.0.0.1", 0), lifetime=lifetime)) as chat:
        ann, bob = join(chat, "ann"), join(chat, "bob")
        hear(ann, "bob: [joined]\r\n")
        chat.lifetime.shutdown()
        assert ann.read_to_end() == b"Goodbye!\r\n"
        assert bob.read_to_end() == b"Goodbye!\r\n"
        for peer in (ann, bob):
            peer.sock.close()
        chat.thread.join(10.0)
    report = chat.lifetime.report
    assert (report.closed_by_force, report.exit_status) == ([], 0)


def test_a_line_that_has_begun_may_end_in_a_stop():
    with talking(lambda lifetime: Chat(("127.0.0.1", 0), lifetime=lifetime)) as chat:
        ann, bob = join(chat, "ann"), join(chat, "bob")
        hear(ann, "bob: [joined]\r\n")
        bob.send(b"/qu")
        chat.lifetime.shutdown()
        assert ann.read_to_end() == b"Goodbye!\r\n"
        bob.send(b"it\r\n")
        assert bob.read_to_end() == b"Goodbye!\r\n"


def test_a_stop_waits_for_nobody_who_has_been_silent(chat: Served):
    ann = join(chat, "ann")
    (channel,) = chat.site.channels
    channel.last_heard -= LINGER_TIME
    chat.lifetime.shutdown()
    hear(ann, "Goodbye!\r\n")
    chat.thread.join(10.0)  # although she stays
    assert chat.lifetime.report.orderly
    assert chat.lifetime.report.seconds < LINGER_TIME / 2


def test_but_it_hears_out_who_is_not_as_silent_as_it_seemed(chat: Served):
    ann = join(chat, "ann")
    (channel,) = chat.site.channels
    chat.lifetime.call_soon_threadsafe(setattr, channel, "last_heard", 0.0)
    chat.lifetime.call_soon_threadsafe(ann.send, b"at the last moment\r\n")
    chat.lifetime.call_soon_threadsafe(channel.leave)
    assert ann.read_to_end() == b"Goodbye!\r\n"
    ann.sock.close()


REACHED = ["silent connection at the stop", "request half sent at the stop", "veto let go"]


def chat_in(world: World) -> Any:
    world.speaks(Silent("ann\r\n", "hello\r\n", "/quit\r\n", "half"))
    return Chat(("127.0.0.1", 0))


def test_it_obeys_the_laws_of_a_shutdown():
    check_dispatcher(chat_in, examples=150, must_reach=REACHED)


def test_its_lifetime_is_its_own():
    lifetime = Lifetime()
    chat = Chat(("127.0.0.1", 0), lifetime=lifetime)
    assert list(lifetime.map.values()) == [chat]
    chat.close()
