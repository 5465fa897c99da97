"""What docs/how-to/ says of service managers is what runs, as far as it can without one."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.frontends.pages import block, commands, free_ports, with_ports
from tests.frontends.processes import PATIENCE
from tests.programs import program
from tests.succession.installed import answer, started

SERVICE = "run-as-a-service.md"
RESTART = "restart-without-losing-a-request.md"


# systemd


@pytest.mark.parametrize(
    "page, names",
    [(SERVICE, ["news.socket", "news.service"]), (RESTART, ["news@.service"])],
)
def test_systemd_has_nothing_to_say_against_the_units(
    page: str, names: list[str], folder: Path
) -> None:
    analyze = program("systemd-analyze")
    for name in names:
        unit = block(page, f"unit: {name}")
        assert "/usr/local/bin/lifetime" in unit or name.endswith(".socket")
        unit = unit.replace("/usr/local/bin/lifetime", str(folder / "bin" / "lifetime"))
        (folder / name.replace("@", "@a")).write_text(unit)
    verified = subprocess.run(
        [analyze, "verify", *(str(folder / name.replace("@", "@a")) for name in names)],
        capture_output=True,
        timeout=PATIENCE,
        text=True,
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("page, name", [(SERVICE, "news.service"), (RESTART, "news@.service")])
def test_the_command_of_a_unit_serves_and_its_stop_fits(
    page: str, name: str, folder: Path
) -> None:
    unit = block(page, f"unit: {name}")
    [command] = re.findall(r"^ExecStart=/usr/local/bin/(.*)$", unit, re.MULTILINE)
    [limit] = re.findall(r"^Environment=TIMEOUT_STOP_SEC=(.*)$", unit, re.MULTILINE)
    assert f"TimeoutStopSec={limit}\n" in unit
    port = free_ports()[8080]
    words = shlex.split(command.replace("/srv/news", "site").replace(" --port 8080", ""))
    listens = ["--port", str(port)]
    with started([*words, *listens], folder, TIMEOUT_STOP_SEC=limit) as server:
        server.says("serving site")
        assert answer(port) == b"The news\n"
        server.stop()
    assert "we are killed" not in server.said


def test_systemd_socket_activate_starts_the_server_for_the_first_client(folder: Path) -> None:
    program("systemd-socket-activate")
    ports = free_ports()
    [command] = commands(with_ports(block(SERVICE, "servers: socket activation"), ports))
    with started(command, folder) as server:
        server.says("Listening on 127.0.0.1")
        assert answer(ports[8080]) == b"The news\n"  # waits in the queue until somebody serves
        assert f"serving site at http://127.0.0.1:{ports[8080]}\n" in server.said
        server.stop()


def test_the_second_command_takes_over_from_the_first(folder: Path) -> None:
    ports = free_ports()
    first, second = commands(with_ports(block(RESTART, "servers: takeover"), ports))
    with started(first, folder) as old:
        old.says("serving site")
        with started(second, folder) as new:
            new.says("serving site")
            assert old.process.wait(PATIENCE) == 0, old.said
            assert answer(ports[8080]) == b"The news\n"
            new.stop()


# Containers


def instruction(name: str) -> list[str]:
    """The words of an instruction of the image, which has to be in exec form."""
    [text] = re.findall(
        rf"^{name} (.*)$", block(SERVICE, "image: Containerfile"), re.MULTILINE
    )
    words = json.loads(text)
    assert isinstance(words, list)
    return words


def here(command: list[str], ports: dict[int, int]) -> list[str]:
    """The same command, for the site and the free ports of this machine."""
    text = with_ports(shlex.join(command), {each: ports[each] for each in (8080, 8081)})
    return shlex.split(text.replace("/srv", "site").replace("0.0.0.0", "127.0.0.1"))


def test_the_image_serves_as_process_1_would_and_its_stop_fits(folder: Path) -> None:
    assert "STOPSIGNAL SIGTERM\n" in block(SERVICE, "image: Containerfile")
    ports = free_ports()
    with started(here(instruction("ENTRYPOINT") + instruction("CMD"), ports), folder) as server:
        server.says("serving site")
        assert answer(ports[8080]) == b"The news\n"
        assert answer(ports[8081], "/readyz") == b"ok\n"
        server.stop()
    assert "we are killed" not in server.said


# Kubernetes


def documents(mark: str = "news.yaml") -> list[Any]:
    """What the file holds."""
    yaml = pytest.importorskip("yaml", reason="install the extra suites: kubernetes-validate")
    return list(yaml.safe_load_all(block(SERVICE, f"kubernetes: {mark}")))


def the_container() -> dict[str, Any]:
    """The one of the Deployment."""
    [container] = documents()[0]["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize("version", ["1.30", "newest"])
@pytest.mark.parametrize("prestop", [False, True])
def test_the_file_is_what_the_published_schema_wants(version: str, prestop: bool) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="install the extra suites")
    deployment, service = documents()
    if prestop:
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        [more] = documents("prestop")
        container.update(more)
    for each in (deployment, service):
        wanted = validate.latest_version() if version == "newest" else version
        assert validate.validate(each, wanted, strict=True)


def test_the_schema_finds_a_field_that_there_is_not() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="install the extra suites")
    deployment, _ = documents()
    deployment["spec"]["template"]["spec"]["terminationGraceSeconds"] = 45
    with pytest.raises(validate.ValidationError, match="terminationGraceSeconds"):
        validate.validate(deployment, "1.30", strict=True)


def test_the_service_and_the_deployment_mean_the_same_pods() -> None:
    deployment, service = (each["spec"] for each in documents())
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == service["selector"] == labels


def test_the_variable_repeats_the_time_that_kubernetes_leaves() -> None:
    pod = documents()[0]["spec"]["template"]["spec"]
    [variable] = the_container()["env"]
    assert variable["name"] == "TERMINATION_GRACE_PERIOD_SECONDS"
    assert variable["value"] == str(pod["terminationGracePeriodSeconds"])


def test_a_stop_that_is_longer_than_what_the_file_leaves_is_said(folder: Path) -> None:
    container = the_container()
    command = here(instruction("ENTRYPOINT") + container["args"], free_ports())
    environment = {each["name"]: each["value"] for each in container["env"]}
    longer = ["--deadline=60", "--patience=60"]
    with started([*command, *longer], folder, **environment) as pod:
        pod.says("but terminationGracePeriodSeconds is 45 s, and then we are killed")


@pytest.mark.slow
def test_the_pod_answers_its_probes_where_they_ask_and_its_stop_fits(folder: Path) -> None:
    container = the_container()
    ports = free_ports()
    command = here(instruction("ENTRYPOINT") + container["args"], ports)
    environment = {each["name"]: each["value"] for each in container["env"]}
    named = {each["name"]: ports[each["containerPort"]] for each in container["ports"]}
    with started(command, folder, **environment) as pod:
        pod.says("serving site")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asks = container[probe]["httpGet"]
            assert answer(named[asks["port"]], asks["path"]) == b"ok\n"
        assert answer(named["http"]) == b"The news\n"
        pod.stop()
    assert "we are killed" not in pod.said
