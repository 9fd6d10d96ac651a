"""From tiles, a catalog and a model to ranked scores of all sources of a survey, in one call."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'SurveyConfig': 'survey_config',
        'SurveyResult': 'survey_result',
        'cut_tiles': 'survey_stamps',
        'rank_survey': 'survey_ranking',
        'survey': 'survey_pipeline',
    },
)
