"""pytest's part of the harness: `pytest --lifetime package.module:factory`, `lifetime_world`.

pytest imports this file in every run, so it imports nothing of the harness until it is asked to.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lifetime.testing.stepping import SteppedWorld


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("lifetime", "orderly shutdown")
    group.addoption(
        "--lifetime",
        action="append",
        default=[],
        metavar="PACKAGE.MODULE:FACTORY",
        help="check that what this factory builds obeys the phases (repeatable)",
    )
    group.addoption(
        "--lifetime-examples",
        type=_count,
        default=500,
        metavar="N",
        help="how many scenarios are drawn for each (default 500)",
    )
    group.addoption(
        "--lifetime-seed", type=int, default=0, metavar="S", help="draw other ones (default 0)"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of scenarios; give 1 or more")
    return int(text)


@pytest.hookimpl(tryfirst=True)  # so that -k and -m choose among our tests as well
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """One test for each factory that was named."""
    for name in config.getoption("--lifetime"):
        item: pytest.Item = FactoryItem.from_parent(session, name=f"lifetime[{name}]", factory=name)
        items.append(item)


class FactoryItem(pytest.Item):
    """The check of one factory.

    factory: "package.module:factory".
    """

    def __init__(self, *, factory: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.factory = factory

    def runtest(self) -> None:
        """Draw scenarios until a law breaks, or all hold."""
        from lifetime.testing import check_dispatcher, load_factory

        check_dispatcher(
            load_factory(self.factory),
            examples=self.config.getoption("--lifetime-examples"),
            seed=self.config.getoption("--lifetime-seed"),
        )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The story, or what is missing, without a traceback through the harness."""
        from lifetime.testing import FactoryError, LawBroken, SimulationLimit

        error = excinfo.value
        if isinstance(error, LawBroken | FactoryError | SimulationLimit):
            return str(error)
        if isinstance(error, ModuleNotFoundError) and error.name == "hypothesis":
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        """What pytest calls this test."""
        return self.factory.partition(":")[0], None, self.name


@pytest.fixture
def lifetime_world() -> Iterator[SteppedWorld]:
    """A simulated world to step through; see `SteppedWorld`."""
    from lifetime.testing import SteppedWorld

    with SteppedWorld() as stepped:
        yield stepped
