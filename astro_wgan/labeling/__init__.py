"""Labels of sources by people, ranking by them, and sources like others."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'LabelFile': 'label_file',
        'PrincipalFeatures': 'principal_features',
        'RelevanceConfig': 'relevance',
        'RelevanceModel': 'relevance',
        'cohens_kappa': 'label_merging',
        'merge_labels': 'label_merging',
        'most_similar': 'similar_rows',
        'rerank': 'relevance',
    },
)
