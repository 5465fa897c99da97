"""Shows a log while it grows.  The producer says "nothing yet" until something was written."""
import asyncore
import sys
import time

from medusa import http_server, producers


class NOT_DONE_YET:
    pass


class tail_producer:
    """Everything that is appended to a file, until a line says the end."""

    def __init__(self, request, filename):
        self.file = open(filename, 'rb')
        self.delay = 0.05
        self.ended = 0

    def more(self):
        if self.ended:
            return ''
        data = self.file.readline()
        if not data:
            return NOT_DONE_YET
        if data == b'-- end --\n':
            self.ended = 1
            self.file.close()
        return data


class deferring_channel(http_server.http_channel):
    """A channel that is not woken for producers which have nothing yet."""

    delay = 0
    writable_check = 0

    def writable(self):
        if self.delay:
            if time.time() - self.writable_check < self.delay:
                return 0
            self.writable_check = time.time()
        return http_server.http_channel.writable(self)

    def refill_buffer(self):
        while 1:
            if not len(self.producer_fifo):
                return
            p = self.producer_fifo.first()
            # a 'None' in the producer fifo is a sentinel, telling us to close the channel.
            if p is None:
                if not self.ac_out_buffer:
                    self.producer_fifo.pop()
                    self.close()
                return
            if isinstance(p, bytes):
                self.producer_fifo.pop()
                self.ac_out_buffer = self.ac_out_buffer + p
                return
            data = p.more()
            if data is NOT_DONE_YET:
                self.delay = p.delay
                return
            self.delay = 0
            if data:
                self.ac_out_buffer = self.ac_out_buffer + data
                return
            self.producer_fifo.pop()


class deferring_server(http_server.http_server):
    channel_class = deferring_channel


class tail_handler:

    def match(self, request):
        return request.uri == '/tail'

    def handle_request(self, request):
        channel = request.channel
        channel.push_with_producer(
            producers.simple_producer('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n'))
        channel.push_with_producer(tail_producer(request, 'messages'))
        channel.current_request = None
        channel.close_when_done()


class append_handler:

    def match(self, request):
        return request.uri[:5] == '/log?'

    def handle_request(self, request):
        f = open('messages', 'a')
        f.write(request.uri[5:].replace('+', ' ') + '\n')
        f.close()
        request['Content-Length'] = 0
        request.done()


if __name__ == '__main__':
    open('messages', 'w').close()
    hs = deferring_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(tail_handler())
    hs.install_handler(append_handler())
    print('tail on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop(timeout=1.0)
