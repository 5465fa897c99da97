"""Conditional requests: RFC 9110, section 13."""

from collections.abc import Mapping

import pytest

from servers.http.conditions import Verdict, evaluate, range_applies

ETAG = '"abc"'
MTIME = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
SAME = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"

PROCEED, NOT_MODIFIED, FAILED = Verdict.PROCEED, Verdict.NOT_MODIFIED, Verdict.FAILED


def judge(fields: Mapping[str, str], method: str = "GET") -> Verdict:
    return evaluate(method, fields.get, ETAG, MTIME)


def test_a_request_without_conditions_proceeds() -> None:
    assert judge({}) is PROCEED


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        ('"abc"', PROCEED),
        ("*", PROCEED),
        ('"x", "abc"', PROCEED),
        ('"x","abc","y"', PROCEED),
        ('"other"', FAILED),
        ('W/"abc"', FAILED),
        ('W/"x", "abc"', PROCEED),
        ("abc", FAILED),
        ("", FAILED),
        ('"a,b"', FAILED),
        ('"ABC"', FAILED),
    ],
)
def test_if_match_compares_strongly(tags: str, verdict: Verdict) -> None:
    assert judge({"If-Match": tags}) is verdict


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        ('"abc"', NOT_MODIFIED),
        ('W/"abc"', NOT_MODIFIED),
        ("*", NOT_MODIFIED),
        ('"x", W/"abc"', NOT_MODIFIED),
        ('"other"', PROCEED),
        ("abc", PROCEED),
        ('"abc', PROCEED),
        ("", PROCEED),
    ],
)
def test_if_none_match_compares_weakly(tags: str, verdict: Verdict) -> None:
    assert judge({"If-None-Match": tags}) is verdict


def test_a_tag_may_contain_a_comma() -> None:
    assert evaluate("GET", {"If-None-Match": '"a,b"'}.get, '"a,b"', 0) is NOT_MODIFIED
    assert evaluate("GET", {"If-None-Match": '"x", "a,b"'}.get, '"a,b"', 0) is NOT_MODIFIED


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_match_where_none_may_be_fails_what_would_write(method: str) -> None:
    assert judge({"If-None-Match": "*"}, method) is FAILED


def test_a_head_request_is_not_modified_as_a_get_is() -> None:
    assert judge({"If-None-Match": ETAG}, "HEAD") is NOT_MODIFIED
    assert judge({"If-Modified-Since": SAME}, "HEAD") is NOT_MODIFIED


@pytest.mark.parametrize(
    ("date", "verdict"),
    [
        (EARLIER, PROCEED),
        (SAME, NOT_MODIFIED),
        (LATER, NOT_MODIFIED),
        ("Sunday, 06-Nov-94 08:49:37 GMT", NOT_MODIFIED),
        ("yesterday", PROCEED),
        ("", PROCEED),
    ],
)
def test_if_modified_since(date: str, verdict: Verdict) -> None:
    assert judge({"If-Modified-Since": date}) is verdict


def test_if_modified_since_says_nothing_to_other_methods() -> None:
    assert judge({"If-Modified-Since": SAME}, "POST") is PROCEED


@pytest.mark.parametrize(
    ("date", "verdict"),
    [(EARLIER, FAILED), (SAME, PROCEED), (LATER, PROCEED), ("yesterday", PROCEED)],
)
def test_if_unmodified_since(date: str, verdict: Verdict) -> None:
    assert judge({"If-Unmodified-Since": date}) is verdict


def test_if_match_silences_if_unmodified_since() -> None:
    assert judge({"If-Match": ETAG, "If-Unmodified-Since": EARLIER}) is PROCEED


def test_if_none_match_silences_if_modified_since() -> None:
    assert judge({"If-None-Match": '"other"', "If-Modified-Since": SAME}) is PROCEED


def test_a_failed_precondition_comes_before_not_modified() -> None:
    assert judge({"If-Match": '"other"', "If-None-Match": ETAG}) is FAILED
    assert judge({"If-Unmodified-Since": EARLIER, "If-None-Match": ETAG}) is FAILED


def test_a_kept_precondition_does_not_prevent_not_modified() -> None:
    assert judge({"If-Match": ETAG, "If-None-Match": ETAG}) is NOT_MODIFIED


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (ETAG, True),
        ('"other"', False),
        ('W/"abc"', False),
        (SAME, True),
        (EARLIER, False),
        (LATER, False),
        ("yesterday", False),
        ("*", False),
        ("", False),
        ('"abc", "x"', False),
    ],
)
def test_a_range_applies_only_to_exactly_what_the_client_holds(
    if_range: str | None, applies: bool
) -> None:
    assert range_applies(if_range, ETAG, MTIME) is applies
