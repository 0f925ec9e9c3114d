"""The engine without the product: a plain host whose jobs do next to nothing."""
