"""check_parameter_names: whether an object has the parameters that are to be set."""

__all__ = ['check_parameter_names']


def check_parameter_names(names, owner, known):
    """Raise a ValueError if the owner has no parameter of one of the names."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'A {type(owner).__name__} has no parameter {unknown[0]!r}; it has {", ".join(known)}.'
        )
