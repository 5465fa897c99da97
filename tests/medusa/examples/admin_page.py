"""Pages for the administrator only: a handler inside an auth_handler, asked for its name."""
import asyncore
import sys

from medusa import auth_handler, http_server


class admin_handler:

    def match(self, request):
        return request.uri[:7] == '/admin/'

    def handle_request(self, request):
        user, password = request.auth_info
        if request.uri == '/admin/logout':
            request['WWW-Authenticate'] = 'Basic realm="admin"'
            request.error(401)
            return
        s = 'Welcome back, %s. %d handlers, %s clients so far.\n' % (
            user,
            len(request.channel.server.handlers),
            request.channel.server.total_clients)
        request['Content-Type'] = 'text/plain'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


class polite_auth_handler(auth_handler.auth_handler):

    def handle_unauthorized(self, request):
        self.fail_count.increment()
        request.channel.set_terminator(None)
        request['Connection'] = 'close'
        request['WWW-Authenticate'] = 'Basic realm="%s"' % self.realm
        request['X-Failures'] = '%s' % self.fail_count
        request.error(401)


if __name__ == '__main__':
    users = {'root': 'sesame'}
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(polite_auth_handler(users, admin_handler(), 'admin'))
    print('admin pages on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
