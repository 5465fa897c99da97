"""What Hypothesis says to a site: requests of every kind, on kept connections, in any parcels."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.lane.pages import PAGES
from tests.lane.talk import Parcel, Transcript

LISTENERS = ("old", "new", "quiet", "plain", "asking", "shadowing", "own")

#: Asked more often than all others: what the lane is for.
USUAL = ("/hello", "/bare", "/type", "/int", "/echo", "/collect", "/fail", "/20k", "/later")

PATCHED = {
    "http_request": (
        "log", "push", "done", "__setitem__", "error", "response", "build_reply_header",
        "log_date_string", "__init__", "get_header", "reply_now", "path_of_head",
    ),
    "http_channel": (
        "recv", "send", "refill_buffer", "handle_read_event", "handle_read", "received", "advance",
        "answer", "settle", "conclude", "_send_one", "found_terminator", "collect_incoming_data",
        "handler_failed", "handle_error", "close", "flush", "readable", "writable", "persists",
        "dispatch_failed", "follow_up", "log_info", "__init__", "_send_at_once", "push", "refuse",
        "handle_close", "initiate_send", "throw_away", "_set_alarm", "expire_at", "changed",
    ),
    "http_server": (
        "dispatch", "request_finished", "preamble", "log_info", "log_failed", "remember",
        "answer_unwanted", "channel_ends",
    ),
    "Request": ("push", "done", "__setitem__", "error", "__init__", "take_back", "__str__"),
    "ExpressLane": ("handle_read_event", "_send_one", "follow_up", "dispatch_failed"),
    "HTTPChannel": (
        "recv", "send", "received", "advance", "answer", "settle", "conclude", "_send_one",
        "persists", "_take_head", "_take_body", "flush", "refuse", "sent_in_part", "hold_back",
        "take_parcel", "guarded", "_fail", "overrule", "add_head", "note_sent", "_collect",
    ),
    "Channel": ("recv", "send", "handle_read", "close", "_set_alarm", "send_parts", "_mark"),
    "HTTPListener": (
        "dispatch", "request_finished", "preamble", "remember", "answer_unwanted", "_log_line",
    ),
    "unresolving_logger": ("log",),
    "counter": ("increment",),
}  # fmt: skip

GIVEN = {
    "request": ("log", "push", "done", "error", "build_reply_header"),
    "channel": (
        "recv", "send", "received", "advance", "settle", "conclude", "_send_one",
        "handle_read_event", "answer", "handle_error", "refill_buffer", "found_terminator",
        "persists", "flush", "close", "readable", "writable", "handler_failed", "request_class",
    ),
    "server": ("dispatch", "request_finished", "preamble", "log_info", "remember"),
    "logger": ("log",),
}  # fmt: skip

_changes = st.one_of(
    st.sampled_from(
        [f"/at/patch/{owner}/{name}" for owner, names in PATCHED.items() for name in names]
    ),
    st.sampled_from([f"/at/give/{what}/{name}" for what, names in GIVEN.items() for name in names]),
    st.sampled_from(["/at/unpatch", "/at/failing/1", "/at/failing/3", "/at/leave"]),
)

_paths = st.one_of(
    st.sampled_from(USUAL),
    st.sampled_from(sorted(PAGES)),
    st.sampled_from(
        ["/mutate", "/nobody", "*", "/hello?a=b", "/%68ello", "/hello;p?q", "http://a/hello"]
    ),
    _changes,
)

#: What no handler ever sees.
BAD = (
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /hello HTTP/1.1\r\n\r\n",
    b"GET /hello HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /hello HTTP/1.1\r\nHost: x\r\nbad\r\n\r\n",
    b"GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /hello HTTP/1.1\nHost: x\n\n",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
    b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n",
)


@st.composite
def _wanted(draw: st.DrawFn) -> bytes:
    """One request that can be understood."""
    path = draw(_paths)
    methods = ["GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "BREW"]
    method = draw(st.sampled_from(methods))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0"]))
    head = [f"{method} {path} HTTP/{version}", "Host: x"]
    head += draw(
        st.lists(
            st.sampled_from(
                ["Connection: close", "Connection: keep-alive", "X-Test: 1", "Expect: 100-continue"]
            ),
            max_size=1,
        )
    )
    body = b""
    if method == "POST":
        body = draw(st.sampled_from([b"", b"x", b"a body", b"GET / HTTP/1.1\r\n\r\n", b"b" * 700]))
        if draw(st.integers(0, 3)):
            head.append(f"Content-Length: {len(body)}")
        else:
            head.append("Transfer-Encoding: chunked")
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return "\r\n".join([*head, "", ""]).encode() + body


_requests = st.one_of(_wanted(), _wanted(), _wanted(), _wanted(), st.sampled_from(BAD))


@st.composite
def _said(draw: st.DrawFn) -> list[bytes]:
    """What one connection sends: mostly one request at a time, and each of them several times."""
    asked = draw(st.lists(_requests, min_size=1, max_size=4))
    order = draw(st.lists(st.sampled_from(asked), min_size=1, max_size=10))
    parcels: list[bytes] = []
    for each in order:
        how = draw(st.sampled_from(["alone", "alone", "alone", "joined", "cut"]))
        if how == "joined" and parcels:
            parcels[-1] += each
        elif how == "cut":
            at = draw(st.integers(1, max(len(each) - 1, 1)))
            parcels += [each[:at], each[at:]]
        else:
            parcels.append(each)
    return [each for each in parcels if each]


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """What one or two connections send, in any order."""
    listeners = draw(st.lists(st.sampled_from(LISTENERS), min_size=1, max_size=2))
    waiting = [draw(_said()) for _ in listeners]
    parcels = []
    while any(waiting):
        busy = [number for number, left in enumerate(waiting) if left]
        number = draw(st.sampled_from(busy)) if len(busy) > 1 else busy[0]
        parcels.append(Parcel(number, waiting[number].pop(0)))
    return Transcript(tuple(listeners), tuple(parcels), draw(st.booleans()))
