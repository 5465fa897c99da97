"""A search form: the query by splitquery() and unquote(), the way it was done before cgi knew."""
import asyncore
import sys

from medusa.http_server import http_server, splitquery, unquote

BOOKS = ['Snow Crash', 'Cryptonomicon', 'Snow', 'The Diamond Age']


class search_handler:

    def match(self, request):
        return request.uri[:7] == '/search'

    def handle_request(self, request):
        path, query = splitquery(request.uri)
        form = {}
        for field in (query or '').split('&'):
            if '=' in field:
                name, value = field.split('=', 1)
                form[unquote(name)] = unquote(value.replace('+', ' '))
        if 'title' not in form:
            request.error(400)
            return
        found = [b for b in BOOKS if b.lower().find(form['title'].lower()) != -1]
        request['Content-Type'] = 'text/plain; charset=utf-8'
        request.push('%d found for "%s"\n' % (len(found), form['title']))
        for book in found:
            request.push(book + '\n')
        request.done()


if __name__ == '__main__':
    hs = http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(search_handler())
    print('search on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
