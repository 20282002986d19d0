"""The process that the test of kills starts: a worker with a short lease, until it is killed."""

from datetime import timedelta
from threading import Event

from pipelines.fresh.worker import Pace, Worker
from pipelines.runtime import Runtime, utc_now

if __name__ == "__main__":
    pace = Pace(batch=3, pause=0.0, rest=0.0, lease=timedelta(seconds=0.3), beat=timedelta(seconds=0.1))
    Worker(Runtime.at(), utc_now, pace).run(Event())
