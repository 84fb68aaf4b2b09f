/* kv_scripts: what Redis does for a batch, in Lua. A whole shard's part of a batch is one script, so no other worker can
 * come between its leads. See kv_redis.c for who writes the arguments. */
#ifndef PUNNET_KV_SCRIPTS_H
#define PUNNET_KV_SCRIPTS_H

/* Both begin alike. KEYS: state, watermarks. ARGV: the state's id ("": not asked for), how many partitions, then for each
 * its field, the value that is expected there, and the next one. Answers {"L"} when the state is another one, or gone;
 * {"W", …} when a watermark is not what was expected, with all of them; nothing is then done. */
#define KV_SCRIPT_HEAD                                                                             \
	"local call, sub, byte, keys, argv = redis.call, string.sub, string.byte, KEYS, ARGV\n"    \
	"if argv[1] ~= '' and call('HGET', keys[1], 'id') ~= argv[1] then return {'L'} end\n"      \
	"local parts, a, marks = tonumber(argv[2]), 3, {}\n"                                       \
	"if parts > 0 then\n"                                                                      \
	"  local names, set, other = {}, {}, false\n"                                              \
	"  for i = 1, parts do\n"                                                                  \
	"    local name = argv[a]\n"                                                               \
	"    names[i], names[parts + i] = 'c' .. name, 'j' .. name\n"                              \
	"    set[2 * i - 1], set[2 * i] = MARK .. name, argv[a + 2]\n"                             \
	"    a = a + 3\n"                                                                          \
	"  end\n"                                                                                  \
	"  marks = call('HMGET', keys[2], unpack(names))\n"                                        \
	"  for i = 1, 2 * parts do marks[i] = marks[i] or '0' end\n"                               \
	"  local base = MARK == 'c' and 0 or parts\n"                                              \
	"  for i = 1, parts do other = other or marks[base + i] ~= argv[3 * i + 1] end\n"          \
	"  if other then table.insert(marks, 1, 'W') return marks end\n"                           \
	"  call('HSET', keys[2], unpack(set))\n"                                                   \
	"end\n"

/* KEYS: then all keys of all leads (of a claim in a bucket: today's generation, and the one before if there is one), then four a source;
 * last the buckets whose end is set anew (a full Redis lets a script end that has written: so what may be refused comes first).
 * ARGV: how many such buckets, and their end; how many leads, one string a lead: value (owner, time), shape, fields of its claims in buckets, its visits. The
 * shape is the same for nearly every lead, and read once: candidate, counted, how many claims, how many trails, for each
 * claim its kind and ttl, for each trail its ttl. Then for each source the arguments of two BITFIELDs, each after its count.
 *
 * Answers watermarks; what the asker can't foresee: for each claim that the lead did not newly take its place (from 1) and
 * its value, or nil where nobody holds it; for each trail that is not new its place and its visits; four values a source.
 *
 * A candidate's claims are taken one by one, and given back if one of them is another's: in a script nobody sees that. */
static const char kv_gather_script[] =
    "local MARK = 'c'\n" KV_SCRIPT_HEAD
    "local shapes, found, claims, trails, sources = {}, {}, {}, {}, {}\n"
    "local at, ci, ti, value, lead, fields = 2, 0, 0, nil, nil, {}\n"
    "local function read(text)\n"
    "  local s = {candidate = byte(text, 1) == 1, counted = byte(text, 2) == 1, n = byte(text, 3), "
    "m = byte(text, 4)}\n"
    "  s.kind, s.always, s.ttl, s.key, s.before, s.trail, s.buckets = {}, {}, {}, {}, {}, {}, 0\n"
    "  local p, k = 5, 1\n"
    "  for c = 1, s.n do\n"
    "    local flags, ttl = struct.unpack('>BI8', text, p)\n"
    "    s.kind[c], s.always[c], s.ttl[c], s.key[c] = math.floor(flags % 8 / 2), flags % 2 == 1, "
    "string.format('%.0f', ttl), k\n"
    "    if s.kind[c] > 0 then s.buckets = s.buckets + 1 end\n"
    "    s.before[c] = flags >= 8\n"
    "    k = k + (s.before[c] and 2 or 1)\n"
    "    p = p + 9\n"
    "  end\n"
    "  for t = 1, s.m do s.trail[t], p = string.format('%.0f', struct.unpack('>I8', text, p)), p + "
    "8 end\n"
    "  s.keys = k - 1\n"
    "  shapes[text] = s\n"
    "  return s\n"
    "end\n"
    "local function grab(s, c)\n"
    "  local k = at + s.key[c]\n"
    "  if s.kind[c] == 0 then return call('SET', keys[k], value, 'PX', s.ttl[c], 'NX', 'GET') end\n"
    "  local v = s.before[c] and call('HGET', keys[k + 1], fields[c])\n"
    "  if v then return v end\n"
    "  if call('HSETNX', keys[k], fields[c], value) == 0 then return call('HGET', keys[k], "
    "fields[c]) end\n"
    "  if s.kind[c] == 2 then call('PEXPIREAT', keys[k], s.ttl[c]) end\n"
    "  return false\n"
    "end\n"
    "local function drop(s, c)\n"
    "  local k = at + s.key[c]\n"
    "  if s.kind[c] == 0 then call('DEL', keys[k]) else call('HDEL', keys[k], fields[c]) end\n"
    "end\n"
    "local function peek(s, c)\n"
    "  local k = at + s.key[c]\n"
    "  if s.kind[c] == 0 then return call('GET', keys[k]) end\n"
    "  return call('HGET', keys[k], fields[c]) or s.before[c] and call('HGET', keys[k + 1], "
    "fields[c])\n"
    "end\n"
    "local function answer(c, v)\n"
    "  claims[#claims + 1] = ci + c\n"
    "  claims[#claims + 1] = v\n"
    "end\n"
    "local function take(s)\n"
    "  local again = false\n"
    "  for c = 1, s.n do\n"
    "    local v = grab(s, c)\n"
    "    found[c] = v\n"
    "    if v then\n"
    "      if sub(v, 1, 24) ~= sub(value, 1, 24) then\n"
    "        for k = 1, c - 1 do if not found[k] then drop(s, k) end end\n"
    "        return false\n"
    "      end\n"
    "      again = true\n"
    "    end\n"
    "  end\n"
    "  for c = 1, again and s.n or 0 do if found[c] then answer(c, found[c]) end end\n"
    "  return true\n"
    "end\n"
    "local function look(s)\n"
    "  for c = 1, s.n do if s.always[c] then grab(s, c) end end\n"
    "  for c = 1, s.n do answer(c, peek(s, c)) end\n"
    "end\n"
    "local function follow(s, p)\n"
    "  for t = 1, s.m do\n"
    "    local key, own, v = keys[at + t], sub(lead, p, p + 23), nil\n"
    "    if s.counted then\n"
    "      v = call('GET', key)\n"
    "    else\n"
    "      v = call('SET', key, own, 'PX', s.trail[t], 'NX', 'GET')\n"
    "      if v then call('SET', key, sub(v, -552) .. own, 'PX', s.trail[t]) end\n"
    "    end\n"
    "    if v then trails[#trails + 1] = ti + t trails[#trails + 1] = v end\n"
    "    p = p + 24\n"
    "  end\n"
    "end\n"
    "local ends, ends_at = tonumber(argv[a]), argv[a + 1]\n"
    "a = a + 2\n"
    "local leads = tonumber(argv[a])\n"
    "for i = a + 1, a + leads do\n"
    "  lead = argv[i]\n"
    "  value = sub(lead, 1, 32)\n"
    "  local text = sub(lead, 33, 36 + 9 * byte(lead, 35) + 8 * byte(lead, 36))\n"
    "  local s = shapes[text] or read(text)\n"
    "  local p = 33 + #text\n"
    "  if s.buckets > 0 then\n"
    "    for c = 1, s.n do if s.kind[c] > 0 then fields[c], p = sub(lead, p, p + 7), p + 8 end "
    "end\n"
    "  end\n"
    "  if not (s.candidate and take(s)) then look(s) end\n"
    "  at, ci = at + s.keys, ci + s.n\n"
    "  if s.m > 0 then follow(s, p) end\n"
    "  at, ti = at + s.m, ti + s.m\n"
    "end\n"
    "a = a + leads + 1\n"
    "local function add(key, seen, ttl)\n"
    "  local n = tonumber(argv[a])\n"
    "  if n > 0 then\n"
    "    call('BITFIELD', key, unpack(argv, a + 1, a + n))\n"
    "    if not seen then call('PEXPIRE', key, ttl) end\n"
    "  end\n"
    "  a = a + n + 1\n"
    "end\n"
    "while at < #keys - ends do\n"
    "  local v = call('MGET', keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4])\n"
    "  for i = 1, 4 do sources[#sources + 1] = v[i] end\n"
    "  add(keys[at + 1], v[1], 14400000)\n"
    "  add(keys[at + 3], v[3], 259200000)\n"
    "  at = at + 4\n"
    "end\n"
    "for i = at + 1, #keys do call('PEXPIREAT', keys[i], ends_at) end\n"
    "return {'O', marks, claims, trails, sources}\n";

/* KEYS: then the keys of each change, then two a source that has rejects. ARGV: how many changes, one string each: value,
 * flags (1: take, 2: in a bucket, 4: with the generation before), ttl, field; then as above for each source's hour and day. */
static const char kv_settle_script[] =
    "local MARK = 'j'\n" KV_SCRIPT_HEAD "local changes, at = tonumber(argv[a]), 2\n"
    "local function change(op)\n"
    "  local value, flags, ttl = sub(op, 1, 32), struct.unpack('>BI8', op, 33)\n"
    "  local key, take, field = keys[at + 1], flags % 2 == 1, sub(op, 42)\n"
    "  if flags < 2 then\n"
    "    at = at + 1\n"
    "    local v = call('GET', key)\n"
    "    if take and not v then\n"
    "      call('SET', key, value, 'PX', string.format('%.0f', ttl))\n"
    "    elseif not take and v and sub(v, 1, 24) == sub(value, 1, 24) then\n"
    "      call('DEL', key)\n"
    "    end\n"
    "    return\n"
    "  end\n"
    "  local before = flags >= 4 and 1 or 0\n"
    "  at = at + 1 + before\n"
    "  for k = at - before, at do\n"
    "    local v = call('HGET', keys[k], field)\n"
    "    if v and not take and sub(v, 1, 24) == sub(value, 1, 24) then call('HDEL', keys[k], "
    "field) end\n"
    "    if v then return end\n"
    "  end\n"
    "  if take then\n"
    "    call('HSETNX', key, field, value)\n"
    "    call('PEXPIREAT', key, string.format('%.0f', ttl))\n"
    "  end\n"
    "end\n"
    "for i = a + 1, a + changes do change(argv[i]) end\n"
    "a = a + changes + 1\n"
    "while at < #keys do\n"
    "  for k = 1, 2 do\n"
    "    local n = tonumber(argv[a])\n"
    "    call('BITFIELD', keys[at + k], unpack(argv, a + 1, a + n))\n"
    "    call('PEXPIRE', keys[at + k], k == 1 and 14400000 or 259200000, 'NX')\n"
    "    a = a + n + 1\n"
    "  end\n"
    "  at = at + 2\n"
    "end\n"
    "return {'O', marks}\n";

/* KEYS: state, watermarks. ARGV: an id for a new state, its layout, the id of a state that must not go on ("": none), the
 * generation that a new one is the first of. Answers the state's id, its fields, which name the partitions that are restored,
 * and its first generation: where a state takes another one's place, the other's claims are still there. */
static const char kv_join_script[] =
    "local id, layout = redis.call('HGET', KEYS[1], 'id'), redis.call('HGET', KEYS[1], 'layout')\n"
    "local born = redis.call('HGET', KEYS[1], 'born') or id and '0' or ARGV[4]\n"
    "if not id or id == ARGV[3] or layout ~= ARGV[2] then\n"
    "  redis.call('DEL', KEYS[1], KEYS[2])\n"
    "  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'layout', ARGV[2], 'born', born)\n"
    "  id = ARGV[1]\n"
    "end\n"
    "return {id, redis.call('HKEYS', KEYS[1]), born}\n";

/* KEYS: state. ARGV: its id, a partition's field. 0: the state is another one. */
static const char kv_restored_script[] =
    "if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end\n"
    "redis.call('HSET', KEYS[1], ARGV[2], '1')\n"
    "return 1\n";

#endif
