"""Curve BLS12-381 (0x0b to 0x11): sums, multi-scalar multiplications, pairing check, maps from the field to the curve.

    0x0b  G1ADD              P || Q -> P + Q                               375
    0x0c  G1MSM              (P || k) repeated -> sum of k P               12,000 each, with discount
    0x0d  G2ADD              P || Q -> P + Q                               600
    0x0e  G2MSM              (P || k) repeated -> sum of k P               22,500 each, with discount
    0x0f  PAIRING_CHECK      (P || Q) repeated -> is prod e(P, Q) one?     37,700 + 32,600 each
    0x10  MAP_FP_TO_G1       element of Fp -> point                        5,500
    0x11  MAP_FP2_TO_G2      element of Fp2 -> point                       23,800

Encodings stand in `bls12381_group`; a scalar k is any 32 bytes, big-endian. Sums take any point of the curve, all
others ask for the subgroup of order r. Each fails for an input of another length, an empty one too.

Source: EIP-2537, "ABI for operations", "Gas schedule".
"""

from collections.abc import Callable
from typing import Final

from spec.errors import ExceptionalHalt
from stateless.evm.precompiles.bls12381_group import (
    ELEMENT_BYTES,
    G1_BYTES,
    G2_BYTES,
    decode_g1,
    decode_g2,
    encode,
    map_to_g1,
    map_to_g2,
    product_is_one,
    sum_g1,
    sum_g2,
)
from stateless.evm.precompiles.precompile import WORD_BYTES, Precompile, constant_gas

G1_TERM_BYTES: Final = G1_BYTES + WORD_BYTES
G2_TERM_BYTES: Final = G2_BYTES + WORD_BYTES
PAIR_BYTES: Final = G1_BYTES + G2_BYTES

G1_MULTIPLICATION_GAS: Final = 12_000
G2_MULTIPLICATION_GAS: Final = 22_500

# fmt: off
G1_DISCOUNTS: Final = (
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677,
    673, 669, 665, 661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627,
    625, 623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601, 599, 598,
    596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576,
    575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559,
    558, 557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544,
    543, 542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531,
    530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
)
"""Thousandths of the full price for each of 1 to 128 terms; the last for more."""
G2_DISCOUNTS: Final = (
    1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717,
    711, 704, 699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646,
    643, 640, 637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607,
    606, 604, 602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582,
    580, 579, 578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562,
    561, 560, 559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547,
    546, 545, 545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535,
    534, 533, 532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
)
"""Thousandths of the full price for each of 1 to 128 terms; the last for more."""
# fmt: on


def gas_msm(term_bytes: int, multiplication: int, discounts: tuple[int, ...]) -> Callable[[bytes], int]:
    """k * multiplication * discount(k) / 1000 for k whole terms; nothing for none, as that fails."""

    def gas(data: bytes) -> int:
        terms = len(data) // term_bytes
        return terms * multiplication * discounts[min(terms, len(discounts)) - 1] // 1000

    return gas


def gas_pairing(data: bytes) -> int:
    """37,700 and 32,600 for each pair."""
    return 37_700 + 32_600 * (len(data) // PAIR_BYTES)


def _require_bytes(data: bytes, size: int) -> None:
    if len(data) != size:
        raise ExceptionalHalt(f"the input has not {size} bytes")


def _pieces(data: bytes, size: int) -> list[bytes]:
    """The input cut into pieces, at least one. Raises: ExceptionalHalt."""
    if not data or len(data) % size:
        raise ExceptionalHalt(f"the input is not one or more times {size} bytes")
    return [data[start : start + size] for start in range(0, len(data), size)]


def run_g1_add(data: bytes) -> bytes:
    """P + Q. Raises: ExceptionalHalt."""
    _require_bytes(data, 2 * G1_BYTES)
    return encode(decode_g1(data[:G1_BYTES], in_subgroup=False) + decode_g1(data[G1_BYTES:], in_subgroup=False))


def run_g2_add(data: bytes) -> bytes:
    """P + Q. Raises: ExceptionalHalt."""
    _require_bytes(data, 2 * G2_BYTES)
    return encode(decode_g2(data[:G2_BYTES], in_subgroup=False) + decode_g2(data[G2_BYTES:], in_subgroup=False))


def run_g1_msm(data: bytes) -> bytes:
    """The sum of k P. Raises: ExceptionalHalt."""
    terms = _pieces(data, G1_TERM_BYTES)
    points = [decode_g1(term[:G1_BYTES], in_subgroup=True) for term in terms]
    return encode(sum_g1([int.from_bytes(term[G1_BYTES:], "big") for term in terms], points))


def run_g2_msm(data: bytes) -> bytes:
    """The sum of k P. Raises: ExceptionalHalt."""
    terms = _pieces(data, G2_TERM_BYTES)
    points = [decode_g2(term[:G2_BYTES], in_subgroup=True) for term in terms]
    return encode(sum_g2([int.from_bytes(term[G2_BYTES:], "big") for term in terms], points))


def run_pairing(data: bytes) -> bytes:
    """1 or 0: whether the product of e(P, Q) is one. Raises: ExceptionalHalt."""
    pairs = _pieces(data, PAIR_BYTES)
    g1 = [decode_g1(pair[:G1_BYTES], in_subgroup=True) for pair in pairs]
    g2 = [decode_g2(pair[G1_BYTES:], in_subgroup=True) for pair in pairs]
    return product_is_one(g1, g2).to_bytes(WORD_BYTES, "big")


def run_map_fp_to_g1(data: bytes) -> bytes:
    """The point of an element of Fp. Raises: ExceptionalHalt."""
    _require_bytes(data, ELEMENT_BYTES)
    return encode(map_to_g1(data))


def run_map_fp2_to_g2(data: bytes) -> bytes:
    """The point of an element c0 || c1 of Fp2. Raises: ExceptionalHalt."""
    _require_bytes(data, 2 * ELEMENT_BYTES)
    return encode(map_to_g2(data))


BLS12_G1ADD: Final = Precompile("BLS12_G1ADD", constant_gas(375), run_g1_add)
BLS12_G1MSM: Final = Precompile("BLS12_G1MSM", gas_msm(G1_TERM_BYTES, G1_MULTIPLICATION_GAS, G1_DISCOUNTS), run_g1_msm)
BLS12_G2ADD: Final = Precompile("BLS12_G2ADD", constant_gas(600), run_g2_add)
BLS12_G2MSM: Final = Precompile("BLS12_G2MSM", gas_msm(G2_TERM_BYTES, G2_MULTIPLICATION_GAS, G2_DISCOUNTS), run_g2_msm)
BLS12_PAIRING_CHECK: Final = Precompile("BLS12_PAIRING_CHECK", gas_pairing, run_pairing)
BLS12_MAP_FP_TO_G1: Final = Precompile("BLS12_MAP_FP_TO_G1", constant_gas(5_500), run_map_fp_to_g1)
BLS12_MAP_FP2_TO_G2: Final = Precompile("BLS12_MAP_FP2_TO_G2", constant_gas(23_800), run_map_fp2_to_g2)
