"""Settings that change while the product runs."""
