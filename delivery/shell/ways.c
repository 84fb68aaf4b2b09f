/* ways: see ways.h. */
#include "ways.h"

#include <stdlib.h>

#include "base/hash.h"

static void way_free(struct way *way)
{
	if (!way)
		return;
	arena_free(&way->arena);
	free(way);
}

static struct way *way_read(struct slice delivery_json, int64_t default_timeout_ms)
{
	struct way *way = calloc(1, sizeof(*way));

	if (!way)
		abort();
	way->text = arena_dup(&way->arena, delivery_json);
	if (channel_read(way->text, default_timeout_ms, &way->arena, &way->channel, &way->endpoint,
			 &way->error) != RESULT_OK)
		way->channel = NULL;
	return way;
}

const struct way *way_of(struct ways *w, struct slice delivery_json, int64_t default_timeout_ms)
{
	uint64_t hash[2];
	struct way **at;

	hash_wide(delivery_json, hash);
	at = &w->at[hash[0] % WAYS_MAX];
	if (*at && slice_equal((*at)->text, delivery_json))
		return *at;

	way_free(*at);
	*at = way_read(delivery_json, default_timeout_ms);
	return *at;
}

void ways_free(struct ways *w)
{
	for (size_t i = 0; i < WAYS_MAX; i++) {
		way_free(w->at[i]);
		w->at[i] = NULL;
	}
}
