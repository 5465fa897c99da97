"""Which content codings a client takes: RFC 9110, section 12.5.3."""

import pytest

from servers.http.negotiation import codings


@pytest.mark.parametrize(
    ("accepted", "ours"),
    [
        ("gzip", ("gzip",)),
        ("br", ("br",)),
        ("gzip, deflate, br, zstd", ("br", "gzip")),
        ("GZIP", ("gzip",)),
        ("x-gzip", ("gzip",)),
        ("*", ("br", "gzip")),
        ("", ()),
        ("identity", ()),
        ("deflate", ()),
    ],
)
def test_codings_without_quality(accepted: str, ours: tuple[str, ...]) -> None:
    assert codings(accepted) == ours


@pytest.mark.parametrize(
    ("accepted", "ours"),
    [
        ("br;q=0.5, gzip;q=0.8", ("gzip", "br")),
        ("br;q=0, gzip", ("gzip",)),
        ("gzip;q=0.000", ()),
        ("gzip ; q=0.001", ("gzip",)),
        ("gzip;Q=1.000", ("gzip",)),
        ("*;q=0.5, br", ("br", "gzip")),
        ("*, gzip;q=0", ("br",)),
        ("*;q=0", ()),
        ("gzip;q=0.5, identity;q=0.8", ()),
        ("gzip;q=0.8, identity;q=0.5, br;q=0.2", ("gzip",)),
        ("identity;q=0, gzip;q=0.1", ("gzip",)),
    ],
)
def test_codings_with_quality(accepted: str, ours: tuple[str, ...]) -> None:
    assert codings(accepted) == ours


@pytest.mark.parametrize("broken", ["gzip;q=2", "gzip;q=0.0001", "gzip;q=", "gzip;q=-1", "gz ip"])
def test_an_element_that_does_not_parse_is_passed_over(broken: str) -> None:
    assert codings(f"{broken}, br") == ("br",)
