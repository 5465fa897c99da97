"""The laws of docs/architecture.md, each for all orders of events that we can draw."""
