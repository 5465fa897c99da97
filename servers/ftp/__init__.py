"""The FTP server: `FTPListener`, on the protocol engine of pyftpdlib.

pyftpdlib knows the commands; the sockets, the timers and the end are ours.
Raises ImportError with one sentence if pyftpdlib is not installed.
"""

try:
    import pyftpdlib  # noqa: F401
except ModuleNotFoundError:
    raise ImportError("FTP needs pyftpdlib: pip install 'lifetime-servers[ftp]'") from None

from servers.ftp.authorizers import Authorizer, anonymous
from servers.ftp.channel import FTPChannel
from servers.ftp.limits import FTPLimits
from servers.ftp.listener import FTPListener

__all__ = ["Authorizer", "FTPChannel", "FTPLimits", "FTPListener", "anonymous"]
