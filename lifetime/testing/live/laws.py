"""The laws that can be judged from outside, and what the stops say about them.

The numbers are those of docs/reference/laws.md.  The others speak of phases and dispatchers, which
nobody sees from outside; for them there is the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from lifetime.testing.live.outcome import Outcome, Scene
from lifetime.testing.live.request import End, Fate, Loss
from lifetime.testing.live.server import describe_status

#: Seconds for which a server with nothing to do may go on.  An interpreter's own way out takes
#: some 20 ms, on a machine that is busy ten times that.
PROMPT = 1.0

#: Seconds for which a connection may be kept whose last answer did not announce the close.
LINGER = 2.0

#: How long after its last answer a server may be gone.
ALLOWED = {Scene.IDLE: PROMPT, Scene.BUSY: PROMPT, Scene.LOAD: LINGER + PROMPT}

#: Seconds after a second signal by which a server that hurries has gone: one for each phase, and
#: what a server without phases may reasonably take.
HURRY = 5.0

#: Seconds by which a request has reached its handler.
REACHED = 0.05

#: Who waits for an answer that takes its time.
LONG = ("in flight", "slow reader", "slow upload")

#: Whether a law is kept, None if that could not be judged; and a sentence with the worst case.
Judgement = tuple[bool | None, str]


@dataclass(frozen=True)
class Finding:
    """One law and how it fared.

    law: the number or the name it is called by.
    kept: None if it could not be judged.
    sentence: the worst case.
    """

    law: str
    title: str
    kept: bool | None
    sentence: str


@dataclass(frozen=True)
class Terms:
    """What was agreed: the signal, how long a stop may take, which exit statuses are orderly."""

    number: int
    grace: float
    statuses: Collection[int] = (0,)


def judge(outcomes: Sequence[Outcome], terms: Terms) -> list[Finding]:
    """One finding for each law, in the order of `LAWS`."""
    return [Finding(law, title, *function(outcomes, terms)) for law, title, function in LAWS]


def nothing_is_lost(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    accounts = [outcome.account for outcome in _asked_once(outcomes)]
    requests = sum(account.fates.total() for account in accounts)
    losses = _losses(outcomes)
    if losses:
        races = sum(loss.race for loss in losses)
        raced = f", {races} of them sent on a kept connection after the signal" if races else ""
        return False, f"{len(losses)} of {requests} requests lost{raced}; worst: {_worst(losses)}"
    surplus = [line for account in accounts for line in account.surplus]
    if surplus:
        return False, f"answered {len(surplus)} times more than asked; first: {surplus[0]}"
    reopened = sum(account.reopened for account in accounts)
    if reopened:
        return False, f"{reopened} connections were accepted after others had been refused"
    return True, f"{requests} requests, each answered, announced or refused"


def working_is_not_closed(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    closed = [loss for loss in _losses(outcomes) if _was_working(loss)]
    if closed:
        return False, f"{len(closed)} closed in the middle of their work; worst: {_worst(closed)}"
    begun = sum(outcome.account.in_flight.total() for outcome in _asked_once(outcomes))
    if not begun:
        return None, "nothing was in flight when the signal came"
    return True, f"{begun} requests were in flight when the signal came, and had their time"


def leaves_in_time(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    seen: list[str] = []
    late: list[str] = []
    never: list[str] = []
    for scene, allowed in ALLOWED.items():
        ours = [outcome for outcome in outcomes if outcome.scene is scene]
        # A client may read the last answer when the server has gone.
        times = [
            (max(0.0, one.exit_time - one.last_answer), one.last_answer > 0)
            for one in ours
            if one.exit_time is not None
        ]
        if len(times) < len(ours):
            never.append(f"{scene.value}: still running {terms.grace:g} s after the signal")
        if times:
            longest, answered = max(times)
            since = "its last answer" if answered else "the signal"
            seen.append(f"{scene.value}: gone {longest:.3f} s after {since}")
            if longest > allowed:
                late.append(f"{seen[-1]}, where {allowed:g} s are allowed")
    return (False, (never + late)[0]) if never or late else (True, "; ".join(seen))


def nothing_is_left(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    ended = [outcome for outcome in outcomes if outcome.exit_time is not None]
    for one in ended:
        if one.left:
            return False, f"{one.scene.value}: it ended, and left process {', '.join(one.left[:3])}"
    for one in ended:
        if one.listening:
            return False, f"{one.scene.value}: it ended, and somebody still accepts in its place"
    if not ended:
        return None, "it never ended"
    return True, f"{len(ended)} stops left neither a process nor an open port"


def hurries(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    twice = [outcome for outcome in outcomes if outcome.scene is Scene.TWICE]
    waits = []
    for one in twice:
        if one.exit_time is None:
            return False, f"still running {min(HURRY, terms.grace):g} s after the second signal"
        if one.second_at is not None:
            waits.append(one.exit_time - one.second_at)
    if waits:
        return True, f"gone {max(waits):.3f} s after the second signal"
    gone = max((one.exit_time or 0.0 for one in twice), default=0.0)
    return None, f"it had gone {gone:.3f} s after the first signal"


def says_orderly(outcomes: Sequence[Outcome], terms: Terms) -> Judgement:
    # Asked twice, it may say that the end was forced.
    codes = [one.exit_code for one in _asked_once(outcomes) if one.exit_code is not None]
    if not codes:
        return None, "it never ended"
    # A guest in another's process may end itself by the signal that it had taken over.
    orderly = {*terms.statuses, -terms.number, 128 + terms.number}
    wrong = [code for code in codes if code not in orderly]
    if wrong:
        return False, f"{describe_status(wrong[0])} in {len(wrong)} of {len(codes)} stops"
    return True, ", ".join(sorted({describe_status(code) for code in codes}))


LAWS: list[tuple[str, str, Callable[[Sequence[Outcome], Terms], Judgement]]] = [
    ("5", "nothing accepted is lost", nothing_is_lost),
    ("6", "a working connection is not closed", working_is_not_closed),
    ("7", "it leaves when it is done, not later", leaves_in_time),
    ("9", "nothing is left behind", nothing_is_left),
    ("second signal", "it hurries", hurries),
    ("exit status", "it says that all was orderly", says_orderly),
]


def _asked_once(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Without those that were asked twice: whoever asks again asks for losses."""
    return [outcome for outcome in outcomes if outcome.scene is not Scene.TWICE]


def _losses(outcomes: Sequence[Outcome]) -> list[Loss]:
    """What was lost by the server, and not by our looking away."""
    return [
        loss
        for outcome in _asked_once(outcomes)
        for loss in outcome.account.losses
        if loss.end is not End.UNWATCHED
        or (loss.sent is not None and loss.ended - loss.sent > PROMPT)
    ]


def _was_working(loss: Loss) -> bool:
    """The server was working for it: had begun its answer, or had had the request for a while."""
    reached = loss.sent is not None and loss.sent < -REACHED and loss.kind in LONG
    return loss.fate is Fate.CUT or (reached and loss.fate in (Fate.RESET, Fate.SILENT))


def _worst(losses: Sequence[Loss]) -> Loss:
    """The one a server has the least excuse for: sent before the signal, then half answered."""
    return max(losses, key=lambda loss: (loss.sent is not None and loss.sent <= 0, loss.received))
