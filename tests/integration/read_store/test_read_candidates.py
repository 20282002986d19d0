"""Who could be given a lead now: load, leave and the ground that teams cover."""

from sqlalchemy.orm import Session, sessionmaker

from crm_store.repositories.candidates import field_of
from tests.integration.read_store.clock import HOUR, T0, Write


def test_reps_are_told_with_load_leave_and_ground(sessions: sessionmaker[Session], write: Write) -> None:
    for team in ("east", "south"):
        write("team", team, {"name": team})
    write("territory", "zj", {"name": "浙江片区", "region": "浙江", "team_id": "east"})
    for rep, team in (("A", "east"), ("B", "south")):
        write("rep", rep, {"name": rep, "team_id": team})
    write("lead", "L1", {"owner_id": "A", "region": "浙江"})
    write("lead", "L2", {"owner_id": "A", "status": "won"})
    write("lead", "L3", {"region": "云南"})
    away = {"rep_id": "B", "status": "approved", "start_at": T0, "end_at": T0 + 9 * HOUR}
    write("leave", "V", away)

    with sessions() as session:
        found = field_of(session, ["L1", "L3", "nobody"], T0 + HOUR)
        later = field_of(session, ["L1"], T0 + 9 * HOUR)
    assert [(rep.rep_id, rep.open_leads) for rep in found.reps] == [("A", 1), ("B", 0)]
    assert [rep.away_until for rep in found.reps] == [None, T0 + 9 * HOUR]
    assert [rep.away_until for rep in later.reps] == [None, None]
    assert found.routed("L1") == {"east"}
    assert found.routed("L3") is None  # nobody's ground: anybody's lead
    assert "nobody" not in found.regions
