"""Only for whom we know: a wrapper that looks at the address before its handler sees anything."""
import asyncore
import sys

from medusa import http_server


class access_handler:

    def __init__(self, handler, networks):
        self.handler = handler
        self.networks = networks

    def match(self, request):
        return self.handler.match(request)

    def allowed(self, request):
        ip = request.channel.addr[0]
        # the proxy on this machine tells for whom it asks
        if ip == '127.0.0.1':
            ip = request.get_header('X-Forwarded-For') or ip
        for network in self.networks:
            if ip[:len(network)] == network:
                return 1
        return 0

    def handle_request(self, request):
        if self.allowed(request):
            self.handler.handle_request(request)
        else:
            request['X-Reason'] = 'address'
            request.error(403)


class secret_handler:

    def match(self, request):
        return request.uri == '/secret'

    def handle_request(self, request):
        request['Content-Type'] = 'text/plain'
        request.push('the secret\n')
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(access_handler(secret_handler(), ['127.', '192.168.']))
    print('access on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
