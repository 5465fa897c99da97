"""The bundled HTTP server with all that front ends are told, and those who ask."""

from __future__ import annotations

from lifetime.testing import HTTP, Silent, World
from servers.frontends import FrontEnds
from servers.frontends.agent import AgentCheck
from servers.frontends.health import Health, HealthListener
from servers.http import HTTPListener
from tests.zoo.animals import good
from tests.zoo.http_server import Hello

HERE = "127.0.0.1"


@good
def http_with_front_ends_that_are_told(world: World) -> None:
    """Whoever asks how it is may do so until phase 4; a prober that is slow holds phase 1."""
    world.speaks(HTTP("/", "/readyz", "/livez?verbose"))
    front_ends = FrontEnds(checks={"disk": lambda: None}, load=lambda: 0.5)
    health = Health(front_ends, draining_status=404)
    site = HTTPListener(HERE, 0)
    site.install_handler(Hello())
    site.install_handler(health)
    HealthListener(health, HERE, 0)
    agent = AgentCheck(front_ends, (HERE, 0))
    world.speaks(Silent("site/s1\n"), agent.addr)
