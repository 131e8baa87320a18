"""The Python process around the package: forks, who holds a value, names of modules, files. Needs nothing of the rest."""
