"""What ``leadpulse backup`` and ``leadpulse restore`` say."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

from pathlib import Path

from pipelines.audit_commands import opened, print_report
from pipelines.backup import check_backup, create_backup, restore_backup
from pipelines.commands import told
from pipelines.progress import Steps
from pipelines.runtime import utc_now


@told
def create(home: Path | None, file: Path) -> int:
    """Write a backup."""
    with opened(home) as runtime, Steps().step("backup", "Back up 备份"):
        manifest = create_backup(runtime, file, utc_now())
    rows = sum(manifest.rows.values())
    print(f"{file}: {rows:,} rows 行, {len(manifest.files)} files 个文件")
    print("Keys are not in it: keep them apart. 备份不含密钥，请单独保管。")
    return 0


@told
def verify(home: Path | None, file: Path) -> int:
    """Restore a backup somewhere else and audit it."""
    with opened(home) as runtime, Steps().step("verify", "Restore and audit 试恢复并审计"):
        checked = check_backup(runtime, file)
    print_report(checked.report)
    for table, (wanted, found) in checked.differing.items():
        print(f"✗ {table}: {found:,} rows 行, not 应为 {wanted:,}")
    print("✓ the backup restores 备份可恢复" if checked.is_good else "✗ the backup is not good 备份有问题")
    return 0 if checked.is_good else 1


@told
def restore(home: Path | None, file: Path, *, replace: bool) -> int:
    """Restore a backup."""
    with opened(home) as runtime, Steps().step("restore", "Restore 恢复"):
        aside = restore_backup(runtime, file, utc_now(), replace=replace)
    for place in aside:
        print(f"put aside 原数据已移至 {place}")
    print("✓ restored 已恢复; run leadpulse db upgrade and leadpulse audit verify 请运行迁移和审计")
    return 0
