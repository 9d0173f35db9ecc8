"""The two names of numpy that EvalPlus' tests use, over plain numbers and nested lists.

Executed as text inside the sandbox, whose Python has the standard library and nothing else:
`ndarray`, of which there are no instances there, and `allclose` with numpy's rule, near where
|a - b| <= atol + rtol |b|. No import of ours.
"""

import math
import sys
import types
from typing import Any


class ndarray:
    """No value is one: what an answer returns crosses into the tests as plain values."""


def allclose(one: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:  # noqa: ANN401
    """Say whether numbers, or lists of them, are near each other.

    A number beside a list is compared with each of its items.

    Raises:
        ValueError: lists of different lengths, as numpy says of them.
        TypeError: something is no number.
    """
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            raise ValueError("operands could not be broadcast together")
        return all(allclose(a, b, rtol, atol) for a, b in zip(one, other, strict=True))
    if isinstance(one, list | tuple):
        return all(allclose(a, other, rtol, atol) for a in one)
    if isinstance(other, list | tuple):
        return all(allclose(one, b, rtol, atol) for b in other)
    if one == other:
        return True
    gap = abs(one - other)
    return math.isfinite(abs(other)) and gap <= atol + rtol * abs(other)


def _install() -> None:
    """Let `import numpy` find these."""
    module: Any = types.ModuleType("numpy")
    module.ndarray, module.allclose = ndarray, allclose
    module.float64 = module.float32 = float
    sys.modules["numpy"] = module
