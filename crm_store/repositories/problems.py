"""What can be wrong with data or a request, in words a person can act on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem: a stable code for programs, its field, and a sentence in Chinese and English."""

    code: str
    field: str | None
    zh: str
    en: str


class StoreError(Exception):
    """The store refuses something; ``problem`` says what and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code}: {problem.en}")
        self.problem = problem


def required(field: str) -> Problem:
    """Describe a missing value."""
    return Problem("required", field, f"缺少必填字段 {field}", f"{field} is required")


def unknown_field(field: str, of: str) -> Problem:
    """Describe a field that the record does not have."""
    return Problem("unknown_field", field, f"{of} 没有字段 {field}", f"{of} has no field {field}")


def wrong_type(field: str, kind: str) -> Problem:
    """Describe a value that is not what its field holds; ``kind`` is a key of the table below."""
    zh, en = _KINDS[kind]
    return Problem("wrong_type", field, f"{field} 应为{zh}", f"{field} must be {en}")


def not_allowed(field: str, allowed: tuple[str, ...]) -> Problem:
    """Describe a value outside the field's list."""
    listed = ", ".join(allowed)
    return Problem("not_allowed", field, f"{field} 只能是：{listed}", f"{field} must be one of: {listed}")


def out_of_range(field: str, low: float, high: float) -> Problem:
    """Describe a number outside the field's bounds."""
    return Problem(
        "out_of_range",
        field,
        f"{field} 应在 {low:g} 到 {high:g} 之间",
        f"{field} must lie between {low:g} and {high:g}",
    )


def beyond_the_calendar(field: str) -> Problem:
    """Describe a moment that clocks in China cannot show: 9999-12-31T23:59:59Z, mostly."""
    return Problem(
        "out_of_range",
        field,
        f"{field} 超出日历（北京时间 9999-12-31 为止）；没有期限请留空",
        f"{field} lies beyond the calendar (9999-12-31 in China): leave it empty if it never ends",
    )


def too_long(field: str, limit: int) -> Problem:
    """Describe a text longer than its field, in characters."""
    return Problem(
        "too_long", field, f"{field} 不能超过 {limit} 个字符", f"{field} must not exceed {limit} characters"
    )


def bad_character(field: str) -> Problem:
    """Describe a text that no store can keep: NUL, or half of a surrogate pair."""
    return Problem(
        "bad_character",
        field,
        f"{field} 含有无法保存的字符",
        f"{field} contains a character that cannot be stored",
    )


def unknown_reference(field: str, entity: str) -> Problem:
    """Describe a reference to a record that the store does not have."""
    return Problem(
        "unknown_reference",
        field,
        f"{field} 指向的 {entity} 不存在",
        f"{field} refers to a record of {entity} that does not exist",
    )


def missing_column(name: str) -> Problem:
    """Describe a file without a column that its mapping names."""
    return Problem("missing_column", name, f"文件缺少列 {name}", f"the file has no column {name}")


def no_subject() -> Problem:
    """Describe an activity that is about nobody."""
    return Problem("no_subject", "lead_id", "活动必须指向线索或客户", "an activity needs a subject")


def bad_term() -> Problem:
    """Describe a term that ends before it starts."""
    return Problem("bad_term", "end_at", "结束时间必须晚于开始时间", "end_at must lie after start_at")


_KINDS = {
    "string": ("文本", "text"),
    "float": ("数字", "a finite number"),
    "integer": ("整数", "a whole number"),
    "boolean": ("是或否", "true or false"),
    "moment": ("带时区的日期时间", "a date and time with a time zone"),
}
