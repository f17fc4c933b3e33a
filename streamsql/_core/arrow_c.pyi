class ColumnView:
    layout: int
    length: int
    null_count: int
    @property
    def address(self) -> int: ...
