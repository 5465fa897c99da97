"""Handlers of the old style, on our medusa or on supervisor's.

    python -m tests.benchmarks.medusa_site ours|supervisor PORT FOLDER

supervisor's medusa serves only with the channel and the request of supervisor.http; medusa's own
ones stumble over Python 3.
"""

import sys

from tests.benchmarks.medusa_limit import hello_handler, null_logger

if sys.argv[1] == "ours":
    from servers.medusa import asyncore_25 as asyncore
    from servers.medusa.auth_handler import auth_handler
    from servers.medusa.default_handler import default_handler
    from servers.medusa.filesys import os_filesystem
    from servers.medusa.http_server import http_server
    from servers.medusa.xmlrpc_handler import collector, xmlrpc_handler
else:
    from supervisor.http import supervisor_af_inet_http_server
    from supervisor.medusa import asyncore_25 as asyncore
    from supervisor.medusa.auth_handler import auth_handler
    from supervisor.medusa.default_handler import default_handler
    from supervisor.medusa.filesys import os_filesystem
    from supervisor.medusa.xmlrpc_handler import collector, xmlrpc_handler


class echo_handler:
    def match(self, request):
        return request.uri == '/echo'

    def handle_request(self, request):
        request.collector = collector(self, request)

    def continue_request(self, data, request):
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(data)
        request.push(data)
        request.done()


class sum_handler(xmlrpc_handler):
    def call(self, method, params):
        return sum(params)


class private_handler(hello_handler):
    """Behind a password, see `install`."""

    def match(self, request):
        return request.uri == '/private'


def main(medusa, port, folder):
    if medusa == 'ours':
        hs = http_server('127.0.0.1', port, None, null_logger())
    else:
        hs = supervisor_af_inet_http_server('127.0.0.1', port, null_logger())
    hs.install_handler(default_handler(os_filesystem(folder)))
    hs.install_handler(sum_handler())
    hs.install_handler(auth_handler({'anna': 'secret'}, private_handler()))
    hs.install_handler(hello_handler())
    hs.install_handler(echo_handler())
    asyncore.loop(use_poll=1)


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
