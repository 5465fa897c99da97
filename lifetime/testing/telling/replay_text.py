"""A test of a few lines that runs one scenario again: to be pasted, and kept."""

from __future__ import annotations

from dataclasses import fields, replace

from lifetime.testing.events import Scenario

#: Columns of a line of code.
WIDTH = 88

INDENT = "    "


def replay_test(scenario: Scenario, factory_name: str | tuple[str, str], law: int) -> str:
    """The text of a test that fails for as long as this scenario breaks a law.

    factory_name: "package.module:factory", or the module and the name apart; a name with dots is
        an attribute of what is imported.
    """
    if isinstance(factory_name, str):
        factory_name = factory_name.partition(":")[::2]
    module, name = factory_name
    scenario = _without_needless_choices(scenario)
    used = {type(each).__name__ for each in scenario.events} | {"Scenario", "replay"}
    used |= {"Weather"} if scenario.weather != type(scenario.weather)() else set()
    if _can_be_imported(module, name):
        imports = [f"from {module} import {name.partition('.')[0]}"]
    else:
        name = name.rpartition(".")[2]
        name = name if name.isidentifier() else "make_server"
        imports = [f"# {name}: the factory that was checked; import it, or move it to a module."]
    imports.insert(0, _wrapped("from lifetime.testing import ", sorted(used, key=_order), ""))
    body = _wrapped(f"{INDENT}replay(", [name, _code(scenario, INDENT * 2)], ")", INDENT)
    test = f"def test_law_{law}_holds_in_a_run_that_broke_it() -> None:\n{body}"
    return "\n".join(imports) + f"\n\n\n{test}\n"


def _without_needless_choices(scenario: Scenario) -> Scenario:
    """Behind its end a tape says 0, so what it says of that at its end goes without saying."""
    tape = list(scenario.tape)
    while tape and tape[-1] == 0:
        tape.pop()
    return replace(scenario, tape=tuple(tape))


def _can_be_imported(module: str, name: str) -> bool:
    parts = [*module.split("."), *name.split(".")]
    return module != "__main__" and all(part.isidentifier() for part in parts)


def _order(name: str) -> tuple[bool, str]:
    """As linters want names of one module: classes before functions."""
    return not name[0].isupper(), name


def _code(scenario: Scenario, indent: str) -> str:
    """The scenario as code, over several lines if one does not hold it."""
    if len(indent) + len(repr(scenario)) < WIDTH:
        return repr(scenario)
    parts = []
    for each in fields(scenario):
        value = getattr(scenario, each.name)
        if value == getattr(Scenario(), each.name):
            continue
        code = f"{each.name}={value!r}"
        if len(indent) + len(INDENT) + len(code) >= WIDTH and isinstance(value, tuple):
            code = _tuple(each.name, value, indent + INDENT)
        parts.append(f"{indent}{INDENT}{code},\n")
    return f"Scenario(\n{''.join(parts)}{indent})"


def _tuple(name: str, values: tuple[object, ...], indent: str) -> str:
    """One event a line; of choices as many as fit."""
    lines = [""]
    for value in values:
        code = f"{value!r},"
        fits = isinstance(value, int) and len(f"{indent}{INDENT}{lines[-1]} {code}") < WIDTH
        if fits:
            lines[-1] = f"{lines[-1]} {code}".lstrip()
        else:
            lines.append(code)
    inner = "".join(f"{indent}{INDENT}{line}\n" for line in lines if line)
    return f"{name}=(\n{inner}{indent})"


def _wrapped(start: str, parts: list[str], end: str, indent: str = "") -> str:
    """On one line if it fits, else one part a line, in parentheses."""
    line = f"{start}{', '.join(parts)}{end}"
    if len(line) < WIDTH and "\n" not in line:
        return line
    opened = start if start.endswith("(") else f"{start}("
    inner = "".join(f"{indent}{INDENT}{part},\n" for part in parts)
    return f"{opened}\n{inner}{indent})"
