"""What a file was made from, in the order in which a tree shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.report import Ingredient

__all__ = ["Placed", "children_of", "placed_ingredients"]


@dataclass(frozen=True, slots=True)
class Placed:
    """An ingredient and its place in the tree.

    Attributes:
        ingredient: The ingredient.
        last: For each level down to it, whether it is on the last branch there.
        has_children: Whether something hangs below it.
    """

    ingredient: Ingredient
    last: tuple[bool, ...]
    has_children: bool


def children_of(ingredients: Sequence[Ingredient]) -> dict[int | None, list[Ingredient]]:
    """Which ingredients hang below each one, and below the file (None)?"""
    children: dict[int | None, list[Ingredient]] = {}
    for ingredient in ingredients:
        children.setdefault(ingredient.parent, []).append(ingredient)
    return children


def placed_ingredients(ingredients: Sequence[Ingredient]) -> Iterator[Placed]:
    """In which order do the lines of a tree show them? Each once."""
    children = children_of(ingredients)

    def below(parent: int | None, last: tuple[bool, ...]) -> list[Placed]:
        # Taken out of the table, so that no ingredient is shown twice.
        found = children.pop(parent, [])
        return [
            Placed(found[i], (*last, i == len(found) - 1), found[i].id in children)
            for i in reversed(range(len(found)))
        ]

    # A stack, since the depth of the history is a stranger's choice.
    stack = below(None, ())
    while stack:
        placed = stack.pop()
        yield placed
        stack += below(placed.ingredient.id, placed.last)
