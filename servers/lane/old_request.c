/* medusa's http_request: what a handler of the old style asks of it, and its access line. */

#include "lane.h"

#include <time.h>

/* counter.increment() */
static PyObject *
increment(PyObject *counter)
{
    PyObject *before, *one;
    if (!Py_IS_TYPE(counter, given.counter_class)
        || !facts_of(given.counter_class)->is_as_written
        || (before = AT(counter, counter_at.value)) == NULL || !PyLong_CheckExact(before))
        return PyObject_CallMethodNoArgs(counter, names.increment);
    Py_INCREF(before);
    if ((one = PyLong_FromLong(1)) == NULL
        || give(counter, counter_at.value, PyNumber_Add(before, one)) < 0)
        Py_CLEAR(before);
    Py_XDECREF(one);
    return before;
}

/* http_request.request_counter.increment() */
static PyObject *
next_number(void)
{
    PyObject *kind = (PyObject *)given.old_request_class, *number;
    PyObject *counter = PyObject_GetAttr(kind, names.request_counter);
    if (counter == NULL)
        return NULL;
    number = increment(counter);
    Py_DECREF(counter);
    return number;
}

/* What http_request's constructor sets beyond Request's.  -1 if that raises. */
int
begin_old_request(PyObject *request, PyObject *uri, PyObject *path)
{
    put(request, old_request_at._path, path);
    put(request, old_request_at._first_uri, uri);
    put(request, old_request_at._header, Py_None);
    put(request, old_request_at._request, Py_None);
    if (give(request, old_request_at._excess, PyLong_FromLong(0)) < 0
        || give(request, old_request_at.thread,
                PyLong_FromUnsignedLong(PyThread_get_thread_ident())) < 0)
        return -1;
    return give(request, old_request_at.request_number, next_number());
}

static PyObject *
old_push(PyObject *request, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *outgoing = AT(request, request_at.outgoing), *thing, *piece;
    if (count != 1 || keywords != NULL || outgoing == NULL || !PyList_CheckExact(outgoing)
        || !((PyUnicode_CheckExact(thing = arguments[0]) && PyUnicode_IS_ASCII(thing))
             || PyBytes_CheckExact(thing))
        || !IS_AS_WRITTEN(request, old_request)
        || AT(request, request_at.is_done) != Py_False
        || AT(request, request_at.head_sent) != Py_False)
        return otherwise_with(stood_before.old_push, request, arguments, count, keywords);
    piece = PyBytes_CheckExact(thing) ? Py_NewRef(thing) : PyUnicode_AsASCIIString(thing);
    int status = piece == NULL ? -1 : PyList_Append(outgoing, piece);
    Py_XDECREF(piece);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Whether nothing of what old code does has to be put right before the answer is made. */
static int
is_in_order(PyObject *request)
{
    PyObject *fields = AT(request, request_at.reply_headers), *name, *value;
    PyObject *outgoing = AT(request, request_at.outgoing);
    PyObject *excess = AT(request, old_request_at._excess);
    if (fields == NULL || !PyDict_CheckExact(fields) || outgoing == NULL
        || !PyList_CheckExact(outgoing) || PyList_GET_SIZE(outgoing) != 1
        || !PyBytes_CheckExact(PyList_GET_ITEM(outgoing, 0)) || excess == NULL
        || !PyLong_CheckExact(excess) || PyObject_IsTrue(excess))
        return 0;
    for (Py_ssize_t at = 0; PyDict_Next(fields, &at, &name, &value);)
        if (!PyUnicode_CheckExact(value))
            return 0;
    return 1;
}

static PyObject *
old_done(PyObject *request, PyObject *nothing)
{
    PyObject *result = IS_AS_WRITTEN(request, old_request) && is_in_order(request)
        ? answer_of(request)
        : Py_NewRef(Py_NotImplemented);
    if (result != Py_NotImplemented)
        return result;
    Py_DECREF(result);
    return otherwise(stood_before.old_done, request, NULL);
}

/* Whether it is still the second that a line was written in, by a clock that is Python's own. */
static int
is_second(PyObject *second)
{
    if (second == NULL || !PyFloat_CheckExact(second) || given.clock == NULL
        || PyDict_GetItemWithError(given.of_time, names.time) != given.clock)
        return 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec == PyFloat_AS_DOUBLE(second);
}

static int
is_same_number(PyObject *one, PyObject *other)
{
    return one != NULL && PyLong_CheckExact(one) && PyLong_CheckExact(other)
        && PyObject_RichCompareBool(one, other, Py_EQ) == 1;
}

/* The rest of the line that was written for this head before, in the same second and of the same
   answer: a new reference, NULL if there is none. */
static PyObject *
remembered_text(PyObject *request, PyObject *bytes)
{
    PyObject *head = AT(request, request_at.head), *last, *text = NULL;
    if (head == NULL || !Py_IS_TYPE(head, given.head_class)
        || AT(request, old_request_at._request) != Py_None
        || (last = AT(head, head_at.logged)) == NULL || !Py_IS_TYPE(last, given.logged_class)
        || !is_same_number(AT(last, logged_at.length), bytes)
        || !is_second(AT(last, logged_at.second)))
        return NULL;
    Py_INCREF(last);
    PyObject *status = PyObject_GetAttr(request, names.reply_code);
    if (status != NULL && is_same_number(AT(last, logged_at.status), status))
        text = AT(last, logged_at.text);
    text = text != NULL && PyUnicode_CheckExact(text) ? Py_NewRef(text) : NULL;
    Py_XDECREF(status);
    Py_DECREF(last);
    return text;
}

static int
is_as_written_logger(PyObject *logger)
{
    PyObject *word = PyObject_GetAttr(logger, names.as_written);
    Py_XDECREF(word);
    return word == Py_True;
}

/* What an access line says of the client of a channel; NULL if that raises.  If somebody else keeps
   something in our place, it stays there. */
static PyObject *
client_of(PyObject *channel, PyObject *addr)
{
    PyObject *known = AT(channel, channel_at._client);
    if (known != NULL && PyTuple_CheckExact(known) && PyTuple_GET_SIZE(known) == 2
        && PyTuple_GET_ITEM(known, 0) == addr && PyUnicode_CheckExact(PyTuple_GET_ITEM(known, 1)))
        return Py_NewRef(PyTuple_GET_ITEM(known, 1));
    PyObject *client = PyObject_CallOneArg(given.client_of, addr);
    if (client == NULL || AT(channel, channel_at._client) != NULL)
        return client;
    if (give(channel, channel_at._client, PyTuple_Pack(2, addr, client)) < 0)
        Py_CLEAR(client);
    return client;
}

/* The object behind `channel.server.logger`, if nothing but ours is before it: a new reference,
   else NULL. */
static PyObject *
inner_logger_of(PyObject *channel)
{
    PyObject *server = AT(channel, channel_at.server), *logger, *inner = NULL;
    if (server == NULL)
        return NULL;
    Py_INCREF(server);
    if ((logger = PyObject_GetAttr(server, names.logger)) != NULL
        && (PyObject *)Py_TYPE(logger) == given.unresolving_logger
        && is_as_written_logger(logger))
        inner = PyObject_GetAttr(logger, names.logger);
    Py_XDECREF(logger);
    Py_DECREF(server);
    return inner;
}

/* inner.log(what is said of the client, and then `text`) */
static PyObject *
write_line(PyObject *inner, PyObject *channel, PyObject *addr, PyObject *text)
{
    PyObject *client = client_of(channel, addr), *result = NULL;
    PyObject *line = client == NULL ? NULL : PyUnicode_Concat(client, text);
    if (line != NULL)
        result = PyObject_CallMethodOneArg(inner, names.log, line);
    Py_XDECREF(line);
    Py_XDECREF(client);
    if (result != NULL)
        Py_SETREF(result, Py_NewRef(Py_None));
    return result;
}

/* Write the line, if it was mostly written before; else NotImplemented, and nothing is done. */
static PyObject *
log_again(PyObject *request, PyObject *channel, PyObject *addr, PyObject *bytes)
{
    PyObject *text = remembered_text(request, bytes);
    PyObject *inner = text == NULL ? NULL : inner_logger_of(channel);
    PyObject *result
        = inner == NULL ? Py_NewRef(Py_NotImplemented) : write_line(inner, channel, addr, text);
    if (inner == NULL)
        forgive();
    Py_XDECREF(inner);
    Py_XDECREF(text);
    return result;
}

static PyObject *
old_log(PyObject *request, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *channel, *addr;
    if (count != 1 || keywords != NULL || !IS_AS_WRITTEN(request, old_request)
        || (channel = AT(request, request_at.channel)) == NULL
        || !PyObject_TypeCheck(channel, given.channel_class)
        || !IS_AS_WRITTEN(channel, channel) || (addr = AT(channel, channel_at.addr)) == NULL
        || !PyTuple_CheckExact(addr))
        return otherwise_with(stood_before.old_log, request, arguments, count, keywords);
    Py_INCREF(channel); /* whoever is asked, or logs, may put others in their places */
    Py_INCREF(addr);
    PyObject *result = log_again(request, channel, addr, arguments[0]);
    Py_DECREF(addr);
    Py_DECREF(channel);
    if (result != Py_NotImplemented)
        return result;
    Py_DECREF(result);
    return PyErr_Occurred()
        ? NULL
        : otherwise_with(stood_before.old_log, request, arguments, count, keywords);
}

/* server.total_requests, if that and the line are all that there is to do; else NULL. */
static PyObject *
counter_of(PyObject *server, PyObject *request)
{
    PyObject *channel, *access_log;
    if (!PyObject_TypeCheck(request, given.old_request_class)
        || !IS_AS_WRITTEN(request, old_request)
        || (channel = AT(request, request_at.channel)) == NULL
        || !PyObject_TypeCheck(channel, given.channel_class)
        || !IS_AS_WRITTEN(channel, channel)
        || AT(channel, channel_at.server) != server || !is_running(channel)
        || (access_log = PyObject_GetAttr(server, names.access_log)) == NULL)
        return NULL;
    Py_DECREF(access_log);
    return access_log == Py_None ? PyObject_GetAttr(server, names.total_requests) : NULL;
}

/* request.log(request.bytes_sent) */
static PyObject *
log_request(PyObject *request)
{
    PyObject *sent = taken(request, request_at.bytes_sent, names.bytes_sent);
    PyObject *result = sent == NULL ? NULL : PyObject_CallMethodOneArg(request, names.log, sent);
    Py_XDECREF(sent);
    return result;
}

/* http_server.request_finished() */
static PyObject *
old_request_finished(
    PyObject *server, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *request = count == 1 && keywords == NULL ? arguments[0] : NULL, *result;
    PyObject *counter = request == NULL ? NULL : counter_of(server, request);
    if (counter == NULL) {
        forgive();
        return PyErr_Occurred()
            ? NULL
            : otherwise_with(
                  stood_before.old_request_finished, server, arguments, count, keywords);
    }
    result = increment(counter);
    Py_DECREF(counter);
    if (result == NULL)
        return NULL;
    Py_DECREF(result);
    result = log_request(request);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        result = call_handling(server, names.log_failed, NULL, 0, NULL);
    if (result != NULL)
        Py_SETREF(result, Py_NewRef(Py_None));
    return result;
}

PyMethodDef old_request_finished_method
    = PUBLIC("request_finished", old_request_finished, "($self, request)",
             "The last byte of an answer has left: count it, and let the request log itself.");
PyMethodDef old_push_method
    = PUBLIC("push", old_push, "($self, thing)",
             "Add text (sent as UTF-8), bytes or a producer to the body.");
PyMethodDef old_done_method
    = {"done", old_done, METH_NOARGS,
       "done($self, /)\n--\n\n"
       "The answer is complete; legal in any thread, also under a loop that is not ours."};
PyMethodDef old_log_method = PUBLIC("log", old_log, "($self, bytes)", "Write the access line.");
