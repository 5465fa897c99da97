"""ZServer without Zope: a published object, threads, and a log in memory."""
import sys

import Lifetime
from ZServer import setNumberOfThreads
from ZServer.HTTPServer import zhttp_handler, zhttp_server


class logger:

    lines = []

    def log(self, message):
        self.lines.append(message)


class application:
    """Methods by the first name of the path."""

    __name__ = 'application'

    def __call__(self, request, response):
        name = request.environ['PATH_INFO'].split('/')[1] or 'index'
        method = getattr(self, name, None)
        if method is None or name[:1] == '_':
            response.setStatus(404)
            return 'There is no %s here.\n' % name
        return method(request, response)

    def index(self, request, response):
        response.setHeader('Content-Type', 'text/html')
        return '<h1>Zope</h1>\n'

    def form(self, request, response):
        data = request.stdin.read()
        response.setHeader('Content-Type', 'text/plain')
        response.setHeader('X-Method', request.environ['REQUEST_METHOD'])
        return data.upper()

    def stream(self, request, response):
        response.setHeader('Content-Type', 'text/plain')
        for word in ('one', 'two', 'three'):
            response.write(word + '\n')

    def away(self, request, response):
        response.redirect('/index')


if __name__ == '__main__':
    setNumberOfThreads(2)
    zs = zhttp_server(ip='127.0.0.1', port=int(sys.argv[1]), resolver=None, logger_object=logger())
    zs.install_handler(zhttp_handler(application(), ''))
    print('zope on port %d' % zs.server_port)
    sys.stdout.flush()
    from Signals import Signals
    Signals.registerZopeSignals([])
    Lifetime.loop()
