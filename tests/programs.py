"""Programs of others that tests drive: nginx, HAProxy, Squid and the like."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """The path of a program, or the test is skipped; in the build, where all are there, it fails.

    name: as on the PATH; the folders of system programs are searched as well.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
    if path is not None:
        return path
    sentence = f"{name} is not installed; install the system's package that has it"
    if os.environ.get("CI_PROGRAMS"):
        pytest.fail(sentence)
    pytest.skip(sentence)
