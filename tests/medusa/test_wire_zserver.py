"""What ZServer 4.0.2 put on the wire: the same here, or what its recorder noted as right today.

Left out of the comparison besides what test_wire_medusa.py leaves out: the pages for what was not
found or failed, which were the publisher's, and the name of the server.
"""

from __future__ import annotations

import pytest

from servers.zserver.HTTPServer import zhttp_handler, zhttp_server
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
from tests.medusa.zserver_site import root

CASES = cases_of("wire_zserver.json")

#: Case by case what the recorder's note wants; see `rfc` in the golden file.
RIGHT: dict[str, Right] = {
    "get09": REFUSED,
    "get11_close_list": Right([404], CLOSED),
    "get_version_2": Right([505], CLOSED),
    "get_version_1_2": Right([404]),
    "get_version_garbage": REFUSED,
    "head_not_found": Right([404], body=""),
    "post_bad_length": REFUSED,
    "post_negative_length": REFUSED,
    "post_two_lengths": REFUSED,
    "post_chunked": Right([200], body="hello"),
    "post_chunked_and_length": REFUSED,
    "expect_continue": Right([100, 200], body=""),
    "put_not_installed": Right([405], fields={"allow": "GET, HEAD, POST"}),
    "method_lower": Right([501]),
    "method_unknown": Right([501]),
    "method_options": Right([405], fields={"allow": "GET, HEAD, POST"}),
    "method_options_star": Right([200]),
    "method_trace": Right([405]),
    "method_delete": Right([405], fields={"allow": "GET, HEAD, POST"}),
    "method_connect": Right([405]),
    "raw_nul": REFUSED,
    "nul_in_header": REFUSED,
    "high_bytes": Right([200], body=".*PATH_INFO='/show/\u00c3\u00a9'.*"),
    "high_escapes": Right([200], body=".*PATH_INFO='/show/\u00c3\u00a9'.*"),
    "dotdot": Right([404]),
    "dotdot_escaped": Right([404]),
    "absolute_uri_other_host": Right([200], body=".*PATH_INFO='/show'.*"),
    "long_uri": Right([414], CLOSED),
    "two_spaces": REFUSED,
    "one_word": REFUSED,
    "space_in_uri": REFUSED,
    "tls_hello": REFUSED,
    "empty_lines_first_two": Right([404]),
    "only_empty": Right([], WAITING),
    "lf_only": REFUSED,
    "cr_only": REFUSED,
    "no_host_11": REFUSED,
    "two_hosts": REFUSED,
    "bad_host": REFUSED,
    "header_space_before_colon": REFUSED,
    "header_no_colon": REFUSED,
    "header_folded": REFUSED,
    "header_folded_first": REFUSED,
    "header_twice": Right([200], body=".*HTTP_X_TEST='one, two'.*"),
    "header_underscore": Right([200], body=".*HTTP_X_TEST='real'.*"),
    "header_long_70k": Right([431], CLOSED),
    "header_many": Right([431], CLOSED),
    "z_head": Right([200], body="", fields={"content-length": "1000"}),
    "z_head_stream": Right([200], body="", lacks=("transfer-encoding",)),
    "z_two_then_garbage": Right([200, 400], CLOSED, body="slow done\n"),
    "z_stream10_keepalive": Right([200], CLOSED, body="part 0.*part 4\n"),
    "z_empty": Right([200], OPEN, body="", fields={"content-length": "0"}),
}


@pytest.fixture
def site(serve):
    """The recorded server."""
    running = serve(zhttp_handler(root(), ""), server=zhttp_server)
    running.probe = "/cookie", b"cookie\n"
    return running


@pytest.mark.parametrize("name", [each for each in CASES if each not in RIGHT])
def test_as_the_original(site, name):
    case = CASES[name]
    expected = recorded(case)
    answers, end = talk(site, case, [each.status for each in expected])
    if isinstance(case["received"], dict):
        length = case["received"]["length"] - case["received"]["head"].index("\r\n\r\n") - 4
        assert len(answers[0].body) == length
        for each in (*answers, *expected):
            each.body = each.body[:100]
    for each in (*answers, *expected):
        each.fields.pop("server", None)
        if each.status in (404, 500):
            each.fields, each.body = {}, b""
    assert [each.told() for each in answers] == [each.told() for each in expected]
    assert end == case["end"]


@pytest.mark.parametrize("name", list(RIGHT))
def test_better_than_the_original(site, name):
    right = RIGHT[name]
    check(right, *talk(site, CASES[name], right.statuses))


def test_every_case_that_is_set_right_has_a_note_or_differs_by_python():
    without_note = {name for name in RIGHT if CASES[name]["rfc"] == "conforms"}
    assert without_note == {"high_escapes"}
