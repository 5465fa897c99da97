"""A page that is printed into an output_producer, with a table at the end of it."""
import asyncore
import sys

from medusa import http_server, producers


def print_page(out, numbers):
    print('<html>', file=out)
    print('<h1>%d numbers</h1>' % len(numbers), file=out)
    for n in numbers:
        out.write('<li>%d squared is %d\n' % (n, n * n))
    out.writelines(['</html>', '<!-- end -->'])
    out.flush()


class page_handler:

    def match(self, request):
        return request.uri == '/page'

    def handle_request(self, request):
        out = producers.output_producer()
        print_page(out, list(range(40)))
        request['Content-Type'] = 'text/html'
        request.push(producers.composite_producer([
            producers.simple_producer('<!-- printed -->\r\n'),
            producers.globbing_producer(out),
        ]))
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(page_handler())
    print('pages on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
