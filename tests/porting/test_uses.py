"""Which old names a program uses."""

from __future__ import annotations

import ast

import pytest

from servers.porting.names import MODULES, OldModule, State
from servers.porting.uses import find_uses


def used(text: str) -> dict[str, tuple[int, ...]]:
    """Each old name, and its lines."""
    return {
        f"{use.old.module}.{use.old.name}".rstrip("."): use.lines
        for use in find_uses(ast.parse(text))
    }


@pytest.mark.parametrize(
    "text",
    [
        "from medusa import http_server\nhttp_server.http_server('', 80)\n",
        "from medusa import http_server as hs\nhs.http_server('', 80)\n",
        "import medusa.http_server\nmedusa.http_server.http_server('', 80)\n",
        "import medusa.http_server as hs\nhs.http_server('', 80)\n",
        "import http_server\nhttp_server.http_server('', 80)\n",
        "from . import http_server\nhttp_server.http_server('', 80)\n",
        "from supervisor.medusa import http_server\nhttp_server.http_server('', 80)\n",
        "from ZServer.medusa import http_server\nhttp_server.http_server('', 80)\n",
        "\nfrom medusa.http_server import http_server\n",
        "from medusa.http_server import *\nhttp_server('', 80)\n",
        "from http_server import *\nhttp_server('', 80)\n",
    ],
)
def test_a_name_is_found_however_it_was_imported(text: str) -> None:
    assert used(text) == {"medusa.http_server.http_server": (2,)}


@pytest.mark.parametrize(
    "text",
    [
        "from medusa import asyncore\nasyncore.poll2()\n",
        "from ZServer import asyncore\nasyncore.poll2()\n",
        "from ZServer.medusa import asyncore\nasyncore.poll2()\n",
        "import medusa.asyncore\nmedusa.asyncore.poll2()\n",
    ],
)
def test_the_asyncore_that_medusa_brought_is_found(text: str) -> None:
    assert used(text) == {"medusa.asyncore_25.poll2": (2,)}


def test_an_attribute_of_a_class_is_found() -> None:
    text = "from medusa.http_server import http_request\nhttp_request.log = f\n"
    assert used(text) == {
        "medusa.http_server.http_request": (1,),
        "medusa.http_server.http_request.log": (2,),
    }


def test_what_a_subclass_overrides_and_uses_is_found() -> None:
    text = (
        "from medusa import http_server\n"
        "class channel(http_server.http_channel):\n"
        "    def writable_for_proxy(self):\n"
        "        return self.addr\n"
    )
    assert used(text) == {
        "medusa.http_server.http_channel": (2,),
        "medusa.http_server.http_channel.addr": (4,),
        "medusa.http_server.http_channel.writable_for_proxy": (3,),
    }


def test_what_is_called_request_is_a_request_beside_an_old_import() -> None:
    text = "def f(request):\n    request.push('x')\n    request.push(request.channel.addr[0])\n"
    assert used(text) == {}
    assert used(f"import asyncore\n{text}") == {
        "medusa.http_server.http_channel.addr": (4,),
        "medusa.http_server.http_request.channel": (4,),
        "medusa.http_server.http_request.push": (3, 4),
    }


def test_common_module_names_are_not_medusas_by_themselves() -> None:
    assert used("import logger\nlogger.file_logger('x')\n") == {}
    assert "medusa.logger.file_logger" in used(
        "import http_server, logger\nlogger.file_logger('x')\n"
    )


def test_a_module_that_is_not_here_is_missing() -> None:
    uses = find_uses(ast.parse("from ZServer.PCGIServer import PCGIServer\n"))
    assert [(use.old.name, use.old.state) for use in uses] == [("PCGIServer", State.MISSING)]


def test_a_module_of_ours_that_has_not_been_written_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MODULES, "medusa.later", OldModule("servers.medusa.later", works="thing"))
    (use,) = find_uses(ast.parse("from medusa.later import thing\n"))
    assert (use.old.state, use.old.note) == (State.MISSING, "is not here yet")


def test_a_name_that_the_old_module_never_had_is_missing() -> None:
    (use,) = find_uses(ast.parse("from medusa import http_server\nhttp_server.socket\n"))
    assert use.old.state is State.MISSING and "import it yourself" in use.old.note


def test_other_programs_use_nothing() -> None:
    assert used("import os, logging\nlogging.getLogger('http_server').info(os.name)\n") == {}
