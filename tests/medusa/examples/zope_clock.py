"""An add-on of Zope: a ClockServer made at run time, and patches of the classes it hangs on."""
import sys

import Lifetime
from Signals import Signals
from ZServer.ClockServer import ClockServer
from ZServer.HTTPServer import zhttp_handler, zhttp_server

TICKS = []
WAITING = []


class tick_logger:

    def log(self, message):
        pass


def handle(module, request, response):
    """Instead of a thread: the clock asks, we count, and who waits is told."""
    TICKS.append(request.environ['PATH_INFO'])
    waiting, WAITING[:] = WAITING[:], []
    for each in waiting:
        answer(each)


def answer(request):
    s = '%s, asked by %s\n' % (TICKS[-1], request.get_header('User-Agent'))
    request['Content-Type'] = 'text/plain'
    request['Content-Length'] = len(s)
    request.push(s)
    request.done()


original_handle_request = zhttp_handler.handle_request


def handle_request(self, request):
    if request.command == 'get' and request.uri == '/tick':
        WAITING.append(request)
    else:
        original_handle_request(self, request)


if __name__ == '__main__':
    zhttp_handler.handle_request = handle_request
    zhttp_server.SERVER_IDENT = ''
    zs = zhttp_server('127.0.0.1', int(sys.argv[1]), None, tick_logger())
    zs.install_handler(zhttp_handler('Zope2', ''))
    clock = ClockServer('/cron?job=1', 1, host='localhost', logger=tick_logger(), handler=handle)
    print('ticks on port %d' % zs.server_port)
    sys.stdout.flush()
    Signals.registerZopeSignals([])
    Lifetime.loop()
    clock.close()
