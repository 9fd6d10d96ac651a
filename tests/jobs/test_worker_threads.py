import os

from astro_wgan.jobs.worker_threads import threads_of_worker


def test_threads_do_not_exceed_the_cores():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    assert threads_of_worker(1, None) is None
    for processes in (2, 64):
        threads = threads_of_worker(processes, None)
        assert threads >= 1
        assert threads == 1 or threads * processes <= cores

    class Client:
        submit = None

        def nthreads(self):
            return {'a': 2, 'b': 3}

    assert threads_of_worker(1, Client()) == 2
