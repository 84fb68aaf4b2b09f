/* verdict_book: see verdict_book.h. */
#include "verdict_book.h"

#include <stdlib.h>

#include "base/map.h"

struct line {
	int64_t approved, returned;
};

struct vertical {
	struct line all;
	struct map webmasters; /* aff_id → struct line */
};

struct verdict_book {
	struct map verticals; /* name → struct vertical */
};

struct verdict_book *verdict_book_new(void)
{
	struct verdict_book *b = calloc(1, sizeof(*b));

	assert(b);
	return b;
}

static void free_vertical(struct vertical *v)
{
	struct slice key;
	void *line;

	for (size_t i = 0; map_at(&v->webmasters, i, &key, &line); i++)
		free(line);
	map_free(&v->webmasters);
	free(v);
}

void verdict_book_free(struct verdict_book *b)
{
	struct slice key;
	void *vertical;

	if (!b)
		return;
	for (size_t i = 0; map_at(&b->verticals, i, &key, &vertical); i++)
		free_vertical(vertical);
	map_free(&b->verticals);
	free(b);
}

/* What the map has under the key, or a new one with zeros. */
static void *obtain(struct map *m, struct slice key, size_t size)
{
	void *value = map_get(m, key);

	if (value)
		return value;
	value = calloc(1, size);
	assert(value);
	(void)map_put(m, key, value);
	return value;
}

void verdict_book_put(struct verdict_book *b, struct slice vertical, struct slice aff_id,
		      int64_t approved, int64_t returned)
{
	struct vertical *v = obtain(&b->verticals, vertical, sizeof(*v));
	struct line *line = obtain(&v->webmasters, aff_id, sizeof(*line));

	assert(approved >= 0 && returned >= 0);
	v->all.approved += approved - line->approved;
	v->all.returned += returned - line->returned;
	*line = (struct line){approved, returned};
}

size_t verdict_book_count(const struct verdict_book *b)
{
	struct slice key;
	void *vertical;
	size_t count = 0;

	for (size_t i = 0; map_at(&b->verticals, i, &key, &vertical); i++)
		count += map_count(&((const struct vertical *)vertical)->webmasters);
	return count;
}

bool verdict_book_look(const struct verdict_book *b, struct slice vertical, struct slice aff_id,
		       struct verdict_sums *ret)
{
	static const struct line none = {0};
	const struct vertical *v = map_get(&b->verticals, vertical);
	const struct line *own = v ? map_get(&v->webmasters, aff_id) : NULL;

	if (!v)
		return false;
	own = own ? own : &none;
	*ret = (struct verdict_sums){
	    .approved = own->approved,
	    .returned = own->returned,
	    .peers_approved = v->all.approved - own->approved,
	    .peers_returned = v->all.returned - own->returned,
	};
	return true;
}
