"""The IFMA backend: the kernels that `accel.numba_engine` calls, by the names it calls them."""

from accel.ifma_maps import decode as decode
from accel.ifma_maps import encode as encode
from accel.ifma_maps import to_scalars as to_scalars
from accel.ifma_msm import msm as msm
from accel.ifma_points import HALF as HALF
from accel.ifma_points import WINDOW_WORDS as WINDOW_WORDS
from accel.ifma_points import add as add
from accel.ifma_points import build_tables as build_tables
from accel.ifma_points import commit as commit
from accel.roots import FAULTS as FAULTS
