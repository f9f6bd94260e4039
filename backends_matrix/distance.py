"""How far arrays are apart, with the worst element by name and place."""

from typing import NamedTuple

import numpy as np

WHOLE = ("weights@end", "typical_weights@end")  # quantities taken as one vector


class Distance(NamedTuple):
    """How far two arrays are apart.

    Attributes:
        size: Float, the largest absolute difference, or, for quantities taken
            as one vector, the Euclidean one.
        scale: Float, the largest entry, or norm.
        array: String, the array with the worst element.
        element: Tuple of integers, the place of the worst element.
        values: Tuple of the two floats there.
    """

    size: float
    scale: float
    array: str
    element: tuple[int, ...]
    values: tuple[float, float]

    @property
    def note(self):
        """The worst element and its two values, as text."""
        return f"{self.array}{list(self.element)} {self.values[0]!r} and {self.values[1]!r}"


def distances(one, other):
    """Compare arrays of the same name.

    Args:
        one: Dict from name to array.
        other: Dict with the same names, and arrays of the same shapes.

    Returns:
        Dict from name, or from a quantity of `WHOLE`, to `Distance`.
    """
    found, whole = {}, {}
    for name, array in one.items():
        apart = distance(name, array, other[name])
        quantity = name.partition("/")[0]
        if quantity in WHOLE:
            whole.setdefault(quantity, []).append((apart, array, other[name]))
        else:
            found[name] = apart
    for quantity, parts in whole.items():
        worst = max((apart for apart, _, _ in parts), key=lambda apart: apart.size)
        squares = [np.inf if d.size == np.inf else np.sum((a.astype("float64") - b) ** 2) for d, a, b in parts]
        size = np.sqrt(sum(squares))
        scale = np.sqrt(sum(np.sum(a.astype("float64") ** 2) for _, a, _ in parts))
        found[quantity] = worst._replace(size=float(size), scale=float(scale))
    return found


def distance(name, one, other):
    """The `Distance` of two arrays; infinite if their shapes differ, or if one is not finite somewhere."""
    if one.shape != other.shape:
        return Distance(np.inf, 0.0, name, (), (float(one.size), float(other.size)))
    if not one.size:
        return Distance(0.0, 0.0, name, (), (0.0, 0.0))
    one, other = one.astype("float64"), other.astype("float64")
    with np.errstate(invalid="ignore"):
        apart = np.where(np.isfinite(one) & np.isfinite(other), np.abs(one - other), np.inf)
    element = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    scale = float(max(np.max(np.abs(one)), np.max(np.abs(other))))
    return Distance(float(apart[element]), scale, name, element, (float(one[element]), float(other[element])))
