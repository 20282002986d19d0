"""Headers that other products export, in English and Chinese, find their fields."""

from typing import Any

import pytest

from crm_store.imports.headers import headers_of, names, preset_file
from crm_store.imports.mapping import HIDDEN, KINDS
from crm_store.imports.suggesting import PRODUCTS, Product, kinds_of, likely_product, suggest
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import StoreError

SALESFORCE_LEADS = (
    "Id,IsDeleted,LastName,FirstName,Title,Company,City,Phone,MobilePhone,Email,LeadSource,Status,Industry,"
    "OwnerId,ConvertedDate,ConvertedAccountId,CreatedDate,LastModifiedDate"
)
SALESFORCE_REPORT = "Lead Owner,First Name,Last Name,Title,Company / Account,Email,Phone,Lead Status,Lead ID"
SALESFORCE_ZH = (
    "潜在客户 ID,姓氏,名字,公司,职务,电话,电子邮件,潜在客户来源,潜在客户状态,潜在客户所有人,创建日期"
)
HUBSPOT_DEALS = (
    "Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Pipeline,Create Date,"
    "Associated Company IDs (Primary),Associated Company (Primary)"
)
HUBSPOT_ZH = "记录 ID,姓,名,电子邮件,电话号码,职位,关联公司 ID,创建日期"
ODOO_LEADS = "id,name,contact_name,partner_name,email_from,phone,user_id/id,stage_id,create_date,write_date"
ODOO_PARTNERS = "外部 ID,名称,电话,手机,城市,税号,销售员,创建于"


@pytest.mark.parametrize(
    ("product", "entity", "header", "fields"),
    [
        (
            "salesforce",
            "lead",
            SALESFORCE_LEADS,
            {"external_id": "Id", "contact_name": "FirstName+LastName", "phone": "MobilePhone"}
            | {"owner_id": "OwnerId", "account_id": "ConvertedAccountId", "recorded_at": "LastModifiedDate"},
        ),
        (
            "salesforce",
            "lead",
            SALESFORCE_REPORT,
            {"external_id": "Lead ID", "company": "Company / Account", "owner_id": "Lead Owner by name"},
        ),
        (
            "salesforce",
            "lead",
            SALESFORCE_ZH,
            {"contact_name": "姓氏+名字", "channel": "潜在客户来源", "owner_id": "潜在客户所有人 by name"},
        ),
        (
            "hubspot",
            "opportunity",
            HUBSPOT_DEALS,
            {"title": "Deal Name", "account_id": "Associated Company IDs (Primary)"}
            | {"expected_close_at": "Close Date", "owner_id": "Deal owner by name"},
        ),
        (
            "hubspot",
            "contact",
            HUBSPOT_ZH,
            {"name": "姓+名", "account_id": "关联公司 ID", "title": "职位", "email": "电子邮件"},
        ),
        (
            "odoo",
            "lead",
            ODOO_LEADS,
            {"external_id": "id", "company": "partner_name", "need": "name", "status": "stage_id"}
            | {"owner_id": "user_id/id", "recorded_at": "write_date"},
        ),
        (
            "odoo",
            "account",
            ODOO_PARTNERS,
            {"external_id": "外部 ID", "name": "名称", "credit_code": "税号", "owner_id": "销售员 by name"},
        ),
    ],
)
def test_a_products_export_is_understood(
    product: Product, entity: str, header: str, fields: dict[str, str]
) -> None:
    columns = header.split(",")
    assert likely_product(entity, columns) == product
    found = suggest(entity, columns, source=product, product=product)
    assert found.mapping is not None
    by_field = {
        rule.field: "+".join((rule.column, *rule.join)) + (" by name" if rule.by_name else "")
        for rule in found.mapping.columns
    }
    assert fields.items() <= by_field.items()
    assert found.lacking == ()


@pytest.mark.parametrize("product", PRODUCTS)
def test_presets_name_only_what_the_store_has(product: Product) -> None:
    """Each alternative makes a mapping that is valid by itself, and each translation a value that may be."""
    preset = preset_file(product)
    assert {"lead", "account", "contact", "opportunity", "task"} <= set(kinds_of(product))
    for entity, fields in preset["kinds"].items():
        for field, choices in fields.items():
            for choice in choices:
                columns = [choice] if isinstance(choice, str) else [choice["column"], *choice.get("join", [])]
                key = fields["external_id"][0]
                found = suggest(entity, [key, *columns], source="x", product=product)
                assert found.mapping is not None
                assert field in [rule.field for rule in found.mapping.columns]
    for place, values in preset["values"].items():
        entity, _, field = place.partition(".")
        allowed = FIELDS[entity][field].allowed
        assert allowed is not None
        assert set(values.values()) <= set(allowed)


@pytest.mark.parametrize("entity", KINDS)
def test_every_field_has_a_title_in_both_languages_and_is_found_by_each(entity: str) -> None:
    for field, name in names(entity).items():
        assert name.zh != field, f"{entity}.{field} has no Chinese title"
        if field not in HIDDEN:
            assert headers_of(entity)[field.replace("_", "")] == field


def test_a_chinese_list_without_numbers_is_told_apart_by_its_phones() -> None:
    found = suggest("lead", ["公司名称", "联系人", "手机号码", "备注信息"], source="展会")
    assert found.mapping is not None
    fields = {rule.field: rule.column for rule in found.mapping.columns}
    assert fields == {
        "company": "公司名称",
        "contact_name": "联系人",
        "phone": "手机号码",
        "external_id": "手机号码",
    }
    assert found.unmapped == ("备注信息",)


def test_without_anything_that_tells_rows_apart_there_is_no_mapping() -> None:
    assert suggest("ticket", ["标题", "内容"], source="x").mapping is None


def test_what_is_lacking_is_named() -> None:
    found = suggest("contract", ["合同编号", "客户", "开始时间"], source="x")
    assert set(found.lacking) == {"title", "amount", "end_at", "status"}


def test_a_kind_that_a_product_does_not_export() -> None:
    with pytest.raises(StoreError) as caught:
        suggest("device", ["Id"], source="x", product="salesforce")
    assert caught.value.problem.code == "no_preset"


def test_own_headers_are_no_product() -> None:
    header: Any = ["编号", "公司", "联系人", "电话", "创建时间"]
    assert likely_product("lead", header) is None
