/* life: the table of life.def, and names. A pair that is missing from the table stops the process
 * at its first use; the unit test walks all of them. */
#include "payout/core/life.h"

struct slot {
	bool set;
	struct life_rule rule;
};

static const struct slot table[LIFE_STATE_COUNT][EVENT_COUNT] = {
#define LIFE(from, event, step_, to_, transfer_, feedback_, ignored_)                              \
	[LIFE_##from][EVENT_##event] = {.set = true,                                               \
					.rule = {.step = STEP_##step_,                             \
						 .to = LIFE_##to_,                                 \
						 .transfer = TRANSFER_##transfer_,                 \
						 .feedback = FEEDBACK_##feedback_,                 \
						 .ignored = IGNORED_##ignored_}},
#include "life.def"
#undef LIFE
};

const struct life_rule *life_rule(enum life_state from, enum life_event event)
{
	assert(from < LIFE_STATE_COUNT && event > EVENT_NONE && event < EVENT_COUNT);
	assert(table[from][event].set);
	return &table[from][event].rule;
}

bool life_is_sold(enum life_state s)
{
	return s == LIFE_DELIVERED || s == LIFE_APPROVED || s == LIFE_RETURNED || s == LIFE_WAIVED;
}

bool event_is_verdict(enum life_event e)
{
	return e >= EVENT_APPROVED && e != EVENT_DUE;
}

const char *life_state_name(enum life_state s)
{
	static const char *const names[] = {"none",    "delivered",     "approved",   "returned",
					    "refused", "undeliverable", "unresolved", "waived"};

	return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

const char *life_event_name(enum life_event e)
{
	static const char *const names[] = {"?",           "delivered", "refused",  "undeliverable",
					    "unresolved",  "approved",  "returned", "sold",
					    "unreachable", "due",       "waived"};

	return (size_t)e < ARRAY_LEN(names) ? names[e] : "?";
}

const char *transfer_event_name(enum transfer_event t)
{
	static const char *const names[] = {"?", "credit", "approve", "reverse", "bear"};

	return (size_t)t < ARRAY_LEN(names) ? names[t] : "?";
}

struct ignored_row {
	const char *code, *text;
};

static const struct ignored_row ignored_rows[] = {
    {"", ""},
#define IGNORED(name, code_, text_) {code_, text_},
#include "ignored.def"
#undef IGNORED
};

const char *ignored_code(enum ignored i)
{
	assert((size_t)i < ARRAY_LEN(ignored_rows));
	return ignored_rows[i].code;
}

const char *ignored_text(enum ignored i)
{
	assert((size_t)i < ARRAY_LEN(ignored_rows));
	return ignored_rows[i].text;
}
