/* The lane: the commonest turn of a connection, compiled.

   What it does is what methods of five Python classes do, and those methods say what is right: each
   function here looks whether everything is as it mostly is, and if anything is not, calls the
   Python method that it stands before, having done nothing yet.  So nothing is parsed and nothing
   composed here: heads, answers and lines are those that the Python code has remembered.  What is
   said again is the commonest outcome of three rules: HTTPChannel.persists(), the text that a field
   may have, and whether a line is of this second; change them together.  Where this was not built,
   everything is the Python code's.

   The state is that of the Python objects.  What is read in every turn has a fixed place in them,
   by __slots__; a class in which something stands before such a place is not `as_written`, and is
   left to the Python code. */

#ifndef LIFETIME_LANE_H
#define LIFETIME_LANE_H

#define PY_SSIZE_T_CLEAN
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* memmem(); Python mostly says so itself */
#endif
#include <Python.h>
#include <structmember.h>

/* The places, by class, as offsets in bytes. */

#define CHANNEL_PLACES(X) \
    X(_alarm_at) X(_body) X(_client) X(_fifo) X(_heads) X(_lifetime) X(_watched) \
    X(ac_out_buffer) X(addr) X(advancing) X(bytes_in) X(bytes_out) X(current_request) \
    X(deadline) X(final) X(input_ended) X(is_replaced) X(limits) X(poller) \
    X(replies) X(requests) X(server) X(socket) X(unread)
#define REQUEST_PLACES(X) \
    X(_more_headers) X(body_limit) X(bytes_sent) X(channel) X(close_asked) X(collector) X(head) \
    X(head_sent) X(is_done) X(method) X(outgoing) X(path) X(reply_headers) X(uri)
#define OLD_REQUEST_PLACES(X) \
    X(_excess) X(_first_uri) X(_header) X(_path) X(_request) X(is_replaced) X(request_number) \
    X(thread)
#define HEAD_PLACES(X) \
    X(_parts) X(answered) X(chunked) X(keep_alive) X(length) X(logged) X(method) X(opened) \
    X(target)
#define ANSWERED_PLACES(X) X(head) X(headers) X(length) X(persistent) X(preamble) \
    X(status) X(until)
#define LOGGED_PLACES(X) X(length) X(second) X(status) X(text)
#define LIFETIME_PLACES(X) X(phase) X(thread)
#define POLLER_PLACES(X) \
    X(_attended) X(_changed) X(_fresh) X(_objects) X(at_end_of_turn) X(map) X(now)
#define COUNTER_PLACES(X) X(value)
#define LIMITS_PLACES(X) X(body) X(keep_alive) X(requests_per_connection)

#define PLACE(name) Py_ssize_t name;
struct channel_places { CHANNEL_PLACES(PLACE) };
struct request_places { REQUEST_PLACES(PLACE) };
struct old_request_places { OLD_REQUEST_PLACES(PLACE) };
struct head_places { HEAD_PLACES(PLACE) };
struct answered_places { ANSWERED_PLACES(PLACE) };
struct logged_places { LOGGED_PLACES(PLACE) };
struct lifetime_places { LIFETIME_PLACES(PLACE) };
struct poller_places { POLLER_PLACES(PLACE) };
struct limits_places { LIMITS_PLACES(PLACE) };
struct counter_places { COUNTER_PLACES(PLACE) };
#undef PLACE

extern struct channel_places channel_at;
extern struct request_places request_at;
extern struct old_request_places old_request_at;
extern struct head_places head_at;
extern struct answered_places answered_at;
extern struct logged_places logged_at;
extern struct lifetime_places lifetime_at;
extern struct poller_places poller_at;
extern struct limits_places limits_at;
extern struct counter_places counter_at;

/* Whether an object is a channel or an old request that is still as it was written. */
#define IS_AS_WRITTEN(object, kind) \
    is_as_written(object, AT(object, kind##_at.is_replaced))

/* What is at a place: borrowed, NULL if nothing was ever put there.  Whatever may run somebody's
   code in between (a look-up, a comparison, a last reference that goes) may put another there. */
#define AT(object, place) (*(PyObject **)((char *)(object) + (place)))

/* A new reference to it; if nothing was put there, what Python says of that. */
static inline PyObject *
taken(PyObject *object, Py_ssize_t place, PyObject *name)
{
    PyObject *value = AT(object, place);
    return value != NULL ? Py_NewRef(value) : PyObject_GetAttr(object, name);
}

/* The same of an object that may be of another class. */
static inline PyObject *
taken_of(PyObject *object, PyTypeObject *kind, Py_ssize_t place, PyObject *name)
{
    return Py_IS_TYPE(object, kind) ? taken(object, place, name) : PyObject_GetAttr(object, name);
}

/* Put `value` at a place; `give` takes the reference over.  -1 if `value` is NULL. */
int give(PyObject *object, Py_ssize_t place, PyObject *value);
static inline void
put(PyObject *object, Py_ssize_t place, PyObject *value)
{
    (void)give(object, place, Py_NewRef(value));
}

/* The attributes and methods that are looked up by name. */

#define NAMES(X) \
    X(__getattribute__) X(__init__) X(_alarm_at) X(_changed) X(_handle_error) X(_handle_events) \
    X(_originals) X(_preambles_until) X(_send_one) X(_set_alarm) X(_stray) X(ac_in_buffer_size) \
    X(access_log) X(advance) X(advancing) X(answer) X(as_written) X(at_end_of_turn) X(body) \
    X(bytes_in) X(bytes_out) X(bytes_sent) X(channel_class) X(close) X(collector) X(dispatch) \
    X(dispatch_failed) X(fileno) X(final) X(follow_up) X(handle_error) X(handle_read_event) \
    X(handle_write_event) X(increment) X(keep_alive) X(limits) X(log) X(log_failed) X(logger) \
    X(now) X(persists) X(poller) X(preamble) X(received) X(recv) X(refuse) X(reply_code) \
    X(request_class) X(request_counter) X(request_finished) X(requests) X(send) X(sent_in_part) \
    X(server) X(settle) X(terminator) X(time) X(total_requests) X(unread)
#define NAME(name) PyObject *name;
extern struct names { NAMES(NAME) } names;
#undef NAME

/* What Python gives us when we take over, and the methods that we stand before. */

extern struct given {
    PyTypeObject *lifetime_class, *poller_class, *limits_class;
    PyTypeObject *channel_class, *request_class, *head_class, *answered_class;
    PyObject *canonical, *client_error, *head_end, *idle, *open_parcel, *running, *socket_class;
    PyObject *persists, *preamble, *recv, *send;
    PyObject *socket_fileno, *socket_recv, *socket_send;
    PyTypeObject *target_class;
    PyTypeObject *old_request_class, *logged_class, *counter_class;
    PyObject *increment;
    PyObject *client_of, *clock, *of_time, *unresolving_logger;
} given;

extern struct stood_before {
    PyObject *_serve;
    PyObject *handle_read_event, *_send_one, *answer;
    PyObject *init, *set_field, *push, *done;
    PyObject *old_init, *old_push, *old_done, *old_log, *old_request_finished;
} stood_before;

/* request.c */
int is_plain_request(PyObject *request);
PyObject *make_request(PyObject *channel, PyObject *head);
PyObject *answer_of(PyObject *request);
extern PyMethodDef set_field_method, push_method, done_method;

/* old_request.c */
int begin_old_request(PyObject *request, PyObject *uri, PyObject *path);
extern PyMethodDef old_push_method, old_done_method, old_log_method;
extern PyMethodDef old_request_finished_method;

/* channel.c */
extern PyMethodDef handle_read_event_method, send_one_method, answer_method;

/* poller.c */
extern PyMethodDef serve_method;

/* module.c */
struct facts {
    PyTypeObject *kind;
    unsigned int version;
    int is_as_written;
    enum { SOMEHOW, AS_REQUEST, AS_OLD_REQUEST } is_made;
};
const struct facts *facts_of(PyTypeObject *kind);
int is_as_written(PyObject *object, PyObject *is_replaced);
int is_in_this_thread(PyObject *number);
int is_method(PyObject *object, PyObject *name, PyObject *function);
int is_running(PyObject *channel);
int is_true(PyObject *object, Py_ssize_t place, PyObject *name);
int descriptor_of(PyObject *socket);
void forgive(void);
PyObject *otherwise(PyObject *method, PyObject *object, PyObject *argument);
PyObject *otherwise_with(
    PyObject *method, PyObject *object, PyObject *const *arguments, Py_ssize_t count,
    PyObject *keywords);
PyObject *call_handling(
    PyObject *object, PyObject *method, PyObject **ahead, size_t count, PyObject *behind);

/* A method that the public calls, and so perhaps with a keyword. */
#define PUBLIC(name, function, signature, text) \
    {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL | METH_KEYWORDS, \
     name signature "\n--\n\n" text}

#endif
