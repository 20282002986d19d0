"""What cleaning found wrong, in words a person can act on: one entry a code."""

from crm_store.repositories.problems import Problem

_MESSAGES = {
    "phone_masked": (
        "号码中有被隐藏的数字，请填写完整号码",
        "the number has hidden digits: give all of them",
    ),
    "phone_placeholder": (
        "这是占位号码，不是客户的号码，请填写真实号码",
        "this is a made-up number: give the customer's own",
    ),
    "phone_area_code_missing": (
        "固定电话缺少区号，请补充区号，例如 0571-88888888",
        "the landline lacks its area code: add it, as in 0571-88888888",
    ),
    "phone_short_code": (
        "这是服务热线，不是客户的号码，请填写手机号",
        "this is a hotline: give the customer's own number",
    ),
    "phone_wrong_length": (
        "号码位数不对，手机号应为 11 位，请核对",
        "the number has too few or too many digits; a mobile number has 11: check it",
    ),
    "phone_invalid": ("无法识别电话号码，请核对", "no valid phone number was found: check it"),
    "address_unknown": (
        "无法识别地址所在的省市，请补充省、市、区",
        "no province, city or district was found: add them",
    ),
    "address_ambiguous": (
        "同名地区不止一个，请选择：{candidates}",
        "several places have this name, choose one: {candidates}",
    ),
    "address_conflict": (
        "地址中的省市区互相矛盾，请核对：{candidates}",
        "the places of the address do not lie in one another, check them: {candidates}",
    ),
    "company_placeholder": (
        "请填写真实的公司全称，不要填写占位文字",
        "this names no company: give its full registered name",
    ),
    "company_two": ("填写了不止一家公司，请只保留一家", "this names more than one company: keep one"),
    "company_no_form": (
        "公司名称不完整，请填写营业执照上的全称，例如“某某有限公司”",
        "the company name is not complete: give it as registered, with its legal form (有限公司)",
    ),
    "company_no_place": (
        "公司名称不完整，请加上所在地，例如“杭州市萧山区永盛螺丝厂”",
        "the company name is not complete: give it as registered, with its place",
    ),
    "company_no_trade_name": (
        "公司名称缺少字号，请填写营业执照上的全称",
        "the company name lacks the part that tells it from others: give it as registered",
    ),
    "credit_code_length": (
        "统一社会信用代码应为 18 位，请核对",
        "a unified social credit code has 18 characters",
    ),
    "credit_code_old": (
        "这是三证合一前的旧号码，请填写 18 位统一社会信用代码",
        "this is a number from before 2015: give the 18-character unified social credit code",
    ),
    "credit_code_invalid": (
        "统一社会信用代码格式不正确，请对照营业执照核对",
        "the unified social credit code is malformed: check it against the licence",
    ),
    "credit_code_checksum": (
        "统一社会信用代码校验位不符，可能抄错了，请核对",
        "the unified social credit code has a wrong check character: it was probably mistyped",
    ),
}


def problem(code: str, field: str, candidates: tuple[str, ...] = ()) -> Problem:
    """Return the problem with this code (a key above) at this field."""
    zh, en = _MESSAGES[code]
    return Problem(
        code, field, zh.format(candidates="、".join(candidates)), en.format(candidates=", ".join(candidates))
    )
