"""The errors of every `.sql` file here are, word for word, the `.txt` file beside it."""
