"""The switch that makes the old import names work.

    import servers.legacy; servers.legacy.install()
    python -m servers.legacy script.py args

`medusa`, `supervisor.medusa`, `ZServer`, `Lifetime` and `Signals` become importable, and the loop
of asyncore becomes that of `lifetime`.  A module is imported when the program asks for it, and is
one and the same object under all its names.  A package that is really installed is left alone,
unless it is named in `replace`.
"""

from __future__ import annotations

import argparse
import builtins
import importlib
import runpy
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from lifetime.asyncore import dispatcher
from servers.medusa import asynchat_25, asyncore_25
from servers.porting.names import MODULES, canonical

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
    "medusa.test.max_sockets": "servers.medusa.max_sockets",
    "Signals.Signals": "servers.zserver.Signals",
    "Signals.SignalHandler": "servers.zserver.Signals",
}

#: The modules of medusa's folder, by their bare names.
FLAT = {
    name.rpartition(".")[2]: known.here
    for name, known in MODULES.items()
    if name.startswith("medusa.") and known.here
}

#: How we know the empty packages that we have made.
STAND_IN = "Stands for a package that is not installed (servers.legacy)."

#: The exit status of a program that control-C has ended, as shells tell it.
INTERRUPTED = 128 + signal.SIGINT

#: What asyncore's own loop is replaced with, under its own name.
LOOPS = ("loop", "poll", "poll2", "poll3")


def install(
    replace: Iterable[str] = (),
    say: Callable[[str], object] | None = None,
    stops_by_signal: bool = False,
    flat: bool = False,
) -> list[str]:
    """Put the old names in place; a second call does nothing.  Returns what was done, in sentences.

    replace: names to take over although a package or module of that name is installed.
    say: is given each sentence.
    stops_by_signal: let `asyncore.loop()` stop in an orderly way on TERM and INT, if the program
        has no handlers of its own for them; behind INT it raises KeyboardInterrupt, as ever.
    flat: let `import http_server` work as well, as it did with medusa's folder on the path; only
        for names by which nothing else is found when they are imported.
    """
    wanted = set(replace)
    done = [*_put_loops(stops_by_signal), *_put_asynchat()]
    for old, new in NAMES.items():
        done += _put(old, new, old in wanted or old.partition(".")[0] in wanted)
    for name, place in PLACES.items():
        if _is_ours(name.partition(".")[0]):
            _put_place(name, place)
    if flat:
        done += _put_flat(wanted)
    for sentence in done if say is not None else ():
        say(sentence)  # type: ignore[misc]
    return done


class _Below:
    """Finds the modules of the packages that were put in place.

    It is asked first: the search along the path would load them a second time.
    """

    def __init__(self) -> None:
        self.packages: dict[str, str] = {}  # old name, our name

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """None for names that are not ours.

        Raises ModuleNotFoundError with one sentence for an old module that is left out.
        """
        for old in sorted(self.packages, key=len, reverse=True):
            if name.startswith(f"{old}."):
                return _spec(name, _place_of(name) or self.packages[old] + name[len(old) :])
        return None


class _Flat:
    """Finds the modules of medusa by their bare names: asked last, so it shadows nobody."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """None for names that are not medusa's."""
        return _spec(name, FLAT[name]) if name in FLAT else None


class _Same(Loader):
    """Gives a module of ours under another name."""

    def __init__(self, here: str) -> None:
        self.here = here

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import it under its own name; says itself what it needs and is not installed."""
        module = importlib.import_module(self.here)
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; the import has written another spec into it, which is not its own."""
        module.__spec__ = self.own_spec


_below = _Below()
_flat = _Flat()


def _spec(name: str, here: str) -> ModuleSpec | None:
    return ModuleSpec(name, _Same(here)) if find_spec(here) is not None else None


def _place_of(name: str) -> str:
    """Where the table of old names has a module; "" if it has none."""
    known = MODULES.get(canonical(name))
    if known is not None and not known.here:
        reason = next(iter(known.missing.values()))
        raise ModuleNotFoundError(f"{name} is left out: {reason}", name=name)
    return "" if known is None else known.here


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
    for name in [name for name in sys.modules if name.startswith(f"{old}.")]:
        del sys.modules[name]  # parts of what we replace
    _put_module(old, module)
    _below.packages[old] = new
    if _below not in sys.meta_path:
        sys.meta_path.insert(0, _below)
    yield f"{old} is {new}"


def _put_module(name: str, module: ModuleType) -> None:
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(importlib.import_module(parent), child, module)


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


def _put_place(name: str, place: str) -> None:
    parts = name.split(".")
    for end in range(2, len(parts)):
        parent = ".".join(parts[:end])
        if parent not in sys.modules:
            _make_parent(parent)
    _put_module(name, importlib.import_module(place))


def _make_parent(name: str) -> None:
    """An empty package, for an old name that lies below one which is not here."""
    package = ModuleType(name, STAND_IN)
    package.__path__ = []
    _put_module(name, package)


def _put_flat(wanted: set[str]) -> Iterator[str]:
    for name, here in FLAT.items():
        if name in wanted and not _is_ours(name):
            _put_module(name, importlib.import_module(here))
    if _flat in sys.meta_path:
        return
    for name in FLAT:
        if _is_installed(name):
            yield f"{name} is installed, and left as it is; replace=[{name!r}] takes it over"
    sys.meta_path.append(_flat)
    yield "the modules of medusa are importable by their bare names, such as http_server"


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
        if installed:
            importlib.import_module("asynchat")  # here, so that nobody is warned who cannot help it
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
        help="take NAME over although a package or module of that name is installed",
    )
    parser.add_argument(
        "--flat",
        action="store_true",
        help="let `import http_server` work as well, as with medusa's folder on the path",
    )
    parser.add_argument("--quiet", action="store_true", help="do not say what was put in place")
    parser.add_argument("script", help="the program")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    options = parser.parse_args(arguments)
    if not Path(options.script).is_file():
        parser.error(f"there is no file {options.script}")
    sys.argv = [options.script, *options.args]
    sys.path[0] = str(Path(options.script).resolve().parent)  # what lies beside it is installed too
    say = None if options.quiet else _say
    install(options.replace, say, stops_by_signal=True, flat=options.flat)
    try:
        _run(Path(options.script).absolute())
    except SystemExit:
        raise
    except KeyboardInterrupt:  # the program has no use for it, and a traceback is of none
        return INTERRUPTED
    except BaseException as error:
        error.__traceback__ = _without_ours(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _run(script: Path) -> None:
    """Run it as the main program, which it stays to the end of the process."""
    if zipfile.is_zipfile(script) or script.suffix == ".pyc":
        runpy.run_path(str(script), run_name="__main__")
        return
    main = ModuleType("__main__")
    # As Python does: absolute, for servers of old change their folder.
    vars(main).update(
        __file__=str(script),
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", str(script)),
        __annotations__={},
        __cached__=None,
    )
    sys.modules["__main__"] = main
    exec(compile(script.read_bytes(), str(script), "exec", dont_inherit=True), vars(main))


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first line on; None if it never ran."""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name not in (__file__, runpy.__file__, "<frozen runpy>"):
            break
        trace = trace.tb_next
    return trace


def _say(sentence: str) -> None:
    print(f"servers.legacy: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
