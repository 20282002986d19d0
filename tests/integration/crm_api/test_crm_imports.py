"""A file that is sent becomes records: the job runs behind the request, to its end."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.integration.crm_api.office import Api

SALESFORCE = """Lead ID,Company,First Name,Last Name,Phone,Lead Status,Created Date
00Q1,杭州赛一机械有限公司,明,王,13800002222,Open - Not Contacted,2026-03-01
00Q2,坏行有限公司,,,13800003333,Open - Not Contacted,yesterday
"""
UPLOAD = "/imports?product=salesforce&entity=lead&source=sf&file_name=leads.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_good_rows_load_bad_ones_come_back_and_the_same_file_adds_nothing(api: Api, encoding: str) -> None:
    job = imported(api, SALESFORCE.encode(encoding))
    assert (job["status"], job["error"]) == ("finished", None)
    assert (job["rows_read"], job["rows_added"], job["rows_rejected"]) == (2, 1, 1)
    (lead,) = api.get("/leads?source=sf").json()["items"]
    assert (lead["external_id"], lead["company"]) == ("00Q1", "杭州赛一机械有限公司")
    rejects = api.get(f"/imports/{job['id']}/rejects")
    (row,) = csv.DictReader(io.StringIO(rejects.content.decode("utf-8-sig")))
    assert (row["Lead ID"], row["Created Date"]) == ("00Q2", "yesterday")
    again = imported(api, SALESFORCE.encode(encoding))
    assert (again["status"], again["rows_added"]) == ("finished", 0)
    assert not list((api.deps.uploads / "files").iterdir())


def test_a_job_that_was_cut_off_is_resumed(sqlite_api: Api) -> None:
    api = sqlite_api
    job = imported(api, SALESFORCE.encode())
    answer = api.post(f"/imports/{job['id']}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "finished")


def test_a_file_that_was_imported_without_rejects_says_so(sqlite_api: Api) -> None:
    job = imported(sqlite_api, SALESFORCE.rsplit("00Q2", 1)[0].encode())
    answer = sqlite_api.get(f"/imports/{job['id']}/rejects")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_rejects")


def imported(api: Api, content: bytes) -> dict[str, Any]:
    """Send a file and return its job when it has run."""
    sent = api("POST", f"/crm/v1{UPLOAD}", content=content, headers={"content-type": "text/csv"})
    assert sent.status_code == 202, sent.text
    api.deps.importer.submit(sent.json()["id"]).result(timeout=60)  # queued behind the one that was sent
    job: dict[str, Any] = api.get(f"/imports/{sent.json()['id']}").json()
    return job
