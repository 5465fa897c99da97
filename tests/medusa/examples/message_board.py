"""A board whose readers wait: a request without news is kept until somebody writes something."""
import asyncore
import sys

from medusa import http_server, xmlrpc_handler


class board_handler:

    def __init__(self):
        self.messages = []
        self.waiting = []

    def match(self, request):
        return request.uri[:6] == '/board'

    def handle_request(self, request):
        if request.command in ('post', 'POST'):
            request.collector = xmlrpc_handler.collector(self, request)
            return
        query = request.split_uri()[2]
        request.known = int((query or '?0')[1:])
        if request.known < len(self.messages):
            self.answer(request)
        else:
            self.waiting.append(request)

    def continue_request(self, data, request):
        self.messages.append(data.decode('utf-8'))
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            # is the browser still there?
            if each.channel.connected:
                self.answer(each)
        request.reply_code = 204
        request.done()

    def answer(self, request):
        s = ''.join(['%s\n' % m for m in self.messages[request.known:]])
        request['Content-Type'] = 'text/plain; charset=utf-8'
        request['Content-Length'] = len(s)
        request.push(s)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(board_handler())
    print('board on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
