"""What a latent search found, one row per image."""

from dataclasses import dataclass

import numpy as np

__all__ = ['SearchResult']


@dataclass(frozen=True, eq=False)
class SearchResult:
    """
    The closest images of a batch, one row per image.

    Attributes
    ----------
    latent : `~numpy.ndarray`, shape (n, latent)
        The z whose image G(z) had the smallest loss.
    closest : `~numpy.ndarray`, shape (n, ny, nx, bands)
        That image.
    residual, feature : `~numpy.ndarray`, shape (n,)
        L_R and L_F there.
    critic : `~numpy.ndarray`, shape (n,)
        C(x), the critic's value of the image itself.
    iterations : `~numpy.ndarray` of int, shape (n,)
        Iterations until the loss no longer fell.
    converged : `~numpy.ndarray` of bool, shape (n,)
        False where ``max_iterations`` came first.
    """

    latent: np.ndarray
    closest: np.ndarray
    residual: np.ndarray
    feature: np.ndarray
    critic: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray

    @classmethod
    def empty(cls, n, latent, image_shape):
        """Room for the results of ``n`` images."""
        return cls(
            latent=np.empty((n, latent), np.float32),
            closest=np.empty((n, *image_shape), np.float32),
            residual=np.empty(n, np.float32),
            feature=np.empty(n, np.float32),
            critic=np.empty(n, np.float32),
            iterations=np.empty(n, np.int32),
            converged=np.empty(n, bool),
        )

    def put(self, rows, latent, closest, residual, feature, critic):
        """Put what one look at the images of a slice of rows gave."""
        self.latent[rows] = latent
        self.put_measured(rows, closest, residual, feature, critic)
        self.iterations[rows] = 1
        self.converged[rows] = False

    def put_measured(self, rows, closest, residual, feature, critic):
        """Put what the latent vectors of a slice of rows gave."""
        self.closest[rows] = closest
        self.residual[rows] = residual
        self.feature[rows] = feature
        self.critic[rows] = critic

    def fill(self, rows, target, state, done):
        """Put the state of the images that are ``done`` into their rows."""
        self.critic[rows] = target.critic.numpy()[done]
        self.latent[rows] = state.best_latent.numpy()[done]
        self.closest[rows] = state.best_closest.numpy()[done]
        self.residual[rows] = state.best_residual.numpy()[done]
        self.feature[rows] = state.best_feature.numpy()[done]
        self.iterations[rows] = state.age.numpy()[done]
        self.converged[rows] = state.converged.numpy()[done]
