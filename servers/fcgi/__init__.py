"""The FastCGI server: `FCGIListener` serves a web server in front with the handlers of HTTP."""

from servers.fcgi.listener import FCGIListener
from servers.fcgi.records import RecordError

__all__ = ["FCGIListener", "RecordError"]
