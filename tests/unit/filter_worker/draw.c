/* draw: see draw.h. */
#include "draw.h"

#include "base/timefmt.h"

#define NOW_MS         1796040000000
#define HELP_WORDS     80
#define LETTERS        "abcdefghijklmnopqrstuvwxyz_"
#define PART_PER_10000 5000

/* Named in no fact's help. */
static const char *const words[] = {"none", "ok", "m", "f", "RU", "DE", "US", "erased", "private"};

/* A word of the text with which facts.def explains the fact: that names its classes. */
static struct slice draw_help_word(struct rng *r, enum fact_name name)
{
	struct slice found[HELP_WORDS];
	size_t count = 0;

	for (const char *c = fact_help(name); *c && count < HELP_WORDS;) {
		size_t len = strspn(c, LETTERS);

		if (len > 0)
			found[count++] = slice_of(c, len);
		c += len > 0 ? len : 1;
	}
	return found[rng_below(r, count)];
}

static struct slice draw_text(struct rng *r, enum fact_name name)
{
	return rng_chance(r, PART_PER_10000) ? slice_cstr(words[rng_below(r, ARRAY_LEN(words))])
					     : draw_help_word(r, name);
}

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
		facts_set_text(ret, name, draw_text(r, name));
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
		/* An erased lead is rejected before any rule: what rules do would not be seen. */
		if (!rng_chance(r, absent) && i != FACT_ERASED_AT)
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

static int64_t draw_value(struct rng *r, const struct filter_param *p)
{
	size_t choices = 0;

	if (rng_chance(r, PART_PER_10000))
		return p->standard;
	while (p->type == PARAM_CHOICE && choices < ARRAY_LEN(p->choices) && p->choices[choices])
		choices++;
	return choices ? (int64_t)rng_below(r, choices)
		       : p->least + (int64_t)rng_below(r, (uint64_t)(p->most - p->least) + 1);
}

struct filter_rule draw_rule(struct rng *r, const struct filter *f)
{
	struct filter_rule rule = rule_standard(f);

	rule.action = rng_chance(r, 5000) ? ACTION_REJECT : ACTION_SCORE;
	rule.on_unknown = rng_chance(r, 2000) ? UNKNOWN_HITS : UNKNOWN_PASSES;
	rule.weight = (int32_t)rng_below(r, WEIGHT_MAX + 1);
	for (size_t i = 0; i < FILTER_PARAMS_MAX && f->params[i].name; i++)
		rule.params[i] = draw_value(r, &f->params[i]);
	return rule;
}
