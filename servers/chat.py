"""Chat: who is connected reads what the others type."""

from __future__ import annotations

import logging
import socket
from typing import Any

from lifetime import Phase
from servers.channel import FOREVER
from servers.lines import LineChannel
from servers.listener import Listener

log = logging.getLogger("servers")

#: Seconds in which a caller is to say its name.
NAMING_TIME = 60.0

#: Characters of a name that are kept.
MAX_NAME = 32

#: Bytes that may wait for a caller who does not read them; then it is closed.
MAX_WAITING = 65536


class ChatChannel(LineChannel):
    """One caller: says its name first, then lines for the others.

    nick: the name; None until it is known.
    A line that begins with a slash is a command: `/word a b` calls `cmd_word(["a", "b"])`, and
    nothing if there is no such method.
    """

    farewell = b"Goodbye!\r\n"

    def __init__(self, server: Chat, sock: socket.socket, addr: Any) -> None:
        self.nick: str | None = None
        self._pushed = 0
        self.overflown = False  # more was sent than it has read
        self.departed = False  # the others have been told, or are leaving too
        super().__init__(server, sock, addr)
        self.push(b"nickname?: ")
        self.expire_at(self.lifetime_of().clock() + NAMING_TIME)

    def line_received(self, line: bytes) -> None:
        """Take a name, a command, or something for the others."""
        text = readable_text(line)
        if self.nick is None:
            self.take_name(text)
        elif text.startswith("/"):
            self.command(text)
        else:
            self.server.push_line(self, text)

    def take_name(self, text: str) -> None:
        """The first word is the name; who types none is asked again."""
        words = text.split()
        if not words:
            self.push(b"nickname?: ")
            return
        self.nick = words[0][:MAX_NAME]
        self.deadline = FOREVER
        self.push(f"Hello, {self.nick}\r\n")
        self.greet()
        self.server.push_line(self, "[joined]")

    def greet(self) -> None:
        """Say who else is there."""
        names = [each.nick for each in self.server.callers()]
        if len(names) > 1:
            others = "\r\n  ".join(names)
            self.push(f"[There are {len(names) - 1} other callers]\r\n{others}\r\n")
        else:
            self.push("[Kinda lonely in here... you're the only caller!]\r\n")

    def command(self, line: str) -> None:
        """Call the method that a line with a slash names."""
        name, *words = line[1:].split() or [""]
        method = getattr(self, f"cmd_{name}", None)
        if callable(method):
            method(words)

    def cmd_quit(self, words: list[str]) -> None:
        """Say farewell, and hang up."""
        self.leave()

    cmd_q = cmd_quit

    @property
    def waiting(self) -> int:
        """Bytes that the caller has not taken yet."""
        return self._pushed - self.bytes_out

    def push(self, data: bytes | str) -> None:
        """Send text; a caller that does not read what it is sent is closed."""
        data = data.encode("utf-8", "replace") if isinstance(data, str) else data
        if self._closing or self.overflown:
            return
        self._pushed += len(data)
        super().push(data)
        if self.socket is not None and self.waiting > MAX_WAITING:
            log.warning("%s does not read what it is sent, and is closed", self)
            self.overflown = True
            # Not now: the others would be told, and one whom that is too much would be closed in
            # the middle of it, and so on, as deep as there are callers.
            self.lifetime_of().call_later(0.0, self.close)

    def depart(self) -> None:
        """The others are told, once, unless they are leaving as well."""
        if self.departed:
            return
        self.departed = True
        if self.nick is not None and self.lifetime_of().phase < Phase.DRAINING:
            self.server.push_line(self, "[left]")

    def close_when_done(self) -> None:
        """Hang up behind what was pushed."""
        super().close_when_done()
        self.depart()

    def close(self) -> None:
        """Hang up."""
        super().close()
        self.depart()


class Chat(Listener):
    """Callers at an address, (host, port) or a path; settings are those of Listener."""

    channel_class: Any = ChatChannel

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        """Let a caller in."""
        return self.channel_class(self, sock, addr)

    def callers(self) -> list[Any]:
        """Those who have said their name and have not left, by name."""
        named = [each for each in self.channels if each.nick is not None and not each.departed]
        return sorted(named, key=lambda each: str(each.nick))

    def push_line(self, sender: Any, line: str | bytes) -> None:
        """Let all but the sender read a line of it."""
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
        data = f"{sender.nick}: {text}\r\n".encode("utf-8", "replace")
        for each in self.callers():
            if each is not sender:
                each.push(data)


def readable_text(line: bytes) -> str:
    """What a caller typed, without what could drive another's terminal."""
    text = line.decode("utf-8", "replace")
    return "".join(each for each in text if each.isprintable() or each == "\t")
