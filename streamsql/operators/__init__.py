"""Physical nodes made into running operators."""
