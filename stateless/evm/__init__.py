"""The machine: opcodes, frames, precompiles, and what state access costs."""
