"""What can go wrong with a rule document, in words for the person who edits it."""

_WORDS: dict[str, tuple[str, str]] = {
    "invalid_json": ("不是有效的 JSON：{detail}", "This is not valid JSON: {detail}"),
    "too_large": ("文档超过 {limit} 字节", "The document is over {limit} bytes"),
    "too_deep": ("嵌套超过 {limit} 层", "The document nests deeper than {limit} levels"),
    "too_many": ("超过上限 {limit} 个", "There are more than {limit} of these"),
    "too_long": ("超过 {limit} 个字符", "This is over {limit} characters"),
    "metadata": ("元数据缺失或不正确：{detail}", "Metadata is missing or wrong: {detail}"),
    "content_type": ("只接受决策图文档", "Only decision-graph documents are accepted"),
    "shape": ("结构不正确：{detail}", "The structure is wrong: {detail}"),
    "function_node": ("不允许函数节点", "Function nodes are not allowed"),
    "http_node": ("不允许访问网络的节点", "Nodes that reach the network are not allowed"),
    "node_type": ("不允许的节点类型：{detail}", "This node type is not allowed: {detail}"),
    "duplicate_id": ("编号重复：{detail}", "This id is used twice: {detail}"),
    "unknown_node": ("连线指向不存在的节点：{detail}", "An edge names a node that is not there: {detail}"),
    "cycle": ("节点之间有环", "The nodes form a cycle"),
    "unreachable": ("节点没有接入：{detail}", "This node is not reached from the input: {detail}"),
    "condition": (
        "条件写法不支持：{detail}。可用：> 180、null, <= 0、(30..60]、'文字'；null 写在最前",
        "This condition is not understood: {detail}. Use > 180, or null, <= 0, or (30..60], or 'text'; "
        "null comes first",
    ),
    "expression": ("表达式不正确：{detail}", "The expression is wrong: {detail}"),
    "function": ("不允许的函数：{detail}", "This function is not allowed: {detail}"),
    "range": ("区间只能用于“在区间内”的判断", "A range may only be used to test membership"),
    "loops": ("一个表达式里的循环超过 {limit} 个", "An expression has more than {limit} loops"),
    "growth": ("表达式层层相乘，结果会过大", "Expressions build on each other until the result is too large"),
    "unknown_signal": ("未声明的信号：{detail}", "This signal is not declared: {detail}"),
    "not_runnable": ("试运行失败：{detail}", "The trial run failed: {detail}"),
    "version_taken": ("版本号已被另一份文档使用：{detail}", "Another document has this version: {detail}"),
    "not_a_score": ("该文档不产生 0–100 的分数", "This document does not produce a score of 0–100"),
}


class RuleRefused(Exception):
    """A rule document may not run: a stable ``code``, the ``field`` at fault, and words in two languages."""

    def __init__(self, code: str, field: str, *, detail: str = "", limit: int = 0) -> None:
        zh, en = _WORDS[code]
        self.code = code
        self.field = field
        self.zh = zh.format(detail=detail, limit=limit)
        self.en = en.format(detail=detail, limit=limit)
        super().__init__(f"{code} at {field}: {self.en}")


class RuleFailed(Exception):
    """A published document could not answer for a row; ``detail`` is what the engine said."""

    code = "rule_failed"

    def __init__(self, version: str, detail: str) -> None:
        self.version = version
        self.detail = detail
        self.zh = f"规则 {version} 无法计算：{detail}"
        self.en = f"Rule {version} could not be evaluated: {detail}"
        super().__init__(self.en)


def engine_words(error: BaseException) -> str:
    """Return the first line of an engine error: the rest is a stack trace with paths of the build machine."""
    lines = str(error).splitlines()
    return lines[0][:300] if lines else type(error).__name__
