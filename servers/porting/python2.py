"""Was a program that Python 3 parses meant for Python 2?

It was if it uses, without having defined it or expecting it to be missing, what only Python 2 had.
A program that was made to run on both shows no such sign, and is left alone.  The converter removes
every sign there is here: so what it has made is Python 3, and is not converted once more.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from servers.porting import syntax

#: Built-in types, and functions that are handed around.
BUILTINS = frozenset({"basestring", "long", "unichr", "unicode", "StandardError"})

#: Built-in functions that are called.
CALLED = frozenset({"apply", "execfile", "intern", "raw_input", "reduce", "xrange"})

#: Methods of maps, and attributes of functions and methods.
ATTRIBUTES = frozenset({
    "func_closure", "func_code", "func_defaults", "func_dict", "func_doc", "func_globals",
    "func_name", "im_class", "im_func", "im_self", "iteritems", "iterkeys", "itervalues",
    "viewitems", "viewkeys", "viewvalues", "xreadlines",
})

#: Attributes of modules.
OF_MODULES = {
    "itertools": {"ifilter", "ifilterfalse", "imap", "izip", "izip_longest"},
    "os": {"getcwdu"},
    "string": {"atof", "atoi", "atol", "join", "letters", "lower", "lowercase", "replace", "split",
               "strip", "upper", "uppercase"},
    "sys": {"exc_traceback", "exc_type", "exc_value", "maxint"},
    "urllib": {"quote", "quote_plus", "unquote", "unquote_plus", "urlencode", "urlopen",
               "urlretrieve"},
}

#: Methods of maps that gave lists.
LISTED = frozenset({"items", "keys", "values"})


def prints_to_a_file(tree: ast.Module) -> bool:
    """Is there a `print >>file, x`?  Python 3 takes that for a shift in a tuple."""
    return any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.RShift)
        and isinstance(node.left, ast.Name)
        and node.left.id == "print"
        for node in ast.walk(tree)
    )


def is_meant_for_python_2(tree: ast.Module, modules: Collection[str]) -> bool:
    """Is there a sign of Python 2?

    modules: those that the converter renames.
    """
    guarded = syntax.expected_to_fail(tree)
    imported = set(syntax.modules_imported(tree))
    bound = {*syntax.names_bound(tree), *imported}
    return any(
        id(node) not in guarded and _is_a_sign(node, modules, bound, imported)
        for node in ast.walk(tree)
    )


def _is_a_sign(
    node: ast.AST, modules: Collection[str], bound: Collection[str], imported: Collection[str]
) -> bool:
    if isinstance(node, ast.Name):
        return node.id in BUILTINS and node.id not in bound
    if isinstance(node, ast.Attribute):
        module = node.value.id if isinstance(node.value, ast.Name) else ""
        return (
            node.attr in ATTRIBUTES
            or (module in imported and node.attr in OF_MODULES.get(module, ()))
            or (node.attr == "sort" and _is_listing(node.value))
        )
    if isinstance(node, ast.Subscript):
        return _is_listing(node.value)
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Name):
            return function.id in CALLED and function.id not in bound
        return (
            isinstance(function, ast.Attribute)
            and function.attr == "has_key"
            and len(node.args) == 1
        )
    if isinstance(node, ast.Import):
        return any(alias.name in modules for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        taken = OF_MODULES["urllib"] if node.module == "urllib" else set()
        return (node.module in modules and not node.level) or any(
            alias.name in taken for alias in node.names
        )
    if isinstance(node, ast.ClassDef):
        return _is_a_class_of_python_2(node)
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Constant)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and (
        node.value.id == "print"
    )


def _is_listing(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LISTED
        and not node.args
    )


def _is_a_class_of_python_2(node: ast.ClassDef) -> bool:
    names = {
        each.name
        for each in node.body
        if isinstance(each, ast.FunctionDef) and not each.decorator_list
    }
    names |= {
        target.id
        for each in node.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return (
        "__metaclass__" in names
        or ("__nonzero__" in names and "__bool__" not in names)
        or ("next" in names and "__iter__" in names and "__next__" not in names)
    )
