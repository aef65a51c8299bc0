"""Keys and values that make trees interesting: shared prefixes, neighbouring suffixes, zero values."""

from hypothesis import strategies as st

from spec.types import TreeKey, Value

BYTES = st.sampled_from([0, 1, 2, 255])
SUFFIXES = st.sampled_from([0, 1, 2, 127, 128, 129, 254, 255]) | st.integers(0, 255)


@st.composite
def tree_keys(draw: st.DrawFn) -> TreeKey:
    """A key whose stem shares a prefix of any length, up to 30 bytes, with many others."""
    length = draw(st.sampled_from([0, 0, 1, 1, 2, 3, 8, 29, 30]))
    prefix = draw(st.lists(st.sampled_from([0, 1]), min_size=length, max_size=length)) if length < 8 else [0] * length
    rest = draw(st.lists(BYTES, min_size=31 - length, max_size=31 - length))
    return TreeKey(bytes([*prefix, *rest, draw(SUFFIXES)]))


def values() -> st.SearchStrategy[Value]:
    """Values with edges: zero, the greatest, low part only, high part only."""
    edges = [bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(16) + b"\x01" + bytes(15)]
    return (st.sampled_from(edges) | st.binary(min_size=32, max_size=32)).map(Value)


def writes(min_size: int = 0, max_size: int = 24) -> st.SearchStrategy[dict[TreeKey, Value]]:
    """Some keys with values."""
    return st.dictionaries(tree_keys(), values(), min_size=min_size, max_size=max_size)
