/* replay_what_if_report: counts and money by order, webmaster and reason, as it was and as it would have been. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/money.h"
#include "tools/replay/replay_what_if.h"

static void merge(struct what_if_lines *into, const struct what_if_lines *from)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&from->map, i, &key, &value); i++) {
		const struct what_if_line *x = value;
		struct what_if_line *to = what_if_line(into, key, x->currency);

		for (int side = WAS; side < SIDES; side++) {
			to->leads[side] += x->leads[side];
			to->price_minor[side] += x->price_minor[side];
			to->payout_minor[side] += x->payout_minor[side];
		}
	}
}

static const char *money(int64_t minor, const char *currency, char room[64])
{
	money_text(minor, currency, room, 64);
	return room;
}

static void print_line(bool json, const char *kind, struct slice key, const struct what_if_line *x)
{
	char a[64], b[64];

	if (json) {
		_cleanup_(buf_free) struct buf out = {0};

		buf_printf(&out, "{\"kind\":\"%s\",", kind);
		json_write_member(&out, "id", key);
		buf_printf(
		    &out,
		    ",\"currency\":\"%s\",\"was\":%" PRIu64 ",\"would_be\":%" PRIu64
		    ",\"price_was_minor\":%" PRId64 ",\"price_would_be_minor\":%" PRId64
		    ",\"payout_was_minor\":%" PRId64 ",\"payout_would_be_minor\":%" PRId64 "}",
		    x->currency, x->leads[WAS], x->leads[WOULD_BE], x->price_minor[WAS],
		    x->price_minor[WOULD_BE], x->payout_minor[WAS], x->payout_minor[WOULD_BE]);
		puts(buf_cstr(&out));
		return;
	}
	printf("%-32.*s %10" PRIu64 " %10" PRIu64, (int)key.len, key.data, x->leads[WAS],
	       x->leads[WOULD_BE]);
	if (x->currency[0])
		printf("  %18s %18s", money(x->price_minor[WAS], x->currency, a),
		       money(x->price_minor[WOULD_BE], x->currency, b));
	if (x->currency[0])
		printf("  %18s %18s", money(x->payout_minor[WAS], x->currency, a),
		       money(x->payout_minor[WOULD_BE], x->currency, b));
	putchar('\n');
}

static void print_lines(const struct what_if *w, const char *kind, const char *title,
			struct what_if_lines *all, size_t offset)
{
	bool json = w->replay->tool->json;
	struct slice key;
	void *value;

	for (int32_t i = 0; i < w->partitions; i++)
		merge(all, (const struct what_if_lines *)((const char *)&w->parts[i] + offset));
	if (!json)
		printf("\n%-32s %10s %10s  %18s %18s  %18s %18s\n", title, "sold", "would be",
		       "price", "would be", "payout", "would be");
	for (size_t i = 0; map_at(&all->map, i, &key, &value); i++)
		print_line(json, kind, key, value);
}

static void lines_free(struct what_if_lines *l)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&l->map, i, &key, &value); i++)
		free(value);
	map_free(&l->map);
}

static void print_samples(const struct what_if *w)
{
	size_t shown = 0;

	if (!w->replay->tool->json)
		puts("\nsamples:");
	for (int32_t i = 0; i < w->partitions; i++) {
		const struct what_if_part *p = &w->parts[i];

		for (size_t k = 0; k < p->sample_count && shown < REPLAY_SAMPLES; k++, shown++)
			printf(w->replay->tool->json
				   ? "{\"kind\":\"sample\",\"lead_id\":\"%s\",\"change\":\"%s\"}\n"
				   : "%s  %s\n",
			       p->samples[k].lead, p->samples[k].text);
	}
}

void what_if_report(const struct what_if *w)
{
	static const struct {
		const char *kind, *title;
		size_t offset;
	} tables[] = {{"total", "in all", offsetof(struct what_if_part, totals)},
		      {"order", "order", offsetof(struct what_if_part, orders)},
		      {"webmaster", "webmaster", offsetof(struct what_if_part, webmasters)},
		      {"unsold", "unsold because", offsetof(struct what_if_part, unsold)}};
	uint64_t records = 0, changed = 0;

	for (int32_t i = 0; i < w->partitions; i++) {
		records += w->parts[i].records;
		changed += w->parts[i].changed;
	}
	printf(w->replay->tool->json ? "{\"kind\":\"changed\",\"records\":%" PRIu64
				       ",\"changed\":%" PRIu64 "}\n"
				     : "%" PRIu64 " market records folded twice: on %" PRIu64
				       " of them something else would have been decided\n",
	       records, changed);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct what_if_lines all = {.map = {.count = 0}};

		print_lines(w, tables[i].kind, tables[i].title, &all, tables[i].offset);
		lines_free(&all);
	}
	print_samples(w);
}

void what_if_part_free(struct what_if_part *p)
{
	struct slice key;
	void *value;

	for (int side = WAS; side < SIDES; side++) {
		for (size_t i = 0; map_at(&p->open[side], i, &key, &value); i++)
			what_if_free_sale(value);
		map_free(&p->open[side]);
	}
	lines_free(&p->orders);
	lines_free(&p->webmasters);
	lines_free(&p->unsold);
	lines_free(&p->totals);
}
