"""When a command looks for cycles of objects.

Nearly everything here is freed by counting references. Python looks for cycles after every 700 objects that stay, and
now and then among all that live: with the objects of a compiler and of a state in memory, that took a fifth of a
command's time. So commands look seldom, and not at all when they end.
"""

import atexit
import gc
from typing import Final

SELDOM: Final = (50_000, 20, 20)
"""Objects that stay before the youngest are looked through; and how many such rounds make one of older objects."""


def collect_seldom() -> None:
    """Set this process so."""
    gc.set_threshold(*SELDOM)
    atexit.register(gc.freeze)
