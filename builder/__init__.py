"""Whoever keeps the state: genesis, and later the chain, its database and the block builder."""
