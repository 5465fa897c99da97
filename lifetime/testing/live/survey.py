"""Ask the server everything while nobody disturbs it: what is right is what it answers then."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lifetime.testing.live import clients
from lifetime.testing.live.connection import Connection
from lifetime.testing.live.errors import CannotRun
from lifetime.testing.live.load import Load
from lifetime.testing.live.request import End, Request
from lifetime.testing.live.target import Target

#: Bytes of an answer that we are ready to compare.
LARGEST = 64 * 1024**2

#: Seconds: what takes longer keeps a request in flight.
QUICK = 0.1

LOOK_INTERVAL = 0.005  # seconds

#: Bytes that the kernels may keep between a server and its client.
IN_KERNELS = 4 * 1024**2


@dataclass(frozen=True)
class URLs:
    """What may be asked for; what is not given is left out of the load."""

    plain: Sequence[str] = ("/",)  # by everybody
    slow: str | None = None  # by those in flight; the slowest of `plain`
    large: str | None = None  # by slow readers
    upload: str | None = None  # POSTed to by slow uploads


@dataclass(frozen=True)
class Offer:
    """What the server can be asked, and what the load has to do without.

    notes: sentences about what is left out, and why.
    """

    plain: tuple[Target, ...]
    slow: Target
    large: Target | None
    upload: Target | None
    keeps_alive: bool
    pipelines: bool
    notes: tuple[str, ...]

    @property
    def quickest(self) -> Target:
        return min(self.plain, key=lambda target: target.seconds)

    @property
    def quick(self) -> bool:
        """Whether there is something that may be asked often."""
        return self.quickest.seconds < QUICK


class Question(Connection):
    """Asks one target, so many times at once, and collects the answers."""

    kind = "survey"

    def __init__(self, load: Load, target: Target, body: bytes, count: int) -> None:
        self.body = body if target.method == "POST" else None
        self.requests = [Request(self.kind, None, None, body=bytearray()) for _ in range(count)]
        self.failed = ""  # why there is no answer
        self.first_kept = False  # the first answer did not announce the close
        self.begun = time.monotonic()
        self.seconds = 0.0  # from the connect to the last byte of the last answer
        super().__init__(load, target)

    @property
    def whole(self) -> bool:
        """Every answer is there."""
        return self.established and not self.answers.awaited

    def connected(self) -> None:
        head = self.target.head(self.load.address, None if self.body is None else len(self.body))
        self.ask((head + (self.body or b"")) * len(self.requests), *self.requests)

    def read(self, most: int) -> int:
        count = super().read(most)
        if self.open and sum(len(request.body or b"") for request in self.requests) > LARGEST:
            self.failed = f"answers more than {LARGEST >> 20} MiB; give one that answers less"
            self.hang_up()
        return count

    def answered(self, request: Request) -> None:
        self.first_kept = self.first_kept or not self.answers.announced
        if not self.answers.awaited:
            self.seconds = time.monotonic() - self.begun
            self.hang_up()

    def end(self, end: End) -> None:
        if self.open and not self.whole:
            self.failed = f"gets no answer ({end.value.rstrip(',')}); give a URL that is answered"
        super().end(end)


def survey(address: tuple[str, int], urls: URLs, timeout: float, draw: random.Random) -> Offer:
    """Ask every URL twice, and whether connections are kept and pipelines answered.

    timeout: seconds for each round of questions.
    Raises CannotRun for a URL that is not answered, or answered with an error.
    """
    body = clients.upload_body(draw)
    paths = dict.fromkeys(path for path in (*urls.plain, urls.slow, urls.large) if path)
    targets = [Target("GET", path) for path in paths]
    if urls.upload:
        targets.append(Target("POST", urls.upload))
    rounds = [ask(address, targets, timeout, body) for _ in range(2)]
    learned = {
        (target.method, target.path): learn(target, once, again)
        for target, once, again in zip(targets, *rounds, strict=True)
    }
    plain = tuple(learned["GET", path] for path in urls.plain)
    slow = learned["GET", urls.slow] if urls.slow else max(plain, key=lambda t: t.seconds)
    large = learned["GET", urls.large] if urls.large else None
    upload = learned["POST", urls.upload] if urls.upload else None
    quickest = min(plain, key=lambda target: target.seconds)
    (pair,) = ask(address, [quickest], timeout, count=2)
    offer = Offer(plain, slow, large, upload, pair.first_kept, pair.whole, ())
    return dataclasses.replace(offer, notes=tuple(remarks(offer)))


def ask(
    address: tuple[str, int],
    targets: Sequence[Target],
    timeout: float,
    body: bytes = b"",
    count: int = 1,
) -> list[Question]:
    """Ask each target on a connection of its own, all at once.

    body: what is POSTed; count: requests on each connection.
    """
    load = Load(address)
    questions = [Question(load, target, body, count) for target in targets]

    def look() -> None:
        load.over = all(not question.open for question in questions)
        load.later(LOOK_INTERVAL, look)

    def give_up() -> None:
        load.over = True

    look()
    load.later(timeout, give_up)
    load.run()
    return questions


def learn(target: Target, once: Question, again: Question) -> Target:
    """The target with the right answer, from the answers that two questions got.

    Raises CannotRun if there is none, or none that may be asked for many times.
    """
    for question in (once, again):
        if question.failed:
            raise CannotRun(f"{target} {question.failed}")
    (first,), (second,) = once.requests, again.requests
    if first.status is None or first.status >= 400:
        raise CannotRun(f"{target} answers {first.status}; give a URL that is answered with 2xx")
    assert first.body is not None and second.body is not None
    return dataclasses.replace(
        target,
        status=first.status,
        body=bytes(first.body) if first.body == second.body else None,
        length=len(first.body),
        seconds=min(once.seconds, again.seconds),
        echoes=target.method == "POST" and bytes(first.body) == once.body,
    )


def remarks(offer: Offer) -> Iterator[str]:
    """What the load has to do without, one sentence each."""
    if offer.slow.seconds < QUICK:
        yield (
            f"no request is in flight for long: {offer.slow} takes {offer.slow.seconds:.3f} s;"
            " give --slow-url one that takes a second"
        )
    if not offer.quick:
        yield (
            f"every URL takes {offer.quickest.seconds:.1f} s or more, so few clients ask; give"
            " --url one that is answered at once"
        )
    if offer.large is None:
        yield "no slow reader: give --large-url a URL that answers several megabytes"
    elif offer.large.length < IN_KERNELS:
        yield (
            f"{offer.large} answers {offer.large.length} bytes, which the kernels may keep for the"
            " slow reader; give --large-url one of several megabytes"
        )
    if offer.upload is None:
        yield "no slow upload: give --upload-url a URL that takes a POST"
    if not offer.keeps_alive:
        yield "no keep-alive and no idle client: the server closes every connection"
    if not offer.pipelines:
        yield "no pipelined requests: the server does not answer two at once"
    asked = dict.fromkeys(t for t in (*offer.plain, offer.slow, offer.large, offer.upload) if t)
    for target in asked:
        if target.body is None:
            yield f"the body of {target} is another one each time, and is not compared"
