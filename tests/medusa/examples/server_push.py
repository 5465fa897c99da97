"""Server push, as Netscape had it: one answer of parts, each in place of the one before."""
import asyncore
import sys

from medusa import http_server


class countdown_producer:

    def __init__(self, n):
        self.n = n

    def more(self):
        if self.n < 0:
            return ''
        if self.n == 0:
            part = '--next\r\nContent-Type: text/plain\r\n\r\nlift-off\r\n--next--\r\n'
        else:
            part = '--next\r\nContent-Type: text/plain\r\n\r\n%d\r\n' % self.n
        self.n = self.n - 1
        return part


class push_handler:

    def match(self, request):
        return request.uri[:6] == '/count'

    def handle_request(self, request):
        path, params, query, fragment = request.split_uri()
        request['Content-Type'] = 'multipart/x-mixed-replace; boundary=next'
        # old browsers want it as it comes
        request.use_chunked = 0
        request.push(countdown_producer(int(query[1:])))
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(push_handler())
    print('push on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
