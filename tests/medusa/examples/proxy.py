"""Fetches pages from another server, with an async_chat client, and passes them on."""
import asynchat
import asyncore
import socket
import sys

from medusa import http_server


class backend_handler:
    """The server behind; here it lives in the same process."""

    def match(self, request):
        return 1

    def handle_request(self, request):
        who = request.get_header("X-Forwarded-By")
        s = "the backend says %s, asked by %s\n" % (request.uri, who)
        request['Content-Type'] = 'text/x-backend'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


class fetcher(asynchat.async_chat):

    def __init__(self, request, address, uri):
        asynchat.async_chat.__init__(self)
        self.request = request
        self.buffer = b''
        self.header = None
        self.set_terminator(b'\r\n\r\n')
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.connect(address)
        head = 'GET %s HTTP/1.0\r\nHost: backend\r\nX-Forwarded-By: proxy\r\n\r\n' % uri
        self.push(head.encode('latin-1'))

    def handle_connect(self):
        pass

    def collect_incoming_data(self, data):
        if self.header is None:
            self.buffer = self.buffer + data
        else:
            self.request.push(data)

    def found_terminator(self):
        self.header = self.buffer.decode('latin-1').split('\r\n')
        for line in self.header[1:]:
            if line[:13].lower() == 'content-type:':
                self.request['Content-Type'] = line[13:].strip()
        # the rest goes through as it comes
        self.set_terminator(None)

    def handle_close(self):
        self.close()
        if self.header is None:
            self.request.error(502)
        else:
            self.request.done()

    def handle_error(self):
        self.close()
        self.request.error(502)


class proxy_handler:

    def __init__(self, address):
        self.address = address

    def match(self, request):
        return request.uri[:7] == '/fetch/'

    def handle_request(self, request):
        fetcher(request, self.address, request.uri[6:])


if __name__ == '__main__':
    backend = http_server.http_server('127.0.0.1', 0)
    backend.install_handler(backend_handler())
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(proxy_handler(('127.0.0.1', backend.server_port)))
    print('proxy on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
