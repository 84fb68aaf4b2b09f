#!/usr/bin/env python3
"""Writes what is known of addresses, for deploy/setup/ip-data; the same archives give the same bytes. Usage: make_ip.py
ARCHIVES KINDS FOLDER.

ip.mmdb       MaxMind DB: for every network a text as in rules/addresses/networks.txt, "country=RU asn=64500 network=isp". A text
              and not a map, for a lead has time for one value and not for four
homes.tsv     country, network (each of 4,096 addresses), where people are at home or on the phone
licences/     of every source
"""
import csv
import io
import ipaddress
import re
import struct
import sys
import tarfile
import zipfile
from bisect import bisect_right
from datetime import datetime
from pathlib import Path

V4_BITS, V6_BITS = 32, 128
# Ranges of these come from lists without a licence, so they are left out; network-kinds.txt names their systems.
WITHOUT_LICENCE = {"Akamai", "BunnyCDN", "BuyVM", "CDN77", "Cogent", "Contabo", "DataCamp", "GTHost", "GleSYS", "Melbicom",
                   "Scalaxy", "Vercel"}
COUNTRIES = ("RU", "KZ", "BY", "US")  # of homes.tsv
HOMES_MOST = 5000  # of a country, about
NETWORK_BITS = 20
HOME_KINDS = {"isp", "mobile"}


def archive(folder, begin):
    found = [f for f in folder.glob("*/*") if f.name.startswith(begin)]
    assert len(found) == 1, f"{begin}: {len(found)} archives"
    return found[0]


def member(path, name):
    if path.suffix == ".tgz":
        with tarfile.open(path) as tar:
            return tar.extractfile(f"package/{name}").read()
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(name)


# --- layers: sorted lists of (first, last, value) that do not overlap

def csv_layer(data, value):
    layer, end = [], -1
    for row in csv.reader(io.StringIO(data.decode("utf-8"))):
        first, last = max(int(row[0]), end + 1), int(row[1])
        if first <= last:
            layer.append((first, last, value(row)))
            end = last
    return layer


def origin_layers(data):
    """iporigin's table: header, labels, records of either family."""
    magic, version, _, labels, v4, v6 = struct.unpack_from("<8sHQHII", data)
    assert magic == b"IPORIGIN" and version == 1
    at, names = 28, []
    for _ in range(labels):
        (length,) = struct.unpack_from("<H", data, at)
        names.append(tuple(data[at + 2:at + 2 + length].decode("utf-8").split("\t")))
        at += 2 + length
    found = {V4_BITS: [], V6_BITS: []}
    for bits, count in ((V4_BITS, v4), (V6_BITS, v6)):
        size = bits // 8
        for _ in range(count):
            first, last = (int.from_bytes(data[at + k * size:at + (k + 1) * size], "little" if bits == V4_BITS else "big")
                           for k in (0, 1))
            (label,) = struct.unpack_from("<H", data, at + 2 * size)
            at += 2 * size + 2
            if names[label][0] not in WITHOUT_LICENCE:
                found[bits].append((first, last, names[label]))
    return found


# --- kinds of networks

class Kinds:
    def __init__(self, path):
        self.systems, self.words = {}, []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "word" and len(words) == 3:
                self.words.append((set(words[2].split("+")), words[1]))
            elif re.fullmatch(r"AS\d+", words[0]) and len(words) > 1:
                self.systems[int(words[0][2:])] = words[1]
            else:
                sys.exit(f"{path}:{number}: expected `AS16509 hosting Amazon` or `word hosting datacenter`")
        self.known = {}

    def of(self, asn, name):
        if asn not in self.known:
            words = set(re.findall(r"\w+", name.lower()))
            by_word = next((kind for needed, kind in self.words if needed <= words), "isp")
            self.known[asn] = self.systems.get(asn, by_word)
        return self.known[asn]


def record(country, system, origin, kinds):
    """(country, asn, network, anonymous); what is not known is empty."""
    kind = kinds.of(*system) if system else ""
    anonymous = "vpn" if kind == "vpn" else ""
    provider, origin_kind = origin or ("", "")
    if kind == "vpn" or origin_kind in ("hosting", "cdn", "bot", "vpn"):
        kind = "hosting"
    if provider == "Apple Private Relay":
        kind, anonymous = "", "relay"  # people at home, all of a country behind a few addresses
    elif origin_kind in ("tor", "vpn"):
        anonymous = origin_kind
    return country or "", system[0] if system else 0, kind, anonymous


def joined(layers, kinds):
    """One layer of records out of those of countries, systems and origins."""
    edges = sorted({edge for layer in layers for first, last, _ in layer for edge in (first, last + 1)})
    places, records, result = [0] * len(layers), {}, []
    for begin, end in zip(edges, edges[1:]):
        values = []
        for i, layer in enumerate(layers):
            while places[i] < len(layer) and layer[places[i]][1] < begin:
                places[i] += 1
            here = layer[places[i]] if places[i] < len(layer) else None
            values.append(here[2] if here and here[0] <= begin else None)
        key = tuple(values)
        if key == (None,) * len(layers):
            continue
        value = records.setdefault(key, record(*key, kinds))
        if result and result[-1][1] == begin - 1 and result[-1][2] == value:
            result[-1] = (result[-1][0], end - 1, value)
        else:
            result.append((begin, end - 1, value))
    return result


# --- the file, after the MaxMind DB format 2.0

def control(kind, size):
    """The bytes before a value: its type, and its size."""
    assert size < 29 + 256
    extended = b"" if kind <= 7 else bytes([kind - 7])
    first = (kind << 5 if kind <= 7 else 0) | min(size, 29)
    return bytes([first]) + extended + (bytes([size - 29]) if size >= 29 else b"")


def encode(value):
    if isinstance(value, str):
        data = value.encode("utf-8")
        return control(2, len(data)) + data
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(encode(v) for v in value)
    kind, number = value  # 5: of 16 bits, 6: of 32, 9: of 64
    data = number.to_bytes(8, "big").lstrip(b"\0")
    return control(kind, len(data)) + data


class Tree:
    """Nodes of two children: None, a node's number, or ("data", record). IPv4 stands in ::/96."""

    def __init__(self):
        self.nodes, self.records = [], {}

    def grow(self, layer, starts, first, bits):
        last = first + (1 << bits) - 1
        at = bisect_right(starts, first) - 1
        if at >= 0 and layer[at][1] >= last:
            return "data", layer[at][2]
        if (at < 0 or layer[at][1] < first) and (at + 1 == len(layer) or layer[at + 1][0] > last):
            return None
        half = 1 << (bits - 1)
        return self.node(self.grow(layer, starts, first, bits - 1), self.grow(layer, starts, first + half, bits - 1))

    def node(self, left, right):
        self.nodes.append((left, right))
        return len(self.nodes) - 1

    def write(self, path, built_at, description):
        """The root is the last node that was made, and has to be the first of the file."""
        count, data, offsets = len(self.nodes), bytearray(), {}
        for left, right in reversed(self.nodes):
            for child in (left, right):
                if isinstance(child, tuple) and child[1] not in offsets:
                    offsets[child[1]] = len(data)
                    data += self.packed(child[1])

        def place(child):
            if child is None:
                return count
            return count + 16 + offsets[child[1]] if isinstance(child, tuple) else count - 1 - child

        assert count + 16 + len(data) < 1 << 28
        tree = bytearray()
        for left, right in reversed(self.nodes):
            left, right = place(left), place(right)
            tree += (left & 0xFFFFFF).to_bytes(3, "big") + bytes([left >> 24 << 4 | right >> 24])
            tree += (right & 0xFFFFFF).to_bytes(3, "big")
        metadata = {"node_count": (6, count), "record_size": (5, 28), "ip_version": (5, 6), "database_type": "Punnet-IP",
                    "languages": ["en"], "binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0),
                    "build_epoch": (9, built_at), "description": {"en": description}}
        path.write_bytes(bytes(tree) + bytes(16) + bytes(data) + b"\xab\xcd\xefMaxMind.com" + encode(metadata))

    @staticmethod
    def packed(value):
        country, asn, network, anonymous = value
        fields = {"country": country, "asn": asn, "network": network, "anonymous": anonymous}
        return encode(" ".join(f"{name}={field}" for name, field in fields.items() if field))


def build(v4, v6):
    tree = Tree()
    tops = {}
    for bits, layer in ((V4_BITS, v4), (V6_BITS, v6)):
        starts = [first for first, _, _ in layer]
        if bits == V4_BITS:
            tops[V4_BITS] = tree.grow(layer, starts, 0, bits)
            continue
        # The left spine, ::/1 down to ::/96, whose last left child is IPv4.
        top = tops[V4_BITS]
        for level in range(V4_BITS, V6_BITS):
            top = tree.node(top, tree.grow(layer, starts, 1 << level, level))
    return tree


def homes(layer):
    """Networks all of whose addresses are of one country, and of carriers and providers of homes."""
    starts = [first for first, _, _ in layer]
    step, found = 1 << (32 - NETWORK_BITS), {country: [] for country in COUNTRIES}
    for first in range(1 << 24, 224 << 24, step):
        at = max(bisect_right(starts, first) - 1, 0)
        here, covered = [], first
        while at < len(layer) and layer[at][0] < first + step:
            if layer[at][1] >= first:
                here.append(layer[at][2])
                covered = covered if layer[at][0] > covered else layer[at][1] + 1
            at += 1
        country = here[0][0] if here else ""
        if country in found and covered >= first + step and all(
                r[0] == country and r[2] in HOME_KINDS and not r[3] for r in here):
            found[country].append(first)
    for country in COUNTRIES:
        for first in found[country][::max(1, len(found[country]) // HOMES_MOST)]:
            yield f"{country}\t{ipaddress.ip_address(first)}/{NETWORK_BITS}\n"


def licences(folder, asn, country, origin):
    folder.mkdir()
    for path, name, names in ((asn, "ip-location-db-asn", ("ROUTEVIEWS-LICENSE", "DBIP-LICENSE", "NRO_LICENSE", "MODIFICATIONS")),
                              (country, "ip-location-db-geo-whois-asn-country", ("NRO_LICENSE",))):
        for text in names:
            (folder / f"{name}-{text}.txt").write_bytes(member(path, text))
    with zipfile.ZipFile(origin) as wheel:
        for path in wheel.namelist():
            if "/licenses/" in path:
                (folder / f"iporigin-{Path(path).name}.txt").write_bytes(wheel.read(path))


def built_at(path):
    """asn-2.3.YYYYMMDDHH: when its data was gathered."""
    stamp = re.search(r"\.(\d{10})\.", path.name)[1]
    return int(datetime.strptime(stamp + "+0000", "%Y%m%d%H%z").timestamp())


def main():
    archives, kinds, folder = Path(sys.argv[1]), Kinds(Path(sys.argv[2])), Path(sys.argv[3])
    asn = archive(archives, "ip-location-db-asn-2")
    country = archive(archives, "ip-location-db-geo-whois-asn-country-2")
    origin = archive(archives, "iporigin-")
    origins = origin_layers(member(origin, "iporigin/data/ranges.bin"))
    layers = {}
    for bits, family in ((V4_BITS, "ipv4"), (V6_BITS, "ipv6")):
        countries = csv_layer(member(country, f"geo-whois-asn-country-{family}-num.csv"), lambda row: row[2])
        systems = csv_layer(member(asn, f"asn-{family}-num.csv"), lambda row: (int(row[2]), row[3]))
        layers[bits] = joined((countries, systems, origins[bits]), kinds)
    build(layers[V4_BITS], layers[V6_BITS]).write(folder / "ip.mmdb", built_at(asn), "RouteViews, NRO, DB-IP, iporigin; see licences/")
    (folder / "homes.tsv").write_text("".join(homes(layers[V4_BITS])), encoding="utf-8")
    licences(folder / "licences", asn, country, origin)


main()
