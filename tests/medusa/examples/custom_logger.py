"""An access log that stays in memory, with a page that shows its end."""
import asyncore
import sys

from medusa import http_server


class memory_logger:

    def __init__(self, size):
        self.size = size
        self.lines = []

    def log(self, message):
        # "ip:port - - [date] "request" code bytes" is what comes; the date is of no interest
        ip = message.split(':')[0]
        self.lines.append('%s %s' % (ip, message[message.find('"'):].strip()))
        if len(self.lines) > self.size:
            del self.lines[0]


class log_handler:

    def __init__(self, logger):
        self.logger = logger

    def match(self, request):
        return request.uri == '/log'

    def handle_request(self, request):
        request['Content-Type'] = 'text/plain'
        for line in self.logger.lines:
            request.push(line + '\n')
        request.done()


if __name__ == '__main__':
    lg = memory_logger(2)
    hs = http_server.http_server(ip='127.0.0.1', port=int(sys.argv[1]), logger_object=lg)
    hs.install_handler(log_handler(lg))
    print('log on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
