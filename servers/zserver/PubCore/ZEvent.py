"""ZServer's ZEvent."""

from servers.zserver.Wakeup import Wakeup

__all__ = ["Wakeup"]
