"""The dimensions of a model that nobody has a file of yet, as its publisher's configuration says.

A file's own header says the same and is believed first (`memory/model_shape.py`).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Dimensions"]

_Some = Annotated[int, Field(ge=1)]
_Any = Annotated[int, Field(ge=0)]


class Dimensions(BaseModel):
    """`layers` in all, of which `window_layers` see a window of `window` tokens and
    `recurrent_layers` keep one state; the rest attend to the whole text.

    `width` is that of a token, `heads` are the most query heads of a layer, `head_size` the width
    of one head, `feed_forward` the values that a token has inside a layer (of a mixture: of the
    experts that one token uses). `recurrent_state` are the values (32 bit) of one layer's state.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1)]
    layers: _Some
    width: _Some
    heads: _Some
    kv_heads: _Some
    head_size: _Some
    feed_forward: _Some
    vocabulary: _Some
    window: _Any = 0
    window_layers: _Any = 0
    window_kv_heads: _Any = 0
    window_head_size: _Any = 0
    recurrent_layers: _Any = 0
    recurrent_state: _Any = 0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.window_layers + self.recurrent_layers >= self.layers:
            raise ValueError("at least one layer must attend to the whole text")
        windowed = (self.window, self.window_kv_heads, self.window_head_size)
        if self.window_layers and not all(windowed):
            raise ValueError("window_layers need window, window_kv_heads and window_head_size")
        if self.recurrent_layers and not self.recurrent_state:
            raise ValueError("recurrent_layers need recurrent_state")
        return self
