"""`SearchResult`: latent vectors, closest images and losses that a latent search found."""

from dataclasses import dataclass

import numpy as np

__all__ = ['SearchResult']


@dataclass(frozen=True, eq=False)
class SearchResult:
    """
    Result of a latent search, one row per image.

    Attributes
    ----------
    latent : `~numpy.ndarray`, shape (n, latent)
        The z of the smallest loss.
    closest_images : `~numpy.ndarray`, shape (n, ny, nx, bands)
        G(z), in stretched intensity.
    residual_loss, feature_loss : `~numpy.ndarray`, shape (n,)
        L_R and L_F at z.
    critic_value : `~numpy.ndarray`, shape (n,)
        C(x), the critic's value of the image itself.
    iterations : `~numpy.ndarray` of int, shape (n,)
        Number of iterations.
    converged : `~numpy.ndarray` of bool, shape (n,)
        False where the search ended at ``max_iterations``.
    """

    latent: np.ndarray
    closest_images: np.ndarray
    residual_loss: np.ndarray
    feature_loss: np.ndarray
    critic_value: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray

    # Filled by `LatentSearcher`, a few rows at a time.

    @classmethod
    def _empty(cls, n, latent, image_shape):
        return cls(
            latent=np.empty((n, latent), np.float32),
            closest_images=np.empty((n, *image_shape), np.float32),
            residual_loss=np.empty(n, np.float32),
            feature_loss=np.empty(n, np.float32),
            critic_value=np.empty(n, np.float32),
            iterations=np.empty(n, np.int32),
            converged=np.empty(n, bool),
        )

    def _set_evaluated(self, rows, closest_images, residual_loss, feature_loss, critic_value):
        """Set the quantities that follow from the latent vectors of some rows."""
        self.closest_images[rows] = closest_images
        self.residual_loss[rows] = residual_loss
        self.feature_loss[rows] = feature_loss
        self.critic_value[rows] = critic_value

    def _set_initial(self, rows, latent, *evaluated):
        """Set rows that are not optimized."""
        self.latent[rows] = latent
        self._set_evaluated(rows, *evaluated)
        self.iterations[rows] = 1
        self.converged[rows] = False

    def _set_optimized(self, rows, target, state, done):
        """Set rows from the state of the search of those images that are done."""
        self.critic_value[rows] = target.critic_value.numpy()[done]
        self.latent[rows] = state.best_latent.numpy()[done]
        self.closest_images[rows] = state.best_image.numpy()[done]
        self.residual_loss[rows] = state.best_residual_loss.numpy()[done]
        self.feature_loss[rows] = state.best_feature_loss.numpy()[done]
        self.iterations[rows] = state.iteration.numpy()[done]
        self.converged[rows] = state.converged.numpy()[done]
