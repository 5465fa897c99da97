"""What the command's arguments mean, and the sentences that refuse them."""

import argparse
import errno
import os

import pytest

from servers.command import options


def refusal(errno_: int, port: int = 8080, unix: str | None = None) -> str:
    error = OSError(errno_, os.strerror(errno_))
    return options.why_not_listening(error, "127.0.0.1", port, unix)


@pytest.mark.parametrize("text", ["", " 80", "+80", "8_0", "80\n", "٨٠", "²", "65536", "1e3", "-1"])
def test_a_port_is_plain_digits(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a port"):
        options.port(text)


def test_port_0_is_left_to_the_system() -> None:
    assert options.port("0") == 0


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8081", ("127.0.0.1", 8081)),
        ("0.0.0.0:8081", ("0.0.0.0", 8081)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8081", ("::1", 8081)),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert options.address(text) == address


@pytest.mark.parametrize(
    "text", ["", ":", ":80", "::1", "::1:80", "here", "here:", "[::1]", "a:b:80"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a"):
        options.address(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [("5", (5.0, None)), ("5:10", (5.0, 10.0)), ("0:0", (0.0, 0.0)), ("1.5:1.5", (1.5, 1.5))],
)
def test_a_span_is_a_minimum_and_perhaps_a_maximum(
    text: str, span: tuple[float, float | None]
) -> None:
    assert options.span(text) == span


@pytest.mark.parametrize("text", ["", ":", "5:", ":5", "5:4", "nan", "1:inf", "1:2:3"])
def test_half_a_span_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        options.span(text)


def test_a_privileged_port_is_refused_with_the_way_out() -> None:
    assert refusal(errno.EACCES, port=80) == (
        "cannot listen on 127.0.0.1 port 80: permission denied; "
        "ports below 1024 need root, so choose a higher --port"
    )


def test_a_socket_in_a_closed_folder_is_refused_by_its_path() -> None:
    assert refusal(errno.EACCES, unix="/run/site.sock") == (
        "cannot listen on '/run/site.sock': permission denied; "
        "choose a folder that this user may write"
    )


def test_an_error_nobody_foresaw_keeps_its_own_words() -> None:
    assert os.strerror(errno.ENOBUFS) in refusal(errno.ENOBUFS)
