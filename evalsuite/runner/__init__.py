"""The loop: episodes driven at once, every answer journalled, and the only place that awaits.

    Plan ── feed ──> items, in order ── loop: workers drive episodes ──> Transcripts
                                            | answers: journal, else an identical request's,
                                            v          else a server's
                                         journal

Resuming needs no code of its own: an answer that the journal holds is not asked for again.
"""

from evalsuite.runner.loop import FULL, is_full, run
from evalsuite.runner.means import Means, request_seed
from evalsuite.runner.signals import interruptible

__all__ = ["FULL", "Means", "interruptible", "is_full", "request_seed", "run"]
