"""Polynomials of degree below 256, given by their values on the domain 0, 1, ..., 255.

Notation: f_i = f(i); A(X) = product of (X - i) over the domain; A'(i) = product of (i - j) over j != i.

    evaluation outside   f(t) = sum of f_i b_i,  b_i = A(t) / (A'(i) (t - i))
    quotient inside      q = (f - f(z)) / (X - z):  q_j = (f_j - f_z) / (j - z) for j != z,
                         q_z = - sum over j != z of q_j A'(z) / A'(j)

Source: Dankrad Feist, "PCS multiproofs using random evaluation"; go-ipa `ipa/prover`, verkle-trie-ref.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from spec.params import VERKLE_NODE_WIDTH
from verkle.field import FR

SIZE: Final = VERKLE_NODE_WIDTH
_R: Final = FR.modulus


@cache
def vanishing_derivatives() -> tuple[int, ...]:
    """A'(i) = (-1)^(255-i) i! (255-i)!, for i = 0..255."""
    factorial = [1]
    for i in range(1, SIZE):
        factorial.append(factorial[-1] * i % _R)
    return tuple((-1) ** (SIZE - 1 - i) * factorial[i] * factorial[SIZE - 1 - i] % _R for i in range(SIZE))


@cache
def inverse_vanishing_derivatives() -> tuple[int, ...]:
    """1 / A'(i), for i = 0..255."""
    return tuple(FR.batch_inverse(vanishing_derivatives()))


@cache
def _inverses() -> tuple[int, ...]:
    """1/k for k = 1..255 at index k (index 0 holds 0 and is not used)."""
    return (0, *FR.batch_inverse(range(1, SIZE)))


def evaluation_weights(t: int) -> list[int]:
    """b_0..b_255 with f(t) = sum of f_i b_i, for any t in Fr; a unit vector where t is in the domain."""
    if t < SIZE:
        return [int(i == t) for i in range(SIZE)]
    vanishing = 1
    for i in range(SIZE):
        vanishing = vanishing * (t - i) % _R
    inverses = FR.batch_inverse([(t - i) % _R for i in range(SIZE)])
    return [
        vanishing * inverse % _R * derivative % _R
        for inverse, derivative in zip(inverses, inverse_vanishing_derivatives(), strict=True)
    ]


def evaluate(values: Sequence[int], t: int) -> int:
    """f(t) for any t in Fr."""
    return inner_product(values, evaluation_weights(t))


def inner_product(left: Sequence[int], right: Sequence[int]) -> int:
    """Sum of left_i * right_i."""
    return sum(a * b for a, b in zip(left, right, strict=True)) % _R


def quotient(values: Sequence[int], z: int) -> list[int]:
    """The values on the domain of (f - f(z)) / (X - z), for z in the domain."""
    inverses, derivatives = _inverses(), vanishing_derivatives()
    inverse_derivatives = inverse_vanishing_derivatives()
    at_z = values[z]
    result = [0] * SIZE
    at_pole = 0
    for j, value in enumerate(values):
        if j == z:
            continue
        difference = (value - at_z) % _R
        q = difference * (inverses[j - z] if j > z else -inverses[z - j]) % _R
        result[j] = q
        at_pole += q * inverse_derivatives[j]
    result[z] = -at_pole * derivatives[z] % _R
    return result
