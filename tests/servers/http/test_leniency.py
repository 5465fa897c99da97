"""Leniency: each rule that may be relaxed, what it is read as then, and what is never forgiven."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.http.errors import ClientError
from servers.http.leniency import STRICT, Leniency
from servers.http.limits import Limits
from servers.http.parser import Head, find_head, parse_head

NAMES = [field.name for field in fields(Leniency)]
EVERYTHING = Leniency(**dict.fromkeys(NAMES, True))

#: What a setting forgives, and the well-formed request that is meant.
FORGIVEN = {
    "fragments": [
        ("GET /a?b#c HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("G#T /#?b/#c HTTP/1.1\r\nHost: x\r\n\r\n", "G#T / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("GET http://x#/b HTTP/1.0\r\n\r\n", "GET http://x HTTP/1.0\r\n\r\n"),
    ],
    "raw_targets": [
        (
            "GET /\xc3\xa9?\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /%C3%A9?%E9 HTTP/1.1\r\nHost: x\r\n\r\n",
        )
    ],
    "missing_host": [("GET / HTTP/1.1\r\nX: y\r\n\r\n", "GET / HTTP/1.0\r\nX: y\r\n\r\n")],
    "folded_lines": [
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX: one\r\n\t two\r\n three: 3\r\nY: z\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX: one two three: 3\r\nY: z\r\n\r\n",
        )
    ],
    "control_characters": [
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01b\x0bc\x7f\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX: a b c \r\n\r\n",
        )
    ],
    "unknown_expectations": [
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n",
            "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
        )
    ],
}
CASES = [(name, sent, meant) for name, pairs in FORGIVEN.items() for sent, meant in pairs]


def read(request: str, leniency: Leniency, **limits: int) -> Head:
    return parse_head(request.encode("latin-1"), Limits(leniency=leniency, **limits))  # type: ignore[arg-type]


def refusal(request: str, leniency: Leniency, **limits: int) -> ClientError:
    with pytest.raises(ClientError) as caught:
        read(request, leniency, **limits)
    return caught.value


def sense(head: Head) -> tuple[object, ...]:
    """What decides how a request is read, and what it asks for."""
    return head.method, head.parts(), head.host, head.keep_alive, head.length, head.chunked


def test_every_setting_is_tested_here() -> None:
    assert list(FORGIVEN) == NAMES


@pytest.mark.parametrize(("name", "sent", "meant"), CASES)
def test_a_setting_forgives_what_it_names(name: str, sent: str, meant: str) -> None:
    head, well_formed = read(sent, Leniency(**{name: True})), read(meant, STRICT)
    if name == "missing_host":
        assert (head.host, head.parts(), head.fields) == (None, well_formed.parts(), [("X", "y")])
        return
    assert sense(head) == sense(well_formed)
    if name != "unknown_expectations":  # which is still seen by whoever wants to
        assert head.fields == well_formed.fields


@pytest.mark.parametrize(("name", "sent", "meant"), CASES)
def test_all_other_settings_do_not_forgive_it(name: str, sent: str, meant: str) -> None:
    assert refusal(sent, replace(EVERYTHING, **{name: False})).status in (400, 417)


@pytest.mark.parametrize(("name", "sent", "meant"), CASES)
def test_a_strict_listener_is_not_told_by_a_lenient_one(name: str, sent: str, meant: str) -> None:
    for _ in range(2):  # nothing that one has read is remembered for the other
        read(sent, EVERYTHING)
        assert refusal(sent, STRICT).status in (400, 417)


@pytest.mark.parametrize(("name", "sent", "meant"), CASES)
def test_it_does_not_matter_how_the_bytes_arrive(name: str, sent: str, meant: str) -> None:
    limits = Limits(leniency=Leniency(**{name: True}))
    buffer = b""
    for byte in sent.encode("latin-1"):
        seen = len(buffer)
        buffer += bytes([byte])
        end = find_head(buffer, seen, limits)
    assert end == len(buffer)


def test_a_fragment_is_seen_by_whoever_wants_to() -> None:
    head = read("GET /a?b#c\xe9#d HTTP/1.1\r\nHost: x\r\n\r\n", EVERYTHING)
    assert (head.target, head.line) == ("/a?b#c%E9#d", "GET /a?b#c%E9#d HTTP/1.1")


def test_an_expectation_that_is_known_is_met_beside_one_that_is_not() -> None:
    head = read(
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: magic, 100-Continue\r\n\r\n",
        EVERYTHING,
    )
    assert head.expects_continue


@pytest.mark.parametrize(
    "wrong",
    [
        # Others may read another length, or another end of the head.
        "Content-Length : 5",
        "Content-Length\x0b: 5",
        "Content-Length: \x0b5",
        "Content-Length: +5",
        "Content-Length: 5, 6",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: chunked\r\n , identity",
        "Transfer-Encoding: \x0bchunked",
        "X: y\r\n Content-Length: 5",
        "X: y\r\n\t \x0bContent-Length \t: 5",
        "X: y\r\n z\r\n transfer-encoding: chunked",
        "X: y\r\n ",
        "X: y\r\n\t\r\n z",
        # Others may see another field, or another host.
        "Host: y",
        "Host:\r\n y",
        "X\x01: y",
        "X y: z",
        "Nonsense",
        ": y",
        # NUL, CR and LF.
        "X: a\0b",
        "X: a\rb",
        "X: a\nb",
    ],
)
def test_what_could_be_read_in_two_ways_is_never_forgiven(wrong: str) -> None:
    request = f"POST / HTTP/1.1\r\nHost: x\r\n{wrong}\r\n\r\n"
    assert refusal(request, EVERYTHING).status == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET / HTTP/1.1\r\n X: y", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET / HTTP/1.x", 400),
        ("GET / http/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET /\0 HTTP/1.1", 400),
        ("GET # HTTP/1.1", 400),
        ("GET /", 400),
        ("GET / HTTP/2.0", 505),
    ],
)
def test_a_request_line_that_is_none_is_never_forgiven(line: str, status: int) -> None:
    assert refusal(f"{line}\r\nHost: x\r\n\r\n", EVERYTHING).status == status


@pytest.mark.parametrize(
    ("request_", "limits", "status"),
    [
        ("GET /#" + "a" * 100 + " HTTP/1.1\r\n\r\n", {"request_line": 80}, 414),
        ("GET / HTTP/1.1\r\nX: " + "a\r\n " * 30 + "\r\n\r\n", {"header_line": 50}, 400),
        ("GET / HTTP/1.1\r\nX: " + "a\r\n " * 30 + "a\r\n\r\n", {"header_line": 50}, 431),
        ("GET / HTTP/1.1\r\n" + "X: a\r\n" * 5 + "\r\n", {"header_lines": 4}, 431),
        ("GET / HTTP/1.1\r\n" + "X: a\r\n" * 5 + "\r\n", {"head": 40}, 431),
    ],
)
def test_limits_hold_for_what_is_forgiven(
    request_: str, limits: dict[str, int], status: int
) -> None:
    assert refusal(request_, EVERYTHING, **limits).status == status


@given(
    st.lists(
        st.sampled_from(
            ["Host: x", "X", ":", " ", "\t", "\r\n", "\0", "\x0b", "\r", "\n", "Content-Length"]
        ),
        max_size=12,
    )
)
def test_whatever_is_forgiven_has_the_framing_of_what_is_meant(pieces: list[str]) -> None:
    request = f"GET / HTTP/1.1\r\n{''.join(pieces)}\r\n\r\n"
    if request.index("\r\n\r\n") + 4 != len(request):
        return
    try:
        head = read(request, EVERYTHING)
    except ClientError:
        return
    again = "\r\n".join([head.line, *head.lines, "", ""])
    assert sense(read(again, Leniency(missing_host=True))) == sense(head)
    assert all("\r\n" + name not in again for name in ("\0", " ", "\t"))


# Names


def test_a_leniency_is_named() -> None:
    leniency = Leniency.from_names("fragments, missing_host")
    assert leniency == Leniency(fragments=True, missing_host=True)
    assert str(leniency) == "fragments,missing_host"


@pytest.mark.parametrize("name", NAMES)
def test_a_leniency_that_forgives_anything_is_true(name: str) -> None:
    assert Leniency(**{name: True})


def test_to_be_strict_is_to_forgive_nothing() -> None:
    assert not STRICT
    assert str(STRICT) == "strict"
    assert Leniency.from_names("strict") == STRICT == Limits().leniency


@pytest.mark.parametrize("names", ["", "fragment", "strict,fragments", "fragments,", "from_names"])
def test_a_name_that_is_not_known_is_explained(names: str) -> None:
    with pytest.raises(ValueError, match=r"is none of the names of leniency; (did|they)"):
        Leniency.from_names(names)


def test_a_leniency_is_a_limit_that_can_be_set_by_text() -> None:
    limits = Limits.from_settings(["leniency=fragments,folded_lines"])
    assert limits == Limits(leniency=Leniency(fragments=True, folded_lines=True))


def test_what_is_no_leniency_is_refused_when_limits_are_made() -> None:
    with pytest.raises(ValueError, match="give a Leniency"):
        Limits(leniency="fragments")  # type: ignore[arg-type]


def test_a_limit_says_what_it_does_not_understand_of_a_leniency() -> None:
    with pytest.raises(ValueError, match=r"leniency='fragment': .* did you mean fragments\?"):
        Limits.from_settings(["leniency=fragment"])
