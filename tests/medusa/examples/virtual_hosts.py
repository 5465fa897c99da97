"""Two sites at one address: each host name has handlers of its own."""
import asyncore
import os
import sys

from medusa import default_handler, filesys, http_server, virtual_handler


def site(name, text):
    if not os.path.isdir(name):
        os.mkdir(name)
    f = open(os.path.join(name, 'index.html'), 'w')
    f.write(text)
    f.close()
    return default_handler.default_handler(filesys.os_filesystem(name))


if __name__ == '__main__':
    hs = http_server.http_server('127.0.0.1', int(sys.argv[1]))
    hs.install_handler(site('main', 'main site\n'))
    for host in ('one.example', 'two.example'):
        handler = site(host, 'this is %s\n' % host)
        hs.install_handler(virtual_handler.virtual_handler_with_host(handler, host))
    print('hosts on port %d' % hs.server_port)
    sys.stdout.flush()
    asyncore.loop()
