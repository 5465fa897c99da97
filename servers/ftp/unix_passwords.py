"""Whether a password is that of a user of this system.

Python has no crypt module any more (from 3.13 on), so the C library's own is called.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import hmac
import pwd
from pathlib import Path

#: Readable by root only; where it is missing, the hashes are in the password file itself.
SHADOW = Path("/etc/shadow")


class UnixPasswords:
    """Compares passwords with the system's hashes.

    Raises OSError with one sentence if the system has no crypt library.
    """

    def __init__(self, shadow: Path = SHADOW) -> None:
        name = ctypes.util.find_library("crypt")
        if name is None:
            raise OSError("this system has no crypt library: users cannot be looked up")
        self._crypt = ctypes.CDLL(name).crypt
        self._crypt.restype = ctypes.c_char_p
        self._crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
        self.shadow = shadow

    def check(self, user: str, password: str) -> bool:
        """Whether it is this user's; never for a user without a password, or one that is locked."""
        known = self._hash_of(user)
        secret = password.encode("utf-8", "surrogateescape")
        if not known or known[:1] in "!*" or b"\0" in secret:
            return False
        made: bytes | None = self._crypt(secret, known.encode())
        return made is not None and hmac.compare_digest(made, known.encode())

    def _hash_of(self, user: str) -> str:
        try:
            known = pwd.getpwnam(user).pw_passwd
        except (KeyError, ValueError):
            return ""
        if known != "x":
            return known
        try:
            text = self.shadow.read_text(encoding="utf-8")
        except OSError:
            return ""
        lines = (line.split(":") for line in text.splitlines())
        return next((fields[1] for fields in lines if fields[0] == user and len(fields) > 1), "")
