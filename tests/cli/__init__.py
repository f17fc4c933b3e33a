"""Tests of the command line: as functions, as commands in processes of their own, and with real signals."""
