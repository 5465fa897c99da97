"""With and without the lane, nothing that can be observed differs.

Two sites, one of them with LIFETIME_PURE_PYTHON=1, are told the same; then all is compared that
their clients and they themselves have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings

from tests.lane.pages import PAGES
from tests.lane.talk import Parcel, Talker, Transcript, differences
from tests.lane.transcripts import GIVEN, LISTENERS, PATCHED, transcripts

HELLO = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


class Both(NamedTuple):
    """The same site twice."""

    compiled: Talker
    pure: Talker

    def check(self, transcript: Transcript) -> None:
        """Both of them say the same.

        A machine that is busy may put two parcels into one read; then they differ once, perhaps.
        What the lane does otherwise it does each time.
        """
        for _ in range(5):
            told = self.compiled.talk(transcript)
            found = differences(told, self.pure.talk(transcript))
            if not found:
                return
        pytest.fail("\n".join([*found, f"{transcript}"]))


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    """A site with the lane, and one without."""
    made = Both(Talker(with_lane=True), Talker(with_lane=False))
    yield made
    for each in made:
        each.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def one_by_one(listener: str, *data: bytes) -> Transcript:
    return Transcript((listener,), tuple(Parcel(0, each) for each in data))


def test_one_site_has_the_lane_and_the_other_has_it_not(both):
    assert both.compiled.has_lane
    assert not both.pure.has_lane


@pytest.mark.parametrize("listener", ["old", "new", "quiet", "plain", "asking", "own"])
def test_a_head_that_comes_again_takes_the_lane(both, listener):
    transcript = one_by_one(listener, HELLO, HELLO, HELLO)
    for site, expected in zip(both, (2, 0), strict=True):
        site.talk(transcript)
        assert site.ask("/lane") == expected


def test_a_class_that_keeps_something_elsewhere_does_not_take_the_lane(both):
    both.compiled.talk(one_by_one("shadowing", HELLO, HELLO, HELLO))
    assert both.compiled.ask("/lane") == 0


@pytest.mark.parametrize("page", sorted({*PAGES, "/mutate", "/nobody", "/at/failing/2"}))
def test_every_page_again_and_again(both, page):
    for listener in ("old", "new", "asking"):
        both.check(one_by_one(listener, HELLO, *[get(page)] * 3, HELLO))


@pytest.mark.parametrize("page", ["/echo", "/collect", "/collect-badly", "/fail", "/hello"])
@pytest.mark.parametrize("body", [b"", b"x", b"body" * 5000], ids=len)
def test_bodies_that_come_with_their_heads(both, page, body):
    for listener in LISTENERS:
        both.check(one_by_one(listener, *[post(page, body)] * 3, HELLO))


def changes(table: dict[str, tuple[str, ...]], verb: str) -> list[str]:
    return [f"/at/{verb}/{what}/{name}" for what, names in table.items() for name in names]


@pytest.mark.parametrize("change", changes(PATCHED, "patch") + changes(GIVEN, "give"))
def test_what_is_patched_while_it_runs_is_called_as_often(both, change):
    after = [HELLO, *[post("/echo", b"abc")] * 2, get("/fail"), get("/20k"), HELLO]
    for listener in ("old", "new"):
        said = [HELLO, HELLO, get(change), *after, get("/at/unpatch"), HELLO]
        both.check(one_by_one(listener, *said))


@settings(max_examples=60, derandomize=True)
@given(transcript=transcripts())
def test_whatever_is_said(both, transcript):
    both.check(transcript)


@pytest.mark.slow
@settings(max_examples=1500, derandomize=True)
@given(transcript=transcripts())
def test_whatever_else_is_said(both, transcript):
    both.check(transcript)
