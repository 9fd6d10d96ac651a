"""Base class of the baselines: parameters and representation, as those of scikit-learn."""

from copy import copy
from inspect import signature

from astro_wgan.exceptions import NotFittedError
from astro_wgan.optional import import_optional
from astro_wgan.validation.parameter_names import NamedParameters, check_parameter_names

__all__ = ['Baseline', 'import_sklearn']


class Baseline(NamedParameters):
    """
    Base class of the baselines.

    A subclass stores each argument of its constructor in an attribute of the same name, and what
    `fit` learns in attributes that end in ``_``. It then works with `sklearn.base.clone` without
    depending on scikit-learn.
    """

    def set_params(self, **params):
        """
        Change parameters of the constructor; what was fitted remains.

        Parameters
        ----------
        **params
            New values, by name. Parameters of parameters have names such as
            ``stretch__softening``: the stretch is replaced by another one, which has not been
            fitted.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is out of range.
        """
        current = self.get_params(deep=False)
        check_parameter_names((name.partition('__')[0] for name in params), self, current)
        own = {name: value for name, value in params.items() if '__' not in name}
        current |= own
        for name, changes in _of_parameters(params).items():
            if not hasattr(current[name], 'set_params'):
                raise ValueError(
                    f'`{name}` is {current[name]!r}, which has no parameter '
                    f'{next(iter(changes))!r}.'
                )
            # A copy, since others may use the one that was given.
            own[name] = copy(current[name]).set_params(**changes)
        # The constructor checks the values.
        changed = type(self)(**{**current, **own})
        for name in own:
            setattr(self, name, getattr(changed, name))
        return self

    def __repr__(self):
        defaults = {name: p.default for name, p in signature(type(self)).parameters.items()}
        params = self.get_params(deep=False).items()
        changed = [f'{name}={value!r}' for name, value in params if value != defaults[name]]
        return f'{type(self).__name__}({", ".join(changed)})'

    def __sklearn_clone__(self):
        # A stretch that was fitted before is a parameter: it is kept as it is.
        return type(self)(**self.get_params(deep=False))

    def _check_fitted(self, attribute):
        """Raise NotFittedError unless `fit` has set the attribute."""
        if not hasattr(self, attribute):
            raise NotFittedError(
                f'This {type(self).__name__} has not been fitted: call `fit` first.'
            )


def _of_parameters(params):
    """The parameters of each parameter, from names such as ``stretch__softening``."""
    inner = {}
    for name, value in params.items():
        outer, separator, key = name.partition('__')
        if separator:
            inner.setdefault(outer, {})[key] = value
    return inner


def import_sklearn(name):
    """A module of scikit-learn, or the error that says how to install it."""
    return import_optional(f'sklearn.{name}', purpose='Baselines need')
