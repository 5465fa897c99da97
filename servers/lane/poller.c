/* The poller's way to those whose descriptors are ready. */

#include "lane.h"

/* Of lifetime/selectors.py. */
enum { READ = 1, WRITE = 4 };

/* What Poller._serve() looks up once, at its beginning. */
struct turn {
    PyObject *poller, *objects, *map, *fresh, *attended;
};

/* What went wrong in a dispatcher is its own affair: poller._handle_error(fd, dispatcher, error) */
static PyObject *
handle_error(PyObject *poller, PyObject *fd, PyObject *dispatcher)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyObject *ahead[] = {fd, dispatcher};
    return call_handling(poller, names._handle_error, ahead, 2, NULL);
}

/* poller._changed[fd] = dispatcher; a poll within a poll puts another one there. */
static int
note_change(PyObject *poller, PyObject *fd, PyObject *dispatcher)
{
    PyObject *changed = taken(poller, poller_at._changed, names._changed);
    int status = changed == NULL ? -1 : PyObject_SetItem(changed, fd, dispatcher);
    Py_XDECREF(changed);
    return status;
}

static PyObject *
serve_dispatcher(
    struct turn *turn, PyObject *fd, PyObject *dispatcher, long event, PyObject *events)
{
    PyObject *result;
    int is_fresh = PySet_GET_SIZE(turn->fresh) == 0 ? 0 : PySet_Contains(turn->fresh, fd);
    if (is_fresh != 0)
        return is_fresh < 0 ? NULL : Py_NewRef(Py_None);
    int is_attended
        = PyDict_GET_SIZE(turn->attended) == 0 ? 0 : PyDict_Contains(turn->attended, fd);
    if (is_attended < 0 || (is_attended && note_change(turn->poller, fd, dispatcher) < 0))
        return NULL;
    if (event == READ)
        result = PyObject_CallMethodNoArgs(dispatcher, names.handle_read_event);
    else if (event == WRITE)
        result = PyObject_CallMethodNoArgs(dispatcher, names.handle_write_event);
    else
        result = PyObject_CallMethodObjArgs(
            turn->poller, names._handle_events, fd, dispatcher, events, NULL);
    return result != NULL ? result : handle_error(turn->poller, fd, dispatcher);
}

static PyObject *
serve_one(struct turn *turn, PyObject *fd, long event, PyObject *events)
{
    PyObject *dispatcher = PyDict_GetItemWithError(turn->objects, fd), *result = NULL;
    if (dispatcher == NULL || dispatcher == Py_None)
        return PyErr_Occurred() ? NULL : PyObject_CallMethodOneArg(turn->poller, names._stray, fd);
    Py_INCREF(dispatcher); /* keys of the map may be anybody's */
    if (PyDict_GetItemWithError(turn->map, fd) == dispatcher)
        result = serve_dispatcher(turn, fd, dispatcher, event, events);
    else if (!PyErr_Occurred())
        result = PyObject_CallMethodOneArg(turn->poller, names._stray, fd);
    Py_DECREF(dispatcher);
    return result;
}

/* Poller._serve([pair]), for what no selector of ours gives. */
static PyObject *
serve_otherwise(PyObject *poller, PyObject *pair)
{
    PyObject *ready = PyList_New(1);
    if (ready == NULL)
        return NULL;
    PyList_SET_ITEM(ready, 0, Py_NewRef(pair));
    PyObject *result = otherwise(stood_before._serve, poller, ready);
    Py_DECREF(ready);
    return result;
}

static PyObject *
serve_pair(struct turn *turn, PyObject *pair)
{
    PyObject *events;
    if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2
        || !PyLong_CheckExact(events = PyTuple_GET_ITEM(pair, 1)))
        return serve_otherwise(turn->poller, pair);
    int overflow;
    long event = PyLong_AsLongAndOverflow(events, &overflow);
    return serve_one(turn, PyTuple_GET_ITEM(pair, 0), event, events);
}

static PyObject *
serve_all(struct turn *turn, PyObject *ready)
{
    for (Py_ssize_t each = 0; each < PyList_GET_SIZE(ready); each++) {
        PyObject *pair = Py_NewRef(PyList_GET_ITEM(ready, each));
        PyObject *result = serve_pair(turn, pair);
        Py_DECREF(pair);
        if (result == NULL)
            return NULL;
        Py_DECREF(result);
    }
    Py_RETURN_NONE;
}

/* Poller._serve() */
static PyObject *
serve(PyObject *poller, PyObject *ready)
{
    struct turn turn = {
        poller, AT(poller, poller_at._objects), AT(poller, poller_at.map),
        AT(poller, poller_at._fresh), AT(poller, poller_at._attended)};
    if (!Py_IS_TYPE(poller, given.poller_class) || !PyList_CheckExact(ready)
        || turn.objects == NULL || !PyDict_CheckExact(turn.objects)
        || turn.map == NULL || !PyDict_CheckExact(turn.map)
        || turn.fresh == NULL || !PyAnySet_CheckExact(turn.fresh)
        || turn.attended == NULL || !PyDict_CheckExact(turn.attended))
        return otherwise(stood_before._serve, poller, ready);
    Py_INCREF(turn.objects);
    Py_INCREF(turn.map);
    Py_INCREF(turn.fresh);
    Py_INCREF(turn.attended);
    PyObject *result = serve_all(&turn, ready);
    Py_DECREF(turn.objects);
    Py_DECREF(turn.map);
    Py_DECREF(turn.fresh);
    Py_DECREF(turn.attended);
    return result;
}

PyMethodDef serve_method
    = {"_serve", serve, METH_O, "Call those whose descriptors are ready."};
