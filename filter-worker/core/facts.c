/* facts: see facts.h. */
#include "facts.h"

static const struct {
	const char *text;
	size_t text_len;
	const char *help;
	enum fact_type type;
} rows[FACT_COUNT] = {
#define FACT(name, text, type, help) {text, sizeof(text) - 1, help, FACT_TYPE_##type},
#include "facts.def"
#undef FACT
};

const char *fact_text(enum fact_name name)
{
	assert(name < FACT_COUNT);
	return rows[name].text;
}

struct slice fact_slice(enum fact_name name)
{
	assert(name < FACT_COUNT);
	return slice_of(rows[name].text, rows[name].text_len);
}

const char *fact_help(enum fact_name name)
{
	assert(name < FACT_COUNT);
	return rows[name].help;
}

enum fact_type fact_type_of(enum fact_name name)
{
	assert(name < FACT_COUNT);
	return rows[name].type;
}

bool fact_from_text(struct slice text, enum fact_name after, enum fact_name *ret_name)
{
	for (size_t n = 1; n <= FACT_COUNT; n++) {
		size_t i = (after + n) % FACT_COUNT;

		if (slice_equal(text, slice_of(rows[i].text, rows[i].text_len))) {
			*ret_name = (enum fact_name)i;
			return true;
		}
	}
	return false;
}

static struct fact *put(struct facts *f, enum fact_name name, enum fact_type type)
{
	assert(fact_type_of(name) == type);
	f->values[name].known = true;
	return &f->values[name];
}

static const struct fact *get(const struct facts *f, enum fact_name name, enum fact_type type)
{
	assert(fact_type_of(name) == type);
	return f->values[name].known ? &f->values[name] : NULL;
}

void facts_set_number(struct facts *f, enum fact_name name, int64_t value)
{
	put(f, name, FACT_TYPE_NUMBER)->number = value;
}

void facts_set_bytes(struct facts *f, enum fact_name name, struct slice value)
{
	put(f, name, FACT_TYPE_BYTES)->bytes = value;
}

void facts_set_text(struct facts *f, enum fact_name name, struct slice value)
{
	put(f, name, FACT_TYPE_TEXT)->bytes = value;
}

void facts_set_claim(struct facts *f, enum fact_name name, const struct claim *value)
{
	bool again = f->values[name].known;
	struct fact *fact = put(f, name, FACT_TYPE_CLAIM);

	if (!again) {
		assert(f->claim_count < FACT_CLAIMS_MAX);
		fact->claim = f->claim_count++;
	}
	f->claims[fact->claim] = *value;
}

bool facts_number(const struct facts *f, enum fact_name name, int64_t *ret)
{
	const struct fact *fact = get(f, name, FACT_TYPE_NUMBER);

	if (!fact)
		return false;
	*ret = fact->number;
	return true;
}

bool facts_bytes(const struct facts *f, enum fact_name name, struct slice *ret)
{
	const struct fact *fact = get(f, name, FACT_TYPE_BYTES);

	if (!fact)
		return false;
	*ret = fact->bytes;
	return true;
}

bool facts_text(const struct facts *f, enum fact_name name, struct slice *ret)
{
	const struct fact *fact = get(f, name, FACT_TYPE_TEXT);

	if (!fact)
		return false;
	*ret = fact->bytes;
	return true;
}

bool facts_self(const struct facts *f, struct lead_record *ret)
{
	struct slice id;
	int64_t offset;

	if (!facts_bytes(f, FACT_LEAD_ID, &id) || !facts_number(f, FACT_RAW_OFFSET, &offset))
		return false;
	ret->raw_offset = (uint64_t)offset;
	return lead_id_from_bytes(id.data, id.len, &ret->lead_id);
}

const struct claim *facts_claim(const struct facts *f, enum fact_name name)
{
	const struct fact *fact = get(f, name, FACT_TYPE_CLAIM);

	return fact ? &f->claims[fact->claim] : NULL;
}

bool claim_is_near(const struct claim *c, int64_t now_ms, int64_t window_ms)
{
	return now_ms - c->claimed_at_ms < window_ms && c->claimed_at_ms - now_ms < window_ms;
}

bool claim_stands_against(const struct claim *c, const struct lead_record *self, int64_t now_ms,
			  int64_t window_ms)
{
	return c->held && !lead_record_equal(&c->owner, self) &&
	       claim_is_near(c, now_ms, window_ms);
}
