class KeyMap:
    is_fixed: bool
    live: int
    count: int
    def __init__(self, is_fixed: bool) -> None: ...
    @property
    def capacity(self) -> int: ...
