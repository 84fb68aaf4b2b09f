/* trail: what one subject (a phone, an address, a device) did lately: a visit for every lead that named it, whatever became
 * of the lead. For filters that count: how many leads, how many different names, how close together. Pure; the shell
 * carries plans to the kv and answers back.
 *
 * A visit knows which record made it. So a lead that is judged again finds its own visit, sees what stood before it and
 * nothing of what came after: it learns what it learned the first time, and counts nothing twice. */
#ifndef PUNNET_FILTER_TRAIL_H
#define PUNNET_FILTER_TRAIL_H

#include "claims.h"

#define TRAILS_MAX       8  /* that one lead asks for, all rules together */
#define TRAIL_VISITS_MAX 24 /* of one subject that are kept; older ones are forgotten first */
#define TRAIL_MARKS      4
#define TRAIL_LISTENERS  3 /* filters that hear the same trail */

/* marks: what the filter wants to tell visits apart by, such as 32 bits of a name's digest. */
struct visit {
	int64_t at_ms; /* the lead's time of receipt */
	uint32_t marks[TRAIL_MARKS];
};

/* The visits before this lead's own, oldest first. */
struct trail {
	const struct visit *visits;
	size_t count;
};

struct filter;
struct sign;

struct trail_want {
	const struct filter *filters[TRAIL_LISTENERS]; /* whose learn() hears the answer */
	size_t filter_count;
	char key[CLAIM_KEY_MAX];
	size_t key_len;
	int64_t
	    keep_ms; /* how long a trail that nobody adds to is kept at least; older visits may still be in it */
	bool wide; /* all marks are kept, otherwise the first two */
	struct visit own;
	struct trail found; /* the answer */
	bool known;
};

/* What signs_of() said of the lead, for those who plan: see signs.h. */
struct plan_signs {
	bool known;
	const struct sign *rarest;
	bool unusual;
};

struct trail_plan {
	struct trail_want wants[TRAILS_MAX];
	size_t count;
	struct plan_signs signs; /* asked for once a lead: they take many filters' answers */
};

void trail_plan_begin(struct trail_plan *p);
const struct plan_signs *trail_plan_signs(struct trail_plan *p, const struct facts *local);

/* subject: 16 bytes; an empty one asks for nothing. purpose: two letters, nobody else's. scope: empty = the whole network.
 * keep_ms does not depend on the rule: other rules can then be tried on what was learned. The first two marks are kept. */
void trail_plan_want(struct trail_plan *p, const struct filter *filter, const char purpose[2],
		     struct slice scope, struct slice subject, int64_t keep_ms,
		     const struct visit *own);
/* The trail of the person (the phone if there is one, else the e-mail), which several filters share: one visit a lead is cheaper
 * than one a filter. Kept for a day. */
enum person_mark { PERSON_WORD, PERSON_NEXT_WORD, PERSON_WEBMASTER, PERSON_ADDRESS };
#define PERSON_KEEP_MS MS_PER_DAY
void trail_plan_want_person(struct trail_plan *p, const struct filter *filter,
			    const struct claim_subject *s, const struct facts *local);
/* The digest of the name in a visit of a person; 0: it had none. See name_digest.h. */
static inline int64_t person_name(const struct visit *v)
{
	return (int64_t)((uint64_t)v->marks[PERSON_WORD] << 32 | v->marks[PERSON_NEXT_WORD]);
}
/* The trail of the webmaster's last leads, which several filters share: when the form was sent by its own clock, and the sub-id with
 * whether the lead shows an unusual sign. Two marks, for every lead with a sub-id pays for it: of the time the lower 32 bits,
 * which tell all gaps up to 24 days whatever the clock's year is (0: it does not say); of the sub-id 31 bits (0: none), and
 * the sign in the lowest. */
enum source_mark { SOURCE_SENT, SOURCE_SUB };
#define SOURCE_KEEP_MS (8 * MS_PER_HOUR)
static inline uint32_t source_sub(const struct visit *v)
{
	return v->marks[SOURCE_SUB] >> 1;
}
static inline bool source_is_signed(const struct visit *v)
{
	return v->marks[SOURCE_SUB] & 1;
}
/* From the earlier to the later, which both say when they were sent. */
static inline int64_t source_gap_ms(const struct visit *earlier, const struct visit *later)
{
	return (int32_t)(later->marks[SOURCE_SENT] - earlier->marks[SOURCE_SENT]);
}
void trail_plan_want_source(struct trail_plan *p, const struct filter *filter,
			    const struct claim_subject *s, const struct facts *local);
/* A trail of a webmaster's: its subject, made of the aff_id. */
struct webmaster_key {
	uint64_t halves[2];
};
struct slice webmaster_key(struct slice aff_id, struct webmaster_key *ret); /* borrows from ret */
/* 32 bits of a text that is no secret, such as an aff_id, to tell visits apart by. */
uint32_t text_mark(struct slice text);
/* 32 bits of a fingerprint, to tell visits apart by; 0 for an empty one. */
uint32_t subject_mark(struct slice fingerprint);
static inline struct slice trail_key(const struct trail_want *w)
{
	return slice_of(w->key, w->key_len);
}

/* How many visits lie within the window before now_ms. */
size_t trail_count(const struct trail *t, int64_t now_ms, int64_t window_ms);
/* How many different values of marks[mark] do, `own` among them. */
size_t trail_distinct(const struct trail *t, int64_t now_ms, int64_t window_ms, size_t mark,
		      uint32_t own);

#endif
