"""The button that stops the server; who presses it gets an answer."""
import sys

import Lifetime
from medusa import http_server


class button_handler:

    def match(self, request):
        return request.uri == '/stop'

    def handle_request(self, request):
        if request.command != 'POST':
            request.error(405)
            return
        Lifetime.shutdown(0)
        s = 'Good bye.\n'
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(button_handler())
    print('button on port %d' % hs.server_port)
    sys.stdout.flush()
    Lifetime.loop()
    sys.exit(Lifetime._shutdown_phase and 0)
