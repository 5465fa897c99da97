"""A body whose length was announced."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from servers.http.body import SizedBody
from tests.servers.http.reading import cut


def test_a_body_of_no_length_is_complete_at_once() -> None:
    body = SizedBody(0)
    assert body.complete
    assert body.feed(b"next") == (b"", b"next")


def test_a_body_ends_where_its_length_says() -> None:
    body = SizedBody(5)
    assert body.feed(b"hel") == (b"hel", b"")
    assert (body.complete, body.received) == (False, 3)
    assert body.feed(b"loGET /") == (b"lo", b"GET /")
    assert (body.complete, body.received) == (True, 5)


def test_what_follows_a_complete_body_is_surplus() -> None:
    body = SizedBody(2)
    body.feed(b"hi")
    assert body.feed(b"more") == (b"", b"more")


@given(st.binary(), st.binary(), st.lists(st.integers(0)))
def test_a_body_cut_anywhere_is_the_same_body(
    content: bytes, after: bytes, places: list[int]
) -> None:
    body = SizedBody(len(content))
    fed = [body.feed(piece) for piece in cut(content + after, places)]
    assert b"".join(data for data, _ in fed) == content
    assert b"".join(surplus for _, surplus in fed) == after
    assert body.complete
