"""The grammar of an HTTP/1.1 request: what each element looks like, and what it means.

One expression judges a whole head; it is either right or wrong.  Only when it is wrong do we look
at the lines one by one, to say which rule was broken, and whether it is forgiven (`Leniency`).
Everything here works on bytes, every expression is linear in what it reads, and int(), strip() and
lower() only see what an expression has let through, or are told which bytes to touch.

Source: RFC 9112 (syntax and framing), RFC 9110 (fields), RFC 3986 (host).
"""

import re
from functools import lru_cache

from servers.http.errors import ClientError
from servers.http.limits import Limits

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
TEXT = rb"[\t -~\x80-\xff]*"  # a field value with the white space around it
FIELD = rb"%b:%b" % (TOKEN, TEXT)
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'

# A head is two parts with " HTTP/" between them: what is asked, and all the rest.
# A fragment is no part of a request, so a target has no "#".
ASKED = re.compile(rb"(%b) ([!\"$-~]+)" % TOKEN)
REST = re.compile(rb"1\.[0-9]\r\n(?:%b\r\n)*\r\n" % FIELD)

# The fields that decide how a request is read.  To be used on what REST has matched.
DECISIVE_NAMES = rb"host|content-length|transfer-encoding|connection|expect"
DECISIVE = re.compile(rb"\n(%b):([^\r]*)" % DECISIVE_NAMES, re.IGNORECASE)
DECISIVE_LINE = re.compile(rb"(?:%b):" % DECISIVE_NAMES, re.IGNORECASE)

REQUEST_LINE = re.compile(rb"%b ([!-~\x80-\xff]+) HTTP/([0-9])\.[0-9]" % TOKEN)
LONG_REQUEST_LINE = re.compile(rb"%b [!-~]+(?: [!-~]*)?" % TOKEN)  # cut off somewhere
SIMPLE_REQUEST = re.compile(rb"%b [!-~]+" % TOKEN)
FIELD_LINE = re.compile(FIELD)
EARLY_COLON = re.compile(rb"%b[\t ]+:" % TOKEN)
TOKEN_START = re.compile(TOKEN)

# RFC 3986's reg-name or IPv4 address, or an IPv6 address in brackets; then perhaps a port.  The
# comma, which a reg-name may contain, is left out: it is how two Host fields look when merged.
PLAIN = rb"[A-Za-z0-9\-._~!$&'()*+;=]"
NAME = rb"(?!:|\Z)" + PLAIN + rb"*(?:%[0-9A-Fa-f]{2}" + PLAIN + rb"*)*"
AUTHORITY = re.compile(rb"(?:" + NAME + rb"|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")

DIGITS = re.compile(rb"[0-9]+")
MAX_LENGTH_DIGITS = 18  # fits in 63 bits, and far beyond what anybody sends

CHUNK = re.compile(rb"([0-9A-Fa-f]+)((?:;%b(?:=(?:%b|%b))?)*)" % (TOKEN, TOKEN, QUOTED))

# Codings that exist, and that we do not undo.
UNSUPPORTED_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})

WHITE = b" \t"

# Those that may be forgiven in a value; NUL, CR and LF are not among them.
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\0\t\r\n"))
CONTROLS_TO_BLANKS = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))


def check_lines(text: bytes, limits: Limits, *, request_line: bool = True) -> None:
    """Look at `text` line by line, and raise ClientError for the first rule that is broken.

    text: a head, or a piece of one that begins where a line begins.
    request_line: is the first line the request line?
    Returns if all lines are well-formed and none is too long; of a last line without an end,
    only what can be known already is judged.
    """
    *lines, unfinished = text.split(b"\r\n")
    for line in lines:
        if request_line:
            check_request_line(line, limits)
            request_line = False
        elif line and not is_forgiven(line, limits):
            check_field_line(line, limits)
    # The last CR may be half of a line end.
    unfinished = unfinished[:-1] if unfinished.endswith(b"\r") else unfinished
    if request_line and len(unfinished) > limits.request_line:
        check_request_line(unfinished, limits)
    if not request_line and len(unfinished) > limits.header_line:
        check_field_line(unfinished, limits)
    if request_line and unfinished and not TOKEN_START.match(unfinished):
        raise ClientError(400, "this is not an HTTP request")
    _check_line_ends(unfinished)


def _check_line_ends(line: bytes) -> None:
    if b"\n" in line or b"\r" in line:
        raise ClientError(400, "a line ends in something other than CR LF")


def check_request_line(line: bytes, limits: Limits) -> None:
    """Raise ClientError if `line`, without its end, is not a request line we can answer."""
    if len(line) > limits.request_line:
        if LONG_REQUEST_LINE.fullmatch(line, 0, limits.request_line):
            raise ClientError(414, "the request line is too long")
        raise ClientError(400, "this is not an HTTP request")
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        if SIMPLE_REQUEST.fullmatch(line):
            raise ClientError(400, "the request line names no version; HTTP/0.9 is not spoken here")
        raise ClientError(400, "the request line is not method, target and version")
    target, major = match.groups()
    if b"#" in target and not limits.leniency.fragments:
        raise ClientError(400, "the request target contains a fragment")
    if not (target.isascii() or limits.leniency.raw_targets):
        raise ClientError(400, "the request target contains bytes that must be percent-encoded")
    if major != b"1":
        raise ClientError(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")


def is_forgiven(line: bytes, limits: Limits) -> bool:
    """Whether `line`, which is no header field, is taken for one all the same.

    If it goes on another line, what that one is remains to be seen.
    """
    leniency = limits.leniency
    if not leniency or len(line) > limits.header_line:
        return False
    if leniency.control_characters and not DECISIVE_LINE.match(line):
        line = line.translate(CONTROLS_TO_BLANKS)
    if leniency.folded_lines and line[:1] in (b" ", b"\t"):
        line = b"x:%b" % line
    return FIELD_LINE.fullmatch(line) is not None


def check_field_line(line: bytes, limits: Limits) -> None:
    """Raise ClientError if `line`, without its end, is not a header field."""
    if len(line) > limits.header_line:
        _check_line_ends(line[: limits.header_line])
        raise ClientError(431, "a header line is too long")
    if FIELD_LINE.fullmatch(line):
        return
    if line[:1] in (b" ", b"\t"):
        raise ClientError(400, "a header line begins with white space")
    if EARLY_COLON.match(line):
        # "No whitespace is allowed between the field name and colon." (RFC 9112, section 5.1)
        raise ClientError(400, "there is white space between a header's name and its colon")
    if b":" not in line:
        raise ClientError(400, "a header line has no colon")
    raise ClientError(400, "a header line contains a character that is not allowed there")


@lru_cache(maxsize=256)  # one server has few names, and every request repeats one
def read_authority(value: bytes) -> str:
    """Read host[:port].  Raises ClientError."""
    if not AUTHORITY.fullmatch(value):
        raise ClientError(400, "the host is not a valid name or address")
    return value.decode("ascii")


def read_length(value: bytes) -> int:
    """Read the value of Content-Length.  Raises ClientError."""
    if not DIGITS.fullmatch(value):
        raise ClientError(400, "Content-Length is not one number")
    if len(value) > MAX_LENGTH_DIGITS:
        raise ClientError(413, "Content-Length is astronomic")
    return int(value)


@lru_cache(maxsize=256)  # it is keep-alive or close, nearly always
def read_options(value: bytes) -> frozenset[bytes]:
    """Read the value of Connection: its options, in lower case."""
    return frozenset(option.strip(WHITE) for option in value.lower().split(b","))


def check_codings(value: bytes) -> None:
    """Raise ClientError unless the value of Transfer-Encoding is `chunked`, once and alone."""
    *others, last = [coding.strip(WHITE) for coding in value.lower().split(b",")]
    # "If ... the chunked transfer coding is not the final encoding, the message body length
    # cannot be determined reliably; the server MUST respond with the 400 (Bad Request) status
    # code and then close the connection." (RFC 9112, section 6.3)
    if last != b"chunked" or not UNSUPPORTED_CODINGS.issuperset(others):
        raise ClientError(400, "Transfer-Encoding is not chunked")
    if others:
        raise ClientError(501, "the only transfer coding understood here is chunked")
