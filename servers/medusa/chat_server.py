"""medusa's chat_server: `servers.chat.Chat` under the old names."""

from __future__ import annotations

from typing import Any

from servers.chat import Chat, ChatChannel
from servers.medusa.asynchat_25 import async_chat


class chat_channel(ChatChannel, async_chat):
    """One caller."""

    def get_nick(self) -> str:
        """The name, or what stands for it until it is known."""
        return self.nick or "Unknown"


class callers(dict[Any, int]):
    """Channels, as the keys of a dictionary, which programs walk."""

    def add(self, channel: Any) -> None:
        """One more."""
        self[channel] = 1

    def discard(self, channel: Any) -> None:
        """One less."""
        self.pop(channel, None)


class chat_server(Chat):
    """Callers on a port.

    spy: whether what is said is printed to standard output.
    """

    SERVER_IDENT = "Chat Server (V1.0)"
    channel_class: Any = chat_channel
    spy: Any = 1

    def __init__(self, ip: str = "", port: int = 8518, **settings: Any) -> None:
        self.ip = ip
        super().__init__((ip, port), **settings)
        self.port = self.addr[1]
        self.channels: Any = callers()

    __getattr__ = async_chat.__getattr__

    def push_line(self, sender: Any, line: str | bytes) -> None:
        """Let all but the sender read a line of it."""
        if self.spy:
            text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
            print(f"{sender.get_nick()}: {text}")
        super().push_line(sender, line)
