/* name_model: see name_model.h. A letter's cost is one look into an array of 20 or 36 kB. */
#include "name_model.h"

#include "filter_worker/name_tables.h"

void name_cost_add(struct slice word, unsigned scripts, struct name_cost *ret)
{
	const uint8_t *costs = scripts == SCRIPT_LATIN ? name_costs_latin : name_costs_cyrillic;
	size_t side = scripts == SCRIPT_LATIN ? NAME_LATIN_SIDE : NAME_CYRILLIC_SIDE;
	uint8_t bases[LETTERS_WORD_MAX];
	size_t len = letters_bases(word, scripts, bases);
	size_t before = 0, last = 0;

	if (len == 0)
		return;
	for (size_t i = 0; i <= len; i++) {
		size_t here = i < len ? bases[i] : 0;

		ret->cost += costs[(before * side + last) * side + here];
		before = last;
		last = here;
	}
	ret->letters += (uint32_t)len + 1;
}

char first_name_sex(const uint8_t *bases, size_t len)
{
	uint64_t key = first_name_key(bases, len);
	size_t from = 0, to = ARRAY_LEN(first_names);

	while (from < to) {
		size_t middle = (from + to) / 2;
		uint64_t here = first_names[middle];

		if ((here & ~1ULL) == key)
			return here & 1 ? 'f' : 'm';
		if (here < key)
			from = middle + 1;
		else
			to = middle;
	}
	return 0;
}
