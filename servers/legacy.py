"""The switch that makes the old import names work.

    import servers.legacy; servers.legacy.install()
    python -m servers.legacy script.py args

`medusa`, `supervisor.medusa`, `ZServer`, `Lifetime` and `Signals` become importable, and the loop
of asyncore becomes that of `lifetime`.  A package that is really installed is left alone, unless
it is named in `replace`.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import runpy
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from lifetime.asyncore import dispatcher
from servers.medusa import asynchat_25, asyncore_25

#: Old names that stand for modules of ours; a package brings what is in it.
NAMES = {
    "medusa": "servers.medusa",
    "supervisor.medusa": "servers.medusa",
    "ZServer": "servers.zserver",
    "ZServer.medusa": "servers.medusa",
    "Lifetime": "servers.zserver.Lifetime",
    "Signals": "servers.zserver.Signals",
}

#: Modules that lie elsewhere in some of the old packages.
PLACES = {
    "medusa.thread.select_trigger": "servers.medusa.select_trigger",
    "medusa.test.max_sockets": "servers.medusa.max_sockets",
    "ZServer.medusa.thread.select_trigger": "servers.medusa.select_trigger",
    "Signals.Signals": "servers.zserver.Signals",
    "Signals.SignalHandler": "servers.zserver.Signals",
    "ZServer.PubCore.ZEvent": "servers.zserver.PubCore.ZEvent",
}

#: Old modules that are not here yet; whoever imports one is told so.
NOT_YET = frozenset(
    {
        "medusa.chat_server",
        "medusa.ftp_server",
        "medusa.medusa_gif",
        "medusa.monitor",
        "medusa.monitor_client",
        "medusa.resolver",
        "medusa.rpc_client",
        "medusa.rpc_server",
        "medusa.thread.thread_channel",
        "medusa.thread.thread_handler",
        "ZServer.FCGIServer",
        "ZServer.FTPServer",
        "ZServer.ICPServer",
        "ZServer.PCGIServer",
        "ZServer.WebDAVSrcHandler",
        "ZServer.datatypes",
    }
)

#: How we know the empty packages that we have made.
STAND_IN = "Stands for a package that is not installed (servers.legacy)."

#: What asyncore's own loop is replaced with, under its own name.
LOOPS = ("loop", "poll", "poll2", "poll3")


def install(
    replace: Iterable[str] = (),
    say: Callable[[str], object] | None = None,
    stops_by_signal: bool = False,
) -> list[str]:
    """Put the old names in place; a second call does nothing.  Returns what was done, in sentences.

    replace: top-level names to take over although a package of that name is installed.
    say: is given each sentence.
    stops_by_signal: let `asyncore.loop()` stop in an orderly way on TERM and INT, if the program
        has no handlers of its own for them.
    """
    wanted = set(replace)
    done = [*_put_loops(stops_by_signal), *_put_asynchat()]
    for old, new in NAMES.items():
        done += _put(old, new, old in wanted or old.partition(".")[0] in wanted)
    if not any(isinstance(finder, _NotYet) for finder in sys.meta_path):
        sys.meta_path.append(_NotYet())
    for name, place in PLACES.items():
        if _is_ours(name.partition(".")[0]):
            _put_place(name, place)
    for sentence in done if say is not None else ():
        say(sentence)  # type: ignore[misc]
    return done


class _NotYet:
    """Says of the old modules that are missing what they are: asked last, so only for those."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raises ModuleNotFoundError with one sentence; None for all other names."""
        inner = name.removeprefix("supervisor.").replace("ZServer.medusa.", "medusa.")
        if inner in NOT_YET and _is_ours(name.partition(".")[0]):
            raise ModuleNotFoundError(
                f"{name} is not here yet; docs/reference/old-names.md says what there is", name=name
            )


def _put(old: str, new: str, replaces: bool) -> Iterator[str]:
    module = importlib.import_module(new)
    if sys.modules.get(old) is module:
        return
    top, _, rest = old.partition(".")
    if rest and top not in sys.modules and not _is_installed(top):
        _make_parent(top)
    if not replaces and _is_installed(old):
        yield f"{old} is installed, and left as it is; replace=[{old!r}] takes it over"
        return
    for name, each in _modules_below(old, module):
        sys.modules[name] = each
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(importlib.import_module(parent), child, each)
    yield f"{old} is {new}"


def _is_installed(name: str) -> bool:
    """Whether there is a package or module of that name which is not of ours."""
    known = sys.modules.get(name)
    if known is not None:
        return not _is_ours(name)
    if _is_ours(name.partition(".")[0]):
        return False  # we have put there ourselves what it lies below
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _is_ours(name: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and (
        module.__name__.startswith("servers.") or getattr(module, "__doc__", "") == STAND_IN
    )


def _modules_below(old: str, module: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    yield old, module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        inner = importlib.import_module(f"{module.__name__}.{info.name}")
        yield from _modules_below(f"{old}.{info.name}", inner)


def _put_place(name: str, place: str) -> None:
    module = importlib.import_module(place)
    parts = name.split(".")
    for end in range(2, len(parts)):
        parent = ".".join(parts[:end])
        if parent not in sys.modules:
            _make_parent(parent)
    sys.modules[name] = module
    setattr(sys.modules[".".join(parts[:-1])], parts[-1], module)


def _make_parent(name: str) -> None:
    """An empty package, for an old name that lies below one which is not here."""
    package = ModuleType(name, STAND_IN)
    package.__path__ = []
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)


def _put_loops(stops_by_signal: bool) -> Iterator[str]:
    if stops_by_signal:
        asyncore_25.stops_by_signal = True
    # The one module that everybody's `import asyncore` gives, with the one socket_map.
    original: Any = sys.modules[dispatcher.__module__]
    if original.loop is not asyncore_25.loop:
        for name in LOOPS:
            setattr(original, name, getattr(asyncore_25, name))
        yield "asyncore.loop and asyncore.poll are those of lifetime"
    if sys.modules.setdefault("asyncore", original) is not original:
        yield "asyncore is another module than ours, and left as it is"


def _put_asynchat() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        installed = find_spec("asynchat") is not None
    if not installed:
        sys.modules["asynchat"] = asynchat_25
        yield "asynchat is servers.medusa.asynchat_25"


def main(arguments: list[str] | None = None) -> int:
    """Run a script with the old names in place."""
    parser = argparse.ArgumentParser(
        prog="python -m servers.legacy",
        description="Run a program that imports medusa, ZServer, Lifetime, Signals or asyncore.",
    )
    parser.add_argument(
        "--replace",
        action="append",
        default=[],
        metavar="NAME",
        help="take NAME over although a package of that name is installed",
    )
    parser.add_argument("--quiet", action="store_true", help="do not say what was put in place")
    parser.add_argument("script", help="the program")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    options = parser.parse_args(arguments)
    if not Path(options.script).is_file():
        parser.error(f"there is no file {options.script}")
    install(options.replace, None if options.quiet else _say, stops_by_signal=True)
    sys.argv = [options.script, *options.args]
    sys.path[0] = str(Path(options.script).resolve().parent)
    runpy.run_path(options.script, run_name="__main__")
    return 0


def _say(sentence: str) -> None:
    print(f"servers.legacy: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
