"""Serve a data folder: the scoring API, the workbench and the MLflow UI, until a signal ends them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.housekeeping import chores_of, housekeeping
from pipelines.processes import Service, ServiceFailed, Supervisor, free_port, mlflow_service

if TYPE_CHECKING:
    from pipelines.progress import Steps
    from pipelines.runtime import Runtime
    from pipelines.settings import Settings

# The person and the key that a demo folder was given, readable by its owner only.
SIGN_IN_FILE = "sign-in.json"


def run_services(home: Path | None) -> int:
    """Serve a data folder that has been built. Returns the exit code."""
    from pipelines.progress import Steps
    from pipelines.runtime import Runtime

    return serve_until_signal(Runtime.at(home), Steps(), lambda: None)


def serve_until_signal(runtime: Runtime, steps: Steps, ready: Callable[[], None]) -> int:
    """Start the services, print where they are, call ``ready``, and wait for a signal."""
    settings = _with_free_ports(runtime.settings)
    supervisor = Supervisor(settings.folder / "logs")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # while starting, too, nothing is left behind
    try:
        with steps.step("serve", "Start the services 启动服务") as report:
            supervisor.start(_services(settings))
            supervisor.wait_ready(report)
        _print_addresses(settings, steps)
        ready()
        with housekeeping(chores_of(runtime)):
            supervisor.run_until_signal()
    except ServiceFailed as error:
        steps.console.print(f"[red]✗[/] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        supervisor.stop()
    return 0


def workbench() -> None:
    """Run the workbench of the data folder that the environment names; the entry of its process."""
    from pipelines.runtime import Runtime
    from serving.workbench.app import run

    runtime = Runtime.at()
    run(runtime.workbench_deps(), runtime.settings.host, runtime.settings.workbench_port)


def _with_free_ports(settings: Settings) -> Settings:
    names = ("api_port", "workbench_port", "mlflow_port")
    ports = {name: free_port(settings.host, getattr(settings, name)) for name in names}
    return settings.model_copy(update=ports)


def _services(settings: Settings) -> list[Service]:
    from serving.launch import serve_command

    environment = {
        "LEADPULSE_HOME": str(settings.folder),
        "LEADPULSE_HOST": settings.host,
        "LEADPULSE_API_PORT": str(settings.api_port),
        "LEADPULSE_WORKBENCH_PORT": str(settings.workbench_port),
        "TZ": "UTC",
    }
    launch = serve_command(settings.host, settings.api_port, settings.folder)
    api = f"http://{settings.host}:{settings.api_port}"
    pages = f"http://{settings.host}:{settings.workbench_port}"
    entry = "from pipelines.serve import workbench; workbench()"
    mlflow = mlflow_service(settings, settings.mlflow_port)
    return [
        Service("API", launch.command, {**launch.environment, **environment}, f"{api}/readyz", api),
        Service("Fresh scores", [sys.executable, "-m", "pipelines.cli", "work"], environment, restarts=True),
        Service("Workbench", [sys.executable, "-c", entry], environment, f"{pages}/sign-in", pages),
        replace(mlflow, environment={**mlflow.environment, **environment}),
    ]


def _print_addresses(settings: Settings, steps: Steps) -> None:
    lines = [
        f"Workbench 工作台   http://{settings.host}:{settings.workbench_port}",
        f"API docs 接口文档  http://{settings.host}:{settings.api_port}/docs",
        f"MLflow UI          http://{settings.host}:{settings.mlflow_port}",
    ]
    sign_in = settings.folder / SIGN_IN_FILE
    if sign_in.exists():
        kept = json.loads(sign_in.read_text("utf-8"))
        lines += [
            f"Sign in 登录       {kept['user']} / {kept['password']}",
            f"API key 接口密钥   {kept['api_key']}",
        ]
    lines.append("Ctrl-C stops them. 按 Ctrl-C 停止。")
    print("\n" + "\n".join(lines), flush=True)  # noqa: T201
