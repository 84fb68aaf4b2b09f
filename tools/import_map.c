/* import_map: see import_map.h. The map's faults come with file and line, all at once. */
#include "import_map.h"

#include "base/json.h"
#include "base/timefmt.h"

#define OWN_PREFIX "fields."
#define ZONE_MOST  (14 * 60)

static const char *const as_names[] = {"text", "number", "flag", "time", "phone"};

/* --- the map's file --- */

static bool read_as(struct slice name, enum import_as *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(as_names); i++) {
		if (slice_is(name, as_names[i])) {
			*ret = (enum import_as)i;
			return true;
		}
	}
	return false;
}

static void set_field(struct import_target *t, struct slice field)
{
	t->own = slice_starts_with(field, OWN_PREFIX);
	t->field = field;
	if (t->own) {
		t->field.data += sizeof(OWN_PREFIX) - 1;
		t->field.len -= sizeof(OWN_PREFIX) - 1;
	} else if (slice_is(field, "phone")) {
		t->as = IMPORT_PHONE;
	}
}

/* "Column: field" or "Column: {field: clicked_at, as: time, format: dd.mm.yyyy}". An empty field: not used. */
static void read_column(const struct yaml *item, struct import_target *t, struct yaml_faults *f)
{
	struct slice field = {NULL, 0}, as = {NULL, 0};

	t->column = item->key;
	if (item->type == YAML_SCALAR) {
		if (item->text.len > 0)
			set_field(t, item->text);
		return;
	}
	(void)yaml_text(item, "field", &field, f);
	(void)yaml_text(item, "as", &as, f);
	(void)yaml_text(item, "format", &t->format, f);
	yaml_refuse_unknown(item, "column", "field, as, format", f);
	if (field.len == 0) {
		yaml_fault(f, item->line,
			   "field: expected the name of a lead's member, or " OWN_PREFIX "NAME");
		return;
	}
	set_field(t, field);
	if (as.len > 0 && !read_as(as, &t->as))
		yaml_fault(f, item->line, "as: expected text, number, flag, time or phone");
	if ((t->as == IMPORT_TIME) != (t->format.len > 0))
		yaml_fault(f, item->line,
			   "a time needs a format, for example \"dd.mm.yyyy hh:mm\", and nothing "
			   "else has one");
}

static void read_columns(const struct yaml *root, struct import_map *m, struct yaml_faults *f)
{
	const struct yaml *map = yaml_get(root, "columns");

	if (!map || map->type != YAML_MAP || map->count == 0 || map->count > IMPORT_COLUMNS_MAX) {
		yaml_fault(f, map ? map->line : root->line,
			   "columns: expected 1 to %d columns with the members that they become",
			   IMPORT_COLUMNS_MAX);
		return;
	}
	for (const struct yaml *item = map->child; item; item = item->next)
		read_column(item, &m->columns[m->column_count++], f);
}

static void read_constants(const struct yaml *root, struct import_map *m, struct yaml_faults *f)
{
	const struct yaml *map = yaml_get(root, "constants");

	if (!map)
		return;
	if (map->type != YAML_MAP || map->count > IMPORT_CONSTANTS_MAX) {
		yaml_fault(f, map->line, "constants: expected at most %d members with their values",
			   IMPORT_CONSTANTS_MAX);
		return;
	}
	for (const struct yaml *item = map->child; item; item = item->next) {
		struct import_target *t = &m->constants[m->constant_count++];
		int64_t number;

		set_field(t, item->key);
		t->value = item->text;
		if (item->type != YAML_SCALAR)
			yaml_fault(f, item->line, "a constant is a text, a number or a flag");
		if (!item->quoted && slice_to_int64(item->text, &number))
			t->as = IMPORT_NUMBER;
		else if (!item->quoted &&
			 (slice_is(item->text, "true") || slice_is(item->text, "false")))
			t->as = IMPORT_FLAG;
	}
}

/* "+03:00" */
static bool read_zone(struct slice text, int32_t *ret)
{
	int64_t hours, minutes;

	if (text.len != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':' ||
	    !slice_to_int64(slice_of(text.data + 1, 2), &hours) ||
	    !slice_to_int64(slice_of(text.data + 4, 2), &minutes) || minutes < 0 || minutes > 59 ||
	    hours < 0 || hours * 60 + minutes > ZONE_MOST)
		return false;
	*ret = (int32_t)(hours * 60 + minutes) * (text.data[0] == '-' ? -1 : 1);
	return true;
}

static void read_shape(const struct yaml *root, struct import_map *m, struct yaml_faults *f)
{
	static const char *const encodings[] = {"utf-8",  "windows-1251", "koi8-r",
						"utf-16", "utf-16le",     "utf-16be"};
	struct slice delimiter = SLICE(","), quote = SLICE("\""), zone = SLICE("+00:00"), others;
	bool known = false;

	m->encoding = SLICE("utf-8");
	others = SLICE("refuse");
	(void)yaml_text(root, "encoding", &m->encoding, f);
	(void)yaml_text(root, "delimiter", &delimiter, f);
	(void)yaml_text(root, "quote", &quote, f);
	(void)yaml_text(root, "zone", &zone, f);
	(void)yaml_text(root, "others", &others, f);
	for (size_t i = 0; i < ARRAY_LEN(encodings); i++)
		known = known || slice_is(m->encoding, encodings[i]);
	if (!known)
		yaml_fault(f, root->line,
			   "encoding: expected utf-8, windows-1251, koi8-r, utf-16, utf-16le or "
			   "utf-16be");
	if (slice_is(delimiter, "tab"))
		delimiter = SLICE("\t");
	if (!slice_is(delimiter, ",") && !slice_is(delimiter, ";") && !slice_is(delimiter, "\t"))
		yaml_fault(f, root->line, "delimiter: expected \",\", \";\" or tab");
	if (quote.len != 1)
		yaml_fault(f, root->line, "quote: expected one sign");
	if (!read_zone(zone, &m->zone_minutes))
		yaml_fault(f, root->line, "zone: expected an offset, for example \"+03:00\"");
	if (!slice_is(others, "ignore") && !slice_is(others, "refuse"))
		yaml_fault(f, root->line, "others: expected ignore or refuse");
	m->ignore_others = slice_is(others, "ignore");
	m->delimiter = delimiter.len ? delimiter.data[0] : ',';
	m->quote = quote.len ? quote.data[0] : '"';
}

bool import_map_load(struct arena *a, const char *path, struct import_map *ret,
		     struct yaml_faults *f)
{
	const struct yaml *root = yaml_load(a, path, f);

	*ret = (struct import_map){0};
	if (!root)
		return false;
	(void)yaml_text(root, "name", &ret->name, f);
	(void)yaml_text(root, "webmaster", &ret->webmaster, f);
	(void)yaml_text(root, "id", &ret->id_column, f);
	if (ret->name.len == 0)
		yaml_fault(f, root->line, "name: expected a name; rows of one name are taken once");
	read_shape(root, ret, f);
	read_columns(root, ret, f);
	read_constants(root, ret, f);
	yaml_refuse_unknown(
	    root, "map",
	    "name, webmaster, id, encoding, delimiter, quote, zone, others, columns, "
	    "constants",
	    f);
	return f->count == 0;
}

/* --- a file's header --- */

static const struct import_target *find_column(const struct import_map *m, struct slice name)
{
	for (size_t i = 0; i < m->column_count; i++)
		if (slice_equal(m->columns[i].column, name))
			return &m->columns[i];
	return NULL;
}

static bool in_header(const struct import_header *h, struct slice name)
{
	for (size_t i = 0; i < h->count; i++)
		if (slice_equal(h->names[i], name))
			return true;
	return false;
}

enum result import_header_bind(struct arena *a, const struct import_map *m,
			       const struct slice *cells, size_t count, struct import_header *ret,
			       struct error *ret_error)
{
	*ret = (struct import_header){.id_at = -1};
	if (count > IMPORT_COLUMNS_MAX)
		return error_set(ret_error, RESULT_BAD, "more than %d columns", IMPORT_COLUMNS_MAX);
	for (size_t i = 0; i < count; i++) {
		struct slice name = arena_dup(a, slice_trim(cells[i]));
		const struct import_target *t = find_column(m, name);

		if (in_header(ret, name) && t)
			return error_set(ret_error, RESULT_BAD,
					 "column \"" SLICE_FMT "\" stands twice", SLICE_ARG(name));
		if (!t && !m->ignore_others && !slice_equal(name, m->id_column))
			return error_set(ret_error, RESULT_BAD,
					 "column \"" SLICE_FMT
					 "\" is not in the map; give it an empty member, or say "
					 "\"others: ignore\"",
					 SLICE_ARG(name));
		if (m->id_column.len > 0 && slice_equal(name, m->id_column))
			ret->id_at = (int)i;
		ret->targets[i] = t && t->field.data ? t : NULL;
		ret->names[ret->count++] = name;
	}
	for (size_t i = 0; i < m->column_count; i++)
		if (!in_header(ret, m->columns[i].column))
			return error_set(ret_error, RESULT_BAD,
					 "column \"" SLICE_FMT "\" of the map is not in the file",
					 SLICE_ARG(m->columns[i].column));
	if (m->id_column.len > 0 && ret->id_at < 0)
		return error_set(ret_error, RESULT_BAD,
				 "the id column \"" SLICE_FMT "\" is not in the file",
				 SLICE_ARG(m->id_column));
	return RESULT_OK;
}

/* --- a row --- */

static void add_reason(struct buf *reasons, struct slice column, const char *what)
{
	if (reasons->len > 0)
		buf_append_cstr(reasons, "; ");
	buf_append_slice(reasons, column);
	buf_append_cstr(reasons, ": ");
	buf_append_cstr(reasons, what);
}

static bool is_yes(struct slice text, bool *ret)
{
	static const char *const yes[] = {"1", "true", "yes", "да", "+"};
	static const char *const no[] = {"0", "false", "no", "нет", "-"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (slice_is(text, yes[i]) || slice_is(text, no[i])) {
			*ret = slice_is(text, yes[i]);
			return true;
		}
	}
	return false;
}

static void write_value(const struct import_map *m, const struct import_target *t,
			struct slice text, struct buf *out, struct buf *reasons)
{
	char time[TIME_TEXT_LEN + 1];
	struct buf phone = {0};
	int64_t number;
	bool flag;

	switch (t->as) {
	case IMPORT_NUMBER:
		if (!import_number(text, &number))
			add_reason(reasons, t->column, "expected a whole number");
		else
			buf_append_int(out, number);
		return;
	case IMPORT_FLAG:
		if (!is_yes(text, &flag))
			add_reason(reasons, t->column, "expected yes or no");
		else
			buf_append_cstr(out, flag ? "true" : "false");
		return;
	case IMPORT_TIME:
		if (!import_time(text, t->format, m->zone_minutes, &number)) {
			add_reason(reasons, t->column, "expected a time like ");
			buf_append_slice(reasons, t->format);
			return;
		}
		time_text(number, time);
		json_write_string(out, slice_cstr(time));
		return;
	case IMPORT_PHONE:
		import_phone(text, &phone);
		json_write_string(out, buf_slice(&phone));
		buf_free(&phone);
		return;
	case IMPORT_TEXT:
		json_write_string(out, text);
	}
}

static void write_member(const struct import_map *m, const struct import_target *t,
			 struct slice text, struct buf *out, struct buf *reasons)
{
	size_t start = out->len;

	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_append_char(out, ',');
	json_write_string(out, t->field);
	buf_append_char(out, ':');
	write_value(m, t, text, out, reasons);
	if (reasons->len > 0)
		out->len = start;
}

static void write_members(const struct import_map *m, const struct import_header *h,
			  const struct slice *cells, bool own, struct buf *out, struct buf *reasons)
{
	for (size_t i = 0; i < m->constant_count; i++)
		if (m->constants[i].own == own)
			write_member(m, &m->constants[i], m->constants[i].value, out, reasons);
	for (size_t i = 0; i < h->count; i++) {
		struct slice text = slice_trim(cells[i]);

		if (h->targets[i] && h->targets[i]->own == own && text.len > 0)
			write_member(m, h->targets[i], text, out, reasons);
	}
}

bool import_row_build(const struct import_map *m, const struct import_header *h,
		      const struct slice *cells, size_t count, struct buf *ret_body,
		      struct buf *ret_reasons)
{
	size_t body_start = ret_body->len;

	if (count != h->count) {
		buf_printf(ret_reasons, "row: %zu cells, the header has %zu", count, h->count);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!slice_utf8_valid(cells[i]))
			add_reason(ret_reasons, h->names[i], "not readable in the file's encoding");
		else if (memchr(cells[i].data ? cells[i].data : "-", '\0', cells[i].len))
			add_reason(ret_reasons, h->names[i], "holds a NUL");
	}
	if (h->id_at >= 0 && slice_trim(cells[h->id_at]).len == 0)
		add_reason(ret_reasons, h->names[h->id_at], "the row has no id");
	buf_append_char(ret_body, '{');
	write_members(m, h, cells, false, ret_body, ret_reasons);
	if (ret_body->data[ret_body->len - 1] != '{')
		buf_append_char(ret_body, ',');
	buf_append_cstr(ret_body, "\"fields\":{");
	write_members(m, h, cells, true, ret_body, ret_reasons);
	buf_append_cstr(ret_body, "}}");
	if (ret_reasons->len > 0)
		ret_body->len = body_start;
	return ret_reasons->len == 0;
}
