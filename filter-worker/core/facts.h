/* facts: what is known about one lead when it is judged; the only thing that a filter reads.
 *
 * They are recorded with the verdict, value by value, so that judge_lead(ruleset, facts) can be computed again from the
 * record alone. Absent means "could not know", which is neither yes nor no. Reading a fact as another type than
 * facts.def gives it is a bug and asserts. Bytes and texts are borrowed: their owner outlives the facts. */
#ifndef PUNNET_FILTER_FACTS_H
#define PUNNET_FILTER_FACTS_H

#include "base/ids.h"

enum fact_type { FACT_TYPE_NUMBER, FACT_TYPE_BYTES, FACT_TYPE_TEXT, FACT_TYPE_CLAIM };

enum fact_name {
#define FACT(name, text, type, help) FACT_##name,
#include "facts.def"
#undef FACT
	FACT_COUNT
};

/* A dedupe claim as it was found. Not held: somebody asked, and the key is free. */
struct claim {
	bool held;
	struct lead_record owner;
	int64_t claimed_at_ms;
};

#define FACT_CLAIMS_MAX 8

/* Small: a batch of leads has a hundred each. */
struct fact {
	bool known;
	union {
		int64_t number;
		struct slice bytes;
		uint32_t claim; /* its place in `claims` */
	};
};

struct facts {
	struct fact values[FACT_COUNT];
	struct claim claims[FACT_CLAIMS_MAX];
	uint32_t claim_count;
};

const char *fact_text(enum fact_name name);
struct slice fact_slice(enum fact_name name); /* the same */
const char *fact_help(enum fact_name name);
enum fact_type fact_type_of(enum fact_name name);
/* false: no such fact in this version. after: the one that was read before, for records hold facts in their order; 0 will do. */
bool fact_from_text(struct slice text, enum fact_name after, enum fact_name *ret_name);

void facts_set_number(struct facts *f, enum fact_name name, int64_t value);
void facts_set_bytes(struct facts *f, enum fact_name name, struct slice value);
void facts_set_text(struct facts *f, enum fact_name name, struct slice value);
void facts_set_claim(struct facts *f, enum fact_name name, const struct claim *value);

/* false, NULL: could not be known; ret is untouched. */
_must_use_ bool facts_number(const struct facts *f, enum fact_name name, int64_t *ret);
_must_use_ bool facts_bytes(const struct facts *f, enum fact_name name, struct slice *ret);
_must_use_ bool facts_text(const struct facts *f, enum fact_name name, struct slice *ret);
/* Which record of which lead is judged. */
_must_use_ bool facts_self(const struct facts *f, struct lead_record *ret);
const struct claim *facts_claim(const struct facts *f, enum fact_name name);

/* Nearer than the window, before or after: a lead that is read again after a crash may meet a claim of a later one. Time is
 * the leads' own, so that a backlog is judged as it would have been without the delay. */
bool claim_is_near(const struct claim *c, int64_t now_ms, int64_t window_ms);
/* Does somebody else's claim stand against this record? The same lead at another offset is somebody else: what is read
 * again keeps its offset, and what the log holds twice does not. */
bool claim_stands_against(const struct claim *c, const struct lead_record *self, int64_t now_ms,
			  int64_t window_ms);

#endif
