"""
What the classifier of injected anomalies costs: the rate of scoring with it, and its training.

Simulated normal stamps of 64 pixels and the shipped model with its encoder, on one core. The same
stamps are measured in turns without a classifier and with one that reads each stamp in 1, 2, 4 or 8
orientations; what its weights are does not matter for the time. Then a classifier is trained as in
a hunt. All times are those of the processor, since other work on the machine matters less to them.

    python -m benchmarks.speed.classifier                 # some minutes
    python -m benchmarks.speed.classifier --train 0       # without the training
"""

from functools import partial

import tensorflow as tf

from astro_wgan import AnomalyDetector, datasets
from astro_wgan.anomaly import ClassifierConfig
from astro_wgan.anomaly.classifier.classifier_inputs import binned, classifier_shape
from astro_wgan.anomaly.classifier.classifier_network import build_classifier
from astro_wgan.anomaly.classifier.component_layers import build_component_layers, fit_components
from astro_wgan.anomaly.classifier.injection_classifier import InjectionClassifier
from astro_wgan.simulate import simulate
from benchmarks.harness import BenchmarkParser, Report, peak_memory, time_in_turns, time_once
from benchmarks.results import Column

RATES = (
    Column('orientations', 'that the classifier reads each stamp in; 0 without one'),
    Column('stamps per second', 'of the processor time', '1 / s', '.0f'),
    Column('fraction of none', 'of the rate without a classifier', '', '.2f'),
)
TRAINING = (
    Column('stamps', 'normal ones to learn from', '', ','),
    Column('processor time', 'of scores, injection and training', 's', '.0f'),
    Column('peak memory', 'of the process', 'MiB', '.0f'),
)


def main():
    smoke = {'stamps': 20, 'turns': 1, 'train': 16, 'iterations': 2}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=7)
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--stamps', type=int, default=3072, help='to score')
    parser.add_argument('--turns', type=int, default=3, help='how often all are timed')
    parser.add_argument('--train', type=int, default=4000, help='stamps to learn from')
    parser.add_argument(
        '--iterations', type=int, default=ClassifierConfig().iterations, help='of the training'
    )
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    report = Report(options)
    wgan = datasets.load_model().wgan
    stamps = simulate('normal', options.stamps, config=options.config, seed=options.seed)
    caption = f'{options.stamps:,} stamps, from pixels to the table of measurements.'
    report.table('rates', caption, RATES, compare_rates(wgan, stamps, options))
    if options.train:
        caption = 'The training of a classifier with its default configuration.'
        report.table('training', caption, TRAINING, [time_training(wgan, options)])
    report.write()


def compare_rates(wgan, stamps, options):
    """Rows of the rates with and without a classifier."""
    config = ClassifierConfig()
    shape = classifier_shape(wgan.network.image_shape, config.binning)
    views = binned(wgan.images_from_stamps(stamps[:500])[0], config.binning)
    components = fit_components(views, views, config.n_components)
    components = build_component_layers(shape[-1], components)
    network = build_classifier(components.output_shape[1:], config, normalized=False)
    detectors = {0: AnomalyDetector(wgan)}
    for count in (1, 2, 4, 8):
        classifier = InjectionClassifier(network, components=components, orientations=count)
        detectors[count] = AnomalyDetector(wgan, classifier=classifier)
    contenders = {
        count: partial(detector.measure, stamps, progress=False)
        for count, detector in detectors.items()
    }
    for measure in contenders.values():
        measure()  # traces its graphs
    timings = time_in_turns(contenders, turns=options.turns)
    rates = {n: len(stamps) / timing.processor_shortest for n, timing in timings.items()}
    return [
        {
            'orientations': count,
            'stamps per second': rate,
            'fraction of none': rate / rates[0],
        }
        for count, rate in rates.items()
    ]


def time_training(wgan, options):
    """A row of the training of a classifier."""
    stamps = simulate('normal', options.train, config=options.config, seed=options.seed + 1)
    detector = AnomalyDetector(wgan)
    config = ClassifierConfig(iterations=options.iterations)
    _, timing = time_once(detector.train_classifier, stamps, config=config, seed=options.seed)
    return {
        'stamps': len(stamps),
        'processor time': timing.processor_shortest,
        'peak memory': peak_memory(),
    }


if __name__ == '__main__':
    main()
