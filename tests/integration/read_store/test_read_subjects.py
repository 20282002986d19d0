"""What scoring must know of a lead or an account, on both stores."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.repositories.sight.subjects import Subject, subjects
from tests.integration.read_store.clock import HOUR, T0

pytestmark = pytest.mark.usefixtures("company")


def test_leads_that_exist_are_told_with_their_beginning(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert subjects(session, "lead", ["lea_1", "lea_nobody"]) == {"lea_1": Subject(T0 - HOUR)}


def test_an_account_is_worth_its_annual_amount_and_a_deleted_one_is_not_told(
    sessions: sessionmaker[Session],
) -> None:
    with sessions() as session:
        found = subjects(session, "account", ["acc_1", "acc_2", "acc_3"])
    assert {name: subject.money for name, subject in found.items()} == {"acc_1": 120_000.5, "acc_2": None}
