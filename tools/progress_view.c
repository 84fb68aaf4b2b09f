/* progress_view: see progress_view.h. */
#include "progress_view.h"

#include <stdlib.h>

#include "base/map.h"
#include "lead/codec.h"
#include "tool.h"

#define TAKE_MAX 500

struct progress_view {
	struct arena arena;
	struct map orders;
};

static enum result read_partition(struct progress_view *v, struct bus *bus, int32_t partition,
				  struct error *ret_error)
{
	struct bus_record records[TAKE_MAX];
	struct bus_reader *reader;
	int64_t low, high;
	enum result r =
	    bus_offsets(bus, "orders.progress", partition, TOOL_TIMEOUT_MS, &low, &high);

	if (r != RESULT_OK)
		return error_set(ret_error, RESULT_AWAY,
				 "orders.progress/%d: its end can't be learned", partition);
	reader =
	    low < high ? bus_reader_open(bus, "orders.progress", partition, low, ret_error) : NULL;
	if (low < high && !reader)
		return RESULT_AWAY;
	while (reader && r == RESULT_OK && bus_reader_position(reader) < high) {
		size_t count = 0;

		r = bus_reader_take(reader, records, TAKE_MAX, TOOL_TIMEOUT_MS, &count, ret_error);
		if (r == RESULT_OK && count == 0)
			break; /* compacted to the end */
		for (size_t i = 0; i < count; i++) {
			Punnet__V1__OrderProgress *p = codec_unpack(
			    &v->arena, &punnet__v1__order_progress__descriptor, records[i].value);

			if (p)
				map_put(&v->orders, slice_cstr(p->order_id), p);
		}
	}
	bus_reader_close(reader);
	return r == RESULT_AGAIN ? RESULT_OK : r;
}

struct progress_view *progress_view_open(struct bus *bus, struct error *ret_error)
{
	struct progress_view *v = calloc(1, sizeof(*v));
	int32_t partitions = bus_partitions(bus, "orders.progress", TOOL_TIMEOUT_MS);

	if (!v)
		abort();
	if (partitions < 0)
		error_set(ret_error, RESULT_AWAY,
			  "orders.progress can't be read; `punnet topics apply` makes it");
	for (int32_t p = 0; p < partitions; p++) {
		if (read_partition(v, bus, p, ret_error) != RESULT_OK) {
			partitions = -1;
			break;
		}
	}
	if (partitions >= 0)
		return v;
	progress_view_close(v);
	return NULL;
}

const Punnet__V1__OrderProgress *progress_view_get(const struct progress_view *v,
						   const char *order_id)
{
	return map_get(&v->orders, slice_cstr(order_id));
}

void progress_view_close(struct progress_view *v)
{
	if (!v)
		return;
	map_free(&v->orders);
	arena_free(&v->arena);
	free(v);
}
