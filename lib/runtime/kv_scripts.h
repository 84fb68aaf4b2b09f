/* kv_scripts: what Redis does for a batch, in Lua. A whole shard's part of a batch is one script, so no other worker can
 * come between its leads. See kv_redis.c for who writes the arguments. */
#ifndef PUNNET_KV_SCRIPTS_H
#define PUNNET_KV_SCRIPTS_H

#include "kv_layout.h"

/* All that count begin alike. KEYS: state, watermarks. ARGV: the state's id ("": not asked for), how many partitions, then for each
 * its field, what is expected there of leads counted and of leads judged, and the next of both. MARK says which of the two the
 * script raises: c, j or both. Answers {"L"} when the state is another one, or gone; {"W", …} when a watermark that it raises is
 * not what was expected, with all of them; nothing is then done. */
#define KV_SCRIPT_HEAD                                                                             \
	"local call, sub, byte, keys, argv = redis.call, string.sub, string.byte, KEYS, ARGV\n"    \
	"if argv[1] ~= '' and call('HGET', keys[1], 'id') ~= argv[1] then return {'L'} end\n"      \
	"local parts, a, marks = tonumber(argv[2]), 3, {}\n"                                       \
	"if parts > 0 then\n"                                                                      \
	"  local counts, judges = MARK ~= 'j', MARK ~= 'c'\n"                                      \
	"  local names, set, other = {}, {}, false\n"                                              \
	"  for i = 0, parts - 1 do\n"                                                              \
	"    local name = argv[a + 5 * i]\n"                                                       \
	"    names[i + 1], names[parts + i + 1] = 'c' .. name, 'j' .. name\n"                      \
	"  end\n"                                                                                  \
	"  marks = call('HMGET', keys[2], unpack(names))\n"                                        \
	"  for i = 1, 2 * parts do marks[i] = marks[i] or '0' end\n"                               \
	"  for i = 1, parts do\n"                                                                  \
	"    if counts then\n"                                                                     \
	"      other = other or marks[i] ~= argv[a + 1]\n"                                         \
	"      set[#set + 1], set[#set + 2] = names[i], argv[a + 3]\n"                             \
	"    end\n"                                                                                \
	"    if judges then\n"                                                                     \
	"      other = other or marks[parts + i] ~= argv[a + 2]\n"                                 \
	"      set[#set + 1], set[#set + 2] = names[parts + i], argv[a + 4]\n"                     \
	"    end\n"                                                                                \
	"    a = a + 5\n"                                                                          \
	"  end\n"                                                                                  \
	"  if other then table.insert(marks, 1, 'W') return marks end\n"                           \
	"  call('HSET', keys[2], unpack(set))\n"                                                   \
	"end\n"

/* KEYS: then two a page that claims are asked of (today's generation, and the one before), two a page of trails, the buckets of
 * all leads' claims (today's generation, and the one before if there is one), four a source; last the buckets whose end is set
 * anew, and two a page: whose end is set, and which goes (a full Redis lets a script end that has written: so what may be
 * refused comes first).
 *
 * ARGV: the time. How many pages of claims, for each its span, number, how many fields, fields. How many pages of trails, for each how
 * many bytes of a trail are kept, how many fields, fields, what is added to each. How many leads, the number of each one's shape
 * (two bytes), how many shapes, shapes, then for each lead its value (owner, time) and the fields of its claims. A shape: candidate,
 * how many claims, for each claim its flags and when it, or its bucket, ends; there are few, and each is read once. How many
 * sources, for each the subs of its day (pairs of bytes: which byte, and its bits), then the arguments of two BITFIELDs, each after
 * its count. How many buckets, and their end; for each page its end.
 *
 * Answers watermarks; what the asker can't foresee: for each claim that the lead did not newly take its place (from 1) and
 * its value, or nil where nobody holds it; for each trail that was there its place and its visits; four values a source.
 *
 * A candidate's claims in buckets are taken one by one, and given back if one of them is another's: in a script nobody sees that.
 * Those in pages are all known before the first lead, and written after the last. Nearly every lead is alone with its claims, and
 * takes all of them: so that is tried first (take_free), and whoever finds one that is held begins anew.
 *
 * What a lead costs here is mostly strings that Lua makes, of which it hashes every byte, and calls of Redis, and hardly its own
 * steps: nothing is cut out of a longer string that can be an argument of its own, a page of a generation that is not there is not
 * asked, and a day's subs, which are nearly always there already, are only set when they are new. */
#define KV_SCRIPT_BATCH                                                                            \
	"local shapes, found, claims, trails, sources = {}, {}, {}, {}, {}\n"                      \
	"local at, ci, books, list = 2, 0, {}, {}\n"                                               \
	"local now = tonumber(argv[a])\n"                                                          \
	"local function fetch(n)\n"                                                                \
	"  local cur, old = call('HMGET', keys[at + 1], unpack(argv, a, a + n - 1)), false\n"      \
	"  if call('EXISTS', keys[at + 2]) == 1 then\n"                                            \
	"    old = call('HMGET', keys[at + 2], unpack(argv, a, a + n - 1))\n"                      \
	"  end\n"                                                                                  \
	"  at = at + 2\n"                                                                          \
	"  return cur, old\n"                                                                      \
	"end\n"                                                                                    \
	"local function write(key, m)\n"                                                           \
	"  for from = 1, m, 4000 do\n"                                                             \
	"    call('HSET', key, unpack(list, from, math.min(from + 3999, m)))\n"                    \
	"  end\n"                                                                                  \
	"end\n"                                                                                    \
	"a = a + 1\n"                                                                              \
	"for i = 1, tonumber(argv[a]) do\n"                                                        \
	"  local span, page, n = tonumber(argv[a + 1]), tonumber(argv[a + 2]), tonumber(argv[a + " \
	"3])\n"                                                                                    \
	"  local book = books[span] or {values = {}, pages = {}}\n"                                \
	"  books[span] = book\n"                                                                   \
	"  book.pages[page] = {key = keys[at + 1], n = 0}\n"                                       \
	"  a = a + 4\n"                                                                            \
	"  local cur, old = fetch(n)\n"                                                            \
	"  for k = 1, n do\n"                                                                      \
	"    local v = cur[k] or old and old[k]\n"                                                 \
	"    if v then book.values[argv[a + k - 1]] = v end\n"                                     \
	"  end\n"                                                                                  \
	"  a = a + n - 1\n"                                                                        \
	"end\n"                                                                                    \
	"a = a + 1\n"                                                                              \
	"local ti = 0\n"                                                                           \
	"for i = 1, tonumber(argv[a]) do\n"                                                        \
	"  local keep, n, m = tonumber(argv[a + 1]), tonumber(argv[a + 2]), 0\n"                   \
	"  local key = keys[at + 1]\n"                                                             \
	"  a = a + 3\n"                                                                            \
	"  local cur, old = fetch(n)\n"                                                            \
	"  for k = 0, n - 1 do\n"                                                                  \
	"    local v, more = cur[k + 1] or old and old[k + 1], argv[a + n + k]\n"                  \
	"    if v and not PAST then\n"                                                             \
	"      trails[#trails + 1] = ti + k + 1\n"                                                 \
	"      trails[#trails + 1] = v\n"                                                          \
	"    end\n"                                                                                \
	"    if more ~= '' then\n"                                                                 \
	"      list[m + 1] = argv[a + k]\n"                                                        \
	"      local over = v and #v + #more - keep or 0\n"                                        \
	"      if over > 0 then v = sub(v, over + 1) end\n"                                        \
	"      list[m + 2] = v and v .. more or more\n"                                            \
	"      m = m + 2\n"                                                                        \
	"    end\n"                                                                                \
	"  end\n"                                                                                  \
	"  write(key, m)\n"                                                                        \
	"  ti = ti + n\n"                                                                          \
	"  a = a + 2 * n - 1\n"                                                                    \
	"end\n"                                                                                    \
	"a = a + 1\n"                                                                              \
	"local function read(text)\n"                                                              \
	"  local s = {candidate = byte(text, 1) == 1, n = byte(text, 2), in_pages = {}, "          \
	"in_buckets = {}}\n"                                                                       \
	"  s.always, s.before, s.book, s.ends, s.key = {}, {}, {}, {}, {}\n"                       \
	"  local k = 1\n"                                                                          \
	"  for c = 1, s.n do\n"                                                                    \
	"    local flags, ends = struct.unpack('>BI8', text, 9 * c - 6)\n"                         \
	"    s.always[c], s.ends[c] = flags % 2 == 1, string.format('%.0f', ends)\n"               \
	"    if flags % 4 >= 2 then\n"                                                             \
	"      s.before[c], s.key[c] = flags % 16 >= 8, k\n"                                       \
	"      s.in_buckets[#s.in_buckets + 1] = c\n"                                              \
	"      k = k + (s.before[c] and 2 or 1)\n"                                                 \
	"    else\n"                                                                               \
	"      s.book[c] = books[math.floor(flags / 16)]\n"                                        \
	"      s.in_pages[#s.in_pages + 1] = c\n"                                                  \
	"    end\n"                                                                                \
	"  end\n"                                                                                  \
	"  s.keys = k - 1\n"                                                                       \
	"  return s\n"                                                                             \
	"end\n"                                                                                    \
	"local function put(s, c)\n"                                                               \
	"  local f, v = argv[a + c], argv[a] .. s.ends[c]\n"                                       \
	"  local p = s.book[c].pages[byte(f) % PAGES]\n"                                           \
	"  local n = p.n\n"                                                                        \
	"  s.book[c].values[f] = v\n"                                                              \
	"  p[n + 1], p[n + 2], p.n = f, v, n + 2\n"                                                \
	"end\n"                                                                                    \
	"local function give_back(s, last)\n"                                                      \
	"  for j = 1, last do\n"                                                                   \
	"    local c = s.in_buckets[j]\n"                                                          \
	"    if not found[c] then call('HDEL', keys[at + s.key[c]], argv[a + c]) end\n"            \
	"  end\n"                                                                                  \
	"end\n"                                                                                    \
	"local function take_free(s)\n"                                                            \
	"  local a, at, argv, keys, in_pages, in_buckets = a, at, argv, keys, s.in_pages, "        \
	"s.in_buckets\n"                                                                           \
	"  for i = 1, #in_pages do\n"                                                              \
	"    local c = in_pages[i]\n"                                                              \
	"    if s.book[c].values[argv[a + c]] then return false end\n"                             \
	"  end\n"                                                                                  \
	"  local value, key, before = argv[a], s.key, s.before\n"                                  \
	"  for i = 1, #in_buckets do\n"                                                            \
	"    local c = in_buckets[i]\n"                                                            \
	"    local k, f = at + key[c], argv[a + c]\n"                                              \
	"    if before[c] and call('HGET', keys[k + 1], f) or call('HSETNX', keys[k], f, value) "  \
	"== 0 then\n"                                                                              \
	"      found = {}\n"                                                                       \
	"      give_back(s, i - 1)\n"                                                              \
	"      return false\n"                                                                     \
	"    end\n"                                                                                \
	"  end\n"                                                                                  \
	"  for i = 1, #in_pages do put(s, in_pages[i]) end\n"                                      \
	"  return true\n"                                                                          \
	"end\n"                                                                                    \
	"local function peek(s, c)\n"                                                              \
	"  local f = argv[a + c]\n"                                                                \
	"  if s.book[c] then\n"                                                                    \
	"    local v = s.book[c].values[f]\n"                                                      \
	"    return v and (tonumber(sub(v, 33)) or now + 1) > now and sub(v, 1, 32) or false\n"    \
	"  end\n"                                                                                  \
	"  local k = at + s.key[c]\n"                                                              \
	"  return call('HGET', keys[k], f) or s.before[c] and call('HGET', keys[k + 1], f)\n"      \
	"end\n"                                                                                    \
	"local function grab(s, c)\n"                                                              \
	"  local k, f = at + s.key[c], argv[a + c]\n"                                              \
	"  local v = s.before[c] and call('HGET', keys[k + 1], f)\n"                               \
	"  if v then return v end\n"                                                               \
	"  if call('HSETNX', keys[k], f, argv[a]) == 0 then return call('HGET', keys[k], f) end\n" \
	"  return false\n"                                                                         \
	"end\n"                                                                                    \
	"local function answer(c, v)\n"                                                            \
	"  if PAST then return end\n"                                                              \
	"  claims[#claims + 1] = ci + c\n"                                                         \
	"  claims[#claims + 1] = v\n"                                                              \
	"end\n"                                                                                    \
	"local function is_own(v) return sub(v, 1, 24) == sub(argv[a], 1, 24) end\n"               \
	"local function take(s)\n"                                                                 \
	"  local again = false\n"                                                                  \
	"  for _, c in ipairs(s.in_pages) do\n"                                                    \
	"    found[c] = peek(s, c)\n"                                                              \
	"    if found[c] and not is_own(found[c]) then return false end\n"                         \
	"    again = again or found[c]\n"                                                          \
	"  end\n"                                                                                  \
	"  for i, c in ipairs(s.in_buckets) do\n"                                                  \
	"    found[c] = grab(s, c)\n"                                                              \
	"    if found[c] and not is_own(found[c]) then\n"                                          \
	"      give_back(s, i - 1)\n"                                                              \
	"      return false\n"                                                                     \
	"    end\n"                                                                                \
	"    again = again or found[c]\n"                                                          \
	"  end\n"                                                                                  \
	"  for _, c in ipairs(s.in_pages) do if not found[c] then put(s, c) end end\n"             \
	"  for c = 1, again and s.n or 0 do if found[c] then answer(c, found[c]) end end\n"        \
	"  return true\n"                                                                          \
	"end\n"                                                                                    \
	"local function look(s)\n"                                                                 \
	"  for c = 1, s.n do\n"                                                                    \
	"    if s.always[c] and s.key[c] then grab(s, c) elseif s.always[c] and not peek(s, c) "   \
	"then put(s, c) end\n"                                                                     \
	"  end\n"                                                                                  \
	"  for c = 1, s.n do answer(c, peek(s, c)) end\n"                                          \
	"end\n"                                                                                    \
	"local leads, of = tonumber(argv[a]), {byte(argv[a + 1], 1, -1)}\n"                        \
	"a = a + 3\n"                                                                              \
	"for i = 1, tonumber(argv[a - 1]) do\n"                                                    \
	"  shapes[i] = read(argv[a])\n"                                                            \
	"  a = a + 1\n"                                                                            \
	"end\n"                                                                                    \
	"for i = 1, leads do\n"                                                                    \
	"  local s = shapes[of[2 * i - 1] * 256 + of[2 * i]]\n"                                    \
	"  if not (s.candidate and (take_free(s) or take(s))) then look(s) end\n"                  \
	"  at, ci, a = at + s.keys, ci + s.n, a + s.n + 1\n"                                       \
	"end\n"                                                                                    \
	"for _, book in pairs(books) do\n"                                                         \
	"  for _, p in pairs(book.pages) do\n"                                                     \
	"    list = p\n"                                                                           \
	"    write(p.key, p.n)\n"                                                                  \
	"  end\n"                                                                                  \
	"end\n"                                                                                    \
	"local function add(key, seen, ttl, more)\n"                                               \
	"  local n = tonumber(argv[a])\n"                                                          \
	"  if n > 0 then\n"                                                                        \
	"    for k = 1, n do more[k] = argv[a + k] end\n"                                          \
	"    call('BITFIELD', key, unpack(more))\n"                                                \
	"    if not seen then call('PEXPIRE', key, ttl) end\n"                                     \
	"  end\n"                                                                                  \
	"  a = a + n + 1\n"                                                                        \
	"end\n"                                                                                    \
	"local function unseen(day, bytes)\n"                                                      \
	"  local more, n = {}, tonumber(argv[a])\n"                                                \
	"  for k = 1, #bytes, 2 do\n"                                                              \
	"    local at, bits = byte(bytes, k, k + 1)\n"                                             \
	"    local had = day and byte(day, SUBS + at + 1) or 0\n"                                  \
	"    if bit.band(had, bits) ~= bits then\n"                                                \
	"      more[n + 1], more[n + 2], more[n + 3] = 'SET', 'u8', '#' .. SUBS + at\n"            \
	"      more[n + 4], n = bit.bor(had, bits), n + 4\n"                                       \
	"    end\n"                                                                                \
	"  end\n"                                                                                  \
	"  return more\n"                                                                          \
	"end\n"                                                                                    \
	"local count = tonumber(argv[a])\n"                                                        \
	"a = a + 1\n"                                                                              \
	"for i = 1, count do\n"                                                                    \
	"  local hour, day, v = keys[at + 1], keys[at + 3], {}\n"                                  \
	"  if PAST then\n"                                                                         \
	"    v[1], v[3] = call('EXISTS', hour) == 1, call('GET', day)\n"                           \
	"  else\n"                                                                                 \
	"    v = call('MGET', hour, keys[at + 2], day, keys[at + 4])\n"                            \
	"    for k = 1, 4 do sources[#sources + 1] = v[k] end\n"                                   \
	"  end\n"                                                                                  \
	"  a = a + 1\n"                                                                            \
	"  local subs = argv[a - 1]\n"                                                             \
	"  add(hour, v[1], 14400000, {})\n"                                                        \
	"  add(day, v[3], 259200000, unseen(v[3], subs))\n"                                        \
	"  at = at + 4\n"                                                                          \
	"end\n"                                                                                    \
	"for i = 1, tonumber(argv[a]) do call('PEXPIREAT', keys[at + i], argv[a + 1]) end\n"       \
	"at, a = at + tonumber(argv[a]), a + 2\n"                                                  \
	"for i = a, #argv do\n"                                                                    \
	"  call('PEXPIREAT', keys[at + 1], argv[i])\n"                                             \
	"  call('UNLINK', keys[at + 2])\n"                                                         \
	"  at = at + 2\n"                                                                          \
	"end\n"                                                                                    \
	"return {'O', marks, claims, trails, sources}\n"

/* PAST: what was judged long ago is put back, rejects among what is raised; nobody hears the answers. */
static const char kv_gather_script[] =
    "local MARK, PAGES, SUBS, PAST = 'c', 4, 192, false\n" KV_SCRIPT_HEAD KV_SCRIPT_BATCH;
static const char kv_put_back_script[] =
    "local MARK, PAGES, SUBS, PAST = 'cj', 4, 192, true\n" KV_SCRIPT_HEAD KV_SCRIPT_BATCH;
_Static_assert(KV_PAGES == 4 && KV_DAY_SUBS_BIT == 8 * 192, "as in the scripts");

/* KEYS: then the keys of each change, today's and the one before, then two a source that has rejects. ARGV: the time; how many
 * changes, one string each: value, flags (1: take, 2: in a bucket, 4: with the generation before), end, field; then as above
 * for each source's hour and day. */
static const char kv_settle_script[] =
    "local MARK = 'j'\n" KV_SCRIPT_HEAD
    "local now, changes, at = tonumber(argv[a]), tonumber(argv[a + 1]), 2\n"
    "a = a + 1\n"
    "local function is_own(v, value) return sub(v, 1, 24) == sub(value, 1, 24) end\n"
    "local function change_page(key, old, value, take, ends, field)\n"
    "  local v = call('HGET', key, field) or call('HGET', old, field)\n"
    "  local alive = v and (tonumber(sub(v, 33)) or now + 1) > now\n"
    "  if take and not alive then\n"
    "    call('HSET', key, field, value .. ends)\n"
    "  elseif alive and not take and is_own(v, value) then\n"
    "    call('HDEL', key, field)\n"
    "    call('HDEL', old, field)\n"
    "  end\n"
    "end\n"
    "local function change_bucket(key, old, value, take, ends, field)\n"
    "  for _, k in ipairs({key, old}) do\n"
    "    local v = call('HGET', k, field)\n"
    "    if v and not take and is_own(v, value) then call('HDEL', k, field) end\n"
    "    if v then return end\n"
    "  end\n"
    "  if take then\n"
    "    call('HSETNX', key, field, value)\n"
    "    call('PEXPIREAT', key, ends)\n"
    "  end\n"
    "end\n"
    "for i = a + 1, a + changes do\n"
    "  local op = argv[i]\n"
    "  local value, flags, ends = sub(op, 1, 32), struct.unpack('>BI8', op, 33)\n"
    "  local old = flags >= 4 and 1 or 0\n"
    "  local change = flags % 4 >= 2 and change_bucket or change_page\n"
    "  change(keys[at + 1], old == 1 and keys[at + 2] or nil, value, flags % 2 == 1,\n"
    "    string.format('%.0f', ends), sub(op, 42))\n"
    "  at = at + 1 + old\n"
    "end\n"
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
