"""The front end, piece by piece."""
