"""What the records of a connection mean, whatever they are and however they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.fcgi.conversation import (
    Aborted,
    Asked,
    BodyEnd,
    BodyPiece,
    Conversation,
    Reply,
    State,
    Unreadable,
)
from servers.fcgi.records import (
    RecordError,
    Role,
    Status,
    Type,
    encode_end,
    encode_pairs,
    encode_record,
)
from tests.fcgi.web_server import asked, begin, pairs

VALUES = {b"FCGI_MAX_CONNS": b"10", b"FCGI_MPXS_CONNS": b"0"}


def talk(*pieces, max_params=65536):
    """The events of what has come in these pieces, and how it ended: None, or the error."""
    conversation = Conversation(max_params, VALUES)
    events = []
    try:
        for piece in pieces:
            conversation.receive(piece)
            while (event := conversation.next_event()) is not None:
                events.append(event)
    except RecordError as error:
        return events, str(error)
    return events, None


def events_of(*pieces, **settings):
    """The events of what has come; none of it was an error."""
    events, error = talk(*pieces, **settings)
    assert error is None
    return events


def test_a_request_without_a_body_is_asked_once_its_streams_have_ended():
    [event] = events_of(asked("/a", X="1"))
    assert isinstance(event, Asked) and not event.has_body
    assert (b"REQUEST_URI", b"/a") in event.params and (b"X", b"1") in event.params


def test_a_body_comes_in_pieces_behind_its_request():
    data = begin() + encode_record(Type.PARAMS, 1) + encode_record(Type.STDIN, 1, b"ab")
    data += encode_record(Type.STDIN, 1, b"c") + encode_record(Type.STDIN, 1)
    assert events_of(data) == [Asked([], True), BodyPiece(b"ab"), BodyPiece(b"c"), BodyEnd()]


def test_parameters_may_be_cut_anywhere():
    content = pairs({"A": "1", "LONG": "x" * 300})
    records = [encode_record(Type.PARAMS, 1, bytes((byte,))) for byte in content]
    ends = [encode_record(Type.PARAMS, 1), encode_record(Type.STDIN, 1)]
    [event] = events_of(begin(), *records, *ends)
    assert event == Asked([(b"A", b"1"), (b"LONG", b"x" * 300)], False)


def test_padding_is_passed_over():
    assert events_of(asked(padding=255)) == events_of(asked())


def test_a_second_request_is_told_that_we_do_not_multiplex():
    first, second = events_of(asked(request_id=1), begin(2))
    assert isinstance(first, Asked)
    assert second == Reply(encode_end(2, Status.CANT_MPX_CONN))


def test_what_follows_of_a_refused_request_is_passed_over():
    events = events_of(begin(1), asked(request_id=2, body=b"x"), asked(request_id=1)[16:])
    assert [type(event) for event in events] == [Reply, Asked]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("role", [Role.AUTHORIZER, Role.FILTER, 0, 9])
def test_another_role_than_responder_is_refused(role, keep):
    reply = Reply(encode_end(1, Status.UNKNOWN_ROLE), final=not keep)
    assert events_of(asked(role=role, keep=keep)) == [reply]


def test_questions_about_ourselves_are_answered_as_far_as_we_know():
    names = [b"FCGI_MPXS_CONNS", b"FCGI_OTHER", b"FCGI_MPXS_CONNS"]
    question = encode_record(Type.GET_VALUES, 0, encode_pairs((name, b"") for name in names))
    answer = encode_pairs([(b"FCGI_MPXS_CONNS", b"0")])
    assert events_of(question) == [Reply(encode_record(Type.GET_VALUES_RESULT, 0, answer))]


@pytest.mark.parametrize("kind", [0, 1, 12, 255])
def test_an_unknown_record_about_the_connection_is_named_in_the_answer(kind):
    reply = encode_record(Type.UNKNOWN_TYPE, 0, bytes((kind, 0, 0, 0, 0, 0, 0, 0)))
    assert events_of(encode_record(kind, 0, b"what")) == [Reply(reply)]


@pytest.mark.parametrize("kind", [Type.PARAMS, Type.STDIN, Type.ABORT_REQUEST, Type.DATA, 77])
def test_records_of_no_request_are_passed_over(kind):
    assert events_of(encode_record(kind, 5, b"x"), asked()) == events_of(asked())


def test_data_for_a_filter_is_passed_over():
    assert events_of(asked(), encode_record(Type.DATA, 1, b"x")) == events_of(asked())


@pytest.mark.parametrize("cut", [16, -8, None])
def test_a_request_is_given_up_wherever_it_is(cut):
    events = events_of(asked()[:cut], encode_record(Type.ABORT_REQUEST, 1))
    assert events[-1] == Aborted()


def test_parameters_that_are_too_long_make_the_request_unreadable_and_no_other():
    events = events_of(asked(X="x" * 1000), asked(request_id=2), max_params=1000)
    assert isinstance(events[0], Unreadable) and events[0].error.status == 431
    assert events[1:] == [Reply(encode_end(2, Status.CANT_MPX_CONN))]


def test_parameters_that_are_cut_off_make_the_request_unreadable():
    data = begin() + encode_record(Type.PARAMS, 1, b"\x05\x05ab") + encode_record(Type.PARAMS, 1)
    [event] = events_of(data, encode_record(Type.STDIN, 1))
    assert isinstance(event, Unreadable) and event.error.status == 400


def test_a_body_before_the_parameters_have_ended_makes_the_request_unreadable():
    [event] = events_of(begin(), encode_record(Type.STDIN, 1, b"x"), encode_record(Type.STDIN, 1))
    assert isinstance(event, Unreadable) and event.error.status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        encode_record(Type.BEGIN_REQUEST, 1, b"short"),
        begin() + begin(),
        encode_record(Type.GET_VALUES, 0, b"\x05"),
    ],
)
def test_what_is_no_fastcgi_is_an_error(data):
    assert talk(data)[1]


def test_behind_its_end_a_request_leaves_room_for_the_next():
    conversation = Conversation(65536, VALUES)
    for request_id in (1, 1, 7):
        conversation.receive(asked(request_id=request_id))
        assert isinstance(conversation.next_event(), Asked)
        assert conversation.request_id == request_id
        conversation.end_request()
        assert (conversation.state, conversation.receiving) == (State.IDLE, False)


@pytest.mark.parametrize("cut", [1, 8, 16, 30, -1])
def test_a_request_that_has_begun_to_come_is_being_received(cut):
    conversation = Conversation(65536, VALUES)
    conversation.receive(asked()[:cut])
    assert conversation.next_event() is None
    assert conversation.receiving


a_record = st.builds(
    encode_record,
    st.integers(0, 13),
    st.integers(0, 2),
    st.one_of(
        st.binary(max_size=20),
        st.just(bytes.fromhex("0001010000000000")),  # what begins a request
        st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5))).map(encode_pairs),
    ),
    st.integers(0, 9),
)
an_input = st.lists(st.one_of(a_record, a_record, a_record, st.binary(max_size=20))).map(b"".join)


def merged(events):
    """Events with neighbouring pieces of a body made one: where they are cut is of no matter."""
    result = []
    for event in events:
        if isinstance(event, BodyPiece) and result and isinstance(result[-1], BodyPiece):
            result[-1] = BodyPiece(result[-1].data + event.data)
        elif isinstance(event, Unreadable):
            result.append(str(event.error))
        else:
            result.append(event)
    return result


@given(an_input, st.lists(st.integers(0, 400)))
def test_any_input_means_the_same_however_it_is_cut(data, cuts):
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    events, error = talk(data)
    again, error_again = talk(*pieces)
    assert (merged(events), error) == (merged(again), error_again)


@given(an_input)
def test_whatever_comes_events_tell_a_story_that_a_channel_can_follow(data):
    events, _ = talk(data)
    has_body, over = False, True
    for event in events:
        if isinstance(event, Asked | Unreadable):
            assert over  # nobody here ends a request, so there is one at most
            over, has_body = False, isinstance(event, Asked) and event.has_body
        elif isinstance(event, BodyPiece | BodyEnd):
            assert has_body and event != BodyPiece(b"")
            has_body = isinstance(event, BodyPiece)
        elif isinstance(event, Aborted):
            has_body = over = False
        elif isinstance(event, Reply):
            assert len(event.data) <= 100  # bounded, whatever was asked
