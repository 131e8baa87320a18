"""Files from the network: weights of models, what data sets are downloaded with, and models from repositories."""

from urllib.parse import urlparse  # noqa: F401  # programs take it from here

from .downloads import (  # noqa: F401
    HASH_REGEX,
    _get_torch_home,
    _whole_file,
    download,
    download_url_to_file,
    get_dir,
    load_state_dict_from_url,
    set_dir,
)
from .repositories import help, list, load

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]
