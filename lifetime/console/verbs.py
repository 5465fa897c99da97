"""Verbs: what a server understands when an operator modifies it, `f WORD` or `f WORD=ARGUMENT`.

A function that is registered here runs in the loop's thread, where it may touch what the server
touches; the waiter only brings it there.  A loop that does not come back from somebody's handler
is not waited for: the operator is told, and the function is then not called any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lifetime.console.answers import Answer
from lifetime.console.protocol import RC
from lifetime.console.waiter import Waiter

log = logging.getLogger("lifetime.console")

#: Seconds for which the loop may take until it gets to a verb.
LOOP_LIMIT = 5.0

#: What a verb's function is: it gets what stands behind the word, and may return a sentence.
Function = Callable[[str], object]


class Refusal(Exception):
    """A verb's function will not do it; the sentence goes to the operator.

    rc: how the refusal is answered.
    """

    def __init__(self, sentence: str, rc: int = RC.FAILED) -> None:
        super().__init__(sentence)
        self.rc = rc


class Loop(Protocol):
    """What we need of a Lifetime."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """Call it in the loop's thread."""


@dataclass(frozen=True)
class Entry:
    """One verb: its word, what it does, and a few words of help."""

    word: str
    function: Function
    help: str


class Verbs:
    """The words that one server understands."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.word))

    def add(self, word: str, function: Function, help: str = "") -> Callable[[], None]:
        """Understand `word`; the last one who says so gets it.  Returns the way to end that.

        Raises ValueError for what is no word.
        """
        if not word or not word.isprintable() or any(c in word for c in " =,"):
            raise ValueError(f"{word!r} is no word for a verb; give letters without blanks or '='")
        if not callable(function):
            raise TypeError(f"the verb {word!r} is to call {function!r}; give something to call")
        entry = Entry(word, function, help)
        before = self._entries.get(word.casefold())
        self._entries[word.casefold()] = entry
        return lambda: self._remove(entry, before)

    def _remove(self, entry: Entry, before: Entry | None) -> None:
        if self._entries.get(entry.word.casefold()) is entry:
            del self._entries[entry.word.casefold()]
            if before is not None:
                self._entries[entry.word.casefold()] = before

    def find(self, text: str) -> tuple[Entry, str] | None:
        """The verb that a modify's text names, and what stands behind it."""
        for separator in ("=", " "):
            word, _, argument = text.partition(separator)
            entry = self._entries.get(word.strip().casefold())
            if entry is not None:
                return entry, _unquoted(argument.strip())
        return None

    def call(self, entry: Entry, argument: str, answer: Answer, life: Loop, waiter: Waiter) -> None:
        """In the waiter: let the loop call it, and answer when it has."""
        claim = [entry]  # whoever takes it out decides: the loop calls, or the time is over

        def run() -> None:
            if _took(claim):
                bound.cancel()
                try:
                    answer.give(*_outcome(entry, argument))
                except BaseException as leaving:  # for the loop, which ends; here it is answered
                    answer.give(RC.FAILED, f"{entry.word} has left by {type(leaving).__name__}")
                    raise

        def too_late() -> None:
            if _took(claim):
                answer.give(
                    RC.BUSY,
                    f"the loop did not come to it in {LOOP_LIMIT:g} s; look who holds it with d",
                )

        bound = waiter.call_later(LOOP_LIMIT, too_late)
        life.call_soon_threadsafe(run)


def _took(claim: list[Entry]) -> bool:
    try:
        claim.pop()
    except IndexError:
        return False
    return True


def _outcome(entry: Entry, argument: str) -> tuple[int, str]:
    try:
        said = entry.function(argument)
    except Refusal as refusal:
        return refusal.rc, str(refusal)
    except Exception as error:
        log.exception("the verb %s failed", entry.word)
        return RC.FAILED, f"{entry.word} failed: {type(error).__name__}: {error}"
    return RC.ACCEPTED, said if isinstance(said, str) else ""


def _unquoted(text: str) -> str:
    """Without the quotes that keep an operator's text from being folded."""
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == "'" else text
