"""The operator's end: where a console is found, and how it is asked.

`lifetime stop|modify|display|watch NAME` is this file, and it is run without the package around it,
so that it starts in the time of the interpreter: it imports nothing but `os`, `socket` and `sys`.
The server takes from here where its console is to be (sources/unix_socket.py).
"""

from __future__ import annotations

import os
import socket
import sys

#: Exit status of `stop --wait=SECONDS` when the server is still there.
STILL_THERE = 1

#: Exit status of what could not be asked: nobody is there, or the words are wrong.
UNABLE = 2

#: Seconds that the server has for an answer.
PATIENCE = 30.0

#: The verbs of the protocol by the command's words.
VERBS = {
    "stop": "p",
    "p": "p",
    "modify": "f",
    "f": "f",
    "display": "d",
    "d": "d",
    "watch": "watch",
}

USAGE = """\
usage: lifetime stop NAME [force] [--wait[=SECONDS]]
       lifetime modify NAME TEXT...
       lifetime display NAME [--json]
       lifetime watch NAME

NAME is what the server was given with --console: a name, or a path with a slash in it.
p, f and d are short for stop, modify and display.
The exit status is the answer's code: 0 accepted, 4 stopping already, 8 not now, 12 refused or
failed, 16 not understood; 1 when --wait took too long, 2 when nobody could be asked.
"""


class Unable(Exception):
    """Nobody can be asked, and why not, in one sentence."""


# Where a console is


def file_name(name: str) -> str:
    """What the socket of a server is called.  Raises Unable for what is no name."""
    if not name or not name.isprintable() or name.startswith((".", "-")) or len(name) > 64:
        raise Unable(f"{name!r} is no name; give letters and digits, 64 at most, or a path")
    return f"{name}.console"


def own_directory() -> str:
    """Where a server of this user puts its console.

    A service's RUNTIME_DIRECTORY, the session's XDG_RUNTIME_DIR, /run/lifetime for root; the last
    resort lies in /tmp, where the server makes sure that it is its user's own.
    """
    service = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if service:
        return service
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session and os.path.isdir(session):
        return os.path.join(session, "lifetime")
    user = os.getuid() if hasattr(os, "getuid") else 0
    if user == 0 and os.path.isdir("/run"):
        return "/run/lifetime"
    return f"/tmp/lifetime-{user}"


def directories(name: str) -> list[str]:
    """Where an operator's server of that name may have its console, the likeliest first."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    found = [own_directory(), f"/run/user/{user}/lifetime", f"/tmp/lifetime-{user}"]
    if user == 0:
        behind = os.environ.get("SUDO_UID", "")
        if behind.isdigit():
            found += [f"/run/user/{behind}/lifetime", f"/tmp/lifetime-{behind}"]
    # systemd's RuntimeDirectory=, which is usually named like the service.
    found += ["/run/lifetime", f"/run/{name}"]
    return list(dict.fromkeys(found))


def is_ours(directory: str) -> bool:
    """Whether nobody else can pretend to be our server there: in /tmp anybody makes a folder."""
    if not directory.startswith("/tmp/") or not hasattr(os, "getuid"):
        return True
    ours = ("0", str(os.getuid()), os.environ.get("SUDO_UID", ""))
    return str(os.stat(directory).st_uid) in ours


def find(name: str) -> str:
    """The path of a server's console.  Raises Unable if there is none."""
    if "/" in name:
        return name
    file = file_name(name)
    searched = directories(name)
    for directory in searched:
        path = os.path.join(directory, file)
        if os.path.exists(path) and is_ours(directory):
            return path
    raise Unable(
        f"there is no server {name!r}; start one with --console {name}, or give the path of its"
        f" console (looked in {', '.join(searched)})"
    )


# How it is asked


def connect(path: str, timeout: float | None = PATIENCE) -> socket.socket:
    """A connection to the console.  Raises Unable."""
    if not hasattr(socket, "AF_UNIX"):
        raise Unable("this system has no Unix sockets, and no console can be reached from it")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A socket with a timeout is refused at once while the server's queue is full; one that
        # blocks waits for its turn, for as long as the kernel is told here.
        if timeout is not None and sys.maxsize > 2**32:
            limit = int(timeout).to_bytes(8, sys.byteorder) + bytes(8)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.connect(path)
        sock.settimeout(timeout)
    except OSError as error:
        sock.close()
        if isinstance(error, FileNotFoundError):
            reason = "it is not there; is the server running?"
        elif os.path.isfile(path) or os.path.isdir(path):
            reason = "it is no socket; give the name of a server, or the path of its console"
        elif isinstance(error, ConnectionRefusedError):
            reason = "nobody listens there any more; the server has ended without tidying up"
        elif isinstance(error, PermissionError):
            reason = "this user may not; ask as the server's user, or as root"
        elif isinstance(error, BlockingIOError):
            reason = "it is too busy to take a request; try again"
        elif error.errno is None:
            reason = "the path is too long for a socket; shorten it"
        else:
            reason = error.strerror or str(error)
        raise Unable(f"cannot reach the console {path!r}: {reason}") from error
    return sock


def request(words: list[str]) -> bytes:
    """The line that asks for it; it says for whom we act, if that is not ourselves.

    Raises Unable for what is no line.
    """
    if any("\n" in word for word in words):
        raise Unable("a request is one line, and this has several; give one at a time")
    behind = os.environ.get("SUDO_UID", "")
    prefix = [f"for={behind}"] if behind.isdigit() else []
    # What cannot be encoded came in as bytes that are no text; the server says so.
    return " ".join(prefix + words).encode("utf-8", "surrogateescape") + b"\n"


def ask(path: str, *words: str, timeout: float | None = PATIENCE) -> tuple[int, str]:
    """Ask once: the return code and the text of the answer.  Raises Unable."""
    with connect(path, timeout) as sock:
        sent(sock, path, list(words))
        answer = b""
        while data := received(sock, path):
            answer += data
    return understood(answer, path)


def sent(sock: socket.socket, path: str, words: list[str]) -> None:
    """Send the request.  Raises Unable."""
    try:
        sock.sendall(request(words))
    except BrokenPipeError:
        pass  # refused before it was read: the answer says why
    except OSError as error:
        raise Unable(f"the console {path!r} does not listen: {error}") from error


def received(sock: socket.socket, path: str) -> bytes:
    """What has come; nothing at the end.  Raises Unable."""
    try:
        return sock.recv(65536)
    except TimeoutError:
        raise Unable(f"the console {path!r} does not answer in {sock.gettimeout():g} s") from None
    except ConnectionResetError:
        return b""


def understood(answer: bytes, path: str) -> tuple[int, str]:
    """Take an answer apart.  Raises Unable for what is none."""
    code, _, text = answer.decode("utf-8", "replace").partition(" ")
    if not code.isdigit() or int(code) > 255:
        raise Unable(f"the console {path!r} gives no answer; has the server just ended?")
    return int(code), text


# The command


def main(arguments: list[str]) -> int:
    """Run one of the command's verbs, with its arguments; returns the exit status."""
    verb, *rest = arguments
    if not rest or rest[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if rest else sys.stderr)
        return 0 if rest else UNABLE
    name, *words = rest
    try:
        return run(VERBS[verb], name, words)
    except Unable as reason:
        complain(verb, str(reason))
        return UNABLE
    except BrokenPipeError:  # whoever reads our output has seen enough
        silence(1)
        return 0
    except OSError as error:  # the disk is full
        silence(1)
        complain(verb, f"the answer cannot be written: {error.strerror}")
        return UNABLE
    except KeyboardInterrupt:
        return 130


def complain(verb: str, reason: str) -> None:
    """Say what went wrong, if there is anywhere to say it."""
    try:
        say(f"lifetime {verb}: {reason}", sys.stderr)
    except OSError:
        silence(2)


def silence(fd: int) -> None:
    """What could not be written there is not written at the end of the program either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), fd)


def run(verb: str, name: str, words: list[str]) -> int:
    """Ask, and show what comes.  Raises Unable; OSError if it cannot be shown."""
    if verb == "p":
        kept = [word for word in words if not word.startswith("--wait")]
        if len(kept) < len(words):
            return stop_and_wait(find(name), kept, limit(words))
        words = kept
    if verb == "watch":
        return watch(find(name), words)
    code, text = ask(find(name), verb, *words)
    show(code, text)
    return code


def limit(words: list[str]) -> float | None:
    """The seconds of `--wait=SECONDS`; None: as long as it takes.  Raises Unable."""
    seconds: float | None = None
    for word in words:
        option, equals, value = word.partition("=")
        if not option.startswith("--wait"):
            continue
        try:
            seconds = float(value) if equals else None
        except ValueError:
            seconds = -1.0
        if option != "--wait" or (seconds is not None and not 0 <= seconds < 1e6):
            raise Unable(f"{word!r} is not understood; give --wait or --wait=SECONDS")
    return seconds


def stop_and_wait(path: str, words: list[str], seconds: float | None) -> int:
    """Stop it, and wait for the end of its process: the end of file on this connection."""
    from time import monotonic  # of no use for any other verb

    until = None if seconds is None else monotonic() + seconds
    with connect(path) as sock:
        sent(sock, path, ["p", *words, "wait"])
        answer = received(sock, path)
        code, text = understood(answer, path)
        show(code, text)
        if code > 4:
            return code
        while True:
            left = None if until is None else until - monotonic()
            if left is not None and left <= 0:
                return STILL_THERE
            sock.settimeout(left)
            try:
                if not sock.recv(4096):
                    return 0
            except TimeoutError:
                return STILL_THERE
            except ConnectionResetError:
                return 0


def watch(path: str, words: list[str]) -> int:
    """Show every message until the server ends."""
    with connect(path) as sock:
        sent(sock, path, ["watch", *words])
        code, text = understood(received(sock, path), path)
        show(code, text)
        if code:
            return code
        sock.settimeout(None)
        while data := received(sock, path):
            say(data.decode("utf-8", "replace"), sys.stdout, end="")
    return 0


def show(code: int, text: str) -> None:
    """An answer: to standard output, or to standard error if it is a refusal."""
    say(text, sys.stdout if code <= 4 else sys.stderr, end="")


def say(text: str, stream: object, end: str = "\n") -> None:
    """Print it, with whatever the terminal's encoding cannot show replaced."""
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    print(shown, end=end, file=stream, flush=True)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
