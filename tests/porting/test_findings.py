"""What needs a person: each rule finds what it is for, and nothing that is well."""

from __future__ import annotations

import ast

import pytest

from servers.porting.findings import RULES, Program, find_all
from servers.porting.findings.imports import FlatImport
from servers.porting.findings.leftovers import (
    Division,
    RemovedModule,
    RemovedName,
    StringCaught,
)
from servers.porting.findings.maps import MapWalked
from servers.porting.findings.producers import EndOfData, LengthOfText, TextFile, TypeOfText
from servers.porting.findings.requests import CommandCase
from servers.porting.findings.rule import Rule
from servers.porting.findings.wire import TextCollector, TextTerminator, TextToSocket

COLLECTOR = """
class collector:
    def __init__(self):
        {beginning}

    def collect_incoming_data(self, data):
        {adding}

    def found_terminator(self):
        {end}
"""


def lines(rule: type[Rule], text: str, python: int = 3) -> list[int]:
    """Where a rule finds something."""
    program = Program(ast.parse(text), tuple(text.split("\n")), python, python == 3)
    return sorted({finding.line for finding in rule().find(program)})


@pytest.mark.parametrize(
    ("beginning", "adding", "end", "where"),
    [
        ("self.data = ''", "self.data = self.data + data", "pass", [4]),
        ("self.data = b''", "self.data = self.data + data", "pass", []),
        ("self.data = ''", "self.data += data", "pass", [4]),
        ("self.name, self.data = 'x', ''", "self.data += data", "pass", [4]),
        ("self.name = ''", "self.data += data", "pass", []),
        ("self.data = []", "self.data.append(data)", "s = ''.join(self.data)", [10]),
        ("self.data = []", "self.data.append(data)", "s = b''.join(self.data)", []),
        ("self.file = StringIO()", "self.file.write(data)", "pass", [4]),
        ("self.file = io.StringIO()", "self.file.write(data)", "pass", [4]),
        ("self.file = io.BytesIO()", "self.file.write(data)", "pass", []),
        ("self.data = b''", "self.data += data", "if self.data == 'quit': pass", [10]),
        ("self.data = b''", "self.data += data", "a = self.data.split(' ')", [10]),
        ("self.data = b''", "self.data += data", "s = 'got %s' % self.data", [10]),
        ("self.data = b''", "self.data += data", "s = self.data.decode('latin-1')", []),
        ("self.data = b''", "self.data += data", "s = self.data.split(b' ')", []),
        ("pass", "if data.find('x') >= 0: pass", "pass", [7]),
        ("pass", "if 'x' in data: pass", "pass", [7]),
        ("pass", "if data[0] == '/': pass", "pass", [7]),
    ],
)  # fmt: skip
def test_text_in_a_collector(beginning: str, adding: str, end: str, where: list[int]) -> None:
    text = COLLECTOR.format(beginning=beginning, adding=adding, end=end)
    assert lines(TextCollector, text) == where


@pytest.mark.parametrize(("given", "where"), [("data", [3]), ("stdin", [])])
def test_text_against_what_a_collector_hands_on(given: str, where: list[int]) -> None:
    text = f"class handler:\n def continue_request(self, {given}, request):\n  {given}.split('=')\n"
    assert lines(TextCollector, text) == where


def test_text_is_found_behind_another_name_for_what_was_collected() -> None:
    text = COLLECTOR.format(
        beginning="self.lines = []",
        adding="self.lines.append(data)",
        end="line = b''.join(self.lines).strip()\n        if line == '/quit': pass",
    )
    assert lines(TextCollector, text) == [11]


@pytest.mark.parametrize(
    ("rule", "text", "found"),
    [
        (TextTerminator, "self.set_terminator('\\r\\n')", True),
        (TextTerminator, "request.channel.set_terminator('\\r\\n' * 2)", True),
        (TextTerminator, "if self.get_terminator() == '\\r\\n': pass", True),
        (TextTerminator, "self.set_terminator(b'\\r\\n')", False),
        (TextTerminator, "self.set_terminator(length)", False),
        (TextToSocket, "self.send('250 OK')", True),
        (TextToSocket, "sock.sendall('x %s' % y)", True),
        (TextToSocket, "sock.sendto('x', address)", True),
        (TextToSocket, "self.send(b'250 OK')", False),
        (TextToSocket, "self.send(data)", False),
        (TextToSocket, "class A(asynchat.async_chat):\n def f(self): self.push('x')", True),
        (TextToSocket, "class A(async_chat):\n def f(self): self.push(b'x')", False),
        (TextToSocket, "class A:\n def f(self, request): request.push('x')", False),
        (TypeOfText, "if type(x) == type(''): pass", True),
        (TypeOfText, "if type('') is type(x): pass", True),
        (TypeOfText, "if type(x) in (str, int): pass", True),
        (TypeOfText, "if type(x) is types.StringType: pass", True),
        (TypeOfText, "if isinstance(x, types.StringType): pass", True),
        (TypeOfText, "from types import StringType", True),
        (TypeOfText, "if type(x) == type([]): pass", False),
        (TypeOfText, "if isinstance(x, (str, bytes)): pass", False),
        (EndOfData, "def more(self):\n    return ''", True),
        (EndOfData, "def more(self):\n    return b''", False),
        (EndOfData, "def less(self):\n    return ''", False),
        (EndOfData, "def f():\n    if p.more() == '': pass", True),
        (EndOfData, "def f():\n    data = sock.recv(9)\n    while data != '': pass", True),
        (EndOfData, "def f():\n    data = sock.recv(9)\n    while data: pass", False),
        (LengthOfText, "request['Content-Length'] = len(s)", True),
        (LengthOfText, "def f():\n    r['content-length'] = '%d' % len(s)", True),
        (LengthOfText, "h = 'Content-Length: %d\\r\\n' % len(s)", True),
        (LengthOfText, "h = 'Content-Length: ' + str(len(s))", True),
        (LengthOfText, "h = f'Content-Length: {len(s)}'", True),
        (LengthOfText, "h = [('Content-Length', str(len(s)))]", True),
        (LengthOfText, "c.putheader('Content-Length', str(len(s)))", True),
        (LengthOfText, "def f():\n    d = s.encode()\n    r['Content-Length'] = len(d)", False),
        (LengthOfText, "request['Content-Length'] = len(s.encode('utf-8'))", False),
        (LengthOfText, "request['Content-Length'] = size", False),
        (LengthOfText, "request['Content-Type'] = len(s)", False),
        (TextFile, "p = producers.file_producer(open(path))", True),
        (TextFile, "p = file_producer(open(path, 'r'))", True),
        (TextFile, "p = file_producer(open(path, 'rb'))", False),
        (MapWalked, "for c in asyncore.socket_map.values(): c.close()", True),
        (MapWalked, "for fd in asyncore.socket_map: f(fd)", True),
        (MapWalked, "for c in list(asyncore.socket_map.values()): c.close()", False),
        (MapWalked, "for c in asyncore.socket_map.values(): n += 1", False),
        (MapWalked, "for k in self.d.keys():\n    del self.d[k]", True),
        (MapWalked, "for k in d:\n    d.pop(k)", True),
        (MapWalked, "for k in d.keys():\n    del e[k]", False),
        (MapWalked, "for k in d.keys():\n    d[k] = 1", False),
        (CommandCase, "if request.command == 'get': pass", True),
        (CommandCase, "if 'PUT' != self.request.command: pass", True),
        (CommandCase, "if request.command in ('get', 'HEAD'): pass", True),
        (CommandCase, "if request.command.upper() == 'GET': pass", False),
        (CommandCase, "if options.command == 'start': pass", False),
        (FlatImport, "import http_server", True),
        (FlatImport, "import http_server, logger", True),
        (FlatImport, "from default_handler import *", True),
        (FlatImport, "import logger", False),
        (FlatImport, "from medusa import http_server", False),
        (StringCaught, "try: pass\nexcept 'busy': pass", True),
        (StringCaught, "Busy = 'busy'\nraise Busy(1)", True),
        (StringCaught, "Busy = 'busy'\ntry: pass\nexcept (KeyError, Busy): pass", True),
        (StringCaught, "class Busy(Exception): pass\nraise Busy(1)", False),
        (RemovedModule, "import md5", True),
        (RemovedModule, "from sets import Set", True),
        (RemovedModule, "try:\n    import md5\nexcept ImportError: pass", False),
        (RemovedModule, "import hashlib", False),
        (RemovedModule, "from . import user", False),
        (RemovedName, "import base64\nx = base64.encodestring(y)", True),
        (RemovedName, "from cgi import escape", True),
        (RemovedName, "x = 'y'.encode('base64')", True),
        (RemovedName, "x = cmp(a, b)", True),
        (RemovedName, "def cmp(a, b): pass\nx = cmp(a, b)", False),
        (RemovedName, "class A:\n    def __cmp__(self, other): pass", True),
        (RemovedName, "def f(string): return string.split(',')", False),
        (RemovedName, "import string\nx = string.maketrans('a', 'b')", True),
        (RemovedName, "x = 'y'.encode('utf-8')", False),
    ],
)  # fmt: skip
def test_a_rule(rule: type[Rule], text: str, found: bool) -> None:
    assert bool(lines(rule, text)) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [("x = len(y) / 2", True), ("x /= 10", True), ("x = y / 2.0", False),
     ("x = float(y) / 2", False), ("x = a / b", False), ("x = len(y) // 2", False)],
)  # fmt: skip
def test_a_division_is_found_in_python_2_only(text: str, found: bool) -> None:
    assert bool(lines(Division, text, python=2)) is found
    assert not lines(Division, text, python=3)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_each_rule_says_why_and_what_to_do(rule: Rule) -> None:
    for sentence in (rule.why, rule.fix):
        assert sentence.endswith((".", ").")), sentence
    assert rule.title and rule.minutes > 0 and type(rule).__doc__


def test_a_line_is_reported_once_by_each_rule() -> None:
    text = "if type(x) == type('') or type(y) == type(''): pass\n"
    program = Program(ast.parse(text), tuple(text.split("\n")))
    assert len(list(find_all(program))) == 1


def test_a_long_line_is_cut() -> None:
    text = f"if type(x) == type(''): y = '{'z' * 500}'\n"
    program = Program(ast.parse(text), tuple(text.split("\n")))
    (finding,) = find_all(program)
    assert len(finding.seen) == 80 and finding.seen.endswith("...")
