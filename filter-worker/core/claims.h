/* claims: which dedupe claims a lead asks for, and what has to change once it is judged. Pure: the shell carries them to
 * the kv and back.
 *
 * A key is two letters that name the purpose, the scope, and the 16 bytes of a fingerprint. It is binary. */
#ifndef PUNNET_FILTER_CLAIMS_H
#define PUNNET_FILTER_CLAIMS_H

#include "facts.h"

#define CLAIMS_MAX      8
#define CLAIM_KEY_MAX   64
#define CLAIM_LISTENERS 2
/* The kv lets go of a claim this long after its window, by its own clock; whether it still counts is judged by the
 * leads' clock. So an outage shorter than this hides no duplicate. */
#define CLAIM_SLACK_MS (10 * MS_PER_MIN)

/* What claims are made of; none of it is read by a judgement. Fingerprints are 16 bytes, or empty. */
struct claim_subject {
	struct lead_record self;
	int64_t received_at_ms;
	struct slice vertical, aff_id, sub1;
	struct slice phone, email, mailbox, payload, idempotency, person, device, ip;
};

struct claim_want {
	struct claim_listener {
		enum fact_name fact; /* what the answer becomes */
		int64_t window_ms;   /* an older claim is none to it */
	} listeners[CLAIM_LISTENERS];
	size_t listener_count;
	char key[CLAIM_KEY_MAX];
	size_t key_len;
	int64_t window_ms;  /* the longest */
	uint32_t group;     /* the digest of its scope */
	bool always;        /* see kv.h */
	bool rejects;       /* nobody passes whom it stands against: see claim_plan_share() */
	struct claim found; /* the answer */
};

struct claim_plan {
	struct claim_want wants[CLAIMS_MAX];
	size_t count;
};

/* The key of a 16 byte value under two letters and a scope (empty: the whole network). Returns its length. */
size_t subject_key(const char purpose[2], struct slice scope, struct slice value,
		   char ret[CLAIM_KEY_MAX]);

/* An empty value asks for nothing: two missing phones are not the same phone. purpose: two letters, unique to the
 * filter's claim. scope: empty = the whole network. */
void claim_plan_want(struct claim_plan *p, enum fact_name fact, const char purpose[2],
		     struct slice scope, struct slice value, int64_t window_ms, bool always);
/* A claim that need not be taken: whoever is accepted holds one of the plan's under this purpose, scope and value, for at least as
 * long, because nobody is accepted while it is another's. Its answer then serves both. false: the plan has none. */
_must_use_ bool claim_plan_share(struct claim_plan *p, enum fact_name fact, const char purpose[2],
				 struct slice scope, struct slice value, int64_t window_ms);
/* Sets each listener's fact to the answer. */
void claim_set_facts(const struct claim_want *w, int64_t now_ms, struct facts *ret);
static inline struct slice claim_key(const struct claim_want *w)
{
	return slice_of(w->key, w->key_len);
}

/* Is the claim another lead's, and farther away than the window? It then does not stand against this one, and makes room. */
bool claim_is_stale(const struct claim_want *w, const struct claim_subject *s);

/* What has to change in the kv, in this order. */
struct claim_change {
	struct lead_record self; /* on whose behalf */
	struct slice key;
	int64_t ttl_ms, now_ms;
	uint32_t group;
	bool always, take; /* take false: give up */
};
/* Room for CLAIMS_MAX each. Returns how many. */
/* After the verdict: a lead that may be sold holds all of its claims that are free, a rejected one none but the `always`
 * ones. */
size_t claim_changes_after(const struct claim_plan *p, const struct claim_subject *s, bool accepted,
			   struct claim_change *ret);
/* The stale claims that stand in this lead's way. */
size_t claim_changes_stale(const struct claim_plan *p, const struct claim_subject *s,
			   struct claim_change *ret);
/* The lead was gathered too early, and will be again: gives up all that it holds. */
size_t claim_changes_undo(const struct claim_plan *p, const struct claim_subject *s,
			  struct claim_change *ret);
/* Does the plan ask for one of the keys? */
bool claim_plan_touches(const struct claim_plan *p, const struct claim_change *changes,
			size_t count);

#endif
