"""From the parameters of CGI to a head as a client would have sent it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.fcgi.gateway import client_address, environment, read_head
from servers.http.errors import ClientError
from servers.http.limits import Limits

LEAST = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "HTTP_HOST": "site.example"}


def head_of(has_body=False, **params):
    """The head of a request with these parameters; None takes one away."""
    every = {name: value for name, value in {**LEAST, **params}.items() if value is not None}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in every.items()]
    return read_head(pairs, has_body, Limits())


def test_method_target_and_version_are_the_clients():
    head = head_of(REQUEST_METHOD="PUT", REQUEST_URI="/a%20b?c=d", SERVER_PROTOCOL="HTTP/1.0")
    assert (head.method, head.target, head.version) == ("PUT", "/a%20b?c=d", "1.0")
    assert head.parts().path == "/a b"


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2.0", "HTTP/3.0", "nonsense", None])
def test_every_later_version_is_1_1_here(protocol):
    assert head_of(SERVER_PROTOCOL=protocol).version == "1.1"


def test_fields_have_the_names_they_had():
    head = head_of(HTTP_X_TEST_ONE="1", HTTP_ACCEPT="*/*", CONTENT_TYPE="a/b", AUTH_TYPE="none")
    assert head.lines == [
        "Host: site.example", "X-Test-One: 1", "Accept: */*", "Content-Type: a/b"
    ]  # fmt: skip


def test_a_field_that_comes_twice_is_joined():
    pairs = [(name.encode(), value.encode()) for name, value in LEAST.items()]
    pairs += [(b"HTTP_X", b"1"), (b"HTTP_X", b"2")]
    assert read_head(pairs, False, Limits()).get("x") == "1, 2"


@pytest.mark.parametrize("name", ["CONNECTION", "UPGRADE", "TRANSFER_ENCODING", "EXPECT", "TE"])
def test_what_concerns_the_clients_connection_is_left_out(name):
    assert head_of(**{f"HTTP_{name}": "chunked"}).lines == ["Host: site.example"]


def test_a_body_has_the_length_that_is_announced():
    head = head_of(True, CONTENT_LENGTH="5", HTTP_CONTENT_LENGTH="5", HTTP_TRANSFER_ENCODING="x")
    assert (head.length, head.chunked) == (5, False)


def test_a_body_without_a_length_looks_as_if_it_came_in_chunks():
    head = head_of(True, CONTENT_LENGTH="")
    assert (head.length, head.chunked) == (None, True)


@pytest.mark.parametrize(("has_body", "length"), [(False, "5"), (True, "0")])
def test_a_body_that_contradicts_its_length_is_refused(has_body, length):
    with pytest.raises(ClientError, match="400"):
        head_of(has_body, CONTENT_LENGTH=length)


@pytest.mark.parametrize("has_body", [False, True])
@pytest.mark.parametrize("length", ["-1", "1, 1", "x", "1" * 30, "\u00b2"])
def test_a_length_that_is_none_is_refused(length, has_body):
    with pytest.raises(ClientError):
        head_of(has_body, CONTENT_LENGTH=length)


@pytest.mark.parametrize(
    ("params", "target"),
    [
        ({"SCRIPT_NAME": "/app", "PATH_INFO": "/a b", "QUERY_STRING": "q=1"}, "/app/a%20b?q=1"),
        ({"SCRIPT_NAME": "/\xe4?"}, "/%E4%3F"),
        ({"PATH_INFO": "/x"}, "/x"),
        ({}, "/"),
    ],
)
def test_without_request_uri_the_target_is_put_together(params, target):
    assert head_of(REQUEST_URI=None, **params).target == target


@pytest.mark.parametrize(("name", "host"), [("site.example", "site.example"), ("", "")])
def test_without_a_host_field_the_web_servers_name_stands_for_it(name, host):
    assert head_of(HTTP_HOST=None, SERVER_NAME=name).host == host


@pytest.mark.parametrize("params", [
    {"REQUEST_METHOD": None},
    {"REQUEST_METHOD": "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET"},
    {"REQUEST_URI": "/ HTTP/1.1\r\nA: b"},
    {"REQUEST_URI": "/a b"},
    {"REQUEST_URI": "/#a"},
    {"HTTP_X": "a\r\nContent-Length: 5"},
    {"HTTP_X": "a\nb"},
    {"HTTP_X": "a\0b"},
    {"CONTENT_TYPE": "a\r\nb: c"},
    {"CONTENT_LENGTH": "5\r\nb: c"},
    {"HTTP_HOST": "a b"},
    {"SERVER_NAME": "a\r\nb: c", "HTTP_HOST": None},
])  # fmt: skip
def test_what_would_be_no_request_is_refused(params):
    with pytest.raises(ClientError, match="400"):
        head_of(**params)


def test_too_many_fields_are_refused():
    with pytest.raises(ClientError, match="431"):
        head_of(**{f"HTTP_X{number}": "1" for number in range(200)})


a_text = st.text(st.characters(max_codepoint=255), max_size=10)
a_name = st.one_of(
    st.sampled_from(["SCRIPT_NAME", "PATH_INFO", "CONTENT_LENGTH", "SERVER_NAME", "HTTP_HOST"]),
    st.sampled_from([*LEAST, "CONTENT_TYPE", "QUERY_STRING", "HTTP_COOKIE"]),
    a_text,
    a_text.map("HTTP_".__add__),
)


@given(st.dictionaries(a_name, a_text), st.booleans())
def test_any_parameters_are_a_head_or_a_refusal(params, has_body):
    pairs = [(name.encode("latin-1"), value.encode("latin-1"))
             for name, value in {**LEAST, **params}.items()]  # fmt: skip
    try:
        head = read_head(pairs, has_body, Limits())
    except ClientError as error:
        assert 400 <= error.status < 500
    else:
        fields = sum(name.startswith(b"HTTP_") for name, _ in pairs)
        assert len(head.lines) <= fields + 3
        assert head.parts().path
    environment(pairs)


def test_the_environment_is_decoded_as_that_of_the_process():
    assert environment([(b"PATH_INFO", "/ä".encode()), (b"X", b"\xff")]) == {
        "PATH_INFO": "/ä",
        "X": "\udcff",
    }


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "80"}, ("192.0.2.1", 80)),
        ({"REMOTE_ADDR": "unix:"}, ("unix:", 0)),
        ({"REMOTE_ADDR": "a\nb", "REMOTE_PORT": "1"}, None),
        ({"REMOTE_ADDR": "::1", "REMOTE_PORT": "\u00b2"}, ("::1", 0)),
        ({}, None),
    ],
)
def test_the_client_has_the_address_that_the_web_server_names(environ, address):
    assert client_address(environ) == address
