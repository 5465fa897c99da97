"""ZServer's datatypes: what makes the servers of a configuration.

A factory is made of a section of the configuration, told by `prepare()` what all servers share,
and makes its server in `create()`.  A section is any object with the attributes that the directives
of the same names have: `address`, `fast_listen` and so on; what it lacks has its default.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from servers.zserver.AccessLogger import access_logger
from servers.zserver.ClockServer import ClockServer
from servers.zserver.HTTPServer import (
    zhttp_handler,
    zhttp_server,
    zwebdav_server,
    zwsgi_handler,
)
from servers.zserver.WebDAVSrcHandler import WebDAVSrcHandler

log = logging.getLogger("servers")


class ServerFactory:
    """Makes one server; to be subclassed.

    address: (host, port), or None; a host of None or "" is the default one.
    """

    def __init__(self, address: Any = None) -> None:
        self.host: str | None
        self.port: int | None
        self.host, self.port = (None, None) if address is None else address
        self.dnsresolver: Any = None
        self.module: Any = None
        self.cgienv: dict[str, str] | None = None

    @property
    def ip(self) -> str:
        """Where to bind; "" is everywhere."""
        return self.host or ""

    def prepare(
        self,
        defaulthost: str = "",
        dnsresolver: Any = None,
        module: Any = None,
        env: dict[str, str] | None = None,
        portbase: int | None = None,
    ) -> None:
        """What all servers of a configuration share.

        module: what is published; env: what its environment has besides.
        portbase: is added to the port.
        """
        self.host = self.host or defaulthost
        self.dnsresolver = dnsresolver
        self.module = module
        self.cgienv = env
        if portbase and self.port is not None:
            self.port += portbase

    def servertype(self) -> str:
        """What it makes, for people."""
        return type(self).__name__.removesuffix("Factory")

    def create(self) -> Any:
        """The server, in the map and bound; or None, if there is to be none."""
        raise NotImplementedError(f"{type(self).__name__} must implement create()")


class HTTPServerFactory(ServerFactory):
    """`<http-server>`: address, force_connection_close, webdav_source_clients, fast_listen and
    use_wsgi.

    Raises ValueError if the section has no address.
    """

    server_class: Any = zhttp_server

    def __init__(self, section: Any) -> None:
        super().__init__(_address(section, "http-server"))
        self.force_connection_close = getattr(section, "force_connection_close", False)
        self.webdav_source_clients = getattr(section, "webdav_source_clients", None)
        self.fast_listen = getattr(section, "fast_listen", True)
        self.use_wsgi = getattr(section, "use_wsgi", False)

    def create(self) -> Any:
        """The server, with a handler for everything."""
        handler = self.createHandler()
        handler._force_connection_close = self.force_connection_close
        if self.webdav_source_clients:
            handler.set_webdav_source_clients(self.webdav_source_clients)
        server = self.server_class(
            ip=self.ip,
            port=self.port,
            resolver=self.dnsresolver,
            fast_listen=self.fast_listen,
            logger_object=access_logger,
        )
        server.install_handler(handler)
        return server

    def createHandler(self) -> Any:
        """What publishes."""
        handler = zwsgi_handler if self.use_wsgi else zhttp_handler
        return handler(self.module, "", self.cgienv)


class WebDAVSourceServerFactory(HTTPServerFactory):
    """`<webdav-source-server>`: address, force_connection_close, use_wsgi."""

    server_class: Any = zwebdav_server

    def createHandler(self) -> Any:
        """What publishes the source."""
        if self.use_wsgi:
            handler = zwsgi_handler(self.module, "", self.cgienv)
            handler.set_webdav_source_clients("")  # whoever asks here
            return handler
        return WebDAVSrcHandler(self.module, "", self.cgienv)


class FTPServerFactory(ServerFactory):
    """`<ftp-server>`: address.  Raises ValueError if the section has none."""

    def __init__(self, section: Any) -> None:
        super().__init__(_address(section, "ftp-server"))

    def create(self) -> Any:
        """The server."""
        return _server("FTPServer")(
            module=self.module,
            ip=self.ip,
            port=self.port,
            resolver=self.dnsresolver,
            logger_object=access_logger,
        )


class FCGIServerFactory(ServerFactory):
    """`<fast-cgi>`: address, which may be the path of a Unix socket.

    Raises ValueError if the section has none.
    """

    def __init__(self, section: Any) -> None:
        address = _address(section, "fast-cgi")
        self.path = address if isinstance(address, str) else None
        super().__init__(None if self.path is not None else address)

    def create(self) -> Any:
        """The server."""
        return _server("FCGIServer")(
            module=self.module,
            ip=self.ip,
            port=self.port,
            socket_file=self.path,
            resolver=self.dnsresolver,
            logger_object=access_logger,
        )


class MonitorServerFactory(ServerFactory):
    """`<monitor-server>`: address, and a password, or else that of Zope's emergency user.

    Raises ValueError if the section has no address.
    """

    def __init__(self, section: Any) -> None:
        super().__init__(_address(section, "monitor-server"))
        self.password = getattr(section, "password", None)

    def create(self) -> Any:
        """The server; None without a password, for then everybody could do everything."""
        password = self.getPassword()
        if not password:
            log.warning(
                "the monitor server on port %s is not started: it needs a password, or an "
                "emergency user",
                self.port,
            )
            return None
        monitor = import_module("servers.medusa.monitor")
        return monitor.secure_monitor_server(password=password, hostname=self.ip, port=self.port)

    def getPassword(self) -> str | None:
        """What a client must know; None if there is nothing."""
        if self.password:
            return str(self.password)
        try:
            users = import_module("AccessControl.users")
        except ImportError:  # Zope is not installed
            return None
        password: str | None = users.emergency_user._getPassword()
        return password


class ICPServerFactory(ServerFactory):
    """`<icp-server>`: address.  Raises ValueError if the section has none."""

    def __init__(self, section: Any) -> None:
        super().__init__(_address(section, "icp-server"))

    def create(self) -> Any:
        """The server."""
        return _server("ICPServer")(self.ip, self.port)


class ClockServerFactory(ServerFactory):
    """`<clock-server>`: method, period, user, password, host."""

    def __init__(self, section: Any) -> None:
        super().__init__()
        self.method = section.method
        self.period = getattr(section, "period", 60)
        self.user = getattr(section, "user", None)
        self.password = getattr(section, "password", None)
        self.hostheader = getattr(section, "host", None)
        self.host = None  # here it is what the request says, not where to bind

    def create(self) -> Any:
        """The clock."""
        return ClockServer(
            method=self.method,
            period=self.period,
            user=self.user,
            password=self.password,
            host=self.hostheader,
            logger=access_logger,
        )


def _address(section: Any, directive: str) -> Any:
    """(host, port), or a path.  Raises ValueError if the section has none."""
    address = getattr(section, "address", None)
    # ZConfig wraps those that may be paths, to say of which family they are.
    address = getattr(address, "address", address)
    if not address:
        raise ValueError(f"no 'address' settings found within the '{directive}' section")
    return address


def _server(name: str) -> Any:
    """The class of a server that needs more than this module does, such as an extra."""
    return getattr(import_module(f"servers.zserver.{name}"), name)
