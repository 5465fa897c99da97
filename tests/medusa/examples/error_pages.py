"""Our own error pages, by a method that takes the place of the original's."""
import asyncore
import sys

from medusa import http_server

PAGE = '<h1>%(message)s</h1>\n<p>Nothing but trouble (%(code)d) at %(uri)s.</p>\n'


def error(self, code):
    self.reply_code = code
    message = self.responses[code]
    s = PAGE % {'code': code, 'message': message, 'uri': self.uri}
    self['Content-Length'] = len(s)
    self['Content-Type'] = 'text/html'
    self.push(s)
    self.done()


class broken_handler:

    def match(self, request):
        return request.uri == '/broken'

    def handle_request(self, request):
        raise ValueError('this is not my day')


class teapot_handler:

    def match(self, request):
        return request.uri == '/coffee'

    def handle_request(self, request):
        request.error(418)


def log_info(self, message, type='info'):
    """What fails is known."""


if __name__ == '__main__':
    http_server.http_request.error = error
    http_server.http_request.responses[418] = "I'm a teapot"
    http_server.http_server.log_info = log_info
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(broken_handler())
    hs.install_handler(teapot_handler())
    print('errors on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
