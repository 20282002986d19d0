"""The commands that move data in and out, as a person types them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from pipelines.cli_data import export_app, import_app, orders_app


def test_a_list_is_previewed_mapped_imported_and_exported(run: Any, tmp_path: Path) -> None:
    leads = tmp_path / "展会.csv"
    leads.write_text(
        "公司名称,联系人,手机\n杭州某厂,王,13800138000\n苏州某厂,李,+8613900139000\n,,\n", "gb18030"
    )
    seen = run("import", "preview", leads, "--kind", "lead", "--source", "expo")
    assert "手机" in seen
    assert "→ phone" in seen
    assert "13800138000" in seen
    mapping = tmp_path / "mapping.json"
    mapping.write_text(run("import", "preview", leads, "--kind", "lead", "--source", "expo", "--as-mapping"))
    assert run("import", "mapping", "save", "展会", mapping) == "展会 v1\n"
    assert "展会" in run("import", "mapping", "list")
    assert json.loads(run("import", "mapping", "show", "展会")) == json.loads(mapping.read_text())
    loaded = run("import", "file", leads, "--mapping", "展会")
    assert "3 read 读取, 2 added 新增, 1 rejected 拒绝" in loaded
    assert "1 × required external_id" in loaded
    again = run("import", "file", leads, "--kind", "lead", "--source", "expo")
    assert "0 added 新增" in again
    jobs = run("import", "jobs")
    assert jobs.count("finished") == 2
    job_id = next(word for word in jobs.split() if word.startswith("imp_"))
    assert "read 读取" in run("import", "resume", job_id)
    out = tmp_path / "out.csv"
    assert "2 rows" in run("export", "csv", "lead", out, "--fields", "company,phone")
    assert sorted(out.read_text("utf-8-sig").splitlines()) == [
        "公司,电话",
        "杭州某厂,13800138000",
        "苏州某厂,'+8613900139000",
    ]
    assert "2 rows" in run("export", "xlsx", "lead", tmp_path / "out.xlsx", "--language", "en")
    assert (tmp_path / "out.xlsx").stat().st_size > 1_000


def test_orders_are_pulled_from_the_connectors_of_the_data_folder(run: Any, tmp_path: Path) -> None:
    accounts, drop = tmp_path / "accounts.csv", tmp_path / "drop"
    accounts.write_text("编号,客户名称\nA,甲厂\n")
    run("import", "file", accounts, "--kind", "account", "--source", "crm")
    drop.mkdir()
    (drop / "orders.csv").write_text("no,who,day,sum\nS1,A,2026-05-20,100\nS2,B,2026-05-20,1\n")
    os.utime(drop / "orders.csv", (1_780_000_000 - 86_400 * 30,) * 2)
    columns = {"number": "no", "customer": "who", "occurred_at": "day", "amount": "sum"}
    settings = {
        "kind": "csv",
        "source": "erp",
        "account_source": "crm",
        "columns": columns,
        "folder": str(drop),
    }
    (tmp_path / "home" / "connectors.json").write_text(json.dumps({"erp": settings}))
    assert "2 read 读取, 1 added 新增, 1 waiting 待处理" in run("orders", "pull", "erp")
    assert "0 read 读取, 0 added 新增, 1 waiting 待处理" in run("orders", "pull", "erp")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("import", "file", "leads.csv"), "kind_missing"),
        (("import", "file", "leads.csv", "--kind", "user"), "not_allowed"),
        (("import", "file", "leads.csv", "--mapping", "没有"), "unknown_mapping"),
        (("import", "file", "notes.csv", "--kind", "lead"), "no_mapping"),
        (("import", "file", "missing.csv", "--kind", "lead"), "file_unreadable"),
        (("import", "preview", "leads.csv", "--kind", "lead", "--product", "sap"), "not_allowed"),
        (("import", "mapping", "save", "x", "leads.csv"), "mapping_invalid"),
        (("import", "resume", "imp_0"), "unknown_import"),
        (("export", "csv", "secrets", "out.csv"), "unknown_field"),
        (("orders", "pull", "sap"), "not_allowed"),
    ],
)
def test_what_cannot_be_done_is_said_in_both_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").write_text("编号,公司\n1,甲\n")
    Path("notes.csv").write_text("颜色,大小\n红,大\n")
    result = CliRunner().invoke(app(), [*command, "--home", str(tmp_path / "home")])
    assert result.exit_code == 1
    assert code in result.stderr


def app() -> Typer:
    """The command as it is put together elsewhere."""
    whole = Typer()
    for name, part in (("import", import_app), ("export", export_app), ("orders", orders_app)):
        whole.add_typer(part, name=name)
    return whole


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run one command in this test's own data folder and return what it printed."""
    runner, home = CliRunner(), str(tmp_path / "home")

    def run(*words: Any) -> str:
        result = runner.invoke(app(), [*map(str, words), "--home", home])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run
