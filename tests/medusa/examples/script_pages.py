"""Pages that are Python: *.mpy files below the document root, run by script_handler."""
import asyncore
import sys

from medusa import filesys, http_server, script_handler

PAGE = """\
import sys
r = sys.request
r['Content-Type'] = 'text/plain'
print('%s %s' % (r.command, r.uri))
for line in r.header:
    print(line)
print(sys.stdin.read())
"""

if __name__ == '__main__':
    f = open('env.mpy', 'w')
    f.write(PAGE)
    f.close()
    fs = filesys.os_filesystem('.')
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(script_handler.script_handler(fs))
    print('scripts on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
