"""ZServer's datatypes: factories of the servers of a configuration; and its trusted proxies."""

from __future__ import annotations

import logging
import socket
from types import SimpleNamespace

import pytest

from servers import zserver
from servers.medusa import asyncore_25 as asyncore
from servers.medusa import http_server
from servers.zserver import ClockServer, HTTPServer, datatypes
from servers.zserver.WebDAVSrcHandler import WebDAVSrcHandler
from tests.medusa.conftest import get


def section(address=("127.0.0.1", 0), **directives):
    """A section of a configuration, as a parser of one makes it."""
    return SimpleNamespace(address=address, **directives)


def show(request, response):
    """A site that shows what it is asked for."""
    env = request.environ
    return f"{env['PATH_INFO']} {env.get('WEBDAV_SOURCE_PORT', 0)} {env.get('SITE', '')}"


def show_wsgi(environ, start_response):
    """The same by WSGI."""
    start_response("200 OK", [])
    return [f"{environ['PATH_INFO']} {environ.get('WEBDAV_SOURCE_PORT', 0)}".encode()]


@pytest.fixture
def create(run):
    """create(factory, **shared): its server, prepared and served."""

    def start(factory, module=show, **shared):
        factory.prepare("127.0.0.1", None, module, **shared)
        return run(factory.create())

    return start


def test_an_http_server_publishes_the_module(create):
    running = create(datatypes.HTTPServerFactory(section()), env={"SITE": "mine"})
    assert isinstance(running.server, HTTPServer.zhttp_server)
    assert running.get("/a") == b"/a 0 mine"


def test_a_wsgi_application_is_published_when_it_is_asked_for(create):
    running = create(datatypes.HTTPServerFactory(section(use_wsgi=True)), show_wsgi)
    assert running.get("/a") == b"/a 0"


def test_the_connection_is_closed_behind_each_answer_when_it_is_asked_for(create):
    running = create(datatypes.HTTPServerFactory(section(force_connection_close=True)))
    assert running.connect().send(get("/")).read_to_end().endswith(b"/ 0 ")


@pytest.mark.parametrize(
    "agent, shown", [("Cadaver/1", b"/a/manage_DAVget 1 "), ("Browser", b"/a 0 ")]
)
def test_clients_that_edit_get_the_source(create, agent, shown):
    running = create(datatypes.HTTPServerFactory(section(webdav_source_clients="(?i)cadaver")))
    assert running.ask(get("/a", f"User-Agent: {agent}"))[2] == shown


@pytest.mark.parametrize("use_wsgi, module", [(False, show), (True, show_wsgi)])
def test_a_webdav_source_server_gives_everybody_the_source(create, use_wsgi, module):
    running = create(datatypes.WebDAVSourceServerFactory(section(use_wsgi=use_wsgi)), module)
    assert isinstance(running.server, HTTPServer.zwebdav_server)
    assert running.get("/a").rstrip() == b"/a/manage_DAVget 1"


def test_only_a_get_is_for_the_source(create):
    running = create(datatypes.WebDAVSourceServerFactory(section()))
    assert isinstance(running.server.handlers[0], WebDAVSrcHandler)
    assert running.ask(b"OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n")[2] == b"/a 1 "


def test_the_default_host_and_the_base_of_the_ports():
    factory = datatypes.ServerFactory((None, 80))
    factory.prepare(defaulthost="127.0.0.1", portbase=8000, module="Zope2", env={"A": "b"})
    assert (factory.ip, factory.host, factory.port) == ("127.0.0.1", "127.0.0.1", 8080)
    assert (factory.module, factory.cgienv, factory.dnsresolver) == ("Zope2", {"A": "b"}, None)


def test_a_factory_of_ones_own_says_what_it_makes():
    class MyServerFactory(datatypes.ServerFactory):
        def create(self):
            return self.ip, self.port

    factory = MyServerFactory(("", 9673))
    factory.prepare()
    assert (factory.servertype(), factory.create()) == ("MyServer", ("", 9673))
    with pytest.raises(NotImplementedError, match="must implement create"):
        datatypes.ServerFactory().create()


@pytest.mark.parametrize("factory", ["HTTP", "WebDAVSource", "FTP", "FCGI", "Monitor", "ICP"])
def test_a_server_without_an_address_is_one_sentence(factory):
    with pytest.raises(ValueError, match="no 'address' settings found within the"):
        getattr(datatypes, f"{factory}ServerFactory")(section(None))


def test_a_clock_asks_for_its_method():
    factory = datatypes.ClockServerFactory(
        section(method="/cron", period=30, user="u", password="p", host="site.example")
    )
    factory.prepare()
    clock = factory.create()
    assert isinstance(clock, ClockServer.ClockServer)
    assert (clock.method, clock.period) == ("/cron", 30)
    assert "Host: site.example" in clock.headers
    clock.close()


def test_a_monitor_without_a_password_is_not_started(caplog):
    factory = datatypes.MonitorServerFactory(section())
    factory.prepare()
    assert factory.create() is None
    assert "needs a password" in caplog.text


def test_a_monitor_with_a_password_is_a_secure_one(run):
    factory = datatypes.MonitorServerFactory(section(password="open sesame"))
    factory.prepare()
    server = factory.create()
    assert isinstance(server, zserver.secure_monitor_server)
    server.close()


def test_a_fast_cgi_server_on_a_port_and_on_a_path(tmp_path):
    for address in (("127.0.0.1", 0), str(tmp_path / "fcgi")):
        wrapped = SimpleNamespace(address=address, family=socket.AF_INET)
        factory = datatypes.FCGIServerFactory(section(wrapped))
        factory.prepare("127.0.0.1", module=show)
        server = factory.create()
        assert type(server) is zserver.FCGIServer
        assert server in asyncore.socket_map.values()
        server.close()


def test_an_icp_server_listens():
    pytest.importorskip("servers.zserver.ICPServer", reason="it has not been written yet")
    factory = datatypes.ICPServerFactory(section())
    factory.prepare("127.0.0.1")
    server = factory.create()
    assert server in asyncore.socket_map.values()
    server.close()


def test_an_ftp_server_listens():
    factory = datatypes.FTPServerFactory(section())
    factory.prepare("127.0.0.1", module=show)
    server = factory.create()
    assert type(server) is zserver.FTPServer
    assert server in asyncore.socket_map.values()
    server.close()


# trusted_proxies


@pytest.mark.parametrize(
    "fields, shown",
    [
        (["X-Forwarded-For: 192.0.2.1, 192.0.2.7"], "192.0.2.7"),
        (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.8"], "192.0.2.8"),
        (["X-Forwarded-For: a b\x22c"], "a\\x20b\\x22c"),
        (["X-Forwarded-For: "], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_the_access_line_has_the_client_of_a_trusted_proxy(
    create, caplog, monkeypatch, fields, shown
):
    monkeypatch.setattr(http_server, "trusted_proxies", ["127.0.0.1"])
    assert access_lines(create, fields).startswith(f"{shown} - Anonymous [")


def test_what_others_say_about_their_address_is_not_believed(create):
    line = access_lines(create, ["X-Forwarded-For: 192.0.2.7"])
    assert line.startswith("127.0.0.1 - ")


def access_lines(create, fields):
    """The access line of one request."""
    heard = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())
    logger = logging.getLogger("access")
    logger.addHandler(handler)
    try:
        running = create(datatypes.HTTPServerFactory(section()))
        running.ask(get("/", *fields))
        running.stop()
    finally:
        logger.removeHandler(handler)
    [line] = heard
    return line
