/* How the Python classes are taken over, and what the other files share. */

#include "lane.h"

struct channel_places channel_at;
struct request_places request_at;
struct old_request_places old_request_at;
struct head_places head_at;
struct answered_places answered_at;
struct logged_places logged_at;
struct lifetime_places lifetime_at;
struct poller_places poller_at;
struct limits_places limits_at;
struct counter_places counter_at;
struct names names;
struct given given;
struct stood_before stood_before;

int
give(PyObject *object, Py_ssize_t place, PyObject *value)
{
    if (value == NULL)
        return -1;
    PyObject *before = AT(object, place);
    AT(object, place) = value;
    Py_XDECREF(before);
    return 0;
}

/* Where a class keeps what its __slots__ name.  -1 if it keeps it elsewhere. */
static int
find_place(PyTypeObject *kind, const char *name, Py_ssize_t *place)
{
    PyObject *descriptor = PyObject_GetAttrString((PyObject *)kind, name);
    if (descriptor == NULL)
        return -1;
    int is_slot = Py_IS_TYPE(descriptor, &PyMemberDescr_Type);
    if (is_slot)
        *place = ((PyMemberDescrObject *)descriptor)->d_member->offset;
    else
        PyErr_Format(PyExc_TypeError, "%s.%s is not in its __slots__", kind->tp_name, name);
    Py_DECREF(descriptor);
    return is_slot ? 0 : -1;
}

/* find_channel_places(kind, places) and the like: 0 and an exception if one is missing. */
#define FIND(name) && find_place(kind, #name, &places->name) == 0
#define FINDER(name, PLACES) \
    static int find_##name##_places(PyTypeObject *kind, struct name##_places *places) \
    { \
        return 1 PLACES(FIND); \
    }

FINDER(channel, CHANNEL_PLACES)
FINDER(request, REQUEST_PLACES)
FINDER(old_request, OLD_REQUEST_PLACES)
FINDER(head, HEAD_PLACES)
FINDER(lifetime, LIFETIME_PLACES)
FINDER(poller, POLLER_PLACES)
FINDER(limits, LIMITS_PLACES)
FINDER(counter, COUNTER_PLACES)
FINDER(answered, ANSWERED_PLACES)
FINDER(logged, LOGGED_PLACES)

/* Let go of what a look-up of ours has raised: the Python code looks again, and finds it again.
   But an interrupt, which may come whenever Python code runs, comes once; so it stays. */
void
forgive(void)
{
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear();
}

/* What the method does that we stand before; NULL if an interrupt has come on the way there. */
PyObject *
otherwise(PyObject *method, PyObject *object, PyObject *argument)
{
    if (PyErr_Occurred())
        return NULL;
    PyObject *arguments[] = {object, argument};
    return PyObject_Vectorcall(method, arguments, argument == NULL ? 1 : 2, NULL);
}

/* The same for arguments that are none of ours: it knows what to say of them. */
PyObject *
otherwise_with(
    PyObject *method, PyObject *object, PyObject *const *arguments, Py_ssize_t count,
    PyObject *keywords)
{
    Py_ssize_t size = count + (keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords));
    PyObject **all = PyMem_New(PyObject *, size + 1);
    if (all == NULL)
        return PyErr_NoMemory();
    all[0] = object;
    for (Py_ssize_t each = 0; each < size; each++)
        all[each + 1] = arguments[each];
    PyObject *result = PyObject_Vectorcall(method, all, (size_t)count + 1, keywords);
    PyMem_Free(all);
    return result;
}

/* Whether what is at a place is true; -1 if that raises. */
int
is_true(PyObject *object, Py_ssize_t place, PyObject *name)
{
    PyObject *value = AT(object, place);
    if (value == Py_False || value == Py_True)
        return value == Py_True;
    if ((value = taken(object, place, name)) == NULL)
        return -1;
    int status = PyObject_IsTrue(value);
    Py_DECREF(value);
    return status;
}

/* Whether `object.name` is the method that we stand in for, on the class and on the object. */
int
is_method(PyObject *object, PyObject *name, PyObject *function)
{
    PyObject *method = NULL;
#if PY_VERSION_HEX < 0x030D0000
    /* What a call of a method begins with; a third cheaper, for no bound method is made. */
    int is_it = _PyObject_GetMethod(object, name, &method) && method == function;
#else
    method = PyObject_GetAttr(object, name);
    int is_it = method != NULL && PyMethod_Check(method)
        && PyMethod_GET_FUNCTION(method) == function && PyMethod_GET_SELF(method) == object;
#endif
    if (method == NULL)
        forgive();
    Py_XDECREF(method);
    return is_it;
}

/* Whether `kind.name` is this very object. */
static int
is_found(PyTypeObject *kind, PyObject *name, PyObject *expected)
{
    PyObject *value = PyObject_GetAttr((PyObject *)kind, name);
    forgive();
    Py_XDECREF(value);
    return value != NULL && value == expected;
}

/* Whether attributes of its objects are read and set as those of any other object are. */
static int
has_plain_attributes(PyTypeObject *kind)
{
    PyObject *plain
        = PyObject_GetAttr((PyObject *)&PyBaseObject_Type, names.__getattribute__);
    int reads_plainly = kind->tp_getattro == PyObject_GenericGetAttr
        || (plain != NULL && is_found(kind, names.__getattribute__, plain));
    forgive();
    Py_XDECREF(plain);
    return reads_plainly && kind->tp_setattro == PyObject_GenericSetAttr;
}

/* Whether Request is as it was; it has no flag that says so. */
static int
is_request_as_written(void)
{
    struct request_places places;
    int is_it = find_request_places(given.request_class, &places)
        && memcmp(&places, &request_at, sizeof places) == 0;
    forgive();
    return is_it;
}

/* Whether a class has what passed_by() (servers/overriding.py) has seen.  Its flag says so, too;
   but it does not learn of what is put into a base that is none of ours. */
static int
has_originals(PyTypeObject *kind)
{
    PyObject *originals, *name, *original;
    if (!is_found(kind, names.as_written, Py_True))
        return 0;
    originals = PyObject_GetAttr((PyObject *)kind, names._originals);
    int has_them = originals != NULL && PyDict_CheckExact(originals);
    for (Py_ssize_t at = 0; has_them && PyDict_Next(originals, &at, &name, &original);)
        has_them = is_found(kind, name, original);
    forgive();
    Py_XDECREF(originals);
    return has_them;
}

static int
is_socket_as_written(PyTypeObject *kind)
{
    return is_found(kind, names.recv, given.socket_recv)
        && is_found(kind, names.send, given.socket_send)
        && is_found(kind, names.fileno, given.socket_fileno);
}

static void
judge(PyTypeObject *kind, struct facts *facts)
{
    facts->is_made = SOMEHOW;
    facts->is_as_written = has_plain_attributes(kind)
        && ((PyObject *)kind == given.socket_class ? is_socket_as_written(kind)
            : kind == given.request_class          ? is_request_as_written()
            : kind == given.counter_class ? is_found(kind, names.increment, given.increment)
                                          : has_originals(kind));
    if (!facts->is_as_written || kind->tp_new != PyBaseObject_Type.tp_new
        || PyType_HasFeature(kind, Py_TPFLAGS_IS_ABSTRACT))
        return;
    if (is_found(kind, names.__init__, stood_before.init))
        facts->is_made = AS_REQUEST;
    else if (is_found(kind, names.__init__, stood_before.old_init))
        facts->is_made = AS_OLD_REQUEST;
}

/* What is known of a class.

   Some of it is asked ten times for a request, always of the same few classes.  So it is kept until
   the interpreter gives the class another version, as it does when anything about it or its bases
   changes. */
const struct facts *
facts_of(PyTypeObject *kind)
{
    /* A class is in one of NEAR places beginning with its own: two that are asked in turn must not
       drive each other out. */
    enum { PLACES = 64, NEAR = 8 };
    static struct facts known[PLACES + NEAR];
    static size_t next = 0; /* which of the near ones goes, if another comes */
    struct facts *near = &known[((size_t)kind >> 4 ^ (size_t)kind >> 11) % PLACES];
    unsigned int version = kind->tp_version_tag;
#if PY_VERSION_HEX < 0x030C0000
    if (!PyType_HasFeature(kind, Py_TPFLAGS_VALID_VERSION_TAG))
        version = 0;
#endif
    for (size_t each = 0; version != 0 && each < NEAR; each++)
        if (near[each].kind == kind && near[each].version == version)
            return &near[each];
    struct facts found;
    judge(kind, &found); /* which may run somebody's code, and so come here again */
    found.kind = version == 0 ? NULL : kind;
    found.version = version;
    struct facts *facts = &near[next++ % NEAR];
    for (size_t each = 0; each < NEAR; each++)
        if (near[each].kind == kind || near[each].kind == NULL)
            facts = &near[each];
    *facts = found;
    return facts;
}

/* Whether nobody has overridden what we stand in for.  What says that something was replaced in
   this object alone is there only if it was, mostly. */
int
is_as_written(PyObject *object, PyObject *is_replaced)
{
    return (is_replaced == NULL || is_replaced == Py_False)
        && facts_of(Py_TYPE(object))->is_as_written;
}

int
is_running(PyObject *channel)
{
    PyObject *lifetime = AT(channel, channel_at._lifetime);
    return lifetime != NULL && Py_IS_TYPE(lifetime, given.lifetime_class)
        && AT(lifetime, lifetime_at.phase) == given.running;
}

/* Sockets keep their descriptor where we look for it; set once that was tried. */
static int knows_descriptors = 0;
#define DESCRIPTOR_IN(socket) (*(int *)((char *)(socket) + sizeof(PyObject)))

/* The descriptor of a plain socket; -1 for any other, and for one that is closed. */
int
descriptor_of(PyObject *socket)
{
    if (socket == NULL || (PyObject *)Py_TYPE(socket) != given.socket_class
        || !facts_of(Py_TYPE(socket))->is_as_written)
        return -1;
    if (knows_descriptors)
        return DESCRIPTOR_IN(socket);
    PyObject *number = PyObject_CallMethodNoArgs(socket, names.fileno);
    long descriptor = number == NULL ? -1 : PyLong_AsLong(number);
    Py_XDECREF(number);
    forgive();
    return descriptor < 0 || descriptor > INT_MAX ? -1 : (int)descriptor;
}

/* What the system's own sockets do we may do in their place; not what somebody has made who lets
   others run meanwhile, and has put it into the module before we came. */
static int
find_socket_methods(void)
{
    PyObject *kind = given.socket_class;
    return PyType_Check(kind)
        && ((PyTypeObject *)kind)->tp_basicsize >= (Py_ssize_t)(sizeof(PyObject) + sizeof(int))
        && (given.socket_fileno = PyObject_GetAttr(kind, names.fileno)) != NULL
        && (given.socket_recv = PyObject_GetAttr(kind, names.recv)) != NULL
        && (given.socket_send = PyObject_GetAttr(kind, names.send)) != NULL
        && Py_IS_TYPE(given.socket_fileno, &PyMethodDescr_Type)
        && Py_IS_TYPE(given.socket_recv, &PyMethodDescr_Type)
        && Py_IS_TYPE(given.socket_send, &PyMethodDescr_Type);
}

/* Are they where we look for them?  An open one has to have its own, and a closed one none. */
static void
try_descriptors(void)
{
    if (!find_socket_methods()) {
        given.socket_class = NULL; /* then no socket is plain */
        return;
    }
    PyObject *socket = PyObject_CallNoArgs(given.socket_class);
    if (socket == NULL) /* none are left, perhaps: then they are asked for */
        return;
    int asked = descriptor_of(socket), found = DESCRIPTOR_IN(socket);
    PyObject *result = PyObject_CallMethodNoArgs(socket, names.close);
    knows_descriptors
        = result != NULL && asked >= 0 && found == asked && DESCRIPTOR_IN(socket) == -1;
    Py_XDECREF(result);
    Py_DECREF(socket);
}

int
is_in_this_thread(PyObject *number)
{
    if (!PyLong_CheckExact(number))
        return 0;
    unsigned long thread = PyLong_AsUnsignedLong(number);
    if (thread == (unsigned long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return thread == PyThread_get_thread_ident();
}

/* object.method(*ahead, error[, behind]) for the exception that is set, as in an except block: what
   is called may ask sys.exc_info().  handle_error() takes nothing, and asks it. */
PyObject *
call_handling(
    PyObject *object, PyObject *method, PyObject **ahead, size_t count, PyObject *behind)
{
    PyObject *kind, *error, *trace, *outer_kind, *outer, *outer_trace, *result;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    if (trace != NULL)
        PyException_SetTraceback(error, trace);
    PyObject *arguments[5] = {object};
    size_t size = 1;
    for (size_t each = 0; each < count; each++)
        arguments[size++] = ahead[each];
    if (method != names.handle_error)
        arguments[size++] = error;
    if (behind != NULL)
        arguments[size++] = behind;
    PyErr_GetExcInfo(&outer_kind, &outer, &outer_trace);
    Py_INCREF(error);
    PyErr_SetExcInfo(kind, error, trace);
    result = PyObject_VectorcallMethod(method, arguments, size, NULL);
    PyErr_SetExcInfo(outer_kind, outer, outer_trace);
    Py_DECREF(error);
    return result;
}

/* Put a function of ours before a method of a class. */
static int
stand_before(PyTypeObject *kind, PyMethodDef *method, PyObject **stood_before_it)
{
    PyObject *ours = NULL;
    *stood_before_it = PyObject_GetAttrString((PyObject *)kind, method->ml_name);
    if (*stood_before_it != NULL)
        ours = PyDescr_NewMethod(kind, method);
    int status = ours == NULL
        ? -1
        : PyObject_SetAttrString((PyObject *)kind, method->ml_name, ours);
    Py_XDECREF(ours);
    return status;
}

/* What was found does not fit: it was built for other classes, which do without it then. */
static PyObject *
stand_aside(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
        return NULL;
    PyErr_Clear();
    int status = PyErr_WarnEx(
        PyExc_RuntimeWarning,
        "servers._lane was built for another version of the servers, and is left aside; "
        "build it again",
        1);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* Each class is taken over once.  A module that is loaded again has others, of its own: those are
   left to the Python code, and the first ones stay as they are. */
static int has_taken_over = 0;

static int
find_all(void)
{
    PyObject *channel = (PyObject *)given.channel_class, *request = (PyObject *)given.request_class;
    return find_lifetime_places(given.lifetime_class, &lifetime_at)
        && find_poller_places(given.poller_class, &poller_at)
        && find_limits_places(given.limits_class, &limits_at)
        && find_channel_places(given.channel_class, &channel_at)
        && find_request_places(given.request_class, &request_at)
        && find_head_places(given.head_class, &head_at)
        && find_answered_places(given.answered_class, &answered_at)
        && (given.recv = PyObject_GetAttr(channel, names.recv)) != NULL
        && (given.send = PyObject_GetAttr(channel, names.send)) != NULL
        && (stood_before.init = PyObject_GetAttr(request, names.__init__)) != NULL;
}

static PyObject *
take_over(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *words[] = {
        "lifetime_class", "poller_class", "limits_class", "channel_class", "request_class",
        "head_class", "target_class", "answered_class", "socket_class", "canonical",
        "client_error", "head_end", "idle", "open_parcel", "running", NULL};
    static int was_tried = 0;
    if (was_tried)
        Py_RETURN_NONE;
    was_tried = 1;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "$O!O!O!O!O!O!O!O!OO!OOOOO:take_over", words,
            &PyType_Type, &given.lifetime_class, &PyType_Type, &given.poller_class,
            &PyType_Type, &given.limits_class,
            &PyType_Type, &given.channel_class, &PyType_Type, &given.request_class,
            &PyType_Type, &given.head_class, &PyType_Type, &given.target_class,
            &PyType_Type, &given.answered_class,
            &given.socket_class, &PyDict_Type, &given.canonical, &given.client_error,
            &given.head_end, &given.idle, &given.open_parcel, &given.running))
        return stand_aside();
    PyObject *kept[] = {
        (PyObject *)given.lifetime_class, (PyObject *)given.poller_class,
        (PyObject *)given.limits_class, (PyObject *)given.channel_class,
        (PyObject *)given.request_class, (PyObject *)given.target_class,
        (PyObject *)given.head_class, (PyObject *)given.answered_class, given.socket_class,
        given.canonical, given.client_error, given.head_end, given.idle, given.open_parcel,
        given.running};
    for (size_t each = 0; each < Py_ARRAY_LENGTH(kept); each++)
        Py_INCREF(kept[each]);
    if (!find_all())
        return stand_aside();
    try_descriptors();
    forgive();
    if (PyErr_Occurred()
        || stand_before(given.poller_class, &serve_method, &stood_before._serve) < 0
        || stand_before(given.channel_class, &handle_read_event_method,
                        &stood_before.handle_read_event) < 0
        || stand_before(given.channel_class, &send_one_method, &stood_before._send_one) < 0
        || stand_before(given.channel_class, &answer_method, &stood_before.answer) < 0
        || stand_before(given.request_class, &set_field_method, &stood_before.set_field) < 0
        || stand_before(given.request_class, &push_method, &stood_before.push) < 0
        || stand_before(given.request_class, &done_method, &stood_before.done) < 0)
        return NULL;
    has_taken_over = 1;
    Py_RETURN_NONE;
}

/* Python's clock; somebody's tests may put another into its module. */
static int
find_clock(void)
{
    PyObject *module = PyImport_ImportModule("time");
    if (module == NULL)
        return 0;
    given.of_time = Py_NewRef(PyModule_GetDict(module));
    given.clock = PyObject_GetAttr(module, names.time);
    Py_DECREF(module);
    if (given.clock != NULL && !PyCFunction_CheckExact(given.clock))
        Py_SETREF(given.clock, NULL); /* they have done so already */
    return !PyErr_Occurred();
}

static PyObject *
take_over_old_request(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    static char *words[] = {
        "request_class", "logged_class", "counter_class", "client_of", "unresolving_logger",
        NULL};
    static int was_tried = 0;
    PyTypeObject *kind;
    if (was_tried || !has_taken_over)
        Py_RETURN_NONE;
    was_tried = 1;
    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "$O!O!O!OO:take_over_old_request", words,
            &PyType_Type, &kind, &PyType_Type, &given.logged_class,
            &PyType_Type, &given.counter_class, &given.client_of, &given.unresolving_logger))
        return stand_aside();
    Py_INCREF(kind);
    Py_INCREF(given.logged_class);
    Py_INCREF(given.counter_class);
    Py_INCREF(given.client_of);
    Py_INCREF(given.unresolving_logger);
    if (!PyType_IsSubtype(kind, given.request_class)
        || !find_old_request_places(kind, &old_request_at)
        || !find_logged_places(given.logged_class, &logged_at) || !find_clock()
        || !find_counter_places(given.counter_class, &counter_at)
        || (given.increment = PyObject_GetAttr((PyObject *)given.counter_class, names.increment))
            == NULL
        || (stood_before.old_init = PyObject_GetAttr((PyObject *)kind, names.__init__)) == NULL)
        return stand_aside();
    given.old_request_class = kind;
    if (stand_before(kind, &old_push_method, &stood_before.old_push) < 0
        || stand_before(kind, &old_done_method, &stood_before.old_done) < 0
        || stand_before(kind, &old_log_method, &stood_before.old_log) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *
take_over_listener(PyObject *module, PyObject *listener)
{
    if (!has_taken_over || given.preamble != NULL)
        Py_RETURN_NONE;
    PyObject *channel = PyObject_GetAttr(listener, names.channel_class);
    given.persists = channel == NULL ? NULL : PyObject_GetAttr(channel, names.persists);
    Py_XDECREF(channel);
    if (given.persists != NULL)
        given.preamble = PyObject_GetAttr(listener, names.preamble);
    return given.preamble == NULL ? NULL : Py_NewRef(Py_None);
}

static PyObject *
take_over_old_server(PyObject *module, PyObject *server)
{
    if (given.old_request_class == NULL || stood_before.old_request_finished != NULL)
        Py_RETURN_NONE;
    if (!PyType_Check(server)) {
        PyErr_SetString(PyExc_TypeError, "take_over_old_server() takes a class");
        return NULL;
    }
    if (stand_before((PyTypeObject *)server, &old_request_finished_method,
                     &stood_before.old_request_finished) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"take_over", (PyCFunction)(void (*)(void))take_over, METH_VARARGS | METH_KEYWORDS,
     "Stand before methods of the channel's and the request's classes, once."},
    {"take_over_listener", take_over_listener, METH_O,
     "Know the listener's preamble(), and its channel's persists()."},
    {"take_over_old_request", (PyCFunction)(void (*)(void))take_over_old_request,
     METH_VARARGS | METH_KEYWORDS, "The same for medusa's request."},
    {"take_over_old_server", take_over_old_server, METH_O, "The same for medusa's server."},
    {NULL, NULL, 0, NULL}};

/* What is kept here is the process's: one interpreter, and one import of the classes, can have it.
   The others do without. */
static int
begin(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main() || has_taken_over) {
        PyErr_SetString(
            PyExc_ImportError,
            "servers._lane can be had once in a process, by its main interpreter");
        return -1;
    }
#define INTERN(name) && (names.name = PyUnicode_InternFromString(#name)) != NULL
    return 1 NAMES(INTERN) ? 0 : -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, begin},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "servers._lane", "The commonest turn of a connection, compiled.", 0,
    functions, slots, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__lane(void)
{
#ifdef Py_GIL_DISABLED /* the lock is what keeps our buffer, and the Python objects' places */
    PyErr_SetString(PyExc_ImportError, "servers._lane needs the global interpreter lock");
    return NULL;
#else
    return PyModuleDef_Init(&definition);
#endif
}
