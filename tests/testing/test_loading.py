"""A factory is found by its name, or one sentence says why not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lifetime.testing import FactoryError, load_factory


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with modules that nobody has imported."""
    (tmp_path / "shop_of_test_loading.py").write_text(
        "def make(world): return 'made'\n"
        "class Shop:\n    @staticmethod\n    def make(world): return 'made inside'\n"
        "number = 5\n"
    )
    (tmp_path / "broken_of_test_loading.py").write_text("1 / 0\n")
    (tmp_path / "leaving_of_test_loading.py").write_text("import sys; sys.exit('I leave')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_function_of_a_module_in_the_current_folder() -> None:
    assert load_factory("shop_of_test_loading:make")(None) == "made"  # type: ignore[arg-type]


@pytest.mark.usefixtures("folder")
def test_an_attribute_of_an_attribute() -> None:
    factory = load_factory("shop_of_test_loading:Shop.make")
    assert factory(None) == "made inside"  # type: ignore[arg-type]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shop_of_test_loading", "write package.module:factory"),
        ("", "write package.module:factory"),
        (":make", "write package.module:factory"),
        ("shop_of_test_loading:", "write package.module:factory"),
        ("shop_of_test_loading:sell", "has no sell"),
        ("shop_of_test_loading:Shop.sell", "has no Shop.sell"),
        ("shop_of_test_loading:number", "cannot be called"),
        ("nobody_has_this:make", "cannot be imported: ModuleNotFoundError"),
        ("..relative:make", "'..relative' is no module's full name"),
        ("broken_of_test_loading:make", "cannot be imported: ZeroDivisionError"),
        ("leaving_of_test_loading:make", "cannot be imported: SystemExit"),
        ("shop_of_test_loading:a:b", "has no a:b"),
    ],
)
def test_a_name_that_leads_nowhere_is_told_in_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(FactoryError) as caught:
        load_factory(name)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
