"""Closest images, residuals, anomaly maps and galleries of stamps that a detector has scored."""

from importlib import import_module

import numpy as np

from astro_wgan.anomaly.score_table import check_rows, rows_by_id, table_column
from astro_wgan.anomaly.stamp_features.similar_stamps import SimilarStamps
from astro_wgan.gallery.page import write_gallery
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store import as_stamps
from astro_wgan.wgan.fit_arguments import check_stamps

__all__ = ['ClosestImages']


class ClosestImages(SimilarStamps):
    """
    Images of a detector from the latent vectors of a score table.

    Parameters
    ----------
    wgan, search, scoring, encoder
        As for `~astro_wgan.AnomalyDetector`.
    """

    def closest_images(self, table, *, like=None):
        """
        Closest images G(z) from the latent vectors of a score table.

        Parameters
        ----------
        table : `~astropy.table.QTable`
            From `score` or `measure`.
        like : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like, optional
            Stamps whose WCS and table the closest images get, matched by id. They must include
            those of ``table``, in any order.

        Returns
        -------
        `~astro_wgan.StampSet`
            In the unit of the training set and the order of ``table``.

        Raises
        ------
        ValueError
            If ``like`` lacks a stamp of the table, its ids repeat, or the table belongs to another
            model.
        """
        if like is not None:
            like = as_stamps(like)
            check_stamps(self.wgan.network, like, self.wgan.bands_, name='like')
            like = like[rows_by_id(table_column(table, 'id'), like.ids)]
        return self.wgan.stamps_from_images(self._closest_images(table), like=like)

    def residual(self, stamps, table):
        """
        Residuals x - G(z) of stamps and their closest images, in the unit of the training set.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            The stamps, or anything else that `~astro_wgan.store.as_stamps` takes.
        table : `~astropy.table.QTable`
            Their scores, in the same order.

        Returns
        -------
        `~astro_wgan.StampSet`
            With the mask of the stamps.
        """
        stamps = as_stamps(stamps)[:]
        check_rows(table, stamps)
        residual = self.closest_images(table, like=stamps)
        pixels = stamps.pixels
        if stamps.unit is not None and stamps.unit != residual.unit:
            pixels = stamps.quantity.to_value(residual.unit)
        # Clipped to the range of float32, as closest images are.
        largest = np.finfo(np.float32).max
        difference = np.clip(pixels.astype(float) - residual.pixels, -largest, largest)
        return residual.replace(pixels=difference.astype(residual.pixels.dtype), mask=stamps.mask)

    def anomaly_map(self, stamps, table):
        """
        Fraction of the smoothed residual of a stamp that each pixel contributes.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            The stamps, or anything else that `~astro_wgan.store.as_stamps` takes.
        table : `~astropy.table.QTable`
            Their scores, in the same order.

        Returns
        -------
        `~astro_wgan.StampSet`
            The sum over all pixels and bands of a stamp is 1; all are NaN, and masked, in a stamp
            without a valid pixel or without a residual.
        """
        stamps = as_stamps(stamps)[:]
        check_rows(table, stamps)
        images, weights, closest = self._images(stamps, table)
        parts = self.scoring.anomaly_map(images - closest, weights)
        with np.errstate(invalid='ignore'):
            fractions = parts / parts.sum(axis=(1, 2, 3), keepdims=True)
        return StampSet(
            fractions.reshape(stamps.pixels.shape),
            pixel_scale=stamps.pixel_scale,
            bands=stamps.bands,
            geometry=stamps.geometry,
            table=stamps.table,
        )

    def gallery(
        self, stamps, table, path, *, title='Most anomalous stamps', n_cards=300, **options
    ):
        """
        Write a self-contained page of ranked cards: input, closest image, residual and score.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            The stamps, or anything else that `~astro_wgan.store.as_stamps` takes.
        table : `~astropy.table.QTable`
            Their scores, in the same order.
        path : path-like
            HTML file to write.
        title : str, optional
            Title of the page.
        n_cards : int, optional
            Number of cards, from the highest score on.
        **options
            Further arguments of `~astro_wgan.gallery.write_gallery`.

        Returns
        -------
        `~pathlib.Path`
        """
        stamps = as_stamps(stamps)
        check_rows(table, stamps)
        shown = np.argsort(table_column(table, 'rank'))[:n_cards]
        images, weights, closest = self._images(stamps[shown], table[shown])
        images = np.where(weights > 0, images, np.nan)
        return write_gallery(
            path,
            table,
            rows=shown,
            inputs=images,
            closest_images=closest,
            residuals=images - closest,
            title=title,
            bands=stamps.bands,
            stretch=self.wgan.stretch_,
            **{'pixel_scale': stamps.pixel_scale, **options},
        )

    def browse(self, stamps, table, **options):
        """
        Look through scored stamps in a browser or notebook, and label them.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            The stamps, or anything else that `~astro_wgan.store.as_stamps` takes.
        table : `~astropy.table.QTable`
            Their scores, matched by ``id``.
        **options
            Further arguments of `~astro_wgan.browsing.browse`.

        Returns
        -------
        `~astro_wgan.browsing.BrowsingServer`

        Raises
        ------
        ImportError
            If Starlette or uvicorn is not installed.

        Examples
        --------
        >>> detector.browse(stamps, table)  # doctest: +SKIP
        """
        # Pages of results load detectors, and so come later in the order of imports.
        browsing = import_module('astro_wgan.browsing')
        return browsing.browse(table, stamps=stamps, model=self, **options)

    def _images(self, stamps, table):
        """Images, weights of their pixels and closest images, in stretched intensity."""
        return *self.wgan.images_from_stamps(stamps), self._closest_images(table)

    def _closest_images(self, table):
        self._check_networks(table)
        return self.wgan.images_from_latent(table_column(table, 'latent').astype(np.float32))
