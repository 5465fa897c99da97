"""Monitor: a Python prompt in a running server, over a socket.

Whoever gets a prompt can do whatever the server can, so the door is narrow: a Unix socket that
belongs to the server's user, or the loopback and a password.  What is typed runs in the loop's
thread: it sees the server standing still, and the server stands still for as long as it runs.
"""

from __future__ import annotations

import ast
import codeop
import hmac
import io
import ipaddress
import logging
import os
import secrets
import socket
import sys
import threading
import traceback
from contextlib import redirect_stdout
from typing import Any

from lifetime import ExitNow
from lifetime.console.sources.peers import may_ask, peer_of
from servers.channel import FOREVER
from servers.lines import LineChannel
from servers.listener import Listener
from servers.loggers import escape

log = logging.getLogger("servers")

#: Seconds in which the password is to be proved.
LOGIN_TIME = 10.0

#: Logins that may fail before everybody has to wait for a challenge.
FREE_FAILURES = 3

#: Seconds for which one waits at most.
LONGEST_WAIT = 60.0

#: Characters that one input may print; the rest is counted.
MAX_OUTPUT = 65536

#: Characters of an input of several lines.
MAX_SOURCE = 65536

#: What tracebacks call the file that was typed.
TYPED = "<monitor>"

FAREWELL = b"BCNU\r\n"
NEXT = ">>> "
CONTINUED = "... "

BACKSPACES = (8, 127)
CONTROL_D = b"\x04"
TELNET = 255  # the byte before a command of telnet's, which is one or two bytes long
TELNET_OPTIONS = range(251, 255)  # WILL, WONT, DO, DONT: one more byte follows


class Refused(ValueError):
    """A monitor cannot be opened in this way, for it would let in too many."""


class MonitorChannel(LineChannel):
    """One operator at a prompt.

    local_env: the names that what is typed can use, and leaves behind; `_` is the last result.
    multi_line: the lines of a statement that goes on.
    """

    farewell = FAREWELL

    def __init__(self, server: Monitor, sock: socket.socket, addr: Any) -> None:
        self.local_env = server.make_namespace()
        self.multi_line: list[str] = []
        self.challenge: str | None = None
        self.logged_in = not server.password
        super().__init__(server, sock, addr)
        if self.logged_in:
            self.welcome()
            return
        wait = server.login_delay()
        if wait > 0:  # we read on: who hangs up, or speaks unasked, is to give the place back
            self.lifetime_of().call_later(wait, self.ask_for_proof)
        else:
            self.ask_for_proof()

    # The password

    def ask_for_proof(self) -> None:
        """Send the challenge, and wait for what only who knows the password can make of it."""
        if self.socket is None or self._closing:
            return
        self.challenge = self.server.make_challenge()
        self.expire_at(self.lifetime_of().clock() + LOGIN_TIME)
        self.push(f"{self.challenge}\r\n")

    def take_proof(self, line: bytes) -> None:
        """Let in who has made the right thing of the challenge; there is one try."""
        challenge, self.challenge = self.challenge, None
        expected = self.server.answer_to(challenge).encode("ascii")
        if not hmac.compare_digest(line.strip(), expected):
            log.warning("%s: a login has failed", self)
            self.server.login_failed()
            self.leave(b"")
            return
        self.server.login_succeeded()
        self.logged_in = True
        self.deadline = FOREVER
        self.welcome()

    def leave(self, farewell: bytes | None = None) -> None:
        """Say farewell, to who has got in."""
        super().leave(farewell if self.logged_in else b"")

    # The prompt

    def welcome(self) -> None:
        """Say who we are."""
        log.warning("%s: an operator is at the prompt", self)
        self.say(f"Python {sys.version}\n{sys.copyright}\nWelcome to {self!r}\n")
        self.prompt()

    def say(self, text: str) -> None:
        """Send text; its line ends become those of the wire."""
        wire = text.replace("\r\n", "\n").replace("\n", "\r\n")
        self.push(wire.encode("utf-8", "backslashreplace"))

    def prompt(self) -> None:
        """Ask for a line."""
        self.push(CONTINUED if self.multi_line else NEXT)

    def collect_incoming_data(self, data: bytes) -> None:
        """Take a part of a line; control-D ends the session, wherever it is typed."""
        if self.logged_in and CONTROL_D in data:
            self.leave()
        else:
            super().collect_incoming_data(data)

    def line_received(self, line: bytes) -> None:
        """Take a proof, or a line of Python."""
        if self.challenge is not None:
            self.take_proof(line)
        elif self.logged_in:
            self.typed(self.clean_line(line))
        else:
            self.leave()

    def clean_line(self, line: bytes) -> str:
        """What was meant by what was typed: without telnet's commands, with backspaces done."""
        kept = bytearray()
        rest = iter(line)
        for byte in rest:
            if byte == TELNET:
                if next(rest, 0) in TELNET_OPTIONS:
                    next(rest, 0)
            elif byte in BACKSPACES:
                while kept and kept.pop() & 0xC0 == 0x80:  # the inner bytes of a character
                    pass
            else:
                kept.append(byte)
        # What is not UTF-8 becomes lone surrogates, which Python refuses, and says so.
        return kept.decode("utf-8", "surrogateescape")

    def typed(self, line: str) -> None:
        """Run a line, or keep it until the statement is whole."""
        log.info("%s: %s", self, escape(line.encode("utf-8", "surrogateescape").decode("latin-1")))
        if line == "exit":
            self.leave()
            return
        if line or self.multi_line:
            self.multi_line.append(line)
            source = "\n".join(self.multi_line)
            if len(source) > MAX_SOURCE:
                self.multi_line = []
                self.say(f"[more than {MAX_SOURCE} characters in one statement: forgotten]\n")
            elif is_whole(source):
                self.multi_line = []
                self.say(evaluate(source, self.local_env))
        self.prompt()


class Monitor(Listener):
    """Python prompts at an address.

    address: the path of a Unix socket, which only the server's user and root may use; or
        (host, port) of the loopback.
    password: has to be proved, never sent; a must for (host, port).
    namespace: the names that each prompt begins with a copy of; by default those of the program.
    anywhere: let the address be one that other machines reach.  The password stays secret then,
        what is typed and shown does not: use a tunnel.
    Raises Refused for an address that is open to too many, OSError for one that cannot be had.
    """

    channel_class: Any = MonitorChannel
    needs_password = True

    def __init__(
        self,
        address: tuple[str, int] | str,
        password: str | bytes = "",
        *,
        namespace: dict[str, Any] | None = None,
        anywhere: bool = False,
        max_channels: int = 10,
        **settings: Any,
    ) -> None:
        self.password = password.encode("utf-8") if isinstance(password, str) else password
        self.namespace = namespace
        self.failures = 0
        if not isinstance(address, str):
            if self.needs_password and not self.password:
                raise Refused(
                    f"a monitor at {address[0]}:{address[1]} needs a password, for everybody on "
                    "this machine can connect; give one, or the path of a Unix socket"
                )
            if not anywhere and not is_loopback(address[0]):
                raise Refused(
                    f"a monitor at {address[0] or 'every address'} can be reached from other "
                    "machines; use 127.0.0.1, or anywhere=True if you mean it"
                )
        super().__init__(address, max_channels=max_channels, **settings)
        if isinstance(self.addr, str):
            os.chmod(self.addr, 0o600)  # and whoever came before this is looked at, below

    def make_namespace(self) -> dict[str, Any]:
        """The names for a new prompt."""
        names = vars(sys.modules["__main__"]) if self.namespace is None else self.namespace
        return dict(names)

    def make_channel(self, sock: socket.socket, addr: Any) -> object:
        """Let an operator in; on a Unix socket the kernel says who it is."""
        if isinstance(self.addr, str):
            peer = peer_of(sock)
            if not may_ask(peer, ()):
                log.warning("user %s (process %d) may not use %s", peer.name, peer.pid, self)
                sock.close()
                return None
        return self.channel_class(self, sock, addr)

    # The password

    def make_challenge(self) -> str:
        """Something that has never been sent, and cannot be foreseen."""
        return secrets.token_hex(16)

    def answer_to(self, challenge: str) -> str:
        """What the client has to answer, ASCII."""
        return proof(challenge, self.password)

    def login_failed(self) -> None:
        """Somebody did not know the password."""
        self.failures += 1

    def login_succeeded(self) -> None:
        """Somebody did."""
        self.failures = 0

    def login_delay(self) -> float:
        """Seconds before the next challenge: the more who fail in a row, the longer."""
        if self.failures < FREE_FAILURES:
            return 0.0
        doublings = min(self.failures - FREE_FAILURES, 10)
        return min(2.0**doublings, LONGEST_WAIT)


def proof(challenge: str, password: str | bytes) -> str:
    """What shows that one knows the password: HMAC-SHA256 of the challenge, in hex."""
    key = password.encode("utf-8") if isinstance(password, str) else password
    return hmac.new(key, challenge.encode("ascii", "replace"), "sha256").hexdigest()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# What is typed


def is_whole(source: str) -> bool:
    """Whether nothing is missing; what can never become Python is whole as well."""
    try:
        return codeop.compile_command(source, TYPED, "single") is not None
    except Exception:
        return True


def evaluate(source: str, names: dict[str, Any]) -> str:
    """Run statements, and return what they print and what they are; an exception is shown.

    names: what they can use, and leave behind; `_` is the last result that was not None.
    Raises ExitNow, if they do: that is how one leaves the loop.
    """
    output = Output()
    with redirect_stdout(OfThisThread(output, sys.stdout)):
        try:
            for statement in ast.parse(source, TYPED).body:
                _run(statement, names, output)
        except ExitNow:
            raise
        except BaseException as error:  # SystemExit too: a prompt ends nobody's server
            output.write(shown(error))
    return output.text()


def _run(statement: ast.stmt, names: dict[str, Any], output: Output) -> None:
    # dont_inherit: what this file imports from the future is not what was typed.
    if not isinstance(statement, ast.Expr):
        module = ast.Module([statement], [])
        exec(compile(module, TYPED, "exec", dont_inherit=True), names)
        return
    expression = ast.Expression(statement.value)
    value = eval(compile(expression, TYPED, "eval", dont_inherit=True), names)
    if value is not None:
        names["_"] = value
        output.write(f"{value!r}\n")


def shown(error: BaseException) -> str:
    """The traceback, from what was typed on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != TYPED:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


class Output(io.TextIOBase):
    """Keeps what is written, up to a bound."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.room = MAX_OUTPUT
        self.lost = 0

    def write(self, text: str) -> int:
        """Keep text, or the part of it that has room."""
        kept = text[: self.room]
        self.pieces.append(kept)
        self.room -= len(kept)
        self.lost += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        """What was kept, and how much was not; it ends with a line end, if there is any."""
        text = "".join(self.pieces)
        if self.lost:
            text += f"\n[and {self.lost} characters more]"
        return text + "\n" if text and not text.endswith("\n") else text


class OfThisThread:
    """Stands for standard output: this thread's is ours, that of others goes where it went."""

    def __init__(self, ours: Any, theirs: Any) -> None:
        self._thread = threading.get_ident()
        self._ours = ours
        self._theirs = theirs if theirs is not None else io.StringIO()

    def __getattr__(self, name: str) -> Any:
        target = self._ours if threading.get_ident() == self._thread else self._theirs
        return getattr(target, name)
