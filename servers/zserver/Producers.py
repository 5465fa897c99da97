"""ZServer's Producers."""

from servers.medusa.producers import (
    CallbackProducer,
    LoggingProducer,
    ShutdownProducer,
    file_close_producer,
    file_part_producer,
    iterator_producer,
)

__all__ = [
    "CallbackProducer",
    "LoggingProducer",
    "ShutdownProducer",
    "file_close_producer",
    "file_part_producer",
    "iterator_producer",
]
