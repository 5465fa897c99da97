"""Two listeners in one process, one of which forgives what the other refuses."""

from servers.http import Leniency, Limits
from tests.wire.pages import HELLO

MALFORMED = b"GET /hello#part HTTP/1.1\r\n\r\n"
LENIENT = Limits(leniency=Leniency(fragments=True, missing_host=True))


def test_a_lenient_listener_answers_what_a_strict_one_refuses(serve):
    strict, lenient = serve(HELLO), serve(HELLO, limits=LENIENT)
    for _ in range(2):  # what one has read before is not what the other reads
        assert lenient.ask(MALFORMED)[0] == 200
        assert strict.ask(MALFORMED)[0] == 400


def test_a_forgiven_request_keeps_its_connection(serve):
    peer = serve(HELLO, limits=LENIENT).connect()
    for _ in range(3):
        assert peer.send(MALFORMED).read_reply()[2] == b"Hello\n"


def test_a_forgiven_request_may_come_byte_by_byte(serve):
    peer = serve(HELLO, limits=LENIENT).connect()
    for byte in MALFORMED:
        peer.send(bytes([byte]))
    assert peer.read_reply()[0] == 200


def test_what_is_no_request_is_refused_at_once_by_a_lenient_listener_too(serve):
    everything = Leniency.from_names(
        "fragments,raw_targets,missing_host,folded_lines,control_characters,unknown_expectations"
    )
    peer = serve(HELLO, limits=Limits(leniency=everything)).connect()
    assert peer.send(b"\x16\x03\x01\x02\x00\x01").read_reply()[0] == 400
