"""What takes long is done by a thread, which finishes the request itself."""
import asyncore
import queue
import sys
import threading
import time

from medusa import http_server


class worker(threading.Thread):

    def __init__(self, jobs):
        threading.Thread.__init__(self)
        self.daemon = 1
        self.jobs = jobs

    def run(self):
        while 1:
            request = self.jobs.get()
            time.sleep(0.05)  # the database
            s = 'answered by a thread: %s\n' % request.uri
            request['Content-Type'] = 'text/plain'
            request['Content-Length'] = len(s)
            request.push(s)
            request.done()


class thread_handler:

    def __init__(self, n):
        self.jobs = queue.Queue()
        for i in range(n):
            worker(self.jobs).start()

    def match(self, request):
        return request.uri[:5] == '/slow'

    def handle_request(self, request):
        self.jobs.put(request)


class fast_handler:

    def match(self, request):
        return 1

    def handle_request(self, request):
        request['Content-Length'] = 5
        request.push('fast\n')
        request.done()


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(fast_handler())
    hs.install_handler(thread_handler(2))
    print('threads on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
