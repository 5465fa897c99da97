"""Front ends: whoever sends us traffic is told, in its own dialect, whether to go on doing so.

One state (state.py), one ledger of who listens (followers.py), one participant in the shutdown
(frontends.py); the dialects only translate: health.py for HTTP probes, agent.py for HAProxy's agent
check.
"""

from servers.frontends.followers import Followers
from servers.frontends.frontends import FrontEnds
from servers.frontends.state import Availability

__all__ = ["Availability", "Followers", "FrontEnds"]
