"""The cheapest one-to-one assignment of rows to columns (Hungarian method, O(rows^2 * columns)).

Published by Kuhn (1955) and Munkres (1957); this is the form with shortest augmenting paths and
prices on rows and columns. Whole numbers only, so that equal is equal.
"""

from __future__ import annotations

from collections.abc import Sequence

_FAR = 1 << 62
"""More than any sum of costs."""


def assign(costs: Sequence[Sequence[int]]) -> list[int]:
    """For each row its column, so that the sum of costs is the least; there are at least as many
    columns as rows, and each is used once.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    assert rows <= columns
    row_of = [0] * (columns + 1)  # 0: free; rows count from 1, column 0 stands for "being placed"
    row_price, column_price = [0] * (rows + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        row_of[0] = row
        free, came_from = _nearest_free(costs, row_of, row_price, column_price)
        while free:
            row_of[free] = row_of[came_from[free]]
            free = came_from[free]
    chosen = [0] * rows
    for column in range(1, columns + 1):
        if row_of[column]:
            chosen[row_of[column] - 1] = column - 1
    return chosen


def _nearest_free(
    costs: Sequence[Sequence[int]],
    row_of: Sequence[int],
    row_price: list[int],
    column_price: list[int],
) -> tuple[int, list[int]]:
    """The free column that is cheapest to reach, and by which column each one is reached; prices
    are moved so that the way there costs nothing.
    """
    columns = len(column_price) - 1
    distance = [_FAR] * (columns + 1)
    came_from = [0] * (columns + 1)
    seen = [False] * (columns + 1)
    column = 0
    while row_of[column]:
        seen[column] = True
        row, step, nearest = row_of[column], _FAR, 0
        line, price = costs[row - 1], row_price[row]
        for other in range(1, columns + 1):
            if seen[other]:
                continue
            reach = line[other - 1] - price - column_price[other]
            if reach < distance[other]:
                distance[other], came_from[other] = reach, column
            if distance[other] < step:
                step, nearest = distance[other], other
        for other in range(columns + 1):
            if seen[other]:
                row_price[row_of[other]] += step
                column_price[other] -= step
            else:
                distance[other] -= step
        column = nearest
    return column, came_from
