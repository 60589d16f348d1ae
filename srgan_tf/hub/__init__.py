"""The only door from a name to a model: which one it is, where it is, and its network.

    shipped, published  ->  light  ->  references  ->  loading
                                   ->  listing

`kept` says where downloads are kept, and `download` makes them. Only `loading` needs Keras.
"""

from srgan_tf import lazy

_HOMES = {
    **dict.fromkeys(("absent_models", "model_list", "present_models", "without_keras"), "listing"),
    **dict.fromkeys(("has_keras", "site_models"), "light"),
    "licence_terms": "published",
    **dict.fromkeys(("load_generator", "load_model"), "loading"),
    **dict.fromkeys(("ModelRef", "find_saved_model", "shifts_colors", "known_scale", "resolve"), "references"),
    **dict.fromkeys(("shipped_facts", "shipped_files"), "shipped"),
}
__getattr__, __dir__ = lazy.names(__name__, _HOMES)
