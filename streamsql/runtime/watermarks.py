"""Where several inputs of one node meet: its watermark is the smallest of theirs."""

from __future__ import annotations

from streamsql._core.operator import MIN_WATERMARK


class WatermarkCombiner:
    """The watermark of a node with `ports` inputs: the minimum over them; never decreases.

    An input that has ended has the watermark `MAX_WATERMARK`, so that it does not hold the others back; when all have
    ended, so has the node.
    """

    __slots__ = ("_ports", "combined")

    def __init__(self, ports: int) -> None:
        self._ports = [MIN_WATERMARK] * ports
        self.combined = MIN_WATERMARK

    def update(self, port: int, watermark_us: int) -> bool:
        """Raise the watermark of one input; False when that says nothing new (a lower one never counts)."""
        ports = self._ports
        if watermark_us <= ports[port]:
            return False
        ports[port] = watermark_us
        self.combined = watermark_us if len(ports) == 1 else min(ports)
        return True

    @property
    def ports(self) -> tuple[int, ...]:
        """The watermark of each input."""
        return tuple(self._ports)
