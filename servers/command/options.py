"""What the command's arguments mean: a text becomes a value, or is refused in one sentence.

Nothing here listens, prints or exits. A value that is wrong by itself raises
`argparse.ArgumentTypeError`, and argparse says which argument it was; one that turns out wrong when
it is used raises `BadInput`. Both sentences name the object and the way out.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import math
import os
import socket
import ssl
import stat
import sys
import traceback
from pathlib import Path
from typing import Any

from servers.networks import Networks

#: No option waits for longer (seconds).
DAY = 86400.0


class BadInput(Exception):
    """What was asked for cannot be done; the message is one sentence for whoever asked."""


def port(text: str) -> int:
    """A TCP port; 0 lets the system pick a free one."""
    # int() would also take signs, spaces, underscores and digits of other scripts.
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a port; give a number from 0 (any free one) to 65535"
    )


def address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, or `PORT` for this machine alone; an IPv6 address stands in brackets."""
    host, colon, number = text.rpartition(":")
    if not colon:
        return "127.0.0.1", port(number)
    bracketed = host.startswith("[") and host.endswith("]")
    if not host or (":" in host and not bracketed):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an address; give PORT, HOST:PORT or [IPV6]:PORT"
        )
    return host[1:-1] if bracketed else host, port(number)


def address_or_path(text: str) -> tuple[str, int] | str:
    """An `address`, or the path of a Unix socket, which has a slash in it."""
    return unix_socket(text) if "/" in text else address(text)


def networks(text: str) -> Networks:
    """Addresses and networks, with commas."""
    try:
        return Networks(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def whole(text: str) -> int:
    """A whole number, zero or more."""
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    raise argparse.ArgumentTypeError(f"{shown!r} is no number from 0 to 999999999")


def exit_status(text: str) -> int:
    """What a process may end with."""
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is no exit status; give one from 0 to 255")


def seconds(text: str) -> float:
    """A duration in seconds, from zero to a day."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value <= DAY:  # not so for what is no number
        return value
    raise argparse.ArgumentTypeError(
        f"{text[:40]!r} is not a time; give seconds, such as 30 or 2.5, up to {DAY:g}"
    )


def span(text: str) -> tuple[float, float | None]:
    """`MIN` or `MIN:MAX`, in seconds; no maximum is None."""
    shortest, colon, longest = text.partition(":")
    minimum, maximum = seconds(shortest), seconds(longest) if colon else None
    if maximum is not None and maximum < minimum:
        raise argparse.ArgumentTypeError(
            f"{text!r} ends before it begins; give MIN:MAX with MAX not less than MIN"
        )
    return minimum, maximum


def folder(text: str) -> Path:
    """A folder that exists and that we may read."""
    mode = _mode(text)
    if mode is None:
        raise argparse.ArgumentTypeError(
            f"there is no folder {text!r}; make it, or name one that exists"
        )
    if not stat.S_ISDIR(mode):
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder; name the folder it lies in")
    if not os.access(text, os.R_OK | os.X_OK):
        raise argparse.ArgumentTypeError(
            f"the folder {text!r} may not be read by this user; change its mode or the user"
        )
    return Path(text)


def output_file(text: str) -> Path:
    """A file that can be written when its time comes: its folder is there, and it is no folder."""
    mode = _mode(text)
    path = Path(text)
    if mode is not None and stat.S_ISDIR(mode):
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"there is no folder {str(path.parent)!r} for the file {path.name!r}; make it first"
        )
    if not os.access(path.parent if mode is None else path, os.W_OK):
        raise argparse.ArgumentTypeError(
            f"{text!r} may not be written by this user; change its mode or name another file"
        )
    return path


def log_file(text: str) -> str:
    """`-` for standard output or error, otherwise a file as `output_file` wants it."""
    return text if text == "-" else str(output_file(text))


def unix_socket(text: str) -> str:
    """The path of a Unix socket: nothing is there yet, or an older socket."""
    mode = _mode(text)
    if mode is not None and not stat.S_ISSOCK(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a file"
        raise argparse.ArgumentTypeError(
            f"{text!r} is {kind}, not a socket; name a path that is free"
        )
    return text


def _mode(text: str) -> int | None:
    """Kind and permissions of what is there; None if nothing is.

    Raises ArgumentTypeError for a name that cannot be one, or that we cannot get at.
    """
    if not text:
        raise argparse.ArgumentTypeError("'' names nothing; give a path, such as . for this folder")
    try:
        return os.stat(text).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        raise argparse.ArgumentTypeError(
            f"{shown!r} cannot be reached: {error.strerror}; check the path and its folders"
        ) from error


def one_line(error: BaseException) -> str:
    """What an exception says, in one line; its class if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def make_handler(text: str) -> Any:
    """Import `package.module:factory`, call the factory, and return the handler it made.

    The current folder is searched first, as with `python -m`.
    Raises BadInput when any step fails, also for whatever the module or the factory raises.
    """
    module_name, colon, factory_name = text.partition(":")
    if not (module_name and colon and factory_name):
        raise BadInput(f"--handler {text!r} does not say what to call; give package.module:factory")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if "/" in module_name or module_name.startswith("."):
        raise BadInput(f"--handler {text!r} begins with a path; name a module of this folder")
    try:
        factory = importlib.import_module(module_name)
        for name in factory_name.split("."):
            factory = getattr(factory, name)
        handler = factory()  # type: ignore[operator]  # anything callable may stand there
    except (Exception, SystemExit) as error:  # the module is somebody else's code
        raise BadInput(
            f"--handler {text!r} cannot be made: {type(error).__name__}: {one_line(error)}"
            f"{_where(error)}"
        ) from error
    for method in ("match", "handle_request"):
        if not callable(getattr(handler, method, None)):
            raise BadInput(
                f"--handler {text!r} made {type(handler).__name__}, which has no {method}(request);"
                " give its class match and handle_request"
            )
    return handler


def _where(error: BaseException) -> str:
    """Where in the module's own code the error was raised, and so what to do."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if frame.filename == __file__ or not os.path.isfile(frame.filename):
        # A missing module or name: no line of theirs has run.
        return "; name a module of this folder or an installed one, and a function or class in it"
    return f" ({frame.filename}, line {frame.lineno}); correct it there"


class _Encrypted(Exception):
    """A key wants a password, and nobody may be at the terminal."""


def tls_context(certificate: str, key: str | None) -> ssl.SSLContext:
    """A server's TLS context from PEM files.

    key: None when the certificate's file holds the key too.
    Raises BadInput when a file cannot be read or does not hold what it should.
    """
    _check_pem("--tls-cert", certificate)
    if key is not None:
        _check_pem("--tls-key", key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Encrypted as error:
        name = certificate if key is None else key
        raise BadInput(
            f"the key in {name!r} is encrypted; decrypt it with"
            f" openssl pkey -in {name} -out NEW.pem, and give that as --tls-key"
        ) from error
    except OSError as error:  # also ssl.SSLError, whose own words speak of OpenSSL's files
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            sentence = f"the key in {key or certificate!r} is not that of {certificate!r}"
        else:
            held = f"{key!r} as its key" if key else "its key in the same file"
            sentence = f"{certificate!r} is not a PEM certificate with {held}"
        raise BadInput(f"{sentence}; check --tls-cert and --tls-key") from error
    return context


def _no_password() -> str:
    raise _Encrypted


def _check_pem(option: str, name: str) -> None:
    try:
        # A FIFO would keep us waiting for its writer.
        if not stat.S_ISREG(os.stat(name).st_mode):
            raise BadInput(f"{option} {name!r} is not a file; name a file in PEM format")
        with open(name, "rb"):
            pass
    except OSError as error:
        raise BadInput(
            f"{option} {name!r} cannot be read: {error.strerror}; name a file in PEM format"
        ) from error


_CHOOSE_ADDRESS = "choose --host 127.0.0.1, or 0.0.0.0 for every address"
_TCP_REASONS = {
    errno.EADDRINUSE: "it is taken; stop what listens there, or choose another --port",
    errno.EACCES: "permission denied; ports below 1024 need root, so choose a higher --port",
    errno.EPERM: "permission denied; ports below 1024 need root, so choose a higher --port",
    errno.EADDRNOTAVAIL: f"it is not an address of this machine; {_CHOOSE_ADDRESS}",
}
_UNIX_REASONS = {
    errno.EADDRINUSE: "it is taken; stop what listens there, or choose another --unix",
    errno.EACCES: "permission denied; choose a folder that this user may write",
    errno.EPERM: "permission denied; choose a folder that this user may write",
    errno.ENOENT: "its folder does not exist; make it first",
    errno.ENOTDIR: "its folder is not a folder; choose another --unix",
}


def _way_out(host: str) -> str:
    if host.startswith("["):
        return f"write an IPv6 address without brackets: --host {host.strip('[]')}"
    if "%" in host:
        return "behind % goes an interface of this machine, as in --host fe80::1%eth0"
    return _CHOOSE_ADDRESS


def why_not_listening(error: Exception, host: str, port: int, unix: str | None = None) -> str:
    """One sentence for a listener that could not be opened.

    error: what the attempt raised; host, port: what it was for, unless `unix` names a socket.
    """
    where = repr(unix) if unix is not None else f"{host} port {port}"
    if isinstance(error, OSError) and error.errno is None and unix is not None:
        # The only complaint about an address that Python makes before the system is asked.
        reason = f"the path is too long for a socket ({len(os.fsencode(unix))} bytes); shorten it"
    # A listener raises OSError because of a name that cannot be looked up.
    elif isinstance(error.__cause__ or error, socket.gaierror | UnicodeError):
        reason = f"{host!r} is no address, nor a name this machine can look up; {_way_out(host)}"
    elif isinstance(error, OSError) and error.errno is not None:
        reasons = _TCP_REASONS if unix is None else _UNIX_REASONS
        reason = reasons.get(error.errno) or f"{error.strerror}; check --host, --port and --unix"
    else:
        reason = f"{error}; check --host, --port and --unix"
    return f"cannot listen on {where}: {reason}"
