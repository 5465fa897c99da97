/* ExpressLane's way from the poll to a handler, and from its answer to the socket. */

#include "lane.h"

#include <errno.h>
#include <sys/socket.h>

/* Of servers/http/answering.py: a larger body is handed to the system beside its head. */
#define LARGE 16384

/* What is read and what is sent; nobody else's code runs while it is in use. */
static char buffer[65536];

static inline int
is_nothing(PyObject *data)
{
    return data != NULL && PyBytes_CheckExact(data) && PyBytes_GET_SIZE(data) == 0;
}

/* Whether nothing waits in the queue, which may be of a class of somebody's own. */
static int
is_queue_empty(PyObject *channel)
{
    PyObject *queue = AT(channel, channel_at._fifo);
    if (queue == Py_None)
        return 1;
    if (queue == NULL)
        return 0;
    Py_INCREF(queue);
    int is_filled = PyObject_IsTrue(queue);
    Py_DECREF(queue);
    forgive();
    return is_filled == 0;
}

/* channel.name += count */
static int
count_up(PyObject *channel, Py_ssize_t place, PyObject *name, Py_ssize_t count)
{
    PyObject *before = AT(channel, place);
    if (before != NULL && PyLong_CheckExact(before)) {
        int is_large;
        long long number = PyLong_AsLongLongAndOverflow(before, &is_large);
        if (!is_large && number < LLONG_MAX - count)
            return give(channel, place, PyLong_FromLongLong(number + count));
    }
    if ((before = taken(channel, place, name)) == NULL)
        return -1;
    PyObject *step = PyLong_FromSsize_t(count);
    int status = step == NULL ? -1 : give(channel, place, PyNumber_InPlaceAdd(before, step));
    Py_XDECREF(step);
    Py_DECREF(before);
    return status;
}

static int
has_limits(PyObject *channel)
{
    PyObject *limits = AT(channel, channel_at.limits);
    return limits != NULL && Py_IS_TYPE(limits, given.limits_class);
}

static int
has_poller(PyObject *channel)
{
    PyObject *poller = AT(channel, channel_at.poller);
    return poller != NULL && Py_IS_TYPE(poller, given.poller_class);
}

/* Whether nothing is under way; everything else is looked at by HTTPChannel. */
static int
is_at_rest(PyObject *channel)
{
    return is_queue_empty(channel)
        && is_nothing(AT(channel, channel_at.unread))
        && AT(channel, channel_at.current_request) == Py_None
        && AT(channel, channel_at._body) == Py_None
        && AT(channel, channel_at.final) == Py_False
        && is_nothing(AT(channel, channel_at.ac_out_buffer))
        && AT(channel, channel_at.advancing) == Py_False
        && has_limits(channel) && has_poller(channel);
}

/* How much is asked for; 0 if that is more than we have room for, or is no number. */
static Py_ssize_t
size_to_read(PyObject *channel)
{
    PyObject *wanted = PyObject_GetAttr(channel, names.ac_in_buffer_size);
    Py_ssize_t size = wanted != NULL && PyLong_CheckExact(wanted) ? PyLong_AsSsize_t(wanted) : 0;
    Py_XDECREF(wanted);
    forgive();
    return size <= (Py_ssize_t)sizeof buffer ? size : 0;
}

/* Where the blank line behind the head ends, 0 if there is none. */
static Py_ssize_t
end_of_head(PyObject *data)
{
    const char *begin = PyBytes_AS_STRING(data);
    const char *end = memmem(begin, (size_t)PyBytes_GET_SIZE(data), "\r\n\r\n", 4);
    return end == NULL ? 0 : end - begin + 4;
}

/* A parcel like one that was opened before: 1, and its parts; 0 if it is none, -1 if that raises. */
static int
open_again(PyObject *channel, PyObject *data, PyObject *heads, PyObject **head, PyObject **body)
{
    Py_ssize_t end = end_of_head(data), rest = PyBytes_GET_SIZE(data) - end;
    if (end == 0 || rest == 0)
        return 0;
    PyObject *found, *key = PyBytes_FromStringAndSize(PyBytes_AS_STRING(data), end), *length;
    if (key == NULL)
        return -1;
    found = PyDict_GetItemWithError(heads, key);
    Py_DECREF(key);
    if (found == NULL || !Py_IS_TYPE(found, given.head_class)
        || AT(found, head_at.opened) != AT(channel, channel_at.limits)
        || (length = AT(found, head_at.length)) == NULL || !PyLong_CheckExact(length)
        || PyLong_AsSsize_t(length) != rest)
        return PyErr_Occurred() ? -1 : 0;
    *head = Py_NewRef(found);
    *body = PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + end, rest);
    if (*body == NULL)
        Py_CLEAR(*head);
    return *body == NULL ? -1 : 1;
}

/* The head and the body of a parcel: 1; 0 if it is none, -1 if that raises. */
static int
open_parcel(PyObject *channel, PyObject *data, PyObject *heads, PyObject **head, PyObject **body)
{
    int status = open_again(channel, data, heads, head, body);
    if (status != 0)
        return status;
    PyObject *limits = taken(channel, channel_at.limits, names.limits);
    PyObject *parcel = limits == NULL
        ? NULL
        : PyObject_CallFunctionObjArgs(given.open_parcel, data, heads, limits, NULL);
    status = parcel == NULL ? -1 : 0;
    if (parcel != NULL && PyTuple_CheckExact(parcel) && PyTuple_GET_SIZE(parcel) == 2
        && Py_IS_TYPE(PyTuple_GET_ITEM(parcel, 0), given.head_class)
        && PyBytes_CheckExact(PyTuple_GET_ITEM(parcel, 1))) {
        *head = Py_NewRef(PyTuple_GET_ITEM(parcel, 0));
        *body = Py_NewRef(PyTuple_GET_ITEM(parcel, 1));
        status = 1;
    }
    Py_XDECREF(parcel);
    Py_XDECREF(limits);
    return status;
}

/* The remembered head that `data` begins with: 1, and the body behind it, which may be empty.
   0 if there is none, -1 if that raises. */
static int
find_head(PyObject *channel, PyObject *data, PyObject **head, PyObject **body)
{
    PyObject *heads = AT(channel, channel_at._heads), *length;
    if (heads == NULL || !PyDict_CheckExact(heads)) /* then nobody has remembered one */
        return 0;
    Py_INCREF(heads);
    int status = -1;
    PyObject *found = PyDict_GetItemWithError(heads, data);
    if (found == NULL && !PyErr_Occurred())
        status = open_parcel(channel, data, heads, head, body);
    else if (found != NULL) {
        status = Py_IS_TYPE(found, given.head_class)
            && AT(found, head_at.chunked) == Py_False
            && (length = AT(found, head_at.length)) != NULL
            && (length == Py_None || (PyLong_CheckExact(length) && !PyObject_IsTrue(length)));
        if (status == 1) {
            *head = Py_NewRef(found);
            *body = PyBytes_FromStringAndSize(NULL, 0);
        }
    }
    Py_DECREF(heads);
    return status;
}

/* Whether the handler has asked for the body; -1 if that raises. */
static int
has_collector(PyObject *request)
{
    PyObject *collector = is_plain_request(request)
        ? taken(request, request_at.collector, names.collector)
        : PyObject_GetAttr(request, names.collector);
    Py_XDECREF(collector);
    return collector == NULL ? -1 : collector != Py_None;
}

/* Call the handler; what it raises becomes its answer. */
static PyObject *
dispatch(PyObject *channel, PyObject *request, PyObject *body)
{
    PyObject *server = taken(channel, channel_at.server, names.server);
    PyObject *result
        = server == NULL ? NULL : PyObject_CallMethodOneArg(server, names.dispatch, request);
    Py_XDECREF(server);
    if (result == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        return call_handling(channel, names.dispatch_failed, &request, 1, body);
    }
    int is_wanted = is_nothing(body) ? has_collector(request) : 1;
    if (is_wanted == 0)
        return result;
    Py_DECREF(result);
    if (is_wanted < 0)
        return NULL;
    return PyObject_CallMethodObjArgs(channel, names.follow_up, request, body, NULL);
}

/* channel.poller.at_end_of_turn(channel._send_one) */
static PyObject *
send_later(PyObject *channel)
{
    PyObject *poller, *later = NULL, *call = NULL, *result = NULL;
    if ((poller = taken(channel, channel_at.poller, names.poller)) != NULL
        && (later = taken_of(poller, given.poller_class, poller_at.at_end_of_turn,
                             names.at_end_of_turn)) != NULL
        && (call = PyObject_GetAttr(channel, names._send_one)) != NULL)
        result = PyObject_CallOneArg(later, call);
    Py_XDECREF(call);
    Py_XDECREF(later);
    Py_XDECREF(poller);
    return result;
}

/* Make a request of a head, and serve it. */
static PyObject *
begin(PyObject *channel, PyObject *head, PyObject *body)
{
    if (!is_nothing(body) && PyObject_SetAttr(channel, names.terminator, given.head_end) < 0)
        return NULL;
    if (count_up(channel, channel_at.requests, names.requests, 1) < 0)
        return NULL;
    put(channel, channel_at.advancing, Py_True);
    PyObject *result = NULL, *request = make_request(channel, head);
    if (request != NULL) {
        put(channel, channel_at.current_request, request);
        result = dispatch(channel, request, body);
        Py_DECREF(request);
    }
    if (result == NULL && PyErr_ExceptionMatches(given.client_error))
        result = call_handling(channel, names.refuse, NULL, 0, NULL);
    put(channel, channel_at.advancing, Py_False);
    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    int has_more = is_true(channel, channel_at.final, names.final);
    if (has_more == 0 && !is_nothing(AT(channel, channel_at.unread)))
        has_more = is_true(channel, channel_at.unread, names.unread);
    if (has_more != 0)
        return has_more < 0 ? NULL : PyObject_CallMethodNoArgs(channel, names.advance);
    return send_later(channel);
}

static PyObject *
handle_read_event(PyObject *channel, PyObject *nothing)
{
    int descriptor;
    Py_ssize_t size, got = 0;
    if (IS_AS_WRITTEN(channel, channel) && is_method(channel, names.recv, given.recv)
        && (size = size_to_read(channel)) > 0
        /* an attribute that is looked up may be anybody's code, so these come last */
        && is_at_rest(channel)
        && (descriptor = descriptor_of(AT(channel, channel_at.socket))) >= 0) {
        got = recv(descriptor, buffer, (size_t)size, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            Py_RETURN_NONE;
    }
    if (got <= 0) /* the end of the input, and errors, are found again */
        return otherwise(stood_before.handle_read_event, channel, NULL);

    PyObject *result = NULL, *head = NULL, *body = NULL;
    PyObject *data = PyBytes_FromStringAndSize(buffer, got);
    if (data == NULL || count_up(channel, channel_at.bytes_in, names.bytes_in, got) < 0)
        goto end;
    int found = find_head(channel, data, &head, &body);
    if (found == 0)
        result = PyObject_CallMethodOneArg(channel, names.received, data);
    if (found <= 0)
        goto end;
    result = begin(channel, head, body);
    Py_DECREF(head);
    Py_DECREF(body);
end:
    Py_XDECREF(data);
    return result;
}

/* The one small answer that is to be sent, (request, head, body); borrowed, NULL if that is not
   what waits. */
static PyObject *
find_reply(PyObject *channel)
{
    PyObject *replies = AT(channel, channel_at.replies), *reply, *head, *body;
    if (replies == NULL || !PyList_CheckExact(replies) || PyList_GET_SIZE(replies) != 1)
        return NULL;
    reply = PyList_GET_ITEM(replies, 0);
    if (!PyTuple_CheckExact(reply) || PyTuple_GET_SIZE(reply) != 3)
        return NULL;
    head = PyTuple_GET_ITEM(reply, 1);
    body = PyTuple_GET_ITEM(reply, 2);
    return PyBytes_CheckExact(head) && PyBytes_CheckExact(body)
            && PyBytes_GET_SIZE(body) <= LARGE
            && PyBytes_GET_SIZE(head) + PyBytes_GET_SIZE(body) <= (Py_ssize_t)sizeof buffer
            && is_plain_request(PyTuple_GET_ITEM(reply, 0))
        ? reply
        : NULL;
}

/* channel.poller.now + channel.limits.keep_alive */
static PyObject *
end_of_rest(PyObject *channel)
{
    PyObject *poller, *limits, *now = NULL, *patience = NULL, *when = NULL;
    if ((poller = taken(channel, channel_at.poller, names.poller)) == NULL)
        return NULL;
    if ((now = taken_of(poller, given.poller_class, poller_at.now, names.now)) != NULL
        && (limits = taken(channel, channel_at.limits, names.limits)) != NULL) {
        patience
            = taken_of(limits, given.limits_class, limits_at.keep_alive, names.keep_alive);
        Py_DECREF(limits);
    }
    if (patience != NULL)
        when = PyNumber_Add(now, patience);
    Py_XDECREF(patience);
    Py_XDECREF(now);
    Py_DECREF(poller);
    return when;
}

/* The answer has left: the connection waits for the next request. */
static PyObject *
rest(PyObject *channel)
{
    if (AT(channel, channel_at._watched) != given.idle
        || AT(channel, channel_at.current_request) != Py_None)
        return PyObject_CallMethodNoArgs(channel, names.settle);
    PyObject *result = NULL, *alarm, *when = end_of_rest(channel);
    if (when == NULL)
        return NULL;
    put(channel, channel_at.deadline, when);
    if ((alarm = taken(channel, channel_at._alarm_at, names._alarm_at)) != NULL) {
        int is_sooner = PyObject_RichCompareBool(when, alarm, Py_LT);
        if (is_sooner > 0)
            result = PyObject_CallMethodOneArg(channel, names._set_alarm, when);
        else if (is_sooner == 0)
            result = Py_NewRef(Py_None);
        Py_DECREF(alarm);
    }
    Py_DECREF(when);
    return result;
}

/* All of an answer has left. */
static PyObject *
finish(PyObject *channel, PyObject *request, Py_ssize_t sent, Py_ssize_t length)
{
    if (count_up(channel, channel_at.bytes_out, names.bytes_out, sent) < 0
        || give(request, request_at.bytes_sent, PyLong_FromSsize_t(length)) < 0)
        return NULL;
    PyObject *server = taken(channel, channel_at.server, names.server);
    PyObject *result = server == NULL
        ? NULL
        : PyObject_CallMethodOneArg(server, names.request_finished, request);
    Py_XDECREF(server);
    return result;
}

/* Only the beginning of `data`, the answers in `replies`, has left. */
static PyObject *
wait_for_room(PyObject *channel, PyObject *replies, PyObject *data, Py_ssize_t sent)
{
    PyObject *count = PyLong_FromSsize_t(sent);
    PyObject *result = count == NULL || data == NULL
        ? NULL
        : PyObject_CallMethodObjArgs(channel, names.sent_in_part, replies, data, count, NULL);
    Py_XDECREF(count);
    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    return PyObject_CallMethodNoArgs(channel, names.settle);
}

/* Send the only one of `replies`; `none` is what is in their place then. */
static PyObject *
send_reply(PyObject *channel, int descriptor, PyObject *replies, PyObject *reply, PyObject *none)
{
    PyObject *head = PyTuple_GET_ITEM(reply, 1), *body = PyTuple_GET_ITEM(reply, 2), *result;
    Py_ssize_t length = PyBytes_GET_SIZE(body), size = PyBytes_GET_SIZE(head) + length;
    memcpy(buffer, PyBytes_AS_STRING(head), (size_t)(size - length));
    memcpy(buffer + size - length, PyBytes_AS_STRING(body), (size_t)length);
    Py_ssize_t sent = send(descriptor, buffer, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) /* it fails again for whoever knows what that means */
        return otherwise(stood_before._send_one, channel, NULL);
    PyObject *data = sent == size ? NULL : PyBytes_FromStringAndSize(buffer, size);
    put(channel, channel_at.replies, none);
    if (sent == size)
        result = finish(channel, PyTuple_GET_ITEM(reply, 0), sent, length);
    else
        result = wait_for_room(channel, replies, data, sent);
    Py_XDECREF(data);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        return call_handling(channel, names.handle_error, NULL, 0, NULL);
    if (result == NULL || sent != size)
        return result;
    Py_DECREF(result);
    return rest(channel);
}

static PyObject *
send_one(PyObject *channel, PyObject *nothing)
{
    PyObject *none = PyList_New(0), *reply, *result;
    int descriptor;
    if (none == NULL)
        return NULL;
    if (IS_AS_WRITTEN(channel, channel) && is_method(channel, names.send, given.send)
        /* an attribute that is looked up may be anybody's code, so these come last */
        && is_queue_empty(channel)
        && (descriptor = descriptor_of(AT(channel, channel_at.socket))) >= 0
        && is_nothing(AT(channel, channel_at.unread))
        && is_nothing(AT(channel, channel_at.ac_out_buffer))
        && AT(channel, channel_at.final) == Py_False
        && AT(channel, channel_at.advancing) == Py_False
        && (reply = find_reply(channel)) != NULL) {
        PyObject *replies = Py_NewRef(AT(channel, channel_at.replies));
        Py_INCREF(reply);
        result = send_reply(channel, descriptor, replies, reply, none);
        Py_DECREF(reply);
        Py_DECREF(replies);
    }
    else
        result = otherwise(stood_before._send_one, channel, NULL);
    Py_DECREF(none);
    return result;
}

/* HTTPChannel.persists(), where the answer is yes: 1, else 0. */
static int
persists(PyObject *channel, PyObject *request, PyObject *head)
{
    PyObject *requests = AT(channel, channel_at.requests), *most;
    return AT(head, head_at.keep_alive) == Py_True
        && AT(request, request_at.close_asked) == Py_False
        && AT(channel, channel_at._body) == Py_None
        && AT(channel, channel_at.input_ended) == Py_False
        && has_limits(channel) && is_running(channel)
        && (most = AT(AT(channel, channel_at.limits), limits_at.requests_per_connection)) != NULL
        && requests != NULL && PyLong_CheckExact(requests)
        && (PyLong_CheckExact(most) || PyFloat_CheckExact(most))
        && PyObject_RichCompareBool(requests, most, Py_LT) == 1;
}

/* Whether `server.preamble(status)` is known to be that of an answer which was given before. */
static int
knows_preamble(PyObject *last, PyObject *channel, PyObject *server, PyObject *status)
{
    PyObject *until = AT(last, answered_at.until), *known = AT(last, answered_at.status), *now;
    if (until == NULL || !PyFloat_CheckExact(until) || known == NULL || !has_poller(channel)
        || (now = AT(AT(channel, channel_at.poller), poller_at.now)) == NULL
        || !PyFloat_CheckExact(now) || PyFloat_AS_DOUBLE(now) >= PyFloat_AS_DOUBLE(until)
        || PyObject_RichCompareBool(status, known, Py_EQ) != 1) /* both are plain numbers */
        return 0;
    Py_INCREF(until);
    PyObject *its_until = PyObject_GetAttr(server, names._preambles_until);
    int is_its = its_until == until; /* and not that of another server */
    Py_XDECREF(its_until);
    Py_DECREF(until);
    return is_its;
}

/* The same if it is not known yet; it is until the second ends. */
static int
has_preamble_of(PyObject *last, PyObject *channel, PyObject *server, PyObject *status)
{
    if (!PyLong_CheckExact(status) || !is_method(server, names.preamble, given.preamble))
        return 0;
    if (knows_preamble(last, channel, server, status))
        return 1;
    if (PyErr_Occurred())
        return 0;
    PyObject *preamble = PyObject_CallMethodOneArg(server, names.preamble, status), *until;
    int is_same = preamble != NULL && preamble == AT(last, answered_at.preamble);
    Py_XDECREF(preamble);
    if (is_same && (until = PyObject_GetAttr(server, names._preambles_until)) != NULL) {
        put(last, answered_at.status, status);
        give(last, answered_at.until, until);
    }
    return is_same && !PyErr_Occurred();
}

/* The head that this very answer had before: a new reference, NULL if there is none. */
static PyObject *
remembered_head(PyObject *channel, PyObject *request, PyObject *asked, PyObject *body)
{
    PyObject *last = AT(asked, head_at.answered), *server = AT(channel, channel_at.server);
    PyObject *headers = AT(request, request_at.reply_headers), *length, *before, *head = NULL;
    if (last == NULL || !Py_IS_TYPE(last, given.answered_class) || server == NULL
        || AT(last, answered_at.persistent) != Py_True
        || AT(request, request_at._more_headers) != Py_None
        || headers == NULL || !PyDict_CheckExact(headers)
        || (before = AT(last, answered_at.headers)) == NULL || !PyDict_CheckExact(before)
        || (length = AT(last, answered_at.length)) == NULL || !PyLong_CheckExact(length)
        || PyLong_AsSsize_t(length) != PyBytes_GET_SIZE(body))
        return NULL;
    Py_INCREF(last); /* asking may put others in the place of all these */
    Py_INCREF(server);
    Py_INCREF(headers);
    Py_INCREF(before);
    PyObject *status = PyObject_GetAttr(request, names.reply_code);
    if (status != NULL && has_preamble_of(last, channel, server, status)
        && PyObject_RichCompareBool(before, headers, Py_EQ) == 1)
        head = Py_XNewRef(AT(last, answered_at.head));
    Py_XDECREF(status);
    Py_DECREF(before);
    Py_DECREF(headers);
    Py_DECREF(server);
    Py_DECREF(last);
    forgive();
    return head;
}

/* The head of the answer to `request`, if it is one that was given before; a new reference. */
static PyObject *
find_answer(PyObject *channel, PyObject *request, PyObject **body)
{
    PyObject *asked, *outgoing, *replies, *socket, *head = NULL;
    if (!is_plain_request(request) || !IS_AS_WRITTEN(channel, channel)
        || !is_method(channel, names.persists, given.persists)
        || (socket = AT(channel, channel_at.socket)) == NULL || socket == Py_None
        || AT(channel, channel_at.current_request) != request
        || AT(request, request_at.head_sent) != Py_False
        || (asked = AT(request, request_at.head)) == NULL || !Py_IS_TYPE(asked, given.head_class)
        || (outgoing = AT(request, request_at.outgoing)) == NULL
        || !PyList_CheckExact(outgoing) || PyList_GET_SIZE(outgoing) != 1
        || !PyBytes_CheckExact(PyList_GET_ITEM(outgoing, 0))
        || (replies = AT(channel, channel_at.replies)) == NULL || !PyList_CheckExact(replies)
        || !persists(channel, request, asked))
        return NULL;
    *body = Py_NewRef(PyList_GET_ITEM(outgoing, 0));
    Py_INCREF(asked);
    head = remembered_head(channel, request, asked, *body);
    Py_DECREF(asked);
    replies = AT(channel, channel_at.replies);
    if (head == NULL || replies == NULL || !PyList_CheckExact(replies)) {
        Py_CLEAR(head);
        Py_CLEAR(*body);
    }
    return head;
}

static PyObject *
answer_request(PyObject *channel, PyObject *request)
{
    PyObject *body, *head = find_answer(channel, request, &body);
    if (head == NULL)
        return otherwise(stood_before.answer, channel, request);
    PyObject *reply = PyTuple_Pack(3, request, head, body);
    int status = reply == NULL ? -1 : PyList_Append(AT(channel, channel_at.replies), reply);
    Py_XDECREF(reply);
    Py_DECREF(head);
    Py_DECREF(body);
    if (status < 0)
        return NULL;
    put(channel, channel_at.current_request, Py_None);
    int is_advancing = is_true(channel, channel_at.advancing, names.advancing);
    if (is_advancing != 0)
        return is_advancing < 0 ? NULL : Py_NewRef(Py_None);
    PyObject *result = PyObject_CallMethodNoArgs(channel, names.advance);
    if (result != NULL)
        Py_SETREF(result, Py_NewRef(Py_None));
    return result;
}

static PyObject *
answer(PyObject *channel, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    if (count != 1 || keywords != NULL)
        return otherwise_with(stood_before.answer, channel, arguments, count, keywords);
    return answer_request(channel, arguments[0]);
}

PyMethodDef handle_read_event_method
    = {"handle_read_event", handle_read_event, METH_NOARGS,
       "handle_read_event($self, /)\n--\n\nSomething has come."};
PyMethodDef send_one_method
    = {"_send_one", send_one, METH_NOARGS,
       "_send_one($self, /)\n--\n\nSend the answer, if it is the only one and small."};
PyMethodDef answer_method
    = PUBLIC("answer", answer, "($self, request)",
             "Send the answer of a request that is done().");
