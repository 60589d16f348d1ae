"""The bundled recipes, a flagfile each, found by name from any folder."""
