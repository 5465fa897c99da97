"""What changes by itself, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers.porting.syntax import Refusal

if TYPE_CHECKING:
    from servers.porting.conversion import Converter


def converted(converter: Converter, text: str) -> str:
    conversion = converter.convert(text, "program.py")
    assert not isinstance(conversion, Refusal), conversion
    return conversion.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print 'x', y", "print('x', y)"),
        ("print", "print()"),
        ("print >>log, 'x',", "print('x', end=' ', file=log)"),
        ("print ('a', 'b')\nprint 1", "print(('a', 'b'))\nprint(1)"),
        ("x = `y`", "x = repr(y)"),
        ("x = 0755 + 10L", "x = 0o755 + 10"),
        ("x = 0755L", "x = 0o755"),
        ("if a <> b: pass", "if a != b: pass"),
        ("if d.has_key(k): pass", "if k in d: pass"),
        ("x = apply(f, args, kw)", "x = f(*args, **kw)"),
        ("exec 'x' in d", "exec('x', d)"),
        ("raise KeyError, 'x'", "raise KeyError('x')"),
        ("raise KeyError, 'x', tb", "raise KeyError('x').with_traceback(tb)"),
        ("import urlparse", "import urllib.parse"),
        ("from StringIO import StringIO", "from io import StringIO"),
        ("names = d.keys()\nnames.sort()\nprint names",
         "names = list(d.keys())\nnames.sort()\nprint(names)"),
        ("for k in d.iterkeys(): pass", "for k in d.keys(): pass"),
        ("import sys\nx = sys.exc_type", "import sys\nx = sys.exc_info()[0]"),
        ("import sys\nx = sys.maxint", "import sys\nx = sys.maxsize"),
        ("import types\nif type(x) == types.ListType: print 1",
         "import types\nif type(x) == list: print(1)"),
    ],
)  # fmt: skip
def test_python_2_becomes_python_3(converter: Converter, old: str, new: str) -> None:
    assert converted(converter, f"{old}\n") == f"{new}\n"


def test_except_with_a_comma_becomes_as(converter: Converter) -> None:
    old = "try: f()\nexcept (IOError, OSError), why: print why\n"
    new = "try: f()\nexcept (IOError, OSError) as why: print(why)\n"
    assert converted(converter, old) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("string.split(x)", "x.split()"),
        ("string.split(x, ',', 1)[0]", "x.split(',', 1)[0]"),
        ("string.strip(a + b)", "(a + b).strip()"),
        ("string.join(words)", "' '.join(words)"),
        ("string.join(words, '')", "''.join(words)"),
        ("string.lower(string.strip(x))", "x.strip().lower()"),
        ("string.atoi('12')", "int('12')"),
        ("string.letters", "string.ascii_letters"),
    ],
)
def test_functions_of_string_become_methods(converter: Converter, old: str, new: str) -> None:
    assert converted(converter, f"import string\nx = {old}\n") == f"import string\nx = {new}\n"


@pytest.mark.parametrize(
    "old",
    [
        "def f(string):\n    return string.split(',')\n",
        "import string\nfor string in x: y = string.split(',')\nz = d.has_key\n",
        "import string\nx = string.join(*words)\n",
    ],
)
def test_what_may_not_be_the_module_string_is_left(converter: Converter, old: str) -> None:
    assert converted(converter, old) == old


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("raise 'busy'", "raise RuntimeError('busy')"),
        ("raise 'busy', who", "raise RuntimeError('busy', who)"),
        ("raise 'busy', (who, why)", "raise RuntimeError('busy', who, why)"),
        ("raise 'busy %s' % who, why", "raise RuntimeError('busy %s' % who, why)"),
        ("raise 'busy', who, tb", "raise RuntimeError('busy', who).with_traceback(tb)"),
    ],
)
def test_a_string_that_is_raised_becomes_an_exception(
    converter: Converter, old: str, new: str
) -> None:
    assert converted(converter, f"{old}\n") == f"{new}\n"


def test_the_type_of_text_is_left_to_a_person(converter: Converter) -> None:
    old = "import types\nif type(x) is types.StringType: print x\n"
    assert "types.StringType" in converted(converter, old)


@pytest.mark.parametrize(
    "text",
    [
        "for k in d.keys(): print(k, end='')\n",
        "print('a', 'b')\n",
        "def f():\n    match x:\n        case 1:\n            pass\n",
        "class A:\n    def next(self): return 1\n",
        "x = map(f, y)\n",
        "from __future__ import annotations\n",
        "x = input('? ')\n",
        "try:\n    import urlparse\nexcept ImportError:\n    urlparse = None\n",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\nx = unicode(1)\n",
        "import sys\nif sys.version_info[0] == 2:\n    text = unicode\nelse:\n    text = str\n",
        "from compat import long, unicode\nx = long(1), unicode(2)\n",
        "print('é \\x00')\n",
        "",
        "\n\n",
        "# nothing but a comment\n",
    ],
)
def test_python_3_and_what_runs_on_both_is_left_alone(converter: Converter, text: str) -> None:
    assert converted(converter, text) == text


def test_names_that_a_program_defines_are_left_alone_beside_python_2(converter: Converter) -> None:
    old = "from compat import unicode\nif d.has_key(unicode(1)): pass\n"
    assert converted(converter, old) == "from compat import unicode\nif unicode(1) in d: pass\n"


@pytest.mark.parametrize(
    "old",
    [
        "import string\nx = string.join(a, # the words\n    '') # why\n",
        "if d.has_key( # key\n        k): # why\n    pass\n",
        "x = apply(f, # first\n    args) # then\nprint 1\n",
        "def f((a, b), # pair\n      c): # rest\n    # body\n    print a # end\n",
        "@decorated # how\ndef f(x): print x\n",
        "print >>log, ( # what\n    x) # why\n",
    ],
)
def test_no_comment_is_lost(converter: Converter, old: str) -> None:
    new = converted(converter, old)
    assert sorted(part.split("\n")[0] for part in old.split("#")[1:]) == sorted(
        part.split("\n")[0] for part in new.split("#")[1:]
    )


def test_a_comment_that_the_converter_drops_stands_above_its_statement(
    converter: Converter,
) -> None:
    assert converted(converter, "if 1:\n    x = apply(f, # the function\n        args)\n") == (
        "if 1:\n    # the function\n    x = f(*args)\n"
    )


def test_tabs_that_are_eight_columns_wide_become_blanks(converter: Converter) -> None:
    old = "if 1:\n\tx = 1\n        y = '''\n\tkept'''\n"
    assert converted(converter, old) == "if 1:\n        x = 1\n        y = '''\n\tkept'''\n"


@pytest.mark.parametrize("text", ["if 1:\n\tif 2:\n\t\tx = 1\n", "x = [\n\t1,\n        2]\n"])
def test_tabs_that_python_3_takes_are_left(converter: Converter, text: str) -> None:
    assert converted(converter, text) == text


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1\ny = (2,\nz = 3\n", 2, "never closed"),
        ("print 1\ny = (2,\nz = 3\n", 2, "never closed"),
        ("print 1\nif x\n    pass\n", 2, "neither Python 2 nor Python 3"),
        ("x = 'a\n", 1, "unterminated"),
        ("print 1\nx = 'a\n", 2, ""),
        ("if 1:\n    x\n  y\n", 3, "unindent"),
        ("<?php echo 1; ?>\n", 1, "neither"),
        ("print 1\nx = 09\n", 2, ""),
        ("print 1\nasync = 2\n", 2, "'async' is a word of the language now"),
        ("print 1\nimport async\n", 2, "'async' is a word of the language now"),
    ],
)
def test_what_neither_python_reads_is_refused_with_its_line(
    converter: Converter, text: str, line: int, reason: str
) -> None:
    refusal = converter.convert(text, "program.py")
    assert isinstance(refusal, Refusal), refusal
    assert refusal.line == line
    assert reason in refusal.reason


@pytest.mark.parametrize("text", [f"x = {'(' * 5000}1{')' * 5000}\n", f"x = {'-' * 100000}1\n"])
def test_what_is_nested_too_deeply_is_refused(converter: Converter, text: str) -> None:
    assert isinstance(converter.convert(f"print 1\n{text}", "program.py"), Refusal)
