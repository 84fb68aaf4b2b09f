/* claims: see claims.h. */
#include "claims.h"

#include "base/hash.h"

#define PURPOSE_LEN      2
#define VALUE_LEN        16
#define SCOPE_ROOM       (CLAIM_KEY_MAX - PURPOSE_LEN - 1 - VALUE_LEN)
#define SCOPE_DIGEST_LEN 8

struct key {
	char *text; /* of CLAIM_KEY_MAX */
	size_t len;
};

static void key_append(struct key *k, const void *data, size_t len)
{
	assert(k->len + len <= CLAIM_KEY_MAX);
	memcpy(k->text + k->len, data, len);
	k->len += len;
}

/* The letter after the purpose keeps the three forms apart: ":" a name, "#" the digest of a long one, "*" everywhere.
 * The value's length is fixed, so no two scopes can run into each other. */
static void key_append_scope(struct key *k, struct slice scope)
{
	if (scope.len == 0) {
		key_append(k, "*", 1);
		return;
	}
	if (scope.len <= SCOPE_ROOM) {
		key_append(k, ":", 1);
		key_append(k, scope.data, scope.len);
		return;
	}

	uint64_t digest = hash_fnv1a(0, scope);

	key_append(k, "#", 1);
	key_append(k, &digest, SCOPE_DIGEST_LEN);
}

size_t subject_key(const char purpose[2], struct slice scope, struct slice value,
		   char ret[CLAIM_KEY_MAX])
{
	struct key k = {.text = ret};

	assert(value.len == VALUE_LEN);
	key_append(&k, purpose, PURPOSE_LEN);
	key_append_scope(&k, scope);
	key_append(&k, value.data, value.len);
	return k.len;
}

void claim_plan_want(struct claim_plan *p, enum fact_name fact, const char purpose[2],
		     struct slice scope, struct slice value, int64_t window_ms, bool always)
{
	if (value.len == 0)
		return;
	assert(fact_type_of(fact) == FACT_TYPE_CLAIM && window_ms > 0);
	assert(p->count < CLAIMS_MAX);

	struct claim_want *w = &p->wants[p->count++];

	*w = (struct claim_want){.listeners = {{fact, window_ms}},
				 .listener_count = 1,
				 .window_ms = window_ms,
				 .always = always};
	w->group = (uint32_t)hash_fnv1a(0, scope);
	w->key_len = subject_key(purpose, scope, value, w->key);
}

bool claim_plan_share(struct claim_plan *p, enum fact_name fact, const char purpose[2],
		      struct slice scope, struct slice value, int64_t window_ms)
{
	char key[CLAIM_KEY_MAX];
	size_t len = subject_key(purpose, scope, value, key);

	for (size_t i = 0; i < p->count; i++) {
		struct claim_want *w = &p->wants[i];

		if (!w->rejects || w->window_ms < window_ms ||
		    w->listener_count == CLAIM_LISTENERS ||
		    !slice_equal(claim_key(w), slice_of(key, len)))
			continue;
		w->listeners[w->listener_count++] = (struct claim_listener){fact, window_ms};
		return true;
	}
	return false;
}

static bool is_mine(const struct claim_want *w, const struct claim_subject *s)
{
	return w->found.held && lead_record_equal(&w->found.owner, &s->self);
}

bool claim_is_stale(const struct claim_want *w, const struct claim_subject *s)
{
	return w->found.held && !is_mine(w, s) &&
	       !claim_is_near(&w->found, s->received_at_ms, w->window_ms);
}

void claim_set_facts(const struct claim_want *w, int64_t now_ms, struct facts *ret)
{
	static const struct claim none = {.held = false};

	for (size_t i = 0; i < w->listener_count; i++) {
		const struct claim_listener *l = &w->listeners[i];
		bool over = i > 0 && !claim_is_near(&w->found, now_ms, l->window_ms);

		facts_set_claim(ret, l->fact, over ? &none : &w->found);
	}
}

static struct claim_change change(const struct claim_want *w, const struct claim_subject *s,
				  bool takes)
{
	return (struct claim_change){
	    .self = takes ? s->self : w->found.owner,
	    .key = claim_key(w),
	    .ttl_ms = w->window_ms + CLAIM_SLACK_MS,
	    .now_ms = s->received_at_ms,
	    .group = w->group,
	    .always = w->always,
	    .take = takes,
	};
}

static struct claim_change give_up(const struct claim_want *w, const struct claim_subject *s)
{
	return change(w, s, false);
}

static struct claim_change take(const struct claim_want *w, const struct claim_subject *s)
{
	return change(w, s, true);
}

size_t claim_changes_after(const struct claim_plan *p, const struct claim_subject *s, bool accepted,
			   struct claim_change *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct claim_want *w = &p->wants[i];
		bool holds = accepted || w->always;

		if (holds && !w->found.held)
			ret[count++] = take(w, s);
		else if (!holds && is_mine(w, s))
			ret[count++] = give_up(w, s);
	}
	return count;
}

size_t claim_changes_stale(const struct claim_plan *p, const struct claim_subject *s,
			   struct claim_change *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (claim_is_stale(&p->wants[i], s))
			ret[count++] = give_up(&p->wants[i], s);
	}
	return count;
}

size_t claim_changes_undo(const struct claim_plan *p, const struct claim_subject *s,
			  struct claim_change *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (is_mine(&p->wants[i], s))
			ret[count++] = give_up(&p->wants[i], s);
	}
	return count;
}

bool claim_plan_touches(const struct claim_plan *p, const struct claim_change *changes,
			size_t count)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; k < count; k++) {
			if (slice_equal(claim_key(&p->wants[i]), changes[k].key))
				return true;
		}
	}
	return false;
}
