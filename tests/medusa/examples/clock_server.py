"""A clock in the socket map: a dispatcher that is never connected does its work in readable()."""
import asyncore
import socket
import sys
import time

from medusa import http_server


class clock(asyncore.dispatcher):

    def __init__(self, period, work):
        asyncore.dispatcher.__init__(self)
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.period = period
        self.work = work
        self.last = int(time.time() / period)

    def readable(self):
        now = int(time.time() / self.period)
        if now != self.last:
            self.last = now
            self.work()
        return 0

    def handle_connect(self):
        pass

    def writable(self):
        return 0

    def handle_close(self):
        self.close()

    def log_info(self, message, type='info'):
        pass


class bell_handler:
    """Answers everybody who waits when the clock strikes."""

    def __init__(self):
        self.waiting = []

    def match(self, request):
        return request.uri == '/bell'

    def handle_request(self, request):
        self.waiting.append(request)

    def strike(self):
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            s = 'ding dong\n'
            request['Content-Type'] = 'text/plain'
            request['Content-Length'] = len(s)
            request.push(s)
            request.done()


if __name__ == '__main__':
    bell = bell_handler()
    clock(0.1, bell.strike)
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(bell)
    print('bell on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop(timeout=0.05)
