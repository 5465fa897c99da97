"""Who is at the other end of a Unix socket, by the kernel's word."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

#: macOS and the BSDs; not in `socket` of every Python.
SOL_LOCAL = 0
LOCAL_PEERCRED = 1
LOCAL_PEERPID = 2


@dataclass(frozen=True)
class Peer:
    """A process: its id, user and group; -1 for what the system does not say."""

    pid: int
    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The login name, or the number of a user who has none."""
        return login_name(self.uid)


@lru_cache(maxsize=256)  # to look it up is to read a file, or to ask another machine
def login_name(uid: int) -> str:
    """The login name, or the number of a user who has none."""
    try:
        import pwd  # not on Windows
    except ImportError:
        return str(uid)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def peer_of(sock: socket.socket) -> Peer:
    """Whoever connected.  Raises OSError if the system does not say."""
    if hasattr(socket, "SO_PEERCRED"):
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return Peer(*struct.unpack("3i", data))
    # struct xucred: version, uid, number of groups, groups; the first of those is the main one.
    data = sock.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, struct.calcsize("2Ih16I"))
    _, uid, _, gid, *_ = struct.unpack("2Ih16I", data)
    try:
        pid = sock.getsockopt(SOL_LOCAL, LOCAL_PEERPID)
    except OSError:  # the BSDs do not say
        pid = -1
    return Peer(pid, uid, gid)


def may_ask(peer: Peer, groups: Collection[int]) -> bool:
    """Root, our own user, and the members of `groups`."""
    if peer.uid in (0, os.geteuid()) or peer.gid in groups:
        return True
    if not groups:
        return False
    try:
        members = os.getgrouplist(peer.name, peer.gid)
    except (KeyError, OSError):
        return False
    return not set(groups).isdisjoint(members)
