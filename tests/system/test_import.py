"""`punnet import`: another system's export, interrupted by force, resumed, and run again: each row once."""
import csv
import json
import os
import subprocess
import time
import uuid

import make_csv
import pytest
from support import log
from support.stack import wait_until

ROWS, FAULTS_EVERY = 10_000, 50


@pytest.fixture(scope="module")
def export(stack, tmp_path_factory):
    """A windows-1251 table with `;`, as an old CRM writes it, and its map."""
    folder = tmp_path_factory.mktemp("import")
    make_csv.write(folder / "crm.csv", ROWS, seed=7, encoding="windows-1251", delimiter=";", every=FAULTS_EVERY)
    make_csv.write_map(folder / "crm.yaml", "crm-test", "w09", "windows-1251", ";")
    return folder


def start(stack, folder, *arguments):
    return subprocess.Popen([str(stack.bin / "punnet"), "import", str(folder / "crm.csv"), "--map", str(folder / "crm.yaml"), *arguments],
                            env={**stack.environment, **stack.exports}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(stack, folder):
    process = start(stack, folder, "--json")
    out, err = process.communicate(timeout=300)
    assert process.returncode in (0, 1), err
    return process.returncode, json.loads(out)


def position(folder):
    path = folder / "crm.csv.import"
    return json.loads(path.read_text())["rows"] if path.exists() else 0


def verdicts(stack):
    """sub2, which is the row's number -> the reason codes of each lead that was made of it."""
    rows, judged = {}, {}
    for records in log.read_topic(stack.kafka, "leads.judged").values():
        for record in records:
            judged[record.message.lead_id] = [r.code for r in record.message.reasons]
    for records in log.read_topic(stack.kafka, "leads.raw").values():
        for record in records:
            lead = record.message
            rows.setdefault(lead.lead.sub2, []).append((str(uuid.UUID(bytes=lead.lead_id)), judged.get(lead.lead_id)))
    return rows


def test_an_import_is_killed_resumed_and_run_again(stack, export):
    process = start(stack, export)
    deadline = time.monotonic() + 120
    while position(export) == 0 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    killed_at = position(export)
    assert 0 < killed_at < ROWS, "it was killed on the way"

    code, report = finish(stack, export)
    assert report["complete"] and report["earlier"] == killed_at
    assert report["rows"] == ROWS - killed_at
    faulty = ROWS // FAULTS_EVERY
    assert code == 1, "rows were rejected"
    assert json.loads((export / "crm.csv.import").read_text())["rejected"] == faulty

    code, report = finish(stack, export)
    assert (code, report["rows"], report["earlier"]) == (0, 0, ROWS), "the same file twice adds nothing"


def test_the_rejects_hold_each_faulty_row_once_with_its_reason(export):
    with open(export / "crm.csv.rejects.csv", encoding="utf-8", newline="") as file:
        header, *rejects = csv.reader(file, delimiter=";")
    assert header == [*make_csv.HEADER, "reasons"]
    words = {"date": "Дата заявки: expected a time", "sum": "Сумма: expected a whole number", "contact": "phone or email is required",
             "phone": "phone: expected", "cells": "8 cells, the header has 9"}
    expected = [n for n in range(1, ROWS + 1) if make_csv.fault_of(n, FAULTS_EVERY)]
    assert [row[0] for row in rejects] == [f"crm-{n}" for n in expected]
    for number, row in zip(expected, rejects):
        assert words[make_csv.fault_of(number, FAULTS_EVERY)] in row[-1], row


def test_without_its_state_file_it_takes_no_row_twice(stack, export):
    os.unlink(export / "crm.csv.import")
    os.unlink(export / "crm.csv.rejects.csv")
    _, report = finish(stack, export)
    assert report["rows"] == ROWS and report["rejected"] == ROWS // FAULTS_EVERY

    # A repeat that Redis could not answer in time is in the log twice, and the filters know it by its key.
    def every_row_judged():
        rows = verdicts(stack)
        return rows if all(codes is not None for leads in rows.values() for _, codes in leads) else None
    rows = wait_until(every_row_judged, 120, "every row is judged")
    wanted = {f"crm-{n}" for n in range(1, ROWS + 1) if not make_csv.fault_of(n, FAULTS_EVERY)}
    assert set(rows) == wanted
    for row, leads in rows.items():
        assert sum("resubmission" not in codes for _, codes in leads) == 1, (row, leads)


def test_a_changed_file_is_noticed(stack, export):
    text = (export / "crm.csv").read_bytes()
    (export / "crm.csv").write_bytes(text.replace(b"crm-3;", b"crm-x;", 1))
    process = start(stack, export)
    _, err = process.communicate(timeout=60)
    (export / "crm.csv").write_bytes(text)
    assert process.returncode == 1 and "not those that were imported" in err
