/* name_tables: writes what core/name_model.c knows of names, at build time:
 *
 *     name_tables_gen WORDS NAMES > name_tables.h
 *
 * WORDS holds a word a line, NAMES lines of language, sex, kind, text between tabs (deploy/setup/data makes both).
 * A letter's probability is counted after the two letters before it; what was seen too seldom leans on one letter before,
 * and that on none, each with the weight of LEAN sightings. All in integers, so that every machine makes the same table:
 * a verdict can then be computed again elsewhere. Status 1: a file can't be read, or holds too little to learn from. */
#include <stdio.h>
#include <stdlib.h>

#include "filter-worker/core/name_model.h"

#define LINE_MAX_BYTES 512
#define PARTS          40 /* probabilities are parts of 2^40 */
#define LEAN           4
#define SIDE_MOST      NAME_CYRILLIC_SIDE
#define FIRST_MOST     4096
#define WORDS_LEAST    5000
#define FIRST_LEAST    300

struct counts {
	size_t side;
	uint64_t words, all;
	uint64_t one[SIDE_MOST], two[SIDE_MOST][SIDE_MOST], three[SIDE_MOST][SIDE_MOST][SIDE_MOST];
};

static struct counts latin = {.side = NAME_LATIN_SIDE}, cyrillic = {.side = NAME_CYRILLIC_SIDE};
static struct {
	uint64_t key;
	bool men, women;
} first[FIRST_MOST];
static size_t first_count;

static void die(const char *what)
{
	fprintf(stderr, "name_tables: %s\n", what);
	exit(1);
}

static void learn_word(struct slice text)
{
	uint8_t bases[LETTERS_WORD_MAX];
	struct slice word;
	unsigned scripts;

	while (letters_word(&text, &word, &scripts)) {
		struct counts *c = scripts == SCRIPT_LATIN ? &latin : &cyrillic;
		size_t len = letters_bases(word, scripts, bases), before = 0, last = 0;

		for (size_t i = 0; len > 0 && i <= len; i++) {
			size_t here = i < len ? bases[i] : 0;

			c->one[here]++;
			c->two[last][here]++;
			c->three[before][last][here]++;
			c->all++;
			before = last;
			last = here;
		}
		c->words += len > 0;
	}
}

static void learn_first_name(struct slice text, bool woman)
{
	uint8_t bases[LETTERS_WORD_MAX];
	size_t len = letters_bases(text, SCRIPT_CYRILLIC, bases), at = 0;
	uint64_t key = first_name_key(bases, len);

	if (len == 0)
		return;
	while (at < first_count && first[at].key != key)
		at++;
	if (at == FIRST_MOST)
		die("too many first names");
	if (at == first_count)
		first[first_count++].key = key;
	first[at].men |= !woman;
	first[at].women |= woman;
}

static void learn_line(struct slice line)
{
	static const char *const kinds[] = {"ru\tm\tfirst\t", "ru\tf\tfirst\t"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t len = strlen(kinds[i]);

		if (slice_starts_with(line, kinds[i]))
			learn_first_name(slice_of(line.data + len, line.len - len), i == 1);
	}
}

static void each_line(const char *path, void (*take)(struct slice line))
{
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "r");

	if (!f)
		die("a file can't be opened; deploy/setup/data makes them");
	while (fgets(line, sizeof(line), f))
		take(slice_trim(slice_cstr(line)));
	if (ferror(f))
		die("a file can't be read");
	fclose(f);
}

/* 16 times the binary logarithm, rounded down: the mantissa is squared once for each bit of the fraction. */
static unsigned log2_parts(uint64_t x)
{
	unsigned whole = 63 - (unsigned)__builtin_clzll(x), ret = whole;
	uint64_t mantissa = whole > 31 ? x >> (whole - 31) : x << (31 - whole);

	for (int i = 0; i < 4; i++) {
		mantissa = mantissa * mantissa >> 31;
		ret *= 2;
		if (mantissa >> 32) {
			mantissa >>= 1;
			ret++;
		}
	}
	return ret;
}

static uint64_t sum(const uint64_t *counts, size_t side)
{
	uint64_t ret = 0;

	for (size_t i = 0; i < side; i++)
		ret += counts[i];
	return ret;
}

static unsigned cost(const struct counts *c, size_t before, size_t last, size_t here)
{
	uint64_t p = ((c->one[here] + 1) << PARTS) / (c->all + c->side);

	p = ((c->two[last][here] << PARTS) + LEAN * p) / (sum(c->two[last], c->side) + LEAN);
	p = ((c->three[before][last][here] << PARTS) + LEAN * p) /
	    (sum(c->three[before][last], c->side) + LEAN);
	return MIN_OF(PARTS * NAME_COST_BITS - log2_parts(MAX_OF(p, 1)), (unsigned)NAME_COST_MAX);
}

static void write_costs(const struct counts *c, const char *name)
{
	if (c->words < WORDS_LEAST)
		die("too few words to learn from");
	printf("static const uint8_t %s[%zu] = {", name, c->side * c->side * c->side);
	for (size_t i = 0; i < c->side; i++) {
		for (size_t k = 0; k < c->side; k++) {
			for (size_t l = 0; l < c->side; l++)
				printf("%s%u,", l == 0 ? "\n" : "", cost(c, i, k, l));
		}
	}
	printf("\n};\n");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void write_first_names(void)
{
	static uint64_t keys[FIRST_MOST];
	size_t count = 0;

	for (size_t i = 0; i < first_count; i++) {
		if (first[i].men != first[i].women)
			keys[count++] = first[i].key | first[i].women;
	}
	if (count < FIRST_LEAST)
		die("too few first names");
	qsort(keys, count, sizeof(*keys), compare);
	printf("static const uint64_t first_names[%zu] = {\n", count);
	for (size_t i = 0; i < count; i++)
		printf("0x%016llX,\n", (unsigned long long)keys[i]);
	printf("};\n");
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: name_tables_gen WORDS NAMES");
	each_line(argv[1], learn_word);
	each_line(argv[2], learn_line);
	printf("/* Made by filter-worker/gen/name_tables.c. */\n");
	write_costs(&latin, "name_costs_latin");
	write_costs(&cyrillic, "name_costs_cyrillic");
	write_first_names();
	return fflush(stdout) == 0 ? 0 : 1;
}
