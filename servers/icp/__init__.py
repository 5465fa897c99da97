"""ICP, by which caches ask their neighbours: how a Squid in front of us learns where to send.

ICPListener answers queries; `answer` decides with what, `Opcode` has the words for it.
"""

from servers.icp.listener import PORT, ICPListener
from servers.icp.message import MalformedDatagram, Opcode

__all__ = ["PORT", "ICPListener", "MalformedDatagram", "Opcode"]
