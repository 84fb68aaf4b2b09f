/* Names: what the model thinks of real ones, of rare ones, and of what hands make that fall on a keyboard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/rng.h"
#include "filter-worker/core/ruleset.h"

#define NAMES_MOST  20000
#define PAIRS       20000
#define LINE_LENGTH 512

struct bench {
	struct arena arena;
	struct slice first[NAMES_MOST], last[NAMES_MOST];
	size_t first_count, last_count;
	char *people[3][2][NAMES_MOST]; /* by kind and sex, Russian */
	size_t people_count[3][2];
};
enum { PEOPLE_FIRST, PEOPLE_PATRONYMIC, PEOPLE_LAST };

/* 0: not known. */
static int64_t cost_of(const char *name)
{
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	struct sight sight = {.raw = &raw, .contact = &contact};
	const struct filter *f = filter_from_name(SLICE("gibberish_name"));
	struct facts facts = {0};
	int64_t cost = 0;

	contact.name = (char *)name;
	f->look(&sight, &facts);
	return facts_number(&facts, FACT_NAME_COST, &cost) ? cost : 0;
}

static int64_t limit(void)
{
	return rule_standard(filter_from_name(SLICE("gibberish_name"))).params[0];
}

static void take_names(struct bench *b, const char *language)
{
	char line[LINE_LENGTH], kind[16], text[LINE_LENGTH], code[8], sex[8];
	FILE *f = fopen(".cache/data/names.tsv", "r");

	assert_non_null(f);
	b->first_count = b->last_count = 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7[^\t]\t%7[^\t]\t%15[^\t]\t%511[^\n]", code, sex, kind, text) !=
			4 ||
		    strcmp(code, language) != 0)
			continue;
		if (strcmp(kind, "first") == 0)
			b->first[b->first_count++] = arena_dup(&b->arena, slice_cstr(text));
		if (strcmp(kind, "last") == 0)
			b->last[b->last_count++] = arena_dup(&b->arena, slice_cstr(text));
		assert_in_range(b->first_count + b->last_count, 0, NAMES_MOST);
	}
	fclose(f);
}

static void take_people(struct bench *b)
{
	static const char *const kinds[] = {"first", "patronymic", "last"};
	char line[LINE_LENGTH], kind[16], text[LINE_LENGTH], code[8], sex[8];
	FILE *f = fopen(".cache/data/names.tsv", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7[^\t]\t%7[^\t]\t%15[^\t]\t%511[^\n]", code, sex, kind, text) !=
			4 ||
		    strcmp(code, "ru") != 0 || (sex[0] != 'm' && sex[0] != 'f'))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			size_t *count = &b->people_count[i][sex[0] == 'f'];

			if (strcmp(kind, kinds[i]) == 0 && *count < NAMES_MOST)
				b->people[i][sex[0] == 'f'][(*count)++] =
				    arena_cstr(&b->arena, slice_cstr(text));
		}
	}
	fclose(f);
}

static char *pick(struct bench *b, struct rng *r, size_t kind, size_t sex)
{
	assert_true(b->people_count[kind][sex] > 100);
	return b->people[kind][sex][rng_below(r, b->people_count[kind][sex])];
}

static size_t pairs_that_hit(struct bench *b, struct rng *r)
{
	size_t hits = 0;

	for (int i = 0; i < PAIRS; i++) {
		char name[2 * LINE_LENGTH];

		snprintf(name, sizeof(name), SLICE_FMT " " SLICE_FMT,
			 SLICE_ARG(b->first[rng_below(r, b->first_count)]),
			 SLICE_ARG(b->last[rng_below(r, b->last_count)]));
		hits += cost_of(name) >= limit();
	}
	return hits;
}

static void people_are_called_by_names(void **state)
{
	static const char *const languages[] = {"ru", "en"};
	struct bench *b = calloc(1, sizeof(*b));
	struct rng r = rng_seed(5);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		size_t hits, words = 0;

		take_names(b, languages[i]);
		hits = pairs_that_hit(b, &r);
		for (size_t k = 0; k < b->last_count; k++)
			words += cost_of(arena_cstr(&b->arena, b->last[k])) >= limit();
		print_message("%s: %zu of %d names hit, and %zu of %zu surnames alone\n",
			      languages[i], hits, PAIRS, words, b->last_count);
		assert_int_equal(hits, 0);
		assert_in_range(words, 0, b->last_count / 1000);
	}
	arena_free(&b->arena);
	free(b);
}

/* None of these surnames stands in the words that the model learned from. */
static void rare_names_are_names(void **state)
{
	static const char *const rare[] = {"Арам Мкртчян",
					   "Важа Цхададзе",
					   "Баатар Лхагвасурэн",
					   "Нгуен Тхи Лан",
					   "Гульчехра Хамдамжонова",
					   "Георгий Мгалоблишвили",
					   "Зураб Чхартишвили",
					   "Ядвига Пьецух",
					   "Ким Ын Ха",
					   "Mkrtchyan Aram",
					   "Nguyen Thi Huong",
					   "Arnold Schwarzenegger",
					   "Krzysztof Szczepański",
					   "Ngozi Adichie",
					   "Siobhán O'Keeffe",
					   "Đorđe Kršćanski",
					   "Jean-Luc Lecoq",
					   "Aoife Ní Bhraonáin",
					   "Tkachuk Vsevolod",
					   "Щерба Яна"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rare); i++) {
		int64_t cost = cost_of(rare[i]);

		print_message("%s: %d\n", rare[i], (int)cost);
		assert_in_range(cost, 1, limit() - 1);
	}
}

static size_t mashed_that_hit(struct rng *r, const char *const *keys, size_t key_count)
{
	size_t hits = 0;

	for (int i = 0; i < 1000; i++) {
		struct buf name = {0};

		for (uint64_t n = 12 + rng_below(r, 6); n > 0; n--)
			buf_append_cstr(&name, n == 6 ? " " : keys[rng_below(r, key_count)]);
		hits += cost_of(buf_cstr(&name)) >= limit();
		buf_free(&name);
	}
	return hits;
}

static void hands_on_a_keyboard_are_found(void **state)
{
	static const char *const latin[] = {"a", "s", "d", "f", "g", "h", "j", "k", "l",
					    "q", "w", "e", "r", "t", "z", "x", "c", "v"};
	static const char *const russian[] = {"ф", "ы", "в", "а", "п", "р", "о", "л", "д",
					      "ж", "э", "й", "ц", "у", "к", "е", "я", "ч"};
	struct rng r = rng_seed(6);
	size_t in_latin, in_russian;

	(void)state;
	assert_true(cost_of("asdfgh dfghj") >= limit());
	assert_true(cost_of("фывапр впрлд") >= limit());
	in_latin = mashed_that_hit(&r, latin, ARRAY_LEN(latin));
	in_russian = mashed_that_hit(&r, russian, ARRAY_LEN(russian));
	print_message("found: %zu of 1000 in Latin, %zu in Russian\n", in_latin, in_russian);
	assert_in_range(in_latin, 800, 1000);
	assert_in_range(in_russian, 900, 1000);
}

/* A person of a sex whose patronymic is of another or of the same: how many of PAIRS such names hit. */
static size_t people_that_hit(struct bench *b, struct rng *r, bool twisted, bool in_parts)
{
	const struct filter *f = filter_from_name(SLICE("name_parts"));
	struct filter_rule rule = rule_standard(f);
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	size_t hits = 0;

	raw.lead = &lead;
	for (int i = 0; i < PAIRS; i++) {
		size_t sex = rng_below(r, 2), other = twisted ? 1 - sex : sex;
		Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
		struct sight sight = {.raw = &raw, .contact = &contact};
		struct finding finding = {.arena = &b->arena};
		struct facts facts = {0};
		char name[3 * LINE_LENGTH];

		contact.first_name = pick(b, r, PEOPLE_FIRST, sex);
		contact.middle_name = pick(b, r, PEOPLE_PATRONYMIC, other);
		contact.last_name = pick(b, r, PEOPLE_LAST, sex);
		if (!in_parts) {
			bool surname_first = rng_below(r, 2);

			snprintf(name, sizeof(name), "%s %s %s",
				 surname_first ? contact.last_name : contact.first_name,
				 surname_first ? contact.first_name : contact.middle_name,
				 surname_first ? contact.middle_name : contact.last_name);
			contact = (Punnet__V1__Contact)PUNNET__V1__CONTACT__INIT;
			contact.name = name;
		}
		f->look(&sight, &facts);
		hits += f->judge(&rule, &facts, &finding) == ANSWER_HIT;
	}
	return hits;
}

static void the_parts_of_a_name_belong_to_one_person(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct rng r = rng_seed(8);

	(void)state;
	take_people(b);
	for (int in_parts = 0; in_parts <= 1; in_parts++) {
		size_t honest = people_that_hit(b, &r, false, in_parts);
		size_t twisted = people_that_hit(b, &r, true, in_parts);

		print_message("%s: %zu of %d honest names hit, %zu twisted ones\n",
			      in_parts ? "in parts" : "whole", honest, PAIRS, twisted);
		assert_in_range(honest, 0, PAIRS / 1000);
		assert_in_range(twisted, PAIRS * 95 / 100, PAIRS);
	}
	arena_free(&b->arena);
	free(b);
}

/* Bytes that are no text cost nothing and do no harm. */
static void what_is_no_text_is_not_known(void **state)
{
	struct rng r = rng_seed(7);

	(void)state;
	assert_int_equal(cost_of("\xFF\xFE\x80\x80\xC3"), 0);
	assert_int_equal(cost_of("Анна"), 0);
	assert_int_equal(cost_of("王芳王芳王芳"), 0);
	for (int i = 0; i < 20000; i++) {
		char name[40] = {0};

		for (size_t k = 0; k < sizeof(name) - 1; k++)
			name[k] = (char)(1 + rng_below(&r, 255));
		assert_in_range(cost_of(name), 0, 255);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(people_are_called_by_names),
	    cmocka_unit_test(rare_names_are_names),
	    cmocka_unit_test(hands_on_a_keyboard_are_found),
	    cmocka_unit_test(the_parts_of_a_name_belong_to_one_person),
	    cmocka_unit_test(what_is_no_text_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
