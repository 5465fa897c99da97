"""A place to put files, behind a password, and to get them from without one."""
import asyncore
import os
import sys

from medusa import auth_handler, default_handler, filesys, http_server, put_handler

if __name__ == '__main__':
    os.mkdir('store')
    fs = filesys.os_filesystem('store')
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(default_handler.default_handler(fs))

    class only_put:
        """The auth_handler asks for a name only for what its handler wants."""

        def __init__(self, handler):
            self.handler = handler

        def match(self, request):
            return request.command == 'PUT' and self.handler.match(request)

        def handle_request(self, request):
            self.handler.handle_request(request)

    ph = only_put(put_handler.put_handler(fs, '/.*[.]txt'))
    hs.install_handler(auth_handler.auth_handler({'ann': 'secret'}, ph, 'store'))
    print('store on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
