/* formats: see formats.h. */
#include "formats.h"

#include <sodium.h>

#include "base/money.h"
#include "base/timefmt.h"

#define FORMAT_MAX_CHARS 100000
#define FORMAT_SPARE     128 /* room for what is not text: numbers, times, a hash */

static struct slice next_format(struct slice *rest)
{
	const char *bar = memchr(rest->data, '|', rest->len);
	size_t len = bar ? (size_t)(bar - rest->data) : rest->len;
	struct slice one = slice_of(rest->data, len);

	*rest = bar ? slice_of(bar + 1, rest->len - len - 1) : slice_of(NULL, 0);
	return one;
}

/* --- of a kind --- */

static void set_text(struct formatted *f, const char *text)
{
	buf_reset(&f->text);
	buf_append_cstr(&f->text, text);
}

static void set_int(struct formatted *f, int64_t value)
{
	buf_reset(&f->text);
	buf_append_int(&f->text, value);
	f->bare = true;
}

static void to_major(const struct value *v, struct formatted *f)
{
	char text[64], currency[8] = {0};

	memcpy(currency, v->text.data, MIN_OF(v->text.len, sizeof(currency) - 1));
	money_text(v->integer, currency, text, sizeof(text));
	text[strcspn(text, " ")] = 0;
	set_text(f, text);
	f->bare = true;
}

static void to_date(const struct value *v, struct formatted *f)
{
	char at[TIME_TEXT_LEN + 1];

	time_text(v->integer, at);
	buf_reset(&f->text);
	buf_append(&f->text, at, 10);
}

static void to_dmy(const struct value *v, struct formatted *f)
{
	char at[TIME_TEXT_LEN + 1];

	time_text(v->integer, at);
	buf_reset(&f->text);
	buf_append(&f->text, at + 8, 2);
	buf_append_char(&f->text, '.');
	buf_append(&f->text, at + 5, 2);
	buf_append_char(&f->text, '.');
	buf_append(&f->text, at, 4);
}

static void to_unix(const struct value *v, struct formatted *f)
{
	set_int(f, v->integer / MS_PER_S);
}

static void to_unix_ms(const struct value *v, struct formatted *f)
{
	set_int(f, v->integer);
}

static const struct {
	const char *name;
	enum value_kind kind;
	void (*write)(const struct value *v, struct formatted *f);
} of_kind[] = {
    {"major", VALUE_MONEY, to_major}, {"date", VALUE_TIME, to_date},
    {"dmy", VALUE_TIME, to_dmy},      {"unix", VALUE_TIME, to_unix},
    {"bit", VALUE_FLAG, to_unix_ms},  {"unix_ms", VALUE_TIME, to_unix_ms},
};

/* --- of any text: in place, for none makes it longer than the room --- */

static void keep_digits(struct formatted *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->text.len; i++)
		if (f->text.data[i] >= '0' && f->text.data[i] <= '9')
			f->text.data[kept++] = f->text.data[i];
	f->text.len = kept;
	f->absent |= kept == 0;
}

static void shift_letters(struct formatted *f, char from, char to)
{
	for (size_t i = 0; i < f->text.len; i++)
		if (f->text.data[i] >= from && f->text.data[i] <= from + 25)
			f->text.data[i] = (char)(f->text.data[i] - from + to);
}

static void lower(struct formatted *f)
{
	shift_letters(f, 'A', 'a');
}

static void upper(struct formatted *f)
{
	shift_letters(f, 'a', 'A');
}

static void sha256(struct formatted *f)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];

	crypto_hash_sha256(hash, (const uint8_t *)f->text.data, f->text.len);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	set_text(f, hex);
}

static void as_text(struct formatted *f)
{
	f->bare = f->came = false;
}

/* A JSON number is one already: a reader that knows better says whether this is. */
static void as_number(struct formatted *f)
{
	struct arena scratch = {0};
	struct json_fault fault;
	const struct json *node =
	    json_parse(&scratch, buf_slice(&f->text), JSON_LIMITS_DEFAULT, &fault);

	f->bare = node && node->type == JSON_NUMBER;
	arena_free(&scratch);
}

static const struct {
	const char *name;
	void (*change)(struct formatted *f);
	bool keeps_bare;
} of_text[] = {
    {"digits", keep_digits, false}, {"lower", lower, false},  {"upper", upper, false},
    {"sha256", sha256, false},      {"text", as_text, false}, {"number", as_number, true},
};

static void cut(struct formatted *f, int64_t characters)
{
	size_t at = 0;

	while (at < f->text.len && characters-- > 0) {
		at++;
		while (at < f->text.len && (f->text.data[at] & 0xc0) == 0x80)
			at++;
	}
	f->text.len = at;
}

/* --- which may stand where --- */

static bool skip(struct slice *format, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!slice_starts_with(*format, prefix))
		return false;
	*format = slice_of(format->data + len, format->len - len);
	return true;
}

/* What kind a name's values have; open lists may have any. */
static bool may_be(struct slice name, enum value_kind kind)
{
	if (kind == VALUE_MONEY)
		return slice_is(name, "price");
	if (kind == VALUE_TIME)
		return slice_is(name, "received_at") || slice_is(name, "sent_at");

	return slice_is(name, "is_test") || slice_starts_with(name, "fields.");
}

static const char *format_fault(struct slice name, struct slice format, bool first)
{
	int64_t count;

	for (size_t i = 0; i < ARRAY_LEN(of_kind); i++) {
		if (!slice_is(format, of_kind[i].name))
			continue;
		if (!may_be(name, of_kind[i].kind))
			return "a format that this value can't have";
		return first ? NULL : "a format that must stand first";
	}
	for (size_t i = 0; i < ARRAY_LEN(of_text); i++)
		if (slice_is(format, of_text[i].name))
			return NULL;
	if (skip(&format, "or:"))
		return NULL;
	if (!skip(&format, "max:"))
		return "an unknown format";

	return slice_to_int64(format, &count) && count >= 1 && count <= FORMAT_MAX_CHARS
		   ? NULL
		   : "max: with no number from 1 to 100000";
}

const char *formats_fault(struct slice name, struct slice formats)
{
	bool first = true;

	while (formats.len > 0) {
		const char *fault = format_fault(name, next_format(&formats), first);

		if (fault)
			return fault;
		first = false;
	}
	return NULL;
}

/* --- writing --- */

static void write_plain(const struct value *v, struct formatted *f)
{
	char at[TIME_TEXT_LEN + 1];

	switch (v->kind) {
	case VALUE_INTEGER:
	case VALUE_MONEY:
		set_int(f, v->integer);
		return;
	case VALUE_FLAG:
		set_text(f, v->integer ? "true" : "false");
		f->bare = true;
		return;
	case VALUE_TIME:
		time_text(v->integer, at);
		set_text(f, at);
		return;
	case VALUE_TEXT:
	case VALUE_AS_CAME:
		buf_append_slice(&f->text, v->text);
		f->came = v->kind == VALUE_AS_CAME;
		return;
	case VALUE_ABSENT:
	case VALUE_NO_SECRET:
		f->absent = true;
	}
}

static bool apply_of_kind(const struct value *v, struct slice format, struct formatted *f)
{
	for (size_t i = 0; i < ARRAY_LEN(of_kind); i++) {
		if (!slice_is(format, of_kind[i].name))
			continue;
		if (v->kind == of_kind[i].kind)
			of_kind[i].write(v, f);
		return true;
	}
	return false;
}

static void apply(const struct value *v, struct slice format, struct formatted *f)
{
	int64_t count = 0;

	if (skip(&format, "or:")) {
		if (!f->absent)
			return;
		buf_reset(&f->text);
		buf_append_slice(&f->text, format);
		f->absent = f->bare = f->came = false;
		return;
	}
	if (f->absent || apply_of_kind(v, format, f))
		return;
	for (size_t i = 0; i < ARRAY_LEN(of_text); i++) {
		if (!slice_is(format, of_text[i].name))
			continue;
		f->bare &= of_text[i].keeps_bare;
		f->came = false;
		of_text[i].change(f);
		return;
	}
	if (skip(&format, "max:") && slice_to_int64(format, &count)) {
		f->bare = f->came = false;
		cut(f, count);
	}
}

void format_value(const struct value *v, struct slice formats, struct formatted *ret)
{
	*ret = (struct formatted){0};
	/* All of it at once: a buffer that grows would leave the contact behind in freed memory. */
	if (!buf_reserve(&ret->text, v->text.len + formats.len + FORMAT_SPARE))
		return;
	write_plain(v, ret);
	while (formats.len > 0)
		apply(v, next_format(&formats), ret);
}

void formatted_wipe(struct formatted *f)
{
	if (f->text.data)
		sodium_memzero(f->text.data, f->text.cap);
	buf_free(&f->text);
}
