/* json: the writer. Everything that is not plain leaves as an escape, so that what was written always reads again. */
#include "json.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void write_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_forms[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
					   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

	if (c < sizeof(short_forms) && short_forms[c])
		buf_append(b, (char[]){'\\', short_forms[c]}, 2);
	else
		buf_append(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void json_write_string(struct buf *b, struct slice s)
{
	buf_append_char(b, '"');
	while (s.len) {
		size_t take = 0;

		while (take < s.len && is_plain((unsigned char)s.data[take]))
			take++;
		if (take == 0 && (unsigned char)s.data[0] < 0x80) {
			write_escape(b, (unsigned char)s.data[0]);
			take = 1;
		} else if (take) {
			buf_append(b, s.data, take);
		} else {
			/* A run beyond ASCII, cut where it is not UTF-8 or where ASCII begins. */
			while (take < s.len && (unsigned char)s.data[take] >= 0x80)
				take++;
			take = slice_utf8_valid_prefix(slice_of(s.data, take));
			if (take) {
				buf_append(b, s.data, take);
			} else {
				buf_append_cstr(b, REPLACEMENT);
				take = 1;
			}
		}
		s.data += take;
		s.len -= take;
	}
	buf_append_char(b, '"');
}

static void write_name(struct buf *b, const char *name)
{
	json_write_string(b, slice_cstr(name));
	buf_append_char(b, ':');
}

void json_write_member(struct buf *b, const char *name, struct slice s)
{
	write_name(b, name);
	json_write_string(b, s);
}

void json_write_member_int(struct buf *b, const char *name, int64_t value)
{
	write_name(b, name);
	buf_append_int(b, value);
}
