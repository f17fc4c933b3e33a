"""Plans and their rewrites."""
