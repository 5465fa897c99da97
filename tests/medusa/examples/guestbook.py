"""The guestbook: a form, a POST with a collector of its own, and the list of who was there."""
import asyncore
import html
import sys
from urllib.parse import unquote_plus

from medusa import http_server

FORM = '<form action="/guestbook" method="post"><input name="name"><input name="text"></form>\n'


class form_collector:
    """Gathers a form, and gives it to the handler as a dictionary."""

    def __init__(self, handler, request):
        cl = request.get_header('content-length')
        self.handler = handler
        self.request = request
        self.data = []
        request.channel.set_terminator(int(cl))

    def collect_incoming_data(self, data):
        self.data.append(data)

    def found_terminator(self):
        # set the terminator back to the default
        self.request.channel.set_terminator(b'\r\n\r\n')
        form = {}
        for pair in b''.join(self.data).decode('latin-1').split('&'):
            name, value = pair.split('=', 1)
            form[unquote_plus(name)] = unquote_plus(value)
        self.handler.continue_request(form, self.request)


class guestbook_handler:

    def __init__(self):
        self.entries = []

    def match(self, request):
        return request.uri[:10] == '/guestbook'

    def handle_request(self, request):
        if request.command.lower() == 'post':
            if not request.get_header('content-length'):
                request.error(411)
                return
            request.collector = form_collector(self, request)
        else:
            self.send_page(request)

    def continue_request(self, form, request):
        self.entries.append((form['name'], form['text']))
        request['Location'] = '/guestbook'
        request.error(302)

    def send_page(self, request):
        lines = ['<h1>Guestbook</h1>\n']
        for name, text in self.entries:
            lines.append('<p>%s: %s\n' % (html.escape(name), html.escape(text)))
        lines.append(FORM)
        request['Content-Type'] = 'text/html'
        for line in lines:
            request.push(line)
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]), None, None)
    hs.install_handler(guestbook_handler())
    print('guestbook on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
