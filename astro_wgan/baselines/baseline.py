"""Base class of the baselines: parameters and representation, as those of scikit-learn."""

from inspect import signature

from astro_wgan.exceptions import NotFittedError
from astro_wgan.optional import import_optional

__all__ = ['Baseline', 'import_sklearn']


class Baseline:
    """
    Base class of the baselines.

    A subclass stores each argument of its constructor in an attribute of the same name, and what
    `fit` learns in attributes that end in ``_``. It then works with `sklearn.base.clone` without
    depending on scikit-learn.
    """

    def get_params(self, deep=True):
        """
        Parameters of the constructor.

        Parameters
        ----------
        deep : bool, optional
            For compatibility with scikit-learn; it has no effect.

        Returns
        -------
        dict
        """
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params):
        """
        Change parameters of the constructor; what was fitted remains.

        Parameters
        ----------
        **params
            New values, by name.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is out of range.
        """
        current = self.get_params()
        unknown = [name for name in params if name not in current]
        if unknown:
            raise ValueError(
                f'A {type(self).__name__} has no parameter {unknown[0]!r}; it has '
                f'{", ".join(current)}.'
            )
        # The constructor checks the values.
        changed = type(self)(**{**current, **params})
        for name in params:
            setattr(self, name, getattr(changed, name))
        return self

    def __repr__(self):
        defaults = {name: p.default for name, p in signature(type(self)).parameters.items()}
        params = self.get_params().items()
        changed = [f'{name}={value!r}' for name, value in params if value != defaults[name]]
        return f'{type(self).__name__}({", ".join(changed)})'

    def __sklearn_clone__(self):
        # A stretch that was fitted before is a parameter: it is kept as it is.
        return type(self)(**self.get_params())

    def _check_fitted(self, attribute):
        """Raise NotFittedError unless `fit` has set the attribute."""
        if not hasattr(self, attribute):
            raise NotFittedError(
                f'This {type(self).__name__} has not been fitted: call `fit` first.'
            )


def import_sklearn(name):
    """A module of scikit-learn, or the error that says how to install it."""
    return import_optional(f'sklearn.{name}', purpose='Baselines need')
