/* filter: one sign to look for in a lead. A filter is one file in filters/ and one line in filters/filters.def.
 *
 * look() is pure too, and the only part that sees the lead: it learns facts from it, once, and they stand in the record.
 * judge() is pure and reads nothing but facts and its own rule: no clock, no randomness, no lead. It answers PASS, HIT
 * with a finding, or UNKNOWN when a fact that it needs is absent; what UNKNOWN means is the rule set's choice. */
#ifndef PUNNET_FILTER_H
#define PUNNET_FILTER_H

#include "base/arena.h"
#include "claims.h"
#include "facts.h"
#include "lead/reasons.h"
#include "lists.h"
#include "proto/leads_raw.pb-c.h"
#include "source.h"
#include "trail.h"

struct verdict_sums; /* verdict_sums.h */

#define FILTER_PARAMS_MAX  9
#define FILTER_FACTS_MAX   9
#define FILTER_REASONS_MAX 3
#define FINDING_PARAMS_MAX 5

enum answer { ANSWER_PASS = 1, ANSWER_HIT, ANSWER_UNKNOWN };

enum rule_action { ACTION_REJECT, ACTION_SCORE };
enum rule_unknown { UNKNOWN_PASSES, UNKNOWN_HITS };

enum param_type { PARAM_DURATION, PARAM_CHOICE, PARAM_NUMBER };

/* A parameter of one filter, beside those that every rule has. The index in `params` is its index in the rule's values. */
struct filter_param {
	const char *name;
	enum param_type type;
	int64_t standard;
	int64_t least, most;    /* durations, ms; numbers */
	const char *choices[4]; /* PARAM_CHOICE: the value is the index */
	const char *help;
};

struct filter_rule {
	const struct filter *filter;
	enum rule_action action;
	int32_t weight; /* what a hit adds to the score, 0 to WEIGHT_MAX */
	enum rule_unknown on_unknown;
	bool shadow; /* asked and recorded, without effect */
	int64_t params[FILTER_PARAMS_MAX];
};

struct finding_param {
	const char *name; /* static; fills {name} in the reason's text */
	struct slice value;
};

/* What a look may see. It learns classes, numbers and fingerprints from it, never a contact. */
struct sight {
	const Punnet__V1__RawLead *raw;      /* has no fault, see raw_lead_fault() */
	const Punnet__V1__Contact *contact;  /* NULL: it could not be opened */
	const struct lists *lists;           /* NULL: none are loaded */
	const struct verdict_sums *verdicts; /* of the webmaster in the vertical; NULL: not known */
	const uint8_t *
	    digest_key; /* FINGERPRINT_KEY_LEN bytes, for what must not be guessed; NULL: no digests */
	struct arena *arena; /* for texts that outlive the look */
};

/* What a filter says when it hits. */
struct finding {
	enum reason reason;
	bool rejects; /* even where the rule only scores */
	bool about_a_lead;
	struct lead_id about;
	struct finding_param params[FINDING_PARAMS_MAX];
	size_t param_count;
	struct arena *
	    arena; /* of the values; set by the caller. NULL: nobody will read them, and none are kept */
};

struct filter {
	const char *name;
	const char *help; /* what it looks for, in a sentence for the operator */
	enum rule_action action;
	int32_t weight;
	bool local; /* can be answered without the kv: has no `need`, `follow` or `weigh` */
	enum reason reasons[FILTER_REASONS_MAX]; /* all that it may say; REASON_NONE ends */
	enum fact_name facts[FILTER_FACTS_MAX];  /* all that it reads */
	size_t fact_count;
	struct filter_param params[FILTER_PARAMS_MAX]; /* a NULL name ends */
	/* Learns the filter's own facts from the lead; NULL: all that it reads is learned elsewhere. Asked of every filter,
	 * whatever today's rules are: facts stand in the record, and other rules can be tried on past leads. */
	void (*look)(const struct sight *sight, struct facts *ret);
	void (*need)(const struct filter_rule *rule, const struct claim_subject *s,
		     struct claim_plan *plan);
	/* A filter that counts: follow() asks for trails, each with the lead's own visit; learn() hears each answer and sets facts,
	 * numbers that depend on no rule. weigh() does the same with the sums of the lead's webmaster. All pure; `local` holds
	 * what was learned before the kv was asked. */
	void (*follow)(const struct claim_subject *s, const struct facts *local,
		       struct trail_plan *plan);
	void (*learn)(const struct trail_want *want, int64_t now_ms, struct facts *ret);
	void (*weigh)(const struct source *source, struct facts *ret);
	enum answer (*judge)(const struct filter_rule *rule, const struct facts *facts,
			     struct finding *ret);
	const struct duplicate *duplicate; /* see duplicate.h; NULL: another kind of filter */
};

#define FILTER_FACTS(...)                                                                          \
	.facts = {__VA_ARGS__},                                                                    \
	.fact_count = sizeof((enum fact_name[]){__VA_ARGS__}) / sizeof(enum fact_name)

extern const struct filter *const filters[]; /* in the order of filters.def */
extern const size_t filter_count;
const struct filter *filter_from_name(struct slice name); /* NULL: no such filter */
extern const char *const filter_names[];                  /* as `filters` */
size_t filter_index(const struct filter *f);              /* in `filters` */

/* Parameters of a finding. */
void finding_text(struct finding *f, const char *name, struct slice value);
void finding_number(struct finding *f, const char *name, int64_t value);
void finding_seconds(struct finding *f, const char *name, int64_t ms); /* "1.5" */
void finding_date(struct finding *f, const char *name, int64_t ms);    /* "2026-12-01", UTC */
void finding_about(struct finding *f, const struct lead_id *id); /* and the parameter `lead` */

/* Every filter that asks for a claim within a scope says where in the same words. */
enum scope_choice { SCOPE_VERTICAL, SCOPE_NETWORK };
void finding_scope(struct finding *f, enum scope_choice scope, const struct facts *facts);
static inline struct slice scope_name(enum scope_choice scope, const struct claim_subject *s)
{
	return scope == SCOPE_VERTICAL ? s->vertical : (struct slice){0};
}

#endif
