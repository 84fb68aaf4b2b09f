/* What the generator of sample leads promises: everything from the seed, and each kind is what its name says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* after its own needs */
#include <cmocka.h>

#include "base/json.h"
#include "base/map.h"
#include "tools/traffic_draw.h"
#include "tools/traffic_files.h"

#define NOW_MS 1790000000000LL

static struct arena arena;
static struct traffic_profile profile;
static struct traffic_tables tables;
static const struct traffic_maker maker = {&profile, &tables, 1};

/* A few words in place of the open data, so that the test needs no network. */
static void fill_tables(void)
{
	static struct slice first[] = {{"Пётр", 8}, {"Юрий", 8}, {"Илья", 8}};
	static struct slice last[] = {{"Щукин", 10}, {"Чехов", 10}, {"Жуков", 10}};
	static struct slice agents[] = {{"Mozilla/5.0 A", 13}, {"Mozilla/5.0 B", 13}};
	static struct slice systems[] = {{"Android", 7}, {"Windows", 7}};
	static struct slice crawlers[] = {{"Somebot/1.0", 11}};
	static struct slice networks[] = {{"5.8.0.0/20", 10}}, countries[] = {{"RU", 2}};

	for (int language = 0; language < TRAFFIC_LANGUAGES; language++) {
		for (int sex = 0; sex < TRAFFIC_SEXES; sex++) {
			tables.first[language][sex] = (struct traffic_texts){first, 3};
			tables.last[language][sex] = (struct traffic_texts){last, 3};
		}
		tables.city[language] = (struct traffic_texts){first, 3};
	}
	tables.user_agents = (struct traffic_texts){agents, 2};
	tables.systems = (struct traffic_texts){systems, 2};
	tables.crawlers = (struct traffic_texts){crawlers, 1};
	tables.networks = (struct traffic_texts){networks, 1};
	tables.network_countries = (struct traffic_texts){countries, 1};
}

static int set_up(_unused_ void **state)
{
	struct yaml_faults faults = {.file = "rules/traffic.yaml"};
	bool loaded = traffic_profile_load(&arena, "rules/traffic.yaml", &profile, &faults);

	if (!loaded)
		print_error("%s", buf_cstr(&faults.text));
	yaml_faults_free(&faults);
	fill_tables();
	traffic_join(&profile, &tables);
	return loaded ? 0 : -1;
}

static int tear_down(_unused_ void **state)
{
	arena_free(&arena);
	return 0;
}

static struct traffic_lead make(const struct traffic_maker *m, uint64_t n, struct buf *body)
{
	struct arena scratch = {0};
	struct traffic_lead lead;

	buf_reset(body);
	traffic_make(m, n, NOW_MS, &scratch, &lead, body);
	arena_free(&scratch);
	assert_false(body->failed);
	return lead;
}

static void the_same_seed_makes_the_same_leads_in_any_order(_unused_ void **state)
{
	struct buf once = {0}, again = {0};

	for (uint64_t n = 0; n < 3000; n++) {
		make(&maker, n, &once);
		make(&maker, (n * 7919) % 3000, &again);
		make(&maker, n, &again);
		assert_true(slice_equal(buf_slice(&once), buf_slice(&again)));
	}
	buf_free(&once);
	buf_free(&again);
}

static void another_seed_makes_other_leads(_unused_ void **state)
{
	struct traffic_maker other = {&profile, &tables, 2};
	struct buf one = {0}, two = {0};
	int same = 0;

	for (uint64_t n = 0; n < 100; n++) {
		make(&maker, n, &one);
		make(&other, n, &two);
		same += slice_equal(buf_slice(&one), buf_slice(&two));
	}
	assert_int_equal(same, 0);
	buf_free(&one);
	buf_free(&two);
}

static void new_persons_have_phones_of_their_own(_unused_ void **state)
{
	struct map seen = {0};
	struct arena scratch = {0};

	for (uint64_t n = 0; n < 50000; n++) {
		struct traffic_person p = traffic_person(&maker, n, 0, &scratch);

		assert_int_equal(strlen(p.national), 10);
		assert_null(map_put(&seen, slice_cstr(p.national), &profile));
		arena_reset(&scratch);
	}
	map_free(&seen);
	arena_free(&scratch);
}

static void a_double_click_is_the_lead_before_it_byte_for_byte(_unused_ void **state)
{
	struct buf first = {0}, second = {0};
	int found = 0;

	for (uint64_t n = 1; n < 20000; n++) {
		struct traffic_lead before, lead;

		if (!traffic_repeats_previous(&maker, n))
			continue;
		before = make(&maker, n - 1, &first);
		lead = make(&maker, n, &second);
		assert_int_equal(before.kind, TRAFFIC_GOOD);
		assert_int_equal(lead.kind, TRAFFIC_RESUBMISSION);
		assert_int_equal(lead.source, before.source);
		assert_int_equal(lead.transport, before.transport);
		assert_false(lead.keyed);
		assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
		found++;
	}
	assert_true(found > 100);
	buf_free(&first);
	buf_free(&second);
}

static const struct json *member_of(struct arena *a, const struct buf *body, const char *name)
{
	struct json_fault fault;

	return json_member(json_parse(a, buf_slice(body), JSON_LIMITS_DEFAULT, &fault), name);
}

static void every_kind_comes_and_shows_what_its_name_says(_unused_ void **state)
{
	uint64_t seen[TRAFFIC_KINDS] = {0};
	struct buf body = {0};

	for (uint64_t n = 0; n < 30000; n++) {
		struct traffic_lead lead = make(&maker, n, &body);
		struct arena a = {0};

		seen[lead.kind]++;
		if (lead.transport != TRAFFIC_FORM && lead.kind == TRAFFIC_BOT_FAST)
			assert_in_range(member_of(&a, &body, "filled_ms")->integer, 0, 1999);
		if (lead.transport != TRAFFIC_FORM && lead.kind == TRAFFIC_BOT_HONEYPOT)
			assert_true(member_of(&a, &body, "honeypot")->text.len > 0);
		if (lead.transport != TRAFFIC_FORM && lead.kind == TRAFFIC_TEST)
			assert_int_equal(member_of(&a, &body, "is_test")->type, JSON_TRUE);
		if (lead.transport != TRAFFIC_FORM && lead.kind == TRAFFIC_SUPPRESSED)
			assert_true(
			    slice_starts_with(member_of(&a, &body, "phone")->text, "+7999000000"));
		if (lead.transport != TRAFFIC_FORM && lead.kind != TRAFFIC_MALFORMED)
			assert_non_null(member_of(&a, &body, "vertical"));
		arena_free(&a);
	}
	for (int kind = 0; kind < TRAFFIC_KINDS; kind++)
		assert_true(seen[kind] > 0);
	assert_true(seen[TRAFFIC_GOOD] > 30000 / 2);
	buf_free(&body);
}

static void russian_names_become_latin_letters(_unused_ void **state)
{
	struct arena a = {0};

	assert_string_equal(traffic_translit(SLICE("Щукин"), &a), "shchukin");
	assert_string_equal(traffic_translit(SLICE("Пётр"), &a), "petr");
	assert_string_equal(traffic_translit(SLICE("Анна-Мария"), &a), "annamariya");
	assert_string_equal(traffic_translit(SLICE("O'Neil"), &a), "oneil");
	arena_free(&a);
}

static void leads_come_in_the_order_of_the_day_and_at_the_mean_rate(_unused_ void **state)
{
	int64_t before = 0, night, noon;

	for (uint64_t n = 0; n < 10000; n++) {
		int64_t due = traffic_due_ms(&profile, n, 10000, 500);

		assert_true(due >= before && due <= 20000);
		before = due;
	}
	assert_true(before > 19000);
	night =
	    traffic_due_ms(&profile, 100, 10000, 500) - traffic_due_ms(&profile, 50, 10000, 500);
	noon =
	    traffic_due_ms(&profile, 5050, 10000, 500) - traffic_due_ms(&profile, 5000, 10000, 500);
	assert_true(night > noon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_seed_makes_the_same_leads_in_any_order),
	    cmocka_unit_test(another_seed_makes_other_leads),
	    cmocka_unit_test(new_persons_have_phones_of_their_own),
	    cmocka_unit_test(a_double_click_is_the_lead_before_it_byte_for_byte),
	    cmocka_unit_test(every_kind_comes_and_shows_what_its_name_says),
	    cmocka_unit_test(russian_names_become_latin_letters),
	    cmocka_unit_test(leads_come_in_the_order_of_the_day_and_at_the_mean_rate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
