"""Good inputs to spoil: the closer to what is read, the deeper the spoiled ones get."""

import json
import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter

CSV_TEXT = (
    "编号,公司,联系人,电话,状态,预计采购量,创建时间,更新时间\r\n"
    '1,"杭州, 某厂",王,+86 138 0013 8000,new,"1,200.50",2026/3/5 8:30,2026-03-05T00:00:00Z\r\n'
    "2,'=1+1,李,1.38001E+10,won,-5,2026年3月5日 8时30分,46086\r\n"
    '3,"甲\n""乙""",,,,1e999,2026-02-30,\r\n'
)


def csv_files() -> list[bytes]:
    """Return a list of leads in each encoding, and what Excel and a Mac make of it."""
    plain = CSV_TEXT.encode()
    others = [CSV_TEXT.encode("gb18030"), CSV_TEXT.encode("utf-8-sig"), CSV_TEXT.encode("utf-16")]
    return [plain, *others, plain.replace(b",", b"\t"), plain.replace(b"\r\n", b"\r"), b"a\n" + b'"' * 50]


def workbook_parts() -> dict[str, bytes]:
    """Return the parts of a small workbook."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        with xlsxwriter.Workbook(path) as book:
            dates = book.add_format({"num_format": "yyyy-mm-dd"})
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["编号", "时间", "说明"])
            sheet.write_row(1, 0, [1, 46086.5, "=1+1"])
            sheet.write_string(2, 2, "+86")
            sheet.write_number(2, 1, 46086, dates)
            sheet.write_boolean(2, 0, True)
            sheet.merge_range("A5:B6", "合并")
        with zipfile.ZipFile(path) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}


def zipped(parts: dict[str, bytes]) -> bytes:
    """Return a workbook of these parts."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def addresses() -> list[bytes]:
    """Return addresses as people write them."""
    written = (
        "浙江省杭州市萧山区市心北路 1 号",
        "杭州萧山",
        "广东深圳南山科技园",
        "内蒙古自治区锡林郭勒盟",
        "吉林省吉林市",
        "地址：上海市浦东新区（原南汇区）xx 路",
        "臺北市信義區",
    )
    return [text.encode() for text in written]


def rule_documents() -> list[bytes]:
    """Return the shipped rule documents."""
    folder = files("crm_store.rules").joinpath("documents")
    return [one.read_bytes() for one in folder.iterdir() if one.name.endswith(".json")]


def mappings() -> list[bytes]:
    """Return a saved mapping that uses everything a mapping can say."""
    mapping = {
        "name": "x",
        "entity": "lead",
        "source": "crm",
        "timezone": "Asia/Shanghai",
        "date_order": "mdy",
        "columns": [
            {"column": "编号", "field": "external_id", "join": ["行"]},
            {"column": "姓", "field": "contact_name", "join": ["名"], "separator": ""},
            {"column": "状态", "field": "status", "values": {"新": "new"}},
            {"column": "负责人", "field": "owner_id", "by_name": True},
            {"column": "时间", "field": "created_at", "before": "2030-01-01T00:00:00Z"},
        ],
        "constants": {"channel": "展会", "budget": 1.5},
    }
    return [json.dumps(mapping, ensure_ascii=False).encode()]


def connector_files() -> list[bytes]:
    """Return a file of two connectors."""
    columns = {"number": "no", "customer": "who", "occurred_at": "day", "amount": "sum", "updated_at": "t"}
    common = {"source": "erp", "account_source": "crm", "columns": columns, "states": {"10": "shipped"}}
    sql = {"kind": "sql", "url": "sqlite://", "table": "orders", "timeout_s": 5}
    both = {"erp": common | sql, "drop": common | {"kind": "csv", "folder": "/erp"}}
    return [json.dumps(both).encode()]
