"""Our parser against llhttp (the parser of Node.js, by way of httptools), on requests gone wrong.

    python -m tests.servers.http.fuzz_llhttp [HOW_MANY [SEED]]

What must hold for each request, whatever happened to it:
- our parser understands it or raises ClientError, nothing else;
- cut at random places it is understood, or refused with the same status, all the same;
- what we understand, llhttp understands too, with the same method, target, fields, persistence
  and body, and sees the next request begin where we do.
The other direction is not asked for: we may refuse more.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from random import Random
from typing import Any, NamedTuple

import httptools

from servers.http.errors import ClientError
from tests.servers.http.reading import Reading, cut, read_request

NEXT = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n"

# llhttp has a list of methods, and two versions; the token and the digit are the RFC's.
LLHTTP_METHODS = re.compile(
    "ACL|BIND|CHECKOUT|CONNECT|COPY|DELETE|GET|HEAD|LINK|LOCK|M-SEARCH|MERGE|MKACTIVITY|MKCALENDAR"
    "|MKCOL|MOVE|NOTIFY|OPTIONS|PATCH|POST|PROPFIND|PROPPATCH|PURGE|PUT|QUERY|REBIND|REPORT|SEARCH"
    "|SOURCE|SUBSCRIBE|TRACE|UNBIND|UNLINK|UNLOCK|UNSUBSCRIBE"
)
LLHTTP_VERSIONS = ("1.0", "1.1")
TAB_AFTER_CODING = re.compile(rb"\ntransfer-encoding:[^\r]*\t *\r", re.IGNORECASE)


class Message(NamedTuple):
    method: str
    target: str
    version: str
    fields: list[tuple[str, str]]
    keep_alive: bool
    upgrade: bool
    body: bytes
    complete: bool


class Llhttp:
    """All messages llhttp finds in `data`, and the error that stopped it, if any."""

    def __init__(self, data: bytes) -> None:
        self.messages: list[Message] = []
        self.error: Exception | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self.on_message_begin()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            self.error = error
        if self._version:
            self._add(complete=False)

    def on_message_begin(self) -> None:
        self._url = b""
        self._fields: list[tuple[str, str]] = []
        self._body = b""
        self._version = ""
        self._keep_alive = self._upgrade = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._version:  # what comes later is a trailer
            # llhttp leaves a tab at the end of a value where it is.
            self._fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._version = self._parser.get_http_version()
        self._method = self._parser.get_method().decode("latin-1")
        self._keep_alive = self._parser.should_keep_alive()
        self._upgrade = self._parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._add(complete=True)

    def _add(self, complete: bool) -> None:
        message = Message(
            method=self._method,
            target=self._url.decode("latin-1"),
            version=self._version,
            fields=self._fields,
            keep_alive=self._keep_alive,
            upgrade=self._upgrade,
            body=self._body,
            complete=complete,
        )
        self.messages.append(message)
        self._version = ""


def disagreement(data: bytes, ours: Reading) -> str | None:
    """How llhttp's understanding of `data` differs from ours; None if it does not matter."""
    method, target, version = ours.line.split(" ")
    if version.removeprefix("HTTP/") not in LLHTTP_VERSIONS or not LLHTTP_METHODS.fullmatch(method):
        return None  # nothing to compare with
    if TAB_AFTER_CODING.search(data):
        return None  # white space by RFC 9110, section 5.5, and an error by llhttp
    end = len(data) - len(ours.surplus)
    # llhttp takes Proxy-Connection, a field of no specification, for Connection.
    follows = ours.complete and ours.keep_alive and b"proxy-connection" not in data.lower()
    llhttp = Llhttp(data[:end] + NEXT if follows else data[:end])
    if not llhttp.messages:
        return f"llhttp refuses it: {llhttp.error!r}"
    theirs = llhttp.messages[0]
    expected = theirs._replace(keep_alive=_keep_alive(ours, theirs))
    if theirs.upgrade:
        # We ignore Upgrade and read on; llhttp stops at the end of the head.
        expected = expected._replace(body=ours.body, complete=ours.complete)
    understood = Message(
        method=method,
        target=target,
        version=version.removeprefix("HTTP/"),
        fields=ours.fields,
        keep_alive=ours.keep_alive,
        upgrade=theirs.upgrade,
        body=ours.body,
        complete=ours.complete,
    )
    if understood != expected:
        return f"we understand {understood}, llhttp {theirs}, {llhttp.error!r}"
    if theirs.upgrade or not ours.complete:
        return None  # llhttp may judge the line that has not ended; we wait
    if llhttp.error is not None:
        return f"llhttp refuses what follows: {llhttp.error!r}"
    if follows and [message.target for message in llhttp.messages[1:]] != ["/next"]:
        return f"llhttp goes on with {llhttp.messages[1:]}"
    return None


def _values(reading: Reading, wanted: str) -> list[str]:
    return [value for name, value in reading.fields if name.lower() == wanted]


def _keep_alive(ours: Reading, theirs: Message) -> bool:
    """What llhttp would say about persistence by our rules."""
    if _values(ours, "proxy-connection"):
        return ours.keep_alive
    # In HTTP/1.0, llhttp lets keep-alive win over close.
    options = ",".join(_values(ours, "connection")).lower().split(",")
    closes = "close" in [option.strip(" \t") for option in options]
    return theirs.keep_alive and not (closes and theirs.version == "1.0")


BROWSER = (
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="126", "Not.A/Brand";v="24"\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b"Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Cookie: a=b; c=d\r\n"
)

CORPUS = (
    b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org:8080\r\n" + BROWSER + b"\r\n",
    b"HEAD /%7Euser/%zz HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    b"GET http://user.example:80/path HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 33\r\n\r\n"
    b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\nA;b=c\r\n0123456789\r\n0\r\n\r\n",
    b'POST /p HTTP/1.1\r\nHost: h\r\ntransfer-encoding:\tChunked \r\n\r\n3;q="x\\"y";z\r\nabc\r\n'
    b"000\r\nX-Sum: 1\r\nY:\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade, keep-alive\r\n\r\n",
    b"GET /latin HTTP/1.1\r\nHost: h\r\nX-Name: caf\xe9\t\r\nEmpty:\r\nX-Name: b\r\n\r\n",
    b"GET /end HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    b"\r\nGET //double HTTP/1.1\r\nHost: h\r\n\r\n",
)

# What has broken parsers before.
PIECES = (
    b"\r", b"\n", b"\r\n", b"\n\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"\x0b", b"\x7f", b"\x85",
    b"\xa0", b":", b" :", b",", b";", b"=", b'"', b"\\", b"/", b"//", b"*", b"?", b"#", b"@", b"%",
    b"%00", b"0", b"1", b"+1", b"-1", b"0x", b"1_0", b"\xb2", b"a", b"F", b"00000000000000000",
    b"18446744073709551616",
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b" HTTP/1.1", b"http://", b"GET ", b"PRI * HTTP/2.0",
    b"Host: h\r\n", b"Host:\r\n", b"Content-Length: 5\r\n", b"Content-Length: 05\r\n",
    b"Content-Length: 5, 5\r\n", b"Content-Length : 5\r\n", b"Content_Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: chunked, chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n", b"Transfer-Encoding: chunked;q=1\r\n",
    b"Transfer-Encoding: ,chunked\r\n", b"Transfer_Encoding: chunked\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: upgrade\r\n",
    b"Proxy-Connection: close\r\n", b"Connection: x,close\r\n", b"Connection: close \r\n",
    b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b" folded\r\n", b"chunked", b"close",
    b"5\r\nhello\r\n", b"0\r\n\r\n", b";a=b", b';a="b"', b";", b";a=", b"X: y\r\n",
)  # fmt: skip


def mutate(random: Random) -> bytes:
    """A request from the corpus, with one to six accidents."""
    data = bytearray(random.choice(CORPUS))
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        random.choice(ACCIDENTS)(data, random)
    return bytes(data)


def _insert(data: bytearray, random: Random) -> None:
    at = random.randint(0, len(data))
    data[at:at] = random.choice(PIECES)


def _insert_line(data: bytearray, random: Random) -> None:
    ends = [at + 2 for at in range(len(data)) if data.startswith(b"\r\n", at)]
    at = random.choice(ends or [0])
    data[at:at] = random.choice(PIECES)


def _replace(data: bytearray, random: Random) -> None:
    at = random.randint(0, len(data))
    data[at : at + random.randint(1, 4)] = random.choice(PIECES)


def _flip(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _delete(data: bytearray, random: Random) -> None:
    at = random.randint(0, len(data))
    del data[at : at + random.choice((1, 1, 2, 8))]


def _change_case(data: bytearray, random: Random) -> None:
    at = random.randint(0, len(data))
    data[at : at + 8] = data[at : at + 8].swapcase()


def _double(data: bytearray, random: Random) -> None:
    lines = bytes(data).split(b"\r\n")
    at = random.randrange(len(lines))
    lines.insert(random.randint(0, len(lines)), lines[at])
    data[:] = b"\r\n".join(lines)


def _splice(data: bytearray, random: Random) -> None:
    other = random.choice(CORPUS)
    data[random.randint(0, len(data)) :] = other[random.randint(0, len(other)) :]


ACCIDENTS = (
    _insert,
    _insert_line,
    _insert_line,
    _replace,
    _flip,
    _delete,
    _change_case,
    _double,
    _splice,
)


def understand(pieces: list[bytes]) -> Reading | int | None:
    """What our parser makes of `pieces`: a reading, the status of a refusal, None if unfinished."""
    try:
        return read_request(pieces)
    except ClientError as error:
        return error.status


def examine(data: bytes, random: Random) -> str:
    """Check the three laws on `data`.  Returns how it ended; raises AssertionError."""
    ours = understand([data])
    pieces = cut(data, [random.randrange(len(data) + 1) for _ in range(random.randint(1, 5))])
    assert understand(pieces) == ours, (data, pieces)
    if not isinstance(ours, Reading):
        return "unfinished" if ours is None else f"refused with {ours}"
    difference = disagreement(data, ours)
    assert difference is None, (data, difference)
    return "understood" if ours.complete else "understood, body unfinished"


def main(how_many: int = 100_000, seed: int = 0) -> None:
    random = Random(seed)
    outcomes = Counter(examine(mutate(random), random) for _ in range(how_many))
    for outcome, count in outcomes.most_common():
        print(f"{count:9} {outcome}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
