"""System calls that return at once, made without letting go of the interpreter.

Python's own let others run for the time of the call.  Where another thread computes, a thread then
gets its turn again after a whole switch interval, 5 ms: accepting and reading would cost a command
two of those, although neither call ever waits.  So on Linux they go through ctypes, which need not
let go; elsewhere, and in a Python without ctypes, they are Python's.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

try:
    import ctypes
except ImportError:  # some builds have none
    ctypes = None  # type: ignore[assignment]


def _library() -> Any:
    """The C library, called without letting go; None where we do not know it."""
    if ctypes is None or not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.PyDLL(None, use_errno=True)
        library.accept4.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
        library.recv.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
        library.send.argtypes = library.recv.argtypes
        library.recv.restype = library.send.restype = ctypes.c_ssize_t
        library.close.argtypes = (ctypes.c_int,)
    except (OSError, AttributeError):
        return None
    return library


_C = _library()


def accept(listener: socket.socket) -> socket.socket:
    """The next connection; it does not block.

    listener: does not block.
    Raises BlockingIOError if nobody waits, and OSError as `socket.accept` does.
    """
    if _C is None:
        sock, _ = listener.accept()
        sock.setblocking(False)
        return sock
    fd = _C.accept4(listener.fileno(), None, None, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    if fd < 0:
        raise _error()
    return socket.socket(listener.family, listener.type | socket.SOCK_NONBLOCK, fileno=fd)


def receive(sock: socket.socket, size: int) -> bytes:
    """At most `size` bytes, b"" at the end of the input.

    sock: does not block.
    Raises BlockingIOError if there is nothing yet, and OSError as `socket.recv` does.
    """
    if _C is None:
        return sock.recv(size)
    buffer = ctypes.create_string_buffer(size)
    length = _C.recv(sock.fileno(), buffer, size, 0)
    if length < 0:
        raise _error()
    return buffer.raw[:length]


def send(sock: socket.socket, data: bytes) -> int:
    """Send what the system takes; returns how many bytes that were.

    sock: does not block.
    Raises BlockingIOError if there is no room, and OSError as `socket.send` does.
    """
    if _C is None:
        return sock.send(data)
    length: int = _C.send(sock.fileno(), data, len(data), socket.MSG_NOSIGNAL)
    if length < 0:
        raise _error()
    return length


def close(sock: socket.socket) -> None:
    """Close it; a second call does nothing."""
    if _C is None:
        sock.close()
        return
    fd = sock.detach()
    if fd >= 0:
        _C.close(fd)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))  # of the subclass that the number says
