#!/usr/bin/env python3
"""Writes *.bin beside itself: messages packed by Google's own protobuf, for our codec to be measured against.

usage: make.py FOLDER_WITH_PB2
FOLDER_WITH_PB2 holds what `protoc --python_out=FOLDER --proto_path=proto proto/*.proto` made. The files are committed;
they are made anew only for a new released version, into a folder of its own, and the old ones stay.
Each field gets a value of its own, derived from its path, so that two fields that changed places are noticed.
"""
import importlib
import pathlib
import sys
import zlib

from google.protobuf.descriptor import FieldDescriptor as F

HERE = pathlib.Path(__file__).parent
REPEATS = 2
SIGNED = (F.TYPE_INT32, F.TYPE_INT64, F.TYPE_SINT32, F.TYPE_SINT64)
WIDE = (F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_UINT64)


def number(field, path):
    value = zlib.crc32(path.encode())
    if field.type in WIDE:
        value = value << 20 | 0xABCDE
    elif field.type in SIGNED:
        value &= 0x7FFFFFFF
    return -value if field.type in SIGNED and value & 1 else value


def scalar(field, path):
    if field.type == F.TYPE_STRING:
        return f"{path} ёж 🦔"
    if field.type == F.TYPE_BYTES:
        return bytes((zlib.crc32(path.encode()) >> s) & 0xFF for s in (0, 8, 16, 24)) * 4
    if field.type == F.TYPE_BOOL:
        return True
    if field.type == F.TYPE_ENUM:
        return field.enum_type.values[-1].number
    return number(field, path)


def fill(message, path, choice):
    """Every field; of a oneof the member numbered `choice`, modulo their count."""
    for field in message.DESCRIPTOR.fields:
        name = f"{path}.{field.name}"
        oneof = field.containing_oneof
        if oneof and oneof.fields[choice % len(oneof.fields)] is not field:
            continue
        if field.label == F.LABEL_REPEATED:
            for i in range(REPEATS):
                if field.type == F.TYPE_MESSAGE:
                    fill(getattr(message, field.name).add(), f"{name}[{i}]", choice + i)
                else:
                    getattr(message, field.name).append(scalar(field, f"{name}[{i}]"))
        elif field.type == F.TYPE_MESSAGE:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), name, choice)
        else:
            setattr(message, field.name, scalar(field, name))
    return message


def main():
    sys.path.insert(0, sys.argv[1])
    wanted = [("leads_raw", "RawLead", "raw_lead", 0), ("leads_judged", "JudgedLead", "judged_lead", 0),
              ("market", "MarketEvent", "market_event_admitted", 0), ("market", "MarketEvent", "market_event_order", 1),
              ("market", "MarketEvent", "market_event_rate", 2), ("market", "MarketEvent", "market_event_settled", 3),
              ("leads_routed", "RoutedLead", "routed_lead", 0), ("leads_unsold", "UnsoldLead", "unsold_lead", 0),
              ("leads_attempts", "DeliveryAttempt", "delivery_attempt", 0),
              ("leads_attempts", "TakeOver", "take_over", 0), ("leads_outcomes", "Outcome", "outcome", 0),
              ("directory", "DirectoryEntry", "directory_webmaster", 0),
              ("directory", "DirectoryEntry", "directory_advertiser", 1),
              ("directory", "DirectoryEntry", "directory_operator", 2),
              ("directory", "DirectoryEntry", "directory_vertical", 3),
              ("directory", "DirectoryEntry", "directory_suppression", 4),
              ("directory", "DirectoryEntry", "directory_order", 5),
              ("directory", "DirectoryEntry", "directory_erasure", 7),
              ("directory", "DirectoryEntry", "directory_key", 8),
              ("dead_letters", "DeadLetter", "dead_letter", 0),
              ("dead_letters_acts", "DeadLetterAct", "dead_letter_act", 0),
              ("market_snapshots", "SnapshotChunk", "snapshot_chunk", 0),
              ("orders_progress", "OrderProgress", "order_progress", 0),
              ("webmasters_verdicts", "WebmasterVerdicts", "webmaster_verdicts", 0),
              ("status_events", "StatusEvent", "status_event", 0), ("status_attempts", "StatusAttempt", "status_attempt", 0),
              ("status_replays", "ReplayRequest", "replay_request", 0), ("audit_findings", "AuditFinding", "audit_finding", 0),
              ("market", "MarketEvent", "market_event_lowered", 8),
              ("orders_progress", "OrderProgress", "order_progress_lowered", 0),
              ("leads_attempts", "Taking", "taking", 0), ("leads_attempts", "TakeOver", "take_over_noting", 0)]
    for module, message, stem, choice in wanted:
        made = fill(getattr(importlib.import_module(f"{module}_pb2"), message)(), message, choice)
        (HERE / f"{stem}.bin").write_bytes(made.SerializeToString(deterministic=True))


main()
