/* Open leads: what is kept of a message is told whole, and what was put is what is got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/rng.h"
#include "lead/codec.h"
#include "router/core/decision_write.h"
#include "router/core/kept.h"
#include "router/core/open_lead.h"

#define LEADS  300
#define ROUNDS 20000

struct leads {
	struct open_leads all;
	struct pool pool;
	struct arena a;
	struct rng rng;
};

static char *text(struct leads *l, unsigned of)
{
	static const char *const words[] = {"", "RU", "credit_card", "Москва", "w17", "x"};
	uint64_t n = rng_below(&l->rng, of);

	return n < ARRAY_LEN(words)
		   ? (char *)words[n]
		   : arena_printf(&l->a, "%0*d", (int)rng_below(&l->rng, 90), (int)n);
}

static Punnet__V1__Field *field(struct leads *l)
{
	Punnet__V1__Field *f = arena_alloc(&l->a, sizeof(*f));

	punnet__v1__field__init(f);
	f->name = text(l, 20);
	f->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
	f->text = text(l, 1000);
	if (rng_chance(&l->rng, 5000)) {
		f->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		f->integer = (int64_t)rng_next(&l->rng);
	}
	return f;
}

static Punnet__V1__Fact *fact(struct leads *l)
{
	Punnet__V1__Fact *f = arena_alloc(&l->a, sizeof(*f));

	punnet__v1__fact__init(f);
	f->name = text(l, 20);
	f->value_case = PUNNET__V1__FACT__VALUE_NUMBER;
	f->number = (int64_t)rng_below(&l->rng, 100);
	return f;
}

/* A packed LeadAdmitted, every tenth with a field of a newer version. */
static struct slice admitted(struct leads *l, bool *ret_test)
{
	Punnet__V1__LeadAdmitted m = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact contact = PUNNET__V1__SEALED_CONTACT__INIT;
	ProtobufCMessageUnknownField new_field = {
	    .tag = 200, .wire_type = 0, .len = 1, .data = (uint8_t *)"\x05"};
	Punnet__V1__Field *fields[8];
	Punnet__V1__Fact *facts[4];
	_cleanup_(buf_free) struct buf packed = {0};

	lead.vertical = (char *)"credit_card";
	lead.aff_id = text(l, 1000);
	lead.country = text(l, 10);
	lead.city = text(l, 1000);
	lead.sub1 = text(l, 1000);
	lead.is_test = *ret_test = rng_chance(&l->rng, 1000);
	lead.fields = fields;
	for (uint64_t n = rng_below(&l->rng, 8); lead.n_fields < n;)
		fields[lead.n_fields++] = field(l);
	if (rng_chance(&l->rng, 1000)) {
		lead.base.n_unknown_fields = 1;
		lead.base.unknown_fields = &new_field;
	}
	contact.key_day = 20000;
	contact.box = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)"\x08\x01\0\xff\x12"};
	m.lead = &lead;
	m.contact = rng_chance(&l->rng, 9000) ? &contact : NULL;
	m.facts = facts;
	for (uint64_t n = rng_below(&l->rng, 4); m.n_facts < n;)
		facts[m.n_facts++] = fact(l);
	admitted_write(&m, &packed);
	assert_false(packed.failed);
	return arena_dup(&l->a, buf_slice(&packed));
}

static void leads_end(struct leads *l)
{
	open_leads_free(&l->all);
	pool_free(&l->pool);
	arena_free(&l->a);
}

static void what_is_kept_is_told_whole(void **state)
{
	_cleanup_(buf_free) struct buf kept = {0}, whole = {0};
	struct leads l = {.rng = rng_seed(4)};
	size_t from = 0, to = 0;
	bool test;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct slice is = admitted(&l, &test);

		buf_reset(&kept);
		buf_reset(&whole);
		kept_squeeze(&l.all.words, is, &kept);
		kept_whole(&l.all.words, buf_slice(&kept), &whole);
		assert_false(kept.failed || whole.failed);
		assert_true(slice_equal(buf_slice(&whole), is));
		from += is.len;
		to += kept.len;
		arena_reset(&l.a);
	}
	assert_true(to < from);
	leads_end(&l);
}

/* Once there are as many words as there may be, what is new stays as it is; what is known is a number as before. */
static void words_have_an_end(void **state)
{
	_cleanup_(buf_free) struct buf in = {0}, kept = {0}, whole = {0};
	struct map words = {0};

	(void)state;
	for (int i = 0; i < WORDS_MAX + 2; i++) {
		Punnet__V1__LeadAdmitted m = PUNNET__V1__LEAD_ADMITTED__INIT;
		Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
		char name[16];

		snprintf(name, sizeof(name), "w%08d", i == WORDS_MAX + 1 ? 0 : i);
		lead.aff_id = name;
		m.lead = &lead;
		buf_reset(&in);
		buf_reset(&kept);
		buf_reset(&whole);
		admitted_write(&m, &in);
		kept_squeeze(&words, buf_slice(&in), &kept);
		kept_whole(&words, buf_slice(&kept), &whole);
		assert_true(slice_equal(buf_slice(&whole), buf_slice(&in)));
		assert_int_equal(kept.len < in.len, i != WORDS_MAX);
	}
	assert_int_equal(map_count(&words), WORDS_MAX);
	map_free(&words);
}

/* --- putting and getting --- */

/* What there should be of a lead. */
struct mirror {
	bool there, test;
	struct lead_id id;
	enum lead_waits waits;
	struct lead_wait wait;
	struct holding holdings[6];
	size_t count;
	char packed[2048];
	size_t packed_len;
};

static struct holding drawn_holding(struct rng *r)
{
	struct holding h = {.order = (uint32_t)rng_below(r, 100000),
			    .state = (uint8_t)rng_below(r, 3)};

	/* Of what was given back nothing is asked any more. */
	if (h.state == HOLDING_BACK)
		return h;
	h.price_minor = (int64_t)rng_below(r, ORDER_PRICE_MAX_MINOR);
	h.hour = (int32_t)rng_below(r, 40000000);
	h.day = (int32_t)(h.hour / 1440 + (int32_t)rng_below(r, 3) - 1);
	h.by_webmaster = rng_chance(r, 5000);
	return h;
}

static void change(struct leads *l, struct open_lead *o, struct mirror *m)
{
	if (m->count < ARRAY_LEN(m->holdings)) {
		m->holdings[m->count] = drawn_holding(&l->rng);
		*open_lead_hold(o, 0) = m->holdings[m->count++];
	} else {
		m->holdings[0].state = o->holdings[0].state = HOLDING_KEPT;
	}
	m->waits = o->waits = (enum lead_waits)rng_below(&l->rng, 3);
	m->wait = o->wait =
	    (struct lead_wait){(int64_t)rng_next(&l->rng) >> 2, (int64_t)rng_below(&l->rng, 1000),
			       rng_chance(&l->rng, 5000)};
	open_lead_put(&l->all, &l->pool, o);
}

static void make(struct leads *l, struct mirror *m)
{
	struct slice packed = admitted(l, &m->test);
	struct open_lead *o = open_lead_new(&l->all, &m->id, packed, &l->a);

	assert_true(packed.len <= sizeof(m->packed));
	memcpy(m->packed, packed.data, packed.len);
	m->packed_len = packed.len;
	m->there = true;
	m->count = 0;
	o->is_test = m->test;
	change(l, o, m);
}

static void compare(const struct leads *l, const struct open_lead *o, const struct mirror *m)
{
	_cleanup_(buf_free) struct buf whole = {0};

	assert_memory_equal(o->id.bytes, m->id.bytes, sizeof(m->id.bytes));
	assert_int_equal(o->is_test, m->test);
	assert_int_equal(o->holding_count, m->count);
	for (size_t i = 0; i < m->count; i++) {
		const struct holding *is = &o->holdings[i], *wanted = &m->holdings[i];

		assert_int_equal(is->order, wanted->order);
		assert_int_equal(is->state, wanted->state);
		assert_int_equal(is->price_minor, wanted->price_minor);
		assert_int_equal(is->hour, wanted->hour);
		assert_int_equal(is->day, wanted->day);
		assert_int_equal(is->by_webmaster, wanted->by_webmaster);
	}
	assert_int_equal(o->waits, m->waits);
	if (m->waits != WAITS_FOR_NOBODY) {
		assert_int_equal(o->wait.until_ms, m->wait.until_ms);
		assert_int_equal(o->wait.retry_ms, m->wait.retry_ms);
		assert_int_equal(o->wait.accepts, m->wait.accepts);
	}
	open_lead_packed(&l->all, o, &whole);
	assert_true(slice_equal(buf_slice(&whole), slice_of(m->packed, m->packed_len)));
}

static void what_was_put_is_what_is_got(void **state)
{
	static struct mirror mirrors[LEADS];
	struct leads l = {.rng = rng_seed(6)};
	size_t there = 0, waiting = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = rng_below(&l.rng, LEADS);
		struct mirror *m = &mirrors[n];
		struct open_lead *o;

		memcpy(m->id.bytes, &n, sizeof(n));
		o = open_lead_get(&l.all, &m->id, &l.a);
		assert_int_equal(o != NULL, m->there);
		assert_int_equal(open_lead_is_there(&l.all, &m->id), m->there);
		if (o)
			compare(&l, o, m);
		if (!o) {
			make(&l, m);
			there++;
		} else if (rng_chance(&l.rng, 3000)) {
			open_lead_drop(&l.all, &l.pool, o);
			m->there = false;
			there--;
		} else {
			change(&l, o, m);
		}
		assert_int_equal(table_count(&l.all.blocks), there);
		if (round % 1000 == 300)
			pool_hold(&l.pool);
		if (round % 1000 == 700)
			pool_release(&l.pool);
		arena_reset(&l.a);
	}
	for (size_t i = 0; i < LEADS; i++)
		waiting += mirrors[i].there && mirrors[i].waits != WAITS_FOR_NOBODY;
	assert_int_equal(map_count(&l.all.for_operator) + map_count(&l.all.for_buyer), waiting);
	leads_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_kept_is_told_whole),
	    cmocka_unit_test(words_have_an_end),
	    cmocka_unit_test(what_was_put_is_what_is_got),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
