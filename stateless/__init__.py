"""Execution without state: the machine, blocks, and what their witnesses prove."""
