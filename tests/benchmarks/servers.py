"""The servers that are compared: how each is started, and what it can be asked."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.processes.server import ServerProcess, example_server, free_port

NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {site};
        location = /hello {{ return 200 "Hello, world\\n"; }}
    }}
}}
"""

Start = Callable[[Path, set[int]], ServerProcess]


@dataclass(frozen=True)
class Server:
    """A server that can be measured.

    start: start it on a folder and some processors.
    missing: why it cannot be started here; "" if it can.
    """

    name: str
    start: Start
    missing: str = ""


def start_ours(site: Path, cpus: set[int]) -> ServerProcess:
    # The idle connections are many, and silent for the whole measurement.
    options = ("--limit", "connections=16384", "--limit", "keep_alive=3600")
    return ServerProcess(example_server(site, *options), cpus=cpus)


def start_limit(site: Path, cpus: set[int]) -> ServerProcess:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.limit", str(port)]
    return ServerProcess(command, port, cpus)


def start_waitress(site: Path, cpus: set[int]) -> ServerProcess:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.applications", str(site), str(port)]
    return ServerProcess(command, port, cpus)


def start_uvicorn(site: Path, cpus: set[int]) -> ServerProcess:
    port = free_port()
    command = [
        *("env", f"SITE={site}", sys.executable, "-m", "uvicorn"),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        *("--port", str(port), "tests.benchmarks.applications:asgi"),
    ]
    return ServerProcess(command, port, cpus)


def start_nginx(site: Path, cpus: set[int]) -> ServerProcess:
    port = free_port()
    folder = site.parent / "nginx"
    folder.mkdir(exist_ok=True)
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker may not enter our folder
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, site=site, port=port, user=user))
    command = ["nginx", "-c", str(configuration), "-e", str(folder / "error.log")]
    return ServerProcess(command, port, cpus)


def lacking(*modules: str) -> str:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"pip install {' '.join(missing)}" if missing else ""


SERVERS = [
    Server("limit", start_limit),
    Server("ours", start_ours),
    Server("waitress", start_waitress, lacking("waitress")),
    Server("uvicorn", start_uvicorn, lacking("uvicorn", "httptools", "uvloop")),
    Server("nginx", start_nginx, "" if shutil.which("nginx") else "no nginx on PATH"),
]
