"""Check a server, any server: start it, load it, stop it, and account for every request."""

from __future__ import annotations

import random
import shlex
import signal as signals
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from lifetime.testing.live.errors import CannotRun
from lifetime.testing.live.laws import Terms, judge
from lifetime.testing.live.outcome import Outcome, Scene
from lifetime.testing.live.plan import draw_plan, draw_second
from lifetime.testing.live.server import ServerProcess
from lifetime.testing.live.stops import Stop
from lifetime.testing.live.survey import Offer, URLs, ask, survey
from lifetime.testing.live.target import Target
from lifetime.testing.live.verdict import Verdict

#: Told before each stop: how many are over, how many there will be, what comes now.
Progress = Callable[[int, int, str], None]

LONGEST_PATH = 8000  # bytes of a URL


def check_command(
    command: str | Sequence[str],
    *,
    url: str | Sequence[str] = "/",
    slow_url: str | None = None,
    large_url: str | None = None,
    upload_url: str | None = None,
    signal: str | int = "TERM",
    grace: float = 10.0,
    ready: float = 20.0,
    runs: int = 5,
    seed: int | None = None,
    statuses: Collection[int] = (0,),
    progress: Progress | None = None,
) -> Verdict:
    """Start a server again and again, stop it in the middle of everything, and judge the stops.

    command: words, or a text that is split as a shell would; `{port}` and `{host}` are replaced.
    url: paths that everybody asks for; slow_url, large_url, upload_url: what those in flight, slow
        readers and slow uploads ask for.  What is not given is left out.
    signal: what asks the server to stop, by name or number.
    grace: seconds within which it has to be gone after the signal.
    ready: seconds within which it has to answer after its start.
    runs: stops under load; besides, it is stopped idle, busy, and with two signals.
    seed: draws the moments; None: another one each time.
    statuses: exit statuses that mean an orderly end, beside death by the signal itself.
    Raises CannotRun when there is nothing to judge: no such command, nobody listens, a URL that is
    not answered.  Ends every process that it has started, however it returns.
    """
    words = _words(command)
    number = signal_number(signal)
    paths = [url] if isinstance(url, str) else list(url)
    urls = URLs(paths, slow_url, large_url, upload_url)
    _check(urls, grace, ready, runs)
    if seed is None:
        seed = random.SystemRandom().randrange(1_000_000)
    check = _Check(words, urls, Stop(number, grace), ready, runs, seed, progress)
    try:
        outcomes = list(check.stops())
    except OSError as error:  # of ours: what happens to a connection is entered in the account
        raise CannotRun(
            f"this machine does not let the check go on: {error.strerror or error};"
            " raise its limits, such as ulimit -n"
        ) from error
    findings = judge(outcomes, Terms(number, grace, statuses))
    name = signals.Signals(number).name.removeprefix("SIG")
    return Verdict(words, name, grace, seed, outcomes, findings, check.notes)


def signal_number(signal: str | int) -> int:
    """The number of a signal that can be sent.  Raises CannotRun if there is none of that name."""
    name = str(signal).upper().removeprefix("SIG")
    try:
        if name.isascii() and name.isdigit():
            return signals.Signals(int(name)).value
        return signals.Signals[f"SIG{name}"].value
    except (KeyError, ValueError):
        raise CannotRun(f"there is no signal {signal!r}; give one like TERM, INT or QUIT") from None


class _Check:
    """The stops of one check, and what was left out of them."""

    def __init__(
        self,
        words: Sequence[str],
        urls: URLs,
        stop: Stop,
        ready: float,
        runs: int,
        seed: int,
        progress: Progress | None,
    ) -> None:
        self.words = words
        self.urls = urls
        self.stop = stop
        self.ready = ready
        self.runs = runs
        self.seed = seed
        self.progress = progress
        self.notes: tuple[str, ...] = ()

    def stops(self) -> Iterator[Outcome]:
        """Idle first, for that server has time to be surveyed."""
        self._tell(0, Scene.IDLE)
        with self._server() as server:
            offer = survey(server.address, self.urls, self.ready, random.Random(self.seed))
            self._check_grace(offer)
            self.notes = offer.notes
            outcome = self.stop.idle(server)
        yield outcome
        if outcome.exit_time is None and self.runs > 1:
            self.runs = 1
            self.notes += ("all runs but one: the server does not even leave when it is idle",)
        self._tell(1, Scene.BUSY)
        with self._server(offer.quickest) as server:
            yield self.stop.busy(server, offer)
        self._tell(2, Scene.TWICE)
        with self._server(offer.quickest) as server:
            yield self.stop.twice(server, offer, draw_second(random.Random(self.seed)))
        for run in range(self.runs):
            self._tell(3 + run, Scene.LOAD)
            # A text, so that a run draws the same whether others came before it or not.
            draw = random.Random(f"{self.seed}/{run}")
            plan = draw_plan(offer, self.stop.grace, run, draw)
            with self._server(offer.quickest) as server:
                yield self.stop.under_load(server, offer, plan, draw)

    @contextmanager
    def _server(self, answers: Target | None = None) -> Iterator[ServerProcess]:
        """The server while it runs, from when it answers: a process may listen long before."""
        with ServerProcess(self.words, ready=self.ready) as server:
            if answers is not None:
                (question,) = ask(server.address, [answers], self.ready)
                if question.failed:
                    raise server.failure("before it was asked to stop")
            yield server

    def _check_grace(self, offer: Offer) -> None:
        """Raises CannotRun if the answers alone take longer than a stop may."""
        slowest = max((*offer.plain, offer.slow), key=lambda target: target.seconds)
        if slowest.seconds >= self.stop.grace:
            raise CannotRun(
                f"{slowest} takes {slowest.seconds:.1f} s, and the grace is {self.stop.grace:g} s;"
                " give a longer --grace or another URL"
            )

    def _tell(self, over: int, scene: Scene) -> None:
        if self.progress is not None:
            self.progress(over, 3 + self.runs, scene.value)


def _words(command: str | Sequence[str]) -> list[str]:
    if sys.platform == "win32":
        raise CannotRun("Windows has no process groups; check the server on a POSIX system")
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise CannotRun(f"the command {command!r} cannot be split: {error}; quote it") from error
    if not words:
        raise CannotRun("the command is empty; give the one that starts the server")
    if not any("{port}" in word for word in words):
        raise CannotRun(
            f"the command {' '.join(words)!r} does not say {{port}}; put it where the port belongs"
        )
    return words


def _check(urls: URLs, grace: float, ready: float, runs: int) -> None:
    """Raises CannotRun for what cannot be asked for."""
    paths = [path for path in (*urls.plain, urls.slow, urls.large, urls.upload) if path is not None]
    for path in paths:
        if not path.startswith("/"):
            raise CannotRun(f"the URL {path!r} is no path; give one that begins with /")
        if not all("!" <= c <= "~" for c in path) or len(path) > LONGEST_PATH:
            raise CannotRun(f"the URL {path[:80]!r} cannot be sent; percent-encode or shorten it")
    if not urls.plain:
        raise CannotRun("there is no URL to ask for; give one, such as /")
    for name, seconds in (("grace", grace), ("ready", ready)):
        if not 0.1 <= seconds <= 3600:
            raise CannotRun(f"{name} is {seconds:g} s; give between 0.1 and 3600")
    if not 1 <= runs <= 10_000:
        raise CannotRun(f"{runs} runs are asked for; give between 1 and 10000")
