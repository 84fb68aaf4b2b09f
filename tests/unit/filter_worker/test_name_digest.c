/* Names as digests and sketches: what counts as the same name, and how often two people of one block are taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"
#include "filter-worker/core/name_digest.h"
#include "filter-worker/core/ruleset.h"

#define NAMES_MOST  4000
#define PAIRS       5000
#define LINE_LENGTH 512
#define NAME_ROOM   (2 * LINE_LENGTH)

static const uint8_t key[FINGERPRINT_KEY_LEN] = {7};
static const uint8_t a_phone[FINGERPRINT_LEN] = {1}, other_phone[FINGERPRINT_LEN] = {2};

struct people {
	struct arena arena;
	char *first[2][NAMES_MOST], *last[2][NAMES_MOST]; /* by sex */
	size_t first_count[2], last_count[2];
};

static struct people *people_open(const char *language)
{
	struct people *p = calloc(1, sizeof(*p));
	char line[LINE_LENGTH], kind[16], text[LINE_LENGTH], code[8], sex[8];
	FILE *f = fopen(".cache/data/names.tsv", "r");

	assert_non_null(p);
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7[^\t]\t%7[^\t]\t%15[^\t]\t%511[^\n]", code, sex, kind, text) !=
			4 ||
		    strcmp(code, language) != 0 || (sex[0] != 'm' && sex[0] != 'f'))
			continue;

		int woman = sex[0] == 'f';
		char *name = arena_cstr(&p->arena, slice_cstr(text));

		if (strcmp(kind, "first") == 0 && p->first_count[woman] < NAMES_MOST)
			p->first[woman][p->first_count[woman]++] = name;
		if (strcmp(kind, "last") == 0 && p->last_count[woman] < NAMES_MOST)
			p->last[woman][p->last_count[woman]++] = name;
	}
	fclose(f);
	return p;
}

static void people_close(struct people *p)
{
	arena_free(&p->arena);
	free(p);
}

static struct name_form form_of(const char *name)
{
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	struct name_form form;

	contact.name = (char *)name;
	name_form_read(&contact, &form);
	return form;
}

static int64_t digest_of(const char *name, const uint8_t phone[FINGERPRINT_LEN])
{
	struct name_form form = form_of(name);
	int64_t digest = 0;

	return name_digest(key, slice_of(phone, FINGERPRINT_LEN), &form, &digest) ? digest : 0;
}

static bool meet(const char *a, const char *b)
{
	return name_digests_meet(digest_of(a, a_phone), digest_of(b, a_phone));
}

/* -1: they are in different blocks. */
static int distance(const char *a, const char *b)
{
	struct name_form x = form_of(a), y = form_of(b);
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	uint8_t block[FINGERPRINT_LEN], other[FINGERPRINT_LEN];

	lead.postal_code = (char *)"101000";
	if (!name_block(key, &lead, &x, block) || !name_block(key, &lead, &y, other) ||
	    memcmp(block, other, sizeof(block)) != 0)
		return -1;
	return name_sketch_distance(name_sketch(key, block, &x), name_sketch(key, block, &y));
}

static void a_name_in_two_spellings_is_one_word(void **state)
{
	static const char *const same[][2] = {
	    {"Юлия", "Yuliya"},         {"Юлия", "Julia"},         {"Сергей", "Sergey"},
	    {"Сергей", "Sergei"},       {"Дмитрий", "Dmitry"},     {"Дмитрий", "Dmitriy"},
	    {"Михаил", "Mikhail"},      {"Ксения", "Xenia"},       {"Елена", "Yelena"},
	    {"Наталья", "Natalia"},     {"Евгений", "Yevgeny"},    {"Щербакова", "Shcherbakova"},
	    {"Васильева", "Vasilyeva"}, {"Кузнецов", "KUZNETSOV"}, {"Жанна", "Zhanna"},
	    {"Ахмед", "Akhmed"},        {"Анна", "Ана"},           {"Алексей", "Alexey"},
	    {"Соловьёва", "СОЛОВЬЕВА"}, {"Юрий", "Yury"},          {"Yana", "Яна"},
	    {"Muñoz", "munoz"},         {"Đorđe", "Djordje"},      {"Зоя", "Zoya"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(same) - 2; i++) {
		struct name_form a = form_of(same[i][0]), b = form_of(same[i][1]);

		if (a.count != 1 || b.count != 1 || a.words[0].len != b.words[0].len ||
		    memcmp(a.words[0].letters, b.words[0].letters, a.words[0].len) != 0)
			fail_msg("%s is not %s", same[i][0], same[i][1]);
	}
}

static void names_that_share_a_word_meet(void **state)
{
	(void)state;
	assert_true(meet("Иван Петров", "ПЕТРОВ ИВАН"));
	assert_true(meet("Иван Петров", "Petrov Ivan Ivanovich"));
	assert_true(meet("Иван Петров", "Анна Петрова"));
	assert_true(meet("Андрей Достоевский", "Анна Достоевская"));
	assert_true(meet("Иван", "Петров Иван"));
	assert_true(meet("Ли Вэй", "Wei Li") || meet("Ли Вэй", "Li Vei"));
	assert_false(meet("Иван Петров", "Олег Сидоров"));
	assert_false(meet("", "Иван"));
	assert_int_equal(digest_of("", a_phone), 0);
	assert_int_equal(digest_of("王芳", a_phone), 0);
	/* Two digests of one name say nothing of each other under two phones. */
	assert_false(name_digests_meet(digest_of("Иван Петров", a_phone),
				       digest_of("Иван Петров", other_phone)));
}

static void a_block_is_a_place_and_initials(void **state)
{
	struct name_form form = form_of("Иван Петров"), one = form_of("Иван");
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT, other = PUNNET__V1__LEAD__INIT;
	uint8_t x[FINGERPRINT_LEN], y[FINGERPRINT_LEN];

	(void)state;
	assert_false(name_block(key, &lead, &form, x));
	lead.city = (char *)"г. Нижний Новгород";
	assert_false(name_block(key, &lead, &one, x));
	assert_true(name_block(key, &lead, &form, x));
	other.city = (char *)"Nizhniy Novgorod";
	assert_true(name_block(key, &other, &form, y));
	assert_memory_equal(x, y, sizeof(x));
	lead.postal_code = (char *)"SW1A 1AA";
	other.postal_code = (char *)"sw1a1aa";
	assert_true(name_block(key, &lead, &form, x) && name_block(key, &other, &form, y));
	assert_memory_equal(x, y, sizeof(x));
	other.country = (char *)"GB";
	assert_true(name_block(key, &other, &form, y));
	assert_memory_not_equal(x, y, sizeof(x));
	assert_int_equal(distance("Иван Петров", "Игорь Петров"),
			 distance("Петров Иван", "Petrov Igor"));
	assert_int_equal(distance("Иван Петров", "Ольга Петрова"), -1);
}

/* --- how often --- */

struct tally {
	size_t pairs, by_bits[NAME_SKETCH_BITS + 1];
};

static void tally_add(struct tally *t, int bits)
{
	if (bits < 0)
		return;
	t->pairs++;
	t->by_bits[bits]++;
}

/* In ten thousandths, of those that are in one block. */
static size_t share_within(const struct tally *t, int bits)
{
	size_t within = 0;

	for (int i = 0; i <= bits; i++)
		within += t->by_bits[i];
	assert_true(t->pairs > 0);
	return within * 10000 / t->pairs;
}

static void tally_print(const char *what, const struct tally *t)
{
	print_message("%s, %zu pairs, of 10000 within", what, t->pairs);
	for (int i = 0; i <= 10; i++)
		print_message(" %d:%zu", i, share_within(t, i));
	print_message("\n");
}

struct person {
	const char *first, *last;
};

static struct person somebody(const struct people *p, struct rng *r, int woman)
{
	return (struct person){p->first[woman][rng_below(r, p->first_count[woman])],
			       p->last[woman][rng_below(r, p->last_count[woman])]};
}

static int person_distance(struct person a, struct person b)
{
	char x[NAME_ROOM], y[NAME_ROOM];

	assert_true(snprintf(x, sizeof(x), "%s %s", a.first, a.last) < (int)sizeof(x));
	assert_true(snprintf(y, sizeof(y), "%s %s", b.last, b.first) < (int)sizeof(y));
	return distance(x, y);
}

static bool is_other(struct person a, struct person b)
{
	return strcmp(a.first, b.first) != 0 || strcmp(a.last, b.last) != 0;
}

/* Two strangers of one block; and two of one surname whose first names begin alike. */
static void tally_people(const struct people *p, struct rng *r, struct tally *strangers,
			 struct tally *families)
{
	while (strangers->pairs < PAIRS || families->pairs < PAIRS) {
		int woman = (int)rng_below(r, 2);
		struct person a = somebody(p, r, woman), b = somebody(p, r, (int)rng_below(r, 2));
		struct person relative = {somebody(p, r, woman).first, a.last};

		if (is_other(a, b) && strangers->pairs < PAIRS)
			tally_add(strangers, person_distance(a, b));
		if (is_other(a, relative) && families->pairs < PAIRS)
			tally_add(families, person_distance(a, relative));
	}
}

/* One letter is left out, doubled by its neighbour, or the two change places; never the first. */
static void slip(const char *name, struct rng *r, char ret[NAME_ROOM])
{
	size_t letter = (unsigned char)name[0] >= 0xC0 ? 2 : 1, len = strlen(name) / letter, at;

	snprintf(ret, NAME_ROOM, "%s", name);
	if (len < 4)
		return;
	at = (1 + rng_below(r, len - 2)) * letter;
	switch (rng_below(r, 3)) {
	case 0:
		memmove(ret + at, ret + at + letter, strlen(ret + at + letter) + 1);
		break;
	case 1:
		memcpy(ret + at, ret + at + letter, letter);
		break;
	default:
		for (size_t i = 0; i < letter; i++) {
			char c = ret[at + i];

			ret[at + i] = ret[at + letter + i];
			ret[at + letter + i] = c;
		}
	}
}

static void tally_slips(const struct people *p, struct rng *r, struct tally *slips)
{
	while (slips->pairs < PAIRS) {
		struct person a = somebody(p, r, (int)rng_below(r, 2));
		char last[NAME_ROOM];

		slip(a.last, r, last);
		if (strcmp(last, a.last) != 0)
			tally_add(slips, person_distance(a, (struct person){a.first, last}));
	}
}

static void strangers_and_families_are_seldom_taken_for_one_person(void **state)
{
	static const char *const languages[] = {"ru", "en"};
	struct filter_rule rule = rule_standard(filter_from_name(SLICE("similar_name")));
	int limit = (int)rule.params[0];
	struct rng r = rng_seed(11);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		struct people *p = people_open(languages[i]);
		struct tally strangers = {0}, families = {0}, slips = {0};

		tally_people(p, &r, &strangers, &families);
		tally_slips(p, &r, &slips);
		print_message("%s: ", languages[i]);
		tally_print("strangers", &strangers);
		tally_print("families", &families);
		tally_print("slips", &slips);
		assert_in_range(share_within(&strangers, limit), 0, 25);
		assert_in_range(share_within(&families, limit), 0, 500);
		assert_in_range(share_within(&slips, limit), 4000, 10000);
		people_close(p);
	}
}

/* Three invented people on one phone share no word, but for few. */
static void strangers_on_one_phone_seldom_meet(void **state)
{
	struct people *p = people_open("ru");
	struct rng r = rng_seed(12);
	size_t met = 0;

	(void)state;
	for (int i = 0; i < PAIRS; i++) {
		struct person a = somebody(p, &r, (int)rng_below(&r, 2));
		struct person b = somebody(p, &r, (int)rng_below(&r, 2));
		char x[NAME_ROOM], y[NAME_ROOM];

		snprintf(x, sizeof(x), "%s %s", a.first, a.last);
		snprintf(y, sizeof(y), "%s %s", b.first, b.last);
		met += meet(x, y);
	}
	print_message("strangers whose names share a word: %zu of %d\n", met, PAIRS);
	assert_in_range(met, 0, PAIRS / 50);
	people_close(p);
}

/* Bytes that are no text do no harm. */
static void what_is_no_text_has_no_digest(void **state)
{
	struct rng r = rng_seed(13);

	(void)state;
	assert_int_equal(form_of("\xFF\xFE\x80\x80\xC3").count, 0);
	for (int i = 0; i < 20000; i++) {
		char a[80] = {0}, b[80] = {0};

		for (size_t k = 0; k < sizeof(a) - 1; k++) {
			a[k] = (char)(1 + rng_below(&r, 255));
			b[k] = (char)(1 + rng_below(&r, 255));
		}
		(void)meet(a, b);
		assert_in_range(distance(a, a) + 1, 0, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_in_two_spellings_is_one_word),
	    cmocka_unit_test(names_that_share_a_word_meet),
	    cmocka_unit_test(a_block_is_a_place_and_initials),
	    cmocka_unit_test(strangers_and_families_are_seldom_taken_for_one_person),
	    cmocka_unit_test(strangers_on_one_phone_seldom_meet),
	    cmocka_unit_test(what_is_no_text_has_no_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
