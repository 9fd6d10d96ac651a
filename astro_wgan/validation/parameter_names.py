"""Parameters of objects by their names, as in scikit-learn, and configurations by theirs."""

from inspect import signature

__all__ = ['NamedParameters', 'check_parameter_names', 'preset_named']


class NamedParameters:
    """An object whose attributes are the parameters of its constructor."""

    def get_params(self, deep=True):
        """
        Parameters of the constructor, as in scikit-learn.

        Parameters
        ----------
        deep : bool, optional
            Whether parameters of parameters are included, such as ``stretch__softening``, that of
            a stretch that was given.

        Returns
        -------
        dict
        """
        params = {name: getattr(self, name) for name in signature(type(self)).parameters}
        inner = {name: value for name, value in params.items() if hasattr(value, 'get_params')}
        for name, value in inner.items() if deep else ():
            params |= {f'{name}__{key}': each for key, each in value.get_params().items()}
        return params


def check_parameter_names(names, owner, known):
    """Raise a ValueError if the owner has no parameter of one of the names."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'A {type(owner).__name__} has no parameter {unknown[0]!r}; it has {", ".join(known)}.'
        )


def preset_named(name, presets):
    """The preset of a name, from a dictionary; raise a ValueError if there is none."""
    if name not in presets:
        raise ValueError(f'`name` of a preset must be one of {sorted(presets)}; got {name!r}.')
    return presets[name]
