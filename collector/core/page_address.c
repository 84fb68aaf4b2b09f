/* page_address: see page_address.h. */
#include "page_address.h"

#include "base/json_escape.h"

#define DECODE_TIMES     3
#define DIGITS_MAX       64
#define OWN_DIGITS_LEAST 7
#define OWN_DIGITS       10 /* the last ones: people leave the country's code out, or write another one */
#define PHONE_LEAST      10
#define PHONE_LEAST_PLUS 7
#define PHONE_MOST       15
#define NAME_BYTES_LEAST 4 /* two letters of Cyrillic; a shorter one is anything */
#define HEX_DIGITS       2

/* What one part is made of, decoded. */
struct part {
	char text[DRAFT_PAGE_MAX];
	size_t len;
	char digits[DIGITS_MAX];
	size_t digit_count; /* of all, also those that had no room */
	bool at, plus, other;
};

/* Nearly every part is plain: it can be somebody's name at most, and stands there as it was typed. */
enum byte_class { BYTE_PLAIN, BYTE_DIGIT, BYTE_SPECIAL, BYTE_END };

static const uint8_t classes[256] = {
    ['0' ... '9'] = BYTE_DIGIT, ['%'] = BYTE_SPECIAL, ['+'] = BYTE_SPECIAL, ['@'] = BYTE_SPECIAL,
    ['/'] = BYTE_END,           ['?'] = BYTE_END,     ['&'] = BYTE_END,     ['='] = BYTE_END,
    ['#'] = BYTE_END,           [';'] = BYTE_END,     [','] = BYTE_END,
};

static enum byte_class class_of(char c)
{
	return (enum byte_class)classes[(uint8_t)c];
}

/* One byte, and how many it took in the text. "%2540" is "%40" is "@". */
static char next_byte(struct slice s, size_t *taken)
{
	char c = s.data[0];

	*taken = 1;
	for (int i = 0; i < DECODE_TIMES && c == '%'; i++) {
		int high, low;

		if (s.len < *taken + HEX_DIGITS)
			break;
		high = hex_value(s.data[*taken]);
		low = hex_value(s.data[*taken + 1]);
		if (high < 0 || low < 0)
			break;
		*taken += HEX_DIGITS;
		c = (char)(high << 4 | low);
	}
	return c;
}

static void add_byte(struct part *p, char c)
{
	p->text[p->len++] = c == '+' ? ' ' : c; /* in a query a plus is a space */
	if (c >= '0' && c <= '9') {
		if (p->digit_count < DIGITS_MAX)
			p->digits[p->digit_count] = c;
		p->digit_count++;
	} else if (c == '@') {
		p->at = true;
	} else if (c == '+') {
		p->plus = true;
	} else if (!strchr(" -().", c) || c == '\0') {
		p->other = true;
	}
}

static void read_part(struct slice text, struct part *ret)
{
	size_t taken;

	ret->len = ret->digit_count = 0;
	ret->at = ret->plus = ret->other = false;
	for (size_t i = 0; i < text.len; i += taken)
		add_byte(ret, next_byte(slice_of(text.data + i, text.len - i), &taken));
}

static bool is_phone(const struct part *p)
{
	return !p->other && p->digit_count <= PHONE_MOST &&
	       p->digit_count >= (p->plus ? PHONE_LEAST_PLUS : PHONE_LEAST);
}

static bool has_own_phone(const struct part *p, const char *phone)
{
	size_t len = strlen(phone), have = MIN_OF(p->digit_count, (size_t)DIGITS_MAX);
	const char *from = phone + (len > OWN_DIGITS ? len - OWN_DIGITS : 0);

	if (*from == '+')
		from++;
	len = strlen(from);
	return len >= OWN_DIGITS_LEAST && have >= len && memmem(p->digits, have, from, len);
}

static bool is_own_name(struct slice text, const struct draft *d)
{
	static const enum lead_field names[] = {LEAD_FIELD_NAME, LEAD_FIELD_FIRST_NAME,
						LEAD_FIELD_LAST_NAME, LEAD_FIELD_MIDDLE_NAME};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct slice name = draft_text(d, names[i]);

		if (name.len == text.len && name.len >= NAME_BYTES_LEAST &&
		    slice_equal_nocase(name, text))
			return true;
	}
	return false;
}

static bool is_personal(const struct draft *d, struct slice text, size_t digits, bool special)
{
	struct part p;

	if (text.len == 0)
		return false;
	if (!special && digits < OWN_DIGITS_LEAST)
		return is_own_name(text, d);
	read_part(text, &p);
	return p.at || is_phone(&p) || has_own_phone(&p, d->phone) ||
	       is_own_name(slice_of(p.text, p.len), d);
}

/* Writes only when something goes: nearly every address stays where it is, in the body. */
static void clean(struct draft *d, enum lead_field field, char room[DRAFT_PAGE_MAX])
{
	struct slice text = draft_text(d, field);
	size_t kept = 0, begin = 0, digits = 0;
	bool special = false;

	if (text.len == 0 ||
	    text.len > DRAFT_PAGE_MAX) /* longer ones are faults, and never stored */
		return;
	for (size_t i = 0; i <= text.len; i++) {
		enum byte_class class = i < text.len ? class_of(text.data[i]) : BYTE_END;
		struct slice part;

		if (class != BYTE_END) {
			digits += class == BYTE_DIGIT;
			special |= class == BYTE_SPECIAL;
			continue;
		}
		part = slice_of(text.data + begin, i - begin);
		if (!is_personal(d, part, digits, special)) {
			memcpy(room + kept, part.data, part.len);
			kept += part.len;
		}
		if (i < text.len)
			room[kept++] = text.data[i];
		begin = i + 1;
		digits = 0;
		special = false;
	}
	if (kept < text.len)
		d->v[field].text = slice_of(room, kept);
}

void page_addresses_clean(struct draft *d)
{
	clean(d, LEAD_FIELD_LANDING_URL, d->landing_url);
	clean(d, LEAD_FIELD_REFERRER, d->referrer);
}
