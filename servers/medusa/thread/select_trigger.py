"""medusa's select_trigger, where medusa had it."""

from servers.medusa.select_trigger import trigger, trigger_file

__all__ = ["trigger", "trigger_file"]
