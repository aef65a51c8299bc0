"""Execution without state. So far: what a block's witness proves, and the root that it leads to."""
