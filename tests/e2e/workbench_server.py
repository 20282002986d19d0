"""The workbench over a store, as a process: ``python -m tests.e2e.workbench_server URL PORT``."""

import sys
from datetime import timedelta

from crm_store.database import open_engine, session_factory
from serving.workbench.app import run
from serving.workbench.deps import WorkbenchDeps
from tests.e2e.workbench_store import NOW

NOTICE = (
    "演示数据：公司、客户与人员均为虚构，由程序生成",
    "Synthetic data: every company, customer and person here is made up",
)


def main() -> None:
    """Serve until the process is ended."""
    url, port = sys.argv[1], int(sys.argv[2])
    deps = WorkbenchDeps(
        factory=session_factory(open_engine(url)),
        clock=lambda: NOW + timedelta(minutes=1),
        origins=(f"http://127.0.0.1:{port}",),
        notice=NOTICE,
    )
    run(deps, "127.0.0.1", port)


if __name__ == "__main__":
    main()
