"""What we use of pyftpdlib although it promises nothing about it: its names with an underscore.

Its public ones do not tell when a session is in flight, which a stop has to know.  A release that
lacks one of these fails here, by name: then see what stands for it now, and only then raise the
version in setup.cfg.
"""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
from pathlib import Path
from typing import Any

import pytest
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.ioloop import AsyncChat

from servers.ftp import FTPListener

#: By class, what we call, override, read or set.
BORROWED: dict[Any, set[str]] = {
    AsyncChat: {"_closed", "_closing", "_fileno"},
    FTPHandler: {
        "_current_type",
        "_dtp_acceptor",
        "_dtp_connector",
        "_in_buffer",
        "_in_buffer_len",
        "_in_dtp_queue",
        "_make_epasv",
        "_make_eport",
        "_on_dtp_close",
        "_on_dtp_connection",
        "_out_dtp_queue",
        "_quit_pending",
        "_restart_position",
        "_rnfr",
        "_shutdown_connecting_dtp",
    },
    FTPHandler.active_dtp: {"_idler"},
    DTPHandler: {"_data_wrapper", "_had_cr", "_initialized", "_resp"},
}

#: What it asks of its server, which ours has to have.
OF_THE_SERVER = {"_accept_new_cons"}

ROOT = Path(__file__).parents[2]

USERS = [
    *(ROOT / "servers" / "ftp").glob("*.py"),
    *(ROOT / "servers" / "medusa").glob("ftp_*.py"),
    *(ROOT / "servers" / "zserver").glob("FTP*.py"),
]

VERSION = importlib.metadata.version("pyftpdlib")


def own_names(kind: Any) -> set[str]:
    """The names with an underscore that a class defines, or that its methods read or set."""
    names = set()
    for each in kind.__mro__:
        if each.__module__.startswith("pyftpdlib"):
            names |= set(vars(each))
            for function in filter(inspect.isfunction, vars(each).values()):
                names |= set(function.__code__.co_names)
    return {name for name in names if is_own(name)}


def is_own(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def used(path: Path) -> set[str]:
    """What a file of ours asks of objects, or defines, that begins with an underscore."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return {name for name in names if is_own(name)}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in BORROWED.items() for name in sorted(names)]
)
def test_pyftpdlib_still_has_what_is_borrowed(kind: Any, name: str):
    assert name in own_names(kind), (
        f"pyftpdlib {VERSION}: {kind.__name__} has no {name} any more, which servers/ftp uses"
    )


@pytest.mark.parametrize("name", sorted(OF_THE_SERVER))
def test_pyftpdlib_asks_of_its_server_what_ours_has(name: str):
    assert hasattr(FTPListener, name)
    assert any(name in own_names(kind) for kind in [*BORROWED, FTPHandler.passive_dtp]), (
        f"pyftpdlib {VERSION} does not ask its server for {name} any more"
    )


def test_whatever_is_used_is_listed():
    theirs = set().union(*map(own_names, BORROWED))
    listed = OF_THE_SERVER.union(*BORROWED.values())
    unlisted = {
        f"{path.name}: {name}" for path in USERS for name in used(path) & theirs - listed
    }
    assert unlisted == set()


def test_whatever_is_listed_is_used():
    assert OF_THE_SERVER.union(*BORROWED.values()) - set().union(*map(used, USERS)) == set()
