"""Windows as strategies see them, and rows of figures as `decide` does. Imports pandas: few processes need it."""

import math
from datetime import UTC

import numpy
import pandas

from app.domain.window import COLUMNS, Window

FIGURES = pandas.Index(["open", "high", "low", "close", "volume"])  # as in a window's rows, after the bar's end
INSTANTS = pandas.DatetimeTZDtype("us", UTC)

Row = dict[str, float]


def as_table(window: Window) -> pandas.DataFrame:
    """A window as a table; the index is each bar's end."""
    ends = numpy.frombuffer(window.rows, "M8[us]")[::COLUMNS]
    figures = numpy.frombuffer(window.rows, float).reshape(-1, COLUMNS)[:, 1 : 1 + len(FIGURES)]
    index = pandas.DatetimeIndex(ends, dtype=INSTANTS, name="end")
    return pandas.DataFrame(figures, columns=FIGURES, index=index)


def two_rows(rows: pandas.DataFrame, place: int) -> tuple[Row, Row]:
    """The row before a place and the one at it; a first bar has a row of unknowns before it."""
    names = list(map(str, rows.columns))
    figures = rows.to_numpy(float)
    now = dict(zip(names, figures[place].tolist(), strict=True))
    if place == 0:
        return dict.fromkeys(names, math.nan), now
    return dict(zip(names, figures[place - 1].tolist(), strict=True)), now
