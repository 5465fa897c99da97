"""The line protocol: one request, one answer, end of file.  No socket, no clock.

    request   [cart=HEX] [for=UID] VERB [text]\\n      UTF-8, 4096 bytes at most
    answer    RC text\\n, and further lines for a display

So that a shell script and `nc -U` can speak it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

#: Bytes of one request, its line end included.
MAX_REQUEST = 4096

#: Characters of one answer; what a callback says beyond is cut off.
MAX_ANSWER = 256 * 1024


class RC(IntEnum):
    """What became of a request; the exit status of the client.

    Source: the return codes of z/OS, in steps of four, and what they mean there.
    """

    ACCEPTED = 0
    ALREADY = 4  # it is so already: stopping
    BUSY = 8  # not now
    FAILED = 12  # refused, or tried and failed
    NOT_UNDERSTOOD = 16


class Verb(Enum):
    """What an operator can ask for."""

    STOP = "stop"
    MODIFY = "modify"
    DISPLAY = "display"
    WATCH = "watch"


#: The words for them: the operator's own letters, and the long ones.
WORDS = {
    "p": Verb.STOP,
    "stop": Verb.STOP,
    "f": Verb.MODIFY,
    "modify": Verb.MODIFY,
    "d": Verb.DISPLAY,
    "display": Verb.DISPLAY,
    "watch": Verb.WATCH,
}

#: What may stand behind the verbs that take no text of their own.
OPTIONS = {
    Verb.STOP: frozenset({"force", "wait"}),
    Verb.DISPLAY: frozenset({"--json"}),
    Verb.WATCH: frozenset[str](),
}

UNDERSTOOD = "p [force], f TEXT, d [--json] and watch are understood"


class NotUnderstood(ValueError):
    """The line is no request; the message is a sentence for whoever sent it."""


@dataclass(frozen=True)
class Request:
    """What was asked for.

    text: of a modify, as it was typed; options: the words behind another verb.
    cart: eight bytes that the client chose to find the answer again, if it did.
    acts_for: the user id for which the client says it acts, if it does.
    """

    verb: Verb
    text: str = ""
    options: frozenset[str] = frozenset()
    cart: bytes | None = None
    acts_for: int | None = None


def parse(line: bytes) -> Request:
    """Read one line, with or without its end.  Raises NotUnderstood."""
    if len(line) > MAX_REQUEST:
        raise NotUnderstood(f"the line is longer than {MAX_REQUEST} bytes; send less")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUnderstood("the line is not UTF-8; send it in that encoding") from error
    text = text.rstrip("\r\n")
    if not text.replace("\t", " ").isprintable():
        raise NotUnderstood("the line holds control characters; send printable text")
    cart, acts_for, text = _prefixes(text.lstrip())
    word, _, rest = text.partition(" ")
    verb = WORDS.get(word.casefold())
    if verb is None:
        raise NotUnderstood(f"{shown(word)} is no verb; {UNDERSTOOD}")
    if verb is Verb.MODIFY:
        return Request(verb, rest.strip(), cart=cart, acts_for=acts_for)
    options = frozenset(rest.casefold().split())
    strange = options - OPTIONS[verb]
    if strange:
        raise NotUnderstood(f"{shown(min(strange))} does not go with {word}; {UNDERSTOOD}")
    return Request(verb, options=options, cart=cart, acts_for=acts_for)


def _prefixes(text: str) -> tuple[bytes | None, int | None, str]:
    """Take `cart=` and `for=` off the front; what is left begins with the verb."""
    cart: bytes | None = None
    acts_for: int | None = None
    while True:
        word, _, rest = text.partition(" ")
        name, equals, value = word.partition("=")
        if not equals or name not in ("cart", "for"):
            return cart, acts_for, text
        if name == "cart":
            cart = _cart(value)
        else:
            acts_for = _user(value)
        text = rest.lstrip()


def _cart(value: str) -> bytes:
    try:
        cart = bytes.fromhex(value)
    except ValueError:
        cart = b""
    if len(cart) != 8:
        raise NotUnderstood(f"cart={shown(value)} is not 8 bytes; give 16 hexadecimal digits")
    return cart


def _user(value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) <= 10 and int(value) < 2**32:
        return int(value)
    raise NotUnderstood(f"for={shown(value)} is no user; give the number of one")


def answer(rc: int, lines: list[str]) -> bytes:
    """The bytes of an answer; the first line stands beside the code, and there is always one."""
    first, *further = lines or [RC(rc).name.lower().replace("_", " ") if rc in _KNOWN else ""]
    text = "\n".join([f"{rc:d} {first}", *further])
    if len(text) > MAX_ANSWER:
        text = f"{text[:MAX_ANSWER]}\n... and more, which is cut off"
    return f"{text}\n".encode("utf-8", "replace")


_KNOWN = frozenset(int(rc) for rc in RC)


def shown(text: str) -> str:
    """Somebody's text in a sentence of ours: quoted, and not for ever."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def printable(text: str) -> str:
    """One line that moves nobody's cursor: what cannot be printed becomes a question mark."""
    line = " ".join(text.splitlines()) if "\n" in text or "\r" in text else text
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)
