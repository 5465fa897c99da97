"""Which commands belong together: what a session that is to end may still finish.

Pure: words in, a decision out.  FTP says a thing in several commands: where the data go, from
which byte, and only then which file.  A session in the middle of that is on an errand.
"""

from __future__ import annotations

from enum import Enum


class Errand(Enum):
    """What a session is in the middle of, between two commands; in the operator's words."""

    NONE = "idle"
    RENAME = "between RNFR and RNTO"
    TRANSFER = "preparing a transfer"


#: Commands that need a data connection.
TRANSFERS = frozenset({"LIST", "NLST", "MLSD", "RETR", "STOR", "STOU", "APPE"})

#: Commands that prepare one; PASV and EPSV make us listen.
PASSIVE = frozenset({"PASV", "EPSV"})
CONNECTING = PASSIVE | {"PORT", "EPRT"}

#: What goes on with an errand.
CONTINUES: dict[Errand, frozenset[str]] = {
    Errand.NONE: frozenset(),
    Errand.RENAME: frozenset({"RNTO"}),
    Errand.TRANSFER: TRANSFERS
    | CONNECTING
    | {"TYPE", "MODE", "STRU", "ALLO", "REST", "SIZE", "MDTM"},
}

#: What begins nothing, or ends something: answered as ever.
ALWAYS = frozenset({"ABOR", "QUIT"})

#: What is not kept waiting behind a transfer (RFC 959, section 4.1.3, names the first three).
DURING_TRANSFERS = frozenset({"ABOR", "STAT", "QUIT", "NOOP"})


def belongs(command: str, errand: Errand) -> bool:
    """Whether a session that is to end still does what `command` (upper case) says."""
    return command in ALWAYS or command in CONTINUES[errand]
