/* Request: what a handler asks of it. */

#include "lane.h"

int
is_plain_request(PyObject *request)
{
    if (Py_IS_TYPE(request, given.request_class))
        return facts_of(given.request_class)->is_as_written;
    return given.old_request_class != NULL
        && PyObject_TypeCheck(request, given.old_request_class)
        && IS_AS_WRITTEN(request, old_request);
}

/* An object of `kind` with what Request's constructor sets; NULL if that raises. */
static PyObject *
begin_request(PyTypeObject *kind, PyObject *channel, PyObject *head, PyObject *limit, PyObject *uri)
{
    PyObject *request = kind->tp_alloc(kind, 0);
    if (request == NULL)
        return NULL;
    put(request, request_at.channel, channel);
    put(request, request_at.head, head);
    put(request, request_at.method, AT(head, head_at.method));
    put(request, request_at.uri, uri);
    put(request, request_at.body_limit, limit);
    put(request, request_at.collector, Py_None);
    put(request, request_at.is_done, Py_False);
    put(request, request_at.head_sent, Py_False);
    put(request, request_at.close_asked, Py_False);
    put(request, request_at._more_headers, Py_None);
    if (give(request, request_at.reply_headers, PyDict_New()) < 0
        || give(request, request_at.outgoing, PyList_New(0)) < 0
        || give(request, request_at.bytes_sent, PyLong_FromLong(0)) < 0)
        Py_CLEAR(request);
    return request;
}

/* What `kind(channel, head, limit)` makes, if nothing about it is special; Py_None if something
   is, NULL if that raises. */
static PyObject *
make_plainly(PyTypeObject *kind, PyObject *channel, PyObject *head, PyObject *limit)
{
    PyObject *parts = AT(head, head_at._parts), *target = AT(head, head_at.target), *path;
    int is_made = facts_of(kind)->is_made;
    if (is_made == SOMEHOW || Py_TYPE(kind)->tp_call != PyType_Type.tp_call
        || AT(head, head_at.method) == NULL || target == NULL || !PyUnicode_CheckExact(target)
        || parts == NULL || !Py_IS_TYPE(parts, given.target_class) || PyTuple_GET_SIZE(parts) < 1
        || !PyUnicode_CheckExact(path = PyTuple_GET_ITEM(parts, 0))
        || (is_made == AS_OLD_REQUEST && PyUnicode_Compare(path, target) != 0))
        return Py_NewRef(Py_None);
    PyObject *request = begin_request(kind, channel, head, limit, target);
    if (request == NULL)
        return NULL;
    if (is_made == AS_REQUEST)
        put(request, request_at.path, path);
    else if (begin_old_request(request, target, path) < 0)
        Py_CLEAR(request);
    return request;
}

/* channel.limits.body */
static PyObject *
limit_of_body(PyObject *channel)
{
    PyObject *limits = taken(channel, channel_at.limits, names.limits);
    PyObject *limit = limits == NULL
        ? NULL
        : taken_of(limits, given.limits_class, limits_at.body, names.body);
    Py_XDECREF(limits);
    return limit;
}

/* channel.request_class(channel, head, channel.limits.body) */
PyObject *
make_request(PyObject *channel, PyObject *head)
{
    PyObject *request = NULL, *kind = PyObject_GetAttr(channel, names.request_class);
    PyObject *limit = kind == NULL ? NULL : limit_of_body(channel);
    if (limit != NULL) {
        if (PyType_Check(kind) && PyType_IsSubtype((PyTypeObject *)kind, given.request_class))
            request = make_plainly((PyTypeObject *)kind, channel, head, limit);
        else
            request = Py_NewRef(Py_None);
        if (request == Py_None) {
            Py_DECREF(request);
            request = PyObject_CallFunctionObjArgs(kind, channel, head, limit, NULL);
        }
    }
    Py_XDECREF(kind);
    Py_XDECREF(limit);
    return request;
}

/* Whether a value may stand in a field as it is: servers/http/framing.py's rule for text. */
static int
is_printable(PyObject *text)
{
    if (!PyUnicode_CheckExact(text) || !PyUnicode_IS_ASCII(text))
        return 0;
    const unsigned char *at = PyUnicode_DATA(text);
    for (Py_ssize_t left = PyUnicode_GET_LENGTH(text); left > 0; left--, at++)
        if (*at < 0x20 || *at > 0x7e)
            return 0;
    return 1;
}

static PyObject *
set_field(
    PyObject *request, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *name, *value, *known, *fields = AT(request, request_at.reply_headers);
    if (count != 2 || keywords != NULL || !PyUnicode_CheckExact(name = arguments[0])
        || !(PyLong_CheckExact(value = arguments[1]) || is_printable(value))
        || fields == NULL || !PyDict_CheckExact(fields) || !is_plain_request(request)
        || (known = PyDict_GetItemWithError(given.canonical, name)) == NULL) {
        forgive();
        return PyErr_Occurred()
            ? NULL
            : otherwise_with(stood_before.set_field, request, arguments, count, keywords);
    }
    Py_INCREF(fields); /* a value that goes may take them with it */
    PyObject *text = PyLong_CheckExact(value) ? PyObject_Str(value) : Py_NewRef(value);
    int status = text == NULL ? -1 : PyDict_SetItem(fields, known, text);
    Py_XDECREF(text);
    Py_DECREF(fields);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
push(PyObject *request, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    PyObject *outgoing = AT(request, request_at.outgoing), *data;
    if (count != 1 || keywords != NULL || outgoing == NULL || !PyList_CheckExact(outgoing)
        || !(PyUnicode_CheckExact(data = arguments[0]) || PyBytes_CheckExact(data))
        || !Py_IS_TYPE(request, given.request_class) || !is_plain_request(request)
        || AT(request, request_at.is_done) != Py_False
        || AT(request, request_at.head_sent) != Py_False)
        return otherwise_with(stood_before.push, request, arguments, count, keywords);
    PyObject *piece = PyBytes_CheckExact(data) ? Py_NewRef(data) : PyUnicode_AsUTF8String(data);
    int status = piece == NULL ? -1 : PyList_Append(outgoing, piece);
    Py_XDECREF(piece);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Hand a finished request to its channel; NotImplemented, and nothing is done, if that is not ours
   to do. */
static PyObject *
hand_over(PyObject *request, int in_any_thread)
{
    PyObject *channel = AT(request, request_at.channel), *lifetime, *thread;
    if (channel == NULL || !PyObject_TypeCheck(channel, given.channel_class)
        || AT(request, request_at.is_done) != Py_False
        || (lifetime = AT(channel, channel_at._lifetime)) == NULL
        || !Py_IS_TYPE(lifetime, given.lifetime_class)
        || (thread = AT(lifetime, lifetime_at.thread)) == NULL)
        return Py_NewRef(Py_NotImplemented);
    int here = is_in_this_thread(thread) || (in_any_thread && thread == Py_None);
    if (!here)
        return Py_NewRef(Py_NotImplemented);
    Py_INCREF(channel);
    put(request, request_at.is_done, Py_True);
    PyObject *result = PyObject_CallMethodOneArg(channel, names.answer, request);
    Py_DECREF(channel);
    if (result != NULL)
        Py_SETREF(result, Py_NewRef(Py_None));
    return result;
}

PyObject *
answer_of(PyObject *request)
{
    return hand_over(request, 0);
}

static PyObject *
done(PyObject *request, PyObject *nothing)
{
    PyObject *result = Py_IS_TYPE(request, given.request_class) && is_plain_request(request)
        ? hand_over(request, 1)
        : Py_NewRef(Py_NotImplemented);
    if (result != Py_NotImplemented)
        return result;
    Py_DECREF(result);
    return otherwise(stood_before.done, request, NULL);
}

PyMethodDef set_field_method
    = PUBLIC("__setitem__", set_field, "($self, name, value)",
             "Set a field of the answer.  Raises MisuseError for what cannot go on the wire.");
PyMethodDef push_method
    = PUBLIC("push", push, "($self, data)",
             "Add to the body: text (sent as UTF-8), bytes, or a producer.");
PyMethodDef done_method
    = {"done", done, METH_NOARGS,
       "done($self, /)\n--\n\nThe answer is complete.  Raises MisuseError the second time."};
