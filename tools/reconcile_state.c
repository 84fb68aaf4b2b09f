/* reconcile_state: see reconcile_state.h.
 *
 *     punnet reconcile 1 NAME UPTO_MS COUNT
 *     ROW LEAD_ID                              COUNT lines; ROW is its place among the rows that have a phone alone
 *     end */
#include "reconcile_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"

#define PATH_MAX_LEN 1100
#define HEAD         "punnet reconcile 1"

static void state_path(const char *out, char ret[PATH_MAX_LEN])
{
	snprintf(ret, PATH_MAX_LEN, "%s.state", out);
}

uint64_t reconcile_state_name(const struct reconcile *r, const char *advertiser)
{
	uint64_t h = hash_fnv1a(0, slice_cstr(advertiser));

	for (size_t i = 0; i < r->row_count; i++) {
		const struct their_row *row = &r->rows[i];

		h = hash_fnv1a(h, slice_of(&row->number, sizeof(row->number)));
		if (row->phone.known)
			h = hash_fnv1a(h, slice_of(row->phone.bytes, FINGERPRINT_LEN));
		else
			h = hash_fnv1a(h, slice_of(row->id.bytes, sizeof(row->id.bytes)));
	}
	return h;
}

static bool is_found(const struct their_row *row)
{
	static const struct lead_id none;

	return !lead_id_equal(&row->id, &none);
}

/* One line after the head; false: the state is damaged. */
static bool load_line(struct reconcile *r, const char *line, bool apply)
{
	char text[LEAD_ID_TEXT_LEN + 1];
	struct lead_id id;
	size_t at;

	if (sscanf(line, "%zu %36s", &at, text) != 2 || at >= r->phone_count ||
	    !lead_id_parse(slice_cstr(text), &id))
		return false;
	if (apply)
		r->rows[r->by_phone[at]].id = id;
	return true;
}

/* Read twice: the second time what is known to be whole is applied. */
static bool load(struct reconcile *r, FILE *f, uint64_t name, bool apply, int64_t *ret_upto_ms)
{
	char line[128];
	uint64_t named;
	size_t count;

	rewind(f);
	if (!fgets(line, sizeof(line), f) ||
	    sscanf(line, HEAD " %" SCNx64 " %" SCNd64 " %zu", &named, ret_upto_ms, &count) != 3 ||
	    named != name || count > r->phone_count || *ret_upto_ms <= 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!fgets(line, sizeof(line), f) || !load_line(r, line, apply))
			return false;
	return fgets(line, sizeof(line), f) && strcmp(line, "end\n") == 0;
}

int64_t reconcile_state_load(struct reconcile *r, uint64_t name, const char *out)
{
	char path[PATH_MAX_LEN];
	int64_t upto_ms = 0;
	bool whole;
	FILE *f;

	(void)reconcile_without_id(r);
	state_path(out, path);
	f = fopen(path, "r");
	if (!f)
		return 0;
	whole = load(r, f, name, false, &upto_ms) && load(r, f, name, true, &upto_ms);
	fclose(f);
	return whole ? upto_ms : 0;
}

static void write_found(const struct reconcile *r, FILE *f)
{
	char text[LEAD_ID_TEXT_LEN + 1];

	for (size_t i = 0; i < r->phone_count; i++) {
		const struct their_row *row = &r->rows[r->by_phone[i]];

		if (!is_found(row))
			continue;
		lead_id_text(&row->id, text);
		fprintf(f, "%zu %s\n", i, text);
	}
	fputs("end\n", f);
}

enum result reconcile_state_save(const struct reconcile *r, uint64_t name, int64_t upto_ms,
				 const char *out, struct error *ret_error)
{
	char path[PATH_MAX_LEN], part[PATH_MAX_LEN + 8];
	size_t count = 0;
	bool written;
	FILE *f;

	state_path(out, path);
	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "w");
	if (!f)
		return error_set(ret_error, RESULT_BAD, "%s: can't be written", part);
	for (size_t i = 0; i < r->phone_count; i++)
		count += is_found(&r->rows[r->by_phone[i]]);
	fprintf(f, HEAD " %" PRIx64 " %" PRId64 " %zu\n", name, upto_ms, count);
	write_found(r, f);
	written = fflush(f) == 0 && !ferror(f) && fsync(fileno(f)) == 0;
	written = fclose(f) == 0 && written;
	if (written && rename(part, path) == 0)
		return RESULT_OK;
	unlink(part);
	return error_set(ret_error, RESULT_BAD, "%s: can't be written", path);
}

void reconcile_state_done(const char *out)
{
	char path[PATH_MAX_LEN];

	state_path(out, path);
	unlink(path);
}
