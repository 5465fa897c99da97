"""Closes a listener's door without losing who is already on the doorstep.

Between the last accept and the close of a listening socket the kernel may complete one more
connection, and then resets it.  A classic BPF filter that drops SYN segments keeps new ones from
beginning: clients repeat the SYN after a second, and are refused then.  Linux wants
CAP_NET_ADMIN for it, so it is an extra on top of closing quickly, never a condition.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26  # Linux; the socket module names neither
SO_DETACH_FILTER = 27

# (code, jump if true, jump if false, operand), one after the other; see the kernel's bpf(2) family.
_PROGRAM = (
    (0x30, 0, 0, 13),  # load byte 13 of the TCP header: the flags
    (0x45, 0, 1, 0x02),  # is SYN among them?
    (0x06, 0, 0, 0),  # then keep no byte of the segment: it is dropped
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep all of it
)


def drop_syn(listener: socket.socket) -> bool:
    """Let no new TCP connection begin on `listener`; those that have begun go on.

    Returns False, and changes nothing, where that is not possible or not permitted.
    """
    if listener.family not in (socket.AF_INET, socket.AF_INET6) or not hasattr(socket, "AF_PACKET"):
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _PROGRAM))
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(code))
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True


def accept_syn(listener: socket.socket) -> None:
    """Undo `drop_syn`, whoever called it: the copies of a socket share one filter."""
    with suppress(OSError):  # there was none
        listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
