/* deliveries_pick: see deliveries_pick.h. */
#include "deliveries_pick.h"

#include <stdlib.h>

/* --- keeping the newest --- */

void pick_start(struct pick *p, const struct pick_filter *filter, size_t limit)
{
	*p = (struct pick){.filter = *filter, .limit = MIN_OF(limit, (size_t)PICK_MOST)};
	p->all = calloc(p->limit + 1, sizeof(*p->all));
	if (!p->all)
		abort();
}

void pick_free(struct pick *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->all[i].bytes);
	free(p->all);
	*p = (struct pick){0};
}

static bool older(const struct picked *a, const struct picked *b)
{
	if (a->started_at_ms != b->started_at_ms)
		return a->started_at_ms < b->started_at_ms;
	if (a->partition != b->partition)
		return a->partition < b->partition;
	return a->offset < b->offset;
}

static void swap(struct picked *a, struct picked *b)
{
	struct picked c = *a;

	*a = *b;
	*b = c;
}

static void sift_up(struct pick *p, size_t at)
{
	while (at > 0 && older(&p->all[at], &p->all[(at - 1) / 2])) {
		swap(&p->all[at], &p->all[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct pick *p)
{
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= p->count)
			return;
		if (child + 1 < p->count && older(&p->all[child + 1], &p->all[child]))
			child++;
		if (!older(&p->all[child], &p->all[at]))
			return;
		swap(&p->all[child], &p->all[at]);
		at = child;
	}
}

static bool result_fits(const char *wanted, const Punnet__V1__DeliveryAttempt *a)
{
	static const char *const words[] = {"", "ok", "tempfail", "permfail"};

	if (strcmp(wanted, "unknown") == 0)
		return a->unknown;
	return (size_t)a->result < ARRAY_LEN(words) && strcmp(wanted, words[a->result]) == 0;
}

static bool fits(const struct pick_filter *f, const Punnet__V1__DeliveryAttempt *a)
{
	struct lead_id id;

	if (!a->assignment || !lead_id_from_bytes(a->lead_id.data, a->lead_id.len, &id))
		return false;
	if (f->lead_id && !lead_id_equal(f->lead_id, &id))
		return false;
	if (f->order_id && strcmp(f->order_id, a->assignment->order_id) != 0)
		return false;
	if (f->advertiser_id && strcmp(f->advertiser_id, a->assignment->advertiser_id) != 0)
		return false;
	if (f->answered && (a->http_status == 0 || a->ask != PUNNET__V1__ATTEMPT_ASK__HAND_OVER))
		return false;
	return !f->result || result_fits(f->result, a);
}

void pick_add(struct pick *p, const Punnet__V1__DeliveryAttempt *a, struct slice bytes,
	      uint32_t partition, uint64_t offset)
{
	struct picked one = {.len = bytes.len,
			     .started_at_ms = a->started_at_ms,
			     .partition = partition,
			     .offset = offset};

	if (!fits(&p->filter, a))
		return;
	p->fitted++;
	if (p->count == p->limit && (p->limit == 0 || !older(&p->all[0], &one)))
		return;
	one.bytes = malloc(bytes.len + 1);
	if (!one.bytes)
		abort();
	memcpy(one.bytes, bytes.data, bytes.len);
	if (p->count < p->limit) {
		p->all[p->count] = one;
		sift_up(p, p->count++);
		return;
	}
	free(p->all[0].bytes);
	p->all[0] = one;
	sift_down(p);
}

static int by_age(const void *a, const void *b)
{
	return older(a, b) ? -1 : older(b, a) ? 1 : 0;
}

void pick_sort(struct pick *p)
{
	qsort(p->all, p->count, sizeof(*p->all), by_age);
}

/* --- another reading --- */

const char *pick_word(enum attempt_result result, bool unknown, enum reason reason)
{
	if (result == ATTEMPT_OK)
		return "delivered";
	if (result == ATTEMPT_TEMPFAIL)
		return unknown ? "unclear" : "again";
	switch (reason) {
	case REASON_DELIVERY_REFUSED:
		return "refused";
	case REASON_DELIVERY_DUPLICATE:
		return "duplicate";
	case REASON_DELIVERY_ENDPOINT_GONE:
		return "gone";
	default:
		return "failed";
	}
}

static void note_change(struct mapping_trial *t, const char *recorded, const char *now,
			const Punnet__V1__DeliveryAttempt *a)
{
	struct mapping_change *c = NULL;
	struct lead_id id;

	for (size_t i = 0; i < t->change_count && !c; i++)
		if (strcmp(t->changes[i].recorded, recorded) == 0 &&
		    strcmp(t->changes[i].now, now) == 0)
			c = &t->changes[i];
	if (!c) {
		assert(t->change_count < ARRAY_LEN(t->changes));
		c = &t->changes[t->change_count++];
		*c = (struct mapping_change){.recorded = recorded, .now = now};
	}
	if (c->count < PICK_EXAMPLES && lead_id_from_bytes(a->lead_id.data, a->lead_id.len, &id))
		c->examples[c->count] = id;
	c->count++;
}

static void try_one(const Punnet__V1__DeliveryAttempt *a, const struct answer_rules *rules,
		    struct arena *scratch, struct mapping_trial *t)
{
	struct transport_answer answer = {
	    .end = a->answer_whole ? TRANSPORT_ANSWERED : TRANSPORT_BROKEN,
	    .http_status = a->http_status,
	    .text = answer_text_of(slice_cstr(a->answer_sample), scratch),
	};
	struct attempt_said said;
	const char *recorded, *now;

	/* Of a 2xx the words decide: without all of them nothing can be said. */
	if (!a->answer_whole && a->http_status >= 200 && a->http_status <= 299) {
		t->not_whole++;
		return;
	}
	said = classify(rules, &answer);
	recorded = pick_word((enum attempt_result)a->result, a->unknown,
			     reason_from_code(slice_cstr(a->reason_code)));
	now = pick_word(said.result, said.unknown, said.reason);
	t->tried++;
	if (strcmp(recorded, now) == 0)
		t->same++;
	else
		note_change(t, recorded, now, a);
}

void mapping_try(const struct pick *p, const struct answer_rules *rules, struct mapping_trial *ret)
{
	struct arena scratch = {0};

	*ret = (struct mapping_trial){0};
	for (size_t i = 0; i < p->count; i++) {
		const Punnet__V1__DeliveryAttempt *a =
		    codec_unpack(&scratch, &punnet__v1__delivery_attempt__descriptor,
				 slice_of(p->all[i].bytes, p->all[i].len));

		if (a)
			try_one(a, rules, &scratch, ret);
		arena_reset(&scratch);
	}
	arena_free(&scratch);
}
