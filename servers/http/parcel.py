"""Parcels: a request and its body that come together.

A small body mostly comes in one piece with its head, and the head is one that was read before.
Then nothing need be measured as it comes: the body is cut off and handed over as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from servers.http.limits import Limits
from servers.http.parser import HEAD_END, Head

#: What is no parcel.
NONE: tuple[None, bytes] = None, b""


def open_parcel(
    data: bytes, heads: Mapping[bytes, Head], limits: Limits
) -> tuple[Head | None, bytes]:
    """The head and the body in `data`, if these are all of it and the head is one of `heads`.

    What wants an answer before the body, or may end the connection for it, is none: (None, b"").
    """
    end = data.find(HEAD_END) + len(HEAD_END)
    head = heads.get(data[:end])
    if (
        head is None
        or head.length != len(data) - end
        or head.length > limits.linger_bytes
        or head.expects_continue
        or not head.keep_alive
    ):
        return NONE
    head.opened = limits
    return head, data[end:]
