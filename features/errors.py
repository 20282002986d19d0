"""What a caller of the features can get wrong, in words for that person."""

_WORDS: dict[str, tuple[str, str]] = {
    "unknown_entity": ("没有这种对象：{detail}", "There is no entity named {detail}"),
    "unknown_feature": ("没有这个特征：{detail}", "There is no feature named {detail}"),
    "wrong_id_type": (
        "编号必须是文字，而不是 {detail}",
        "An id must be text, not {detail}",
    ),
    "wrong_rows": (
        "需要 entity_id（文字）和 as_of（带时区的时刻）两列：{detail}",
        "Rows need the columns entity_id (text) and as_of (a moment with a time zone): {detail}",
    ),
    "source_missing": ("缺少特征来源文件：{detail}", "This feature source is missing: {detail}"),
    "sources_broken": (
        "特征来源都不可用，未发布任何特征：{detail}",
        "No feature can be published, its sources are broken: {detail}",
    ),
    "spark_missing": (
        "Spark 引擎未安装：{detail}",
        "The Spark engine is not installed: {detail}",
    ),
    "not_applied": (
        "特征库尚未建立：请先运行 feast apply",
        "The feature store has not been set up: run feast apply first",
    ),
    "rows_lost": ("特征行数不一致：{detail}", "The feature frame has the wrong number of rows: {detail}"),
}


class FeatureError(ValueError):
    """A request that the features cannot answer: a stable ``code``, the ``field`` at fault, two languages."""

    def __init__(self, code: str, field: str, detail: str = "") -> None:
        zh, en = _WORDS[code]
        self.code = code
        self.field = field
        self.zh = zh.format(detail=detail)
        self.en = en.format(detail=detail)
        super().__init__(f"{code} at {field}: {self.en}")
