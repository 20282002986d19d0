"""What can be wrong with a table, in words for the person who brought it."""

_WORDS: dict[str, tuple[str, str]] = {
    "table_missing": ("找不到文件 {detail}", "there is no file {detail}"),
    "table_unreadable": ("无法读取表格：{detail}", "the table can't be read: {detail}"),
    "table_kind": (
        "不支持这种文件（{detail}）；请用 CSV、TSV、XLSX 或 Parquet",
        "this kind of file isn't read ({detail}); use CSV, TSV, XLSX or Parquet",
    ),
    "table_empty": ("表格没有数据行", "the table has no rows"),
    "target_missing": ("请用 --target 指定目标列", "name the column to predict with --target"),
    "column_missing": ("没有这一列；表中有：{detail}", "there is no such column; the table has: {detail}"),
    "column_repeated": ("列名重复", "the column's name stands twice in the header"),
    "same_column": ("目标、时间和分组必须是不同的列", "target, time and group need different columns"),
    "target_values": (
        "目标列必须恰好有两种值，实际为：{detail}",
        "the target needs exactly two values, and has: {detail}",
    ),
    "time_values": (
        "时间列读不出日期：{detail}",
        "the time column doesn't hold dates: {detail}",
    ),
    "too_few_rows": (
        "数据太少：{detail}",
        "too few rows to learn from and to test on: {detail}",
    ),
    "no_features": ("去掉泄漏列、编号和常量后没有可用的列", "nothing is left to predict from: {detail}"),
    "option_range": ("参数超出范围：{detail}", "the option is out of range: {detail}"),
    "column_kind": (
        "该列读不成训练时的类型（{detail}）",
        "the column can't be read as in training ({detail})",
    ),
    "bundle_exists": ("{detail} 已存在，请换一个位置", "{detail} is there already: choose another place"),
    "scores_unwritable": ("无法写出评分：{detail}", "the scores can't be written: {detail}"),
    "report_unwritable": ("无法写出报告：{detail}", "the report can't be written: {detail}"),
}


class TableRefused(ValueError):
    """A table that can't be learned from: a stable ``code``, the ``field`` at fault, two languages."""

    def __init__(self, code: str, field: str, detail: str = "") -> None:
        zh, en = _WORDS[code]
        self.code, self.field = code, field
        self.zh, self.en = zh.format(detail=detail), en.format(detail=detail)
        super().__init__(f"{code} ({field}): {self.zh} · {self.en}")
