"""zope.testrunner over the switch's asyncore: the switch comes first, then the tests.

    python -m tests.suites.run_zope_server [options of zope.testrunner]
"""

from __future__ import annotations

import sys
from importlib import import_module

import servers.legacy
from servers.medusa import asyncore_25

servers.legacy.install()

asyncore = import_module("asyncore")
if asyncore.loop is not asyncore_25.loop or asyncore.poll is not asyncore_25.poll:
    sys.exit("the loop of asyncore is not that of lifetime")
import_module("zope.testrunner").run()
