/* draw: see draw.h. */
#include "draw.h"

#include "base/timefmt.h"

#define NOW_MS 1796040000000

static const char *const words[] = {
    "valid",   "unassigned", "impossible", "ok",        "no_at", "none", "erased",   "mobile",
    "voip",    "toll_free",  "android",    "windows",   "ru",    "en",   "m",        "f",
    "private", "one",        "mixed",      "disguised", "osago", "w17",  "loopback", "",
};

static int64_t draw_number(struct rng *r)
{
	static const int64_t most[] = {2, 12, 200, 8000, 40 * MS_PER_DAY};

	return (int64_t)rng_below(r, (uint64_t)most[rng_below(r, ARRAY_LEN(most))]);
}

static struct claim draw_claim(struct rng *r)
{
	struct claim c = {.held = rng_chance(r, 7000),
			  .claimed_at_ms = NOW_MS - (int64_t)rng_below(r, 100 * MS_PER_DAY)};

	c.owner.lead_id = draw_lead_id(r);
	return c;
}

static void draw_fact(struct rng *r, enum fact_name name, struct facts *ret)
{
	struct claim claim = draw_claim(r);

	switch (fact_type_of(name)) {
	case FACT_TYPE_NUMBER:
		facts_set_number(ret, name, draw_number(r));
		break;
	case FACT_TYPE_BYTES:
		facts_set_bytes(ret, name, SLICE("0123456789abcdef"));
		break;
	case FACT_TYPE_TEXT:
		facts_set_text(ret, name, slice_cstr(words[rng_below(r, ARRAY_LEN(words))]));
		break;
	case FACT_TYPE_CLAIM:
		facts_set_claim(ret, name, &claim);
		break;
	}
}

struct facts draw_facts(struct rng *r, const struct lead_id *id)
{
	uint32_t absent = (uint32_t)rng_below(r, 10000);
	struct facts f = {0};

	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (!rng_chance(r, absent))
			draw_fact(r, (enum fact_name)i, &f);
	}
	/* These stand in every lead. */
	facts_set_bytes(&f, FACT_LEAD_ID, slice_of(id->bytes, sizeof(id->bytes)));
	facts_set_number(&f, FACT_RAW_OFFSET, (int64_t)rng_below(r, 1000));
	facts_set_number(&f, FACT_RECEIVED_AT, NOW_MS);
	facts_set_text(&f, FACT_VERTICAL, SLICE("osago"));
	facts_set_text(&f, FACT_WEBMASTER, SLICE("w17"));
	return f;
}

struct lead_id draw_lead_id(struct rng *r)
{
	struct lead_id id;

	for (size_t i = 0; i < sizeof(id.bytes); i++)
		id.bytes[i] = (uint8_t)rng_below(r, 256);
	return id;
}
