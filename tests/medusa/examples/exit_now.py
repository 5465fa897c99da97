"""Leaves the loop by ExitNow, as the documentation of asyncore says, and not by sys.exit()."""
import asyncore
import sys

from medusa import http_server


class exit_handler:

    def match(self, request):
        return 1

    def handle_request(self, request):
        if request.uri == '/exit':
            try:
                # nobody else's business
                raise asyncore.ExitNow('asked for by %s' % request.channel.addr[0])
            except Exception as e:
                if not isinstance(e, asyncore.ExitNow):
                    request.error(500)
                    return
                raise
        request.push('/exit is the way out\n')
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(exit_handler())
    print('exits on port %d' % hs.server_port)
    sys.stdout.flush()
    try:
        asyncore.loop()
    except asyncore.ExitNow:
        asyncore.close_all()
        sys.exit(3)
