/* traffic_write: a sample lead's members as a form or as JSON. */
#include "base/json.h"
#include "traffic_draw.h"

static void write_list(struct buf *out, struct slice value)
{
	const char *separator = "[";

	for (struct slice rest = value; rest.len > 0;) {
		const char *comma = memchr(rest.data, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.data) : rest.len;

		buf_append_cstr(out, separator);
		json_write_string(out, slice_of(rest.data, len));
		separator = ",";
		rest.data += len + (comma ? 1 : 0);
		rest.len -= len + (comma ? 1 : 0);
	}
	buf_append_char(out, ']');
}

static void write_members(const struct traffic_member *members, size_t count, bool own,
			  struct buf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < count; i++) {
		const struct traffic_member *m = &members[i];

		if (m->own != own)
			continue;
		buf_append_cstr(out, separator);
		json_write_string(out, slice_cstr(m->name));
		buf_append_char(out, ':');
		if (m->type == MEMBER_TEXT)
			json_write_string(out, m->value);
		else if (m->type == MEMBER_LIST)
			write_list(out, m->value);
		else
			buf_append_slice(out, m->value);
		separator = ",";
	}
}

void traffic_write_json(const struct traffic_member *members, size_t count, struct buf *out)
{
	bool own = false;

	for (size_t i = 0; i < count; i++)
		own = own || members[i].own;
	buf_append_char(out, '{');
	write_members(members, count, false, out);
	if (own) {
		buf_append_cstr(out, ",\"fields\":{");
		write_members(members, count, true, out);
		buf_append_char(out, '}');
	}
	buf_append_char(out, '}');
}

static void write_form_text(struct buf *out, struct slice s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
		    c == '.' || c == '_' || c == '*') {
			buf_append_char(out, (char)c);
		} else if (c == ' ') {
			buf_append_char(out, '+');
		} else {
			buf_append_char(out, '%');
			buf_append_char(out, hex[c >> 4]);
			buf_append_char(out, hex[c & 15]);
		}
	}
}

void traffic_write_form(const struct traffic_member *members, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(out, '&');
		buf_append_cstr(out, members[i].name);
		buf_append_char(out, '=');
		write_form_text(out, members[i].value);
	}
}
