"""Say what an old medusa or ZServer program needs, and do the mechanical part."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from servers.command import options as values
from servers.command.options import BadInput
from servers.porting.examining import Converter, Examined, examine
from servers.porting.reading import Unreadable
from servers.porting.report_html import page_of
from servers.porting.report_text import printable, text_of
from servers.porting.rewriting import CannotWrite, replace, rewrite
from servers.porting.searching import NothingThere, find_sources
from servers.porting.totals import Totals

#: The exit status when something is left: lines to write, or lines for a person.
WORK_LEFT = 1

#: The exit status when a file could not be read or written.
INCOMPLETE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `lifetime port`."""
    parser.add_argument(
        "paths", metavar="FILE_OR_FOLDER", type=named, nargs="+", help="what to read"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="change the files; each keeps a backup, NAME.orig, and a NAME.diff",
    )
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="with --write, write although some of the files cannot be read",
    )
    parser.add_argument(
        "--diff", action="store_true", help="print the mechanical part as a diff, and nothing else"
    )
    parser.add_argument(
        "--html",
        metavar="FILE.html",
        type=values.output_file,
        help="write a report there for whoever plans the work",
    )


def named(text: str) -> Path:
    """A path, whatever is there; "" is none."""
    if not text:
        raise argparse.ArgumentTypeError("'' names nothing; give a path, such as . for this folder")
    return Path(text)


def run(options: argparse.Namespace) -> int:
    """Examine what was named, and write if that was asked; returns the exit status.

    Raises BadInput for what cannot be examined.
    """
    converter = make_converter()
    try:
        paths = find_sources(options.paths)
    except NothingThere as error:
        raise BadInput(str(error)) from error
    if not paths:
        named = ", ".join(map(str, options.paths))
        raise BadInput(f"there is no Python source in {named}; name the files themselves")
    files: list[Examined] = []
    unreadable: list[Unreadable] = []
    for path in paths:
        try:
            files.append(examine(path, converter))
        except Unreadable as error:
            unreadable.append(error)
    totals = Totals(tuple(files), tuple(unreadable))
    if options.write:
        totals = write(totals, options.keep_going)
    if options.html is not None:
        write_page(options.html, page_of(totals))
    show(totals, options.diff)
    if totals.unreadable or totals.refused:
        return INCOMPLETE
    return WORK_LEFT if totals.unwritten or totals.findings else 0


def make_converter() -> Converter:
    """What converts Python 2.

    Raises BadInput if the extra for that is not installed.
    """
    try:
        from servers.porting.conversion import Converter as Fissix
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("fissix", "appdirs"):
            raise
        raise BadInput(
            f"reading Python 2 needs {error.name}; install it with "
            "pip install 'lifetime-servers[port]'"
        ) from error
    return Fissix()


def write(totals: Totals, keep_going: bool) -> Totals:
    """Write the mechanical part, unless a file could not be read and nobody said to go on."""
    if totals.unreadable and not keep_going:
        sentence = (
            "Nothing was written, because a file cannot be read; correct it, leave it out, or give "
            "--keep-going."
        )
        return Totals(totals.files, totals.unreadable, refused=(sentence,))
    written: dict[Path, Path] = {}
    refused: list[str] = []
    for file in totals.files:
        if file.changes:
            try:
                written[file.path] = rewrite(file.path, file.source.raw, file.raw, file.diff())
            except CannotWrite as error:
                refused.append(str(error))
    return Totals(totals.files, totals.unreadable, written, tuple(refused))


def write_page(path: Path, page: str) -> None:
    """Write the report for whoever plans the work, whole or not at all.

    Raises BadInput if it cannot be written.
    """
    try:
        replace(path.resolve(), page.encode("utf-8", "backslashreplace"), None)
    except OSError as error:
        raise BadInput(
            f"--html {str(path)!r} cannot be written: {error.strerror}; name another file"
        ) from error


def show(totals: Totals, as_diff: bool) -> None:
    """Print the report, or the diff; on standard error what could not be read beside a diff."""
    with contextlib.suppress(BrokenPipeError):  # nobody reads on: the exit status says enough
        if not as_diff:
            encoding = sys.stdout.encoding or "utf-8"
            # A terminal that cannot show a character shows its number.
            print(text_of(totals).encode(encoding, "backslashreplace").decode(encoding), end="")
            return
        sys.stdout.flush()
        for file in totals.files:
            sys.stdout.buffer.write(file.diff())
        for each in totals.unreadable:
            where = f":{each.line}" if each.line else ""
            sentence = printable(f"{each.path}{where}: {each.reason}")
            print(f"lifetime port: {sentence}", file=sys.stderr)
