"""Where torchvision's models get their weights, which programs with models like these import from here."""

from ..hub import load_state_dict_from_url as load_state_dict_from_url
