"""The compiled core: columns, weights and microseconds; it knows no SQL, does no I/O and reads no clock."""
