"""Finds a factory by its name, and says in one sentence why it cannot."""

from __future__ import annotations

import importlib
import os
import sys

from lifetime.testing.simulation import Factory


class FactoryError(Exception):
    """There is no factory at a name, or it makes nothing; the message says what would help."""


def load_factory(name: str) -> Factory:
    """The object that `package.module:factory` names.

    The current folder is searched first, as by `python -m`.  Raises FactoryError.
    """
    module_name, colon, path = name.partition(":")
    if not module_name or not colon or not path:
        raise FactoryError(f"{name!r} names no factory; write package.module:factory")
    if "/" in module_name or module_name.startswith("."):
        raise FactoryError(
            f"{module_name!r} is no module's full name; write one such as package.module"
        )
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: object = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise FactoryError(f"{module_name} cannot be imported: {told}") from error
    for attribute in path.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError as error:
            raise FactoryError(f"{module_name} has no {path}; look at its names") from error
    if not callable(found):
        raise FactoryError(f"{name} cannot be called; a factory is a function of a world")
    return found
