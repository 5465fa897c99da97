"""What medusa 0.5.4 put on the wire: the same here, or what its recorder noted as right today.

Everywhere different, so left out of the comparison: the version in the status line is ours (RFC
9110, section 2.5), a close is always announced (RFC 9112, section 9.6), and where all of a body is
known it has a length, not chunks.
"""

from __future__ import annotations

import pytest

from servers.medusa import http_server
from tests.medusa import medusa_site
from tests.medusa.wire import (
    CLOSED,
    OPEN,
    REFUSED,
    WAITING,
    Right,
    cases_of,
    check,
    recorded,
    talk,
)

CASES = cases_of("wire_medusa.json")

NO_BODY = {"lacks": ("transfer-encoding",)}

#: Case by case what the recorder's note wants; see `rfc` in the golden file.
RIGHT: dict[str, Right] = {
    "get09": REFUSED,
    "get_version_2": Right([505], CLOSED),
    "get_version_1_2": Right([200], OPEN, "0123456789\n"),
    "get11_close_list": Right([200], CLOSED),
    "get_version_garbage": REFUSED,
    "version_lowercase": REFUSED,
    "dir_no_slash": Right([301], fields={"location": "/sub/"}),
    "dir_no_slash_query": Right([301], fields={"location": "/sub/?a=b"}),
    "gz_type": Right([200], fields={"content-type": "application/gzip"}),
    "head_not_found": Right([404], body=""),
    "head_chunky": Right([200], body="", **NO_BODY),
    "head_redirect": Right([301], body="", fields={"location": "/sub/"}),
    "ims_same": Right([304], body="", **NO_BODY),
    "ims_newer": Right([304], body="", **NO_BODY),
    "ims_rfc850": Right([304], body="", **NO_BODY),
    "ims_asctime": Right([304], body="", **NO_BODY),
    "pipeline_behind_deferred": Right([200, 200], body="later\n"),
    "code_204": Right([204], body="", lacks=("transfer-encoding", "content-length")),
    "code_304": Right([304], body="", **NO_BODY),
    "code_100": Right([500]),
    "handler_raises_late": Right([500], body="<head>.*"),
    "post_to_file": Right([405], fields={"allow": "GET, HEAD"}),
    "post_to_file_then_get": Right([405, 200]),
    "smuggle_body_as_request": Right([405, 400], CLOSED),  # what is left of it is no request
    "post_bad_length": REFUSED,
    "post_negative_length": REFUSED,
    "post_two_lengths": REFUSED,
    "post_chunked": Right([411], CLOSED),
    "post_chunked_and_length": REFUSED,
    "expect_continue": Right([100, 200], body=""),
    "expect_unknown": Right([417], CLOSED),
    "put_update": Right([204], body="", **NO_BODY),
    "put_zero": Right([201]),
    "put_directory": Right([405], fields={"allow": "GET, HEAD"}),
    "put_not_installed": Right([405], fields={"allow": "GET, HEAD"}),
    "auth_none": Right([401], lacks=("connection",)),
    "auth_bad": Right([401], lacks=("connection",)),
    "auth_digest": Right([401], lacks=("connection",)),
    "auth_then_get": Right([401, 200], lacks=("connection",)),
    "auth_no_colon": Right([401]),
    "auth_colon_in_password": Right([401]),
    "method_lower": Right([501]),
    "method_unknown": Right([501]),
    "method_options": Right([405], fields={"allow": "GET, HEAD"}),
    "method_options_star": Right([405], fields={"allow": "GET, HEAD"}),
    "method_trace": Right([405]),
    "method_delete": Right([405], fields={"allow": "GET, HEAD"}),
    "method_connect": Right([405]),
    "escapes_show": Right([200], body=r".*split=\('/show/A/\?#%', None, '\?a=%41', None\).*"),
    "escape_nul": Right([404]),
    "raw_nul": REFUSED,
    "nul_in_header": REFUSED,
    "high_bytes": Right([200], body=".*uri='/show/\u00c3\u00a9'\n.*"),
    "backslash": Right([404]),
    "absolute_uri": Right([200], body="0123456789\n"),
    "absolute_uri_other_host": Right([200], body=".*uri='/show'.*"),
    "long_uri": Right([414], CLOSED),
    "two_spaces": REFUSED,
    "one_word": REFUSED,
    "space_in_uri": REFUSED,
    "tls_hello": REFUSED,
    "empty_lines_first_two": Right([200]),
    "only_empty": Right([], WAITING),
    "lf_only": REFUSED,
    "cr_only": REFUSED,
    "partial_then_stop": Right([], WAITING),
    "no_host_11": REFUSED,
    "two_hosts": REFUSED,
    "bad_host": REFUSED,
    "vhost_case": Right([200], body="vhost\n"),
    "header_no_space": Right([200], body=".*host='x'\nx='one'\n"),
    "header_many_spaces": Right([200], body=".*host='x'\nx='one'\n"),
    "header_space_before_colon": REFUSED,
    "header_no_colon": REFUSED,
    "header_folded": REFUSED,
    "header_folded_first": REFUSED,
    "header_twice": Right([200], body=".*x='one, two'\n"),
    "header_long_70k": Right([431], CLOSED),
    "header_many": Right([431], CLOSED),
    "body_on_get": Right([200, 200], body="0123456789\n"),
    "rpc_fault": Right([200], body=".*<name>faultCode</name>.*KeyError.*"),
    "rpc_bad_xml": Right([400]),
    "rpc_get": Right([405], fields={"allow": "POST"}),
    "rpc_zero_length": Right([400]),
    "rpc_chunked": Right([400]),  # decoded, and then it is no call
    "redirecting": Right([302], fields={"location": "/new/place"}),
    "high_escapes": Right([200], body=".*uri='/show/\u00c3\u00a9'.*"),
    "status_page": Right([200], body=".*<h2>HTTP Server.*", fields={"content-type": "text/html"}),
}

#: These want `defusedxml`.
NEEDS_XML = {"rpc_echo", "rpc_fault", "rpc_unmarshallable", "rpc_bad_xml", "rpc_chunked"}


@pytest.fixture
def site(run, lines, tmp_path):
    """The recorded server, with its files."""
    medusa_site.fill(tmp_path)
    server = http_server.http_server("127.0.0.1", 0, None, lines)
    medusa_site.install(server, tmp_path)
    running = run(server)
    running.probe = "/noext", b"no extension\n"
    return running


@pytest.mark.parametrize("name", [each for each in CASES if each not in RIGHT])
def test_as_the_original(site, name):
    if name in NEEDS_XML:
        pytest.importorskip("defusedxml")
    case = CASES[name]
    expected = recorded(case)
    answers, end = talk(site, case, [each.status for each in expected])
    if isinstance(case["received"], dict):
        length = case["received"]["length"] - case["received"]["head"].index("\r\n\r\n") - 4
        assert len(answers[0].body) == length
        for each in (*answers, *expected):
            each.body = each.body[:200]
    assert [each.told() for each in answers] == [each.told() for each in expected]
    assert end == case["end"]


@pytest.mark.parametrize("name", list(RIGHT))
def test_better_than_the_original(site, name, tmp_path):
    if name in NEEDS_XML:
        pytest.importorskip("defusedxml")
    if name == "put_update":
        (tmp_path / "put" / "new.txt").write_bytes(b"hello")
    right = RIGHT[name]
    check(right, *talk(site, CASES[name], right.statuses))


def test_every_case_that_is_set_right_has_a_note_or_differs_by_python():
    without_note = {name for name in RIGHT if CASES[name]["rfc"] == "conforms"}
    # Text of Python 3, reasons and pages of today.
    assert without_note == {"rpc_fault", "status_page", "redirecting", "high_escapes"}


def test_line_ends_of_a_request_do_not_reach_the_access_log(site, lines):
    talk(site, CASES["log_injection"], [200])
    site.stop()
    assert lines.lines[0].endswith('"GET /show/%0d%0a127.0.0.1%20fake HTTP/1.1" 200 215\n')
    assert not any("\r" in line or "\n" in line[:-1] for line in lines.lines)


def test_files_are_put(site, tmp_path):
    talk(site, CASES["put_new"], [201])
    assert (tmp_path / "put" / "new.txt").read_bytes() == b"hello"
