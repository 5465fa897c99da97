"""What the tests of the porting assistant share: old programs, and the converter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from servers.porting.conversion import Converter

#: Programs as they were written between 1999 and 2010, in the encodings and with the line ends of
#: their authors; not called .py, for no tool of today reads them.
OLD_PROGRAMS = sorted((Path(__file__).parent / "old_programs").glob("*.py2"))


@pytest.fixture(scope="session")
def converter() -> Converter:
    """The converter, or a skip where its extra is not installed."""
    pytest.importorskip("fissix", reason="fissix is not installed: pip install '.[port]'")
    from servers.porting.conversion import Converter

    return Converter()


@pytest.fixture(params=OLD_PROGRAMS, ids=lambda path: path.stem)
def old_program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of each old program, under the name it had."""
    path = tmp_path / f"{request.param.stem}.py"
    path.write_bytes(request.param.read_bytes())
    return path
