"""Fixtures of the end-to-end tests; each surface keeps its own in a module beside this one."""

from tests.e2e.workbench_fixtures import chromium, context, long_workbench, manager, page, workbench

__all__ = ["chromium", "context", "long_workbench", "manager", "page", "workbench"]
