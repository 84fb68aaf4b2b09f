/* contact, e-mails: a check of form that refuses what no mailbox has and lets through what people really use.
 *
 * The domain is turned into A-labels by libidn2 only when it holds a byte above 0x7F. Anything that libidn2 refuses is a
 * bad domain. Nothing is asked of the DNS here. */
#include "contact.h"

#include <idn2.h>

#define LOCAL_MAX  64 /* RFC 5321, 4.5.3.1.1 */
#define DOMAIN_MAX 253
#define LABEL_MAX  63

enum {
	IN_NAME = 1,  /* a letter or a digit */
	IN_LOCAL = 2, /* stands in a local part, dots apart */
	DIGIT = 4,
	HIGH = 8,
};

/* clang-format off */
static const uint8_t kinds[256] = {
	['a' ... 'z'] = IN_NAME | IN_LOCAL, ['A' ... 'Z'] = IN_NAME | IN_LOCAL,
	['0' ... '9'] = IN_NAME | IN_LOCAL | DIGIT, [0x80 ... 0xFF] = IN_LOCAL | HIGH,
	['!'] = IN_LOCAL, ['#' ... '\''] = IN_LOCAL, ['*'] = IN_LOCAL, ['+'] = IN_LOCAL, ['-'] = IN_LOCAL,
	['/'] = IN_LOCAL, ['='] = IN_LOCAL, ['?'] = IN_LOCAL, ['^' ... '`'] = IN_LOCAL, ['{' ... '~'] = IN_LOCAL,
};
/* clang-format on */

static uint8_t kind_of(char c)
{
	return kinds[(unsigned char)c];
}

static bool is_high(char c)
{
	return (unsigned char)c >= 0x80;
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* C1 controls, white space and invisible characters: typed by nobody, and they make equal addresses differ. */
static bool hides_characters(struct slice s)
{
	static const char *const hidden[] = {
	    "\xC2\xA0",     "\xC2\xAD",     "\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D",
	    "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAA",
	    "\xE2\x80\xAB", "\xE2\x80\xAC", "\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x80\xAF",
	    "\xE2\x81\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF"};

	for (size_t i = 0; i < s.len; i++) {
		if (!is_high(s.data[i]))
			continue;
		if (s.data[i] == '\xC2' && i + 1 < s.len && (unsigned char)s.data[i + 1] < 0xA0)
			return true;
		for (size_t h = 0; h < ARRAY_LEN(hidden); h++) {
			if (slice_starts_with(slice_of(s.data + i, s.len - i), hidden[h]))
				return true;
		}
	}
	return false;
}

/* Dot-atom of RFC 5322, with UTF-8 letters as RFC 6531 adds them. */
static bool local_is_good(struct slice local)
{
	bool dot = true;
	uint8_t met = 0;

	if (local.len == 0 || local.len > LOCAL_MAX)
		return false;
	for (size_t i = 0; i < local.len; i++) {
		uint8_t kind = kind_of(local.data[i]);

		if (kind & IN_LOCAL) {
			met |= kind;
			dot = false;
			continue;
		}
		if (local.data[i] != '.' || dot)
			return false;
		dot = true;
	}
	if (dot)
		return false;
	return !(met & HIGH) || (!hides_characters(local) && slice_utf8_valid(local));
}

/* Letters, digits, hyphens; at least two labels; the last one is no number (that would be an address). */
static bool domain_is_good(struct slice domain)
{
	size_t label = 0, labels = 0;
	bool letter = false;

	if (domain.len == 0 || domain.len > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i <= domain.len; i++) {
		char c = i < domain.len ? domain.data[i] : '.';

		if (c != '.') {
			uint8_t kind = kind_of(c);

			if (!(kind & IN_NAME) && (c != '-' || label == 0))
				return false;
			letter |= !(kind & DIGIT);
			label++;
			continue;
		}
		if (label == 0 || label > LABEL_MAX || domain.data[i - 1] == '-')
			return false;
		labels++;
		label = 0;
		if (i < domain.len)
			letter = false;
	}
	return labels >= 2 && letter;
}

/* The domain as it is compared and resolved: lower case, A-labels. */
static bool domain_to_ascii(struct slice domain, char ret[DOMAIN_MAX + 1], size_t *ret_len)
{
	char typed[EMAIL_TEXT_MAX + 1];
	char *ascii = NULL;
	bool high = false, fits;

	if (domain.len == 0 || domain.len > EMAIL_TEXT_MAX || memchr(domain.data, '\0', domain.len))
		return false;
	for (size_t i = 0; i < domain.len; i++) {
		typed[i] = lower(domain.data[i]);
		high |= is_high(typed[i]);
	}
	typed[domain.len] = '\0';
	if (!high) {
		if (domain.len > DOMAIN_MAX)
			return false;
		memcpy(ret, typed, domain.len);
		*ret_len = domain.len;
		return true;
	}
	if (idn2_to_ascii_8z(typed, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	*ret_len = strlen(ascii);
	fits = *ret_len <= DOMAIN_MAX;
	if (fits)
		memcpy(ret, ascii, *ret_len);
	idn2_free(ascii);
	return fits;
}

static enum email_form keep_typed(enum email_form form, struct slice typed,
				  char ret[EMAIL_TEXT_MAX + 1])
{
	size_t len = MIN_OF(typed.len, (size_t)EMAIL_TEXT_MAX);

	/* Not in the middle of a character. */
	while (len > 0 && len < typed.len && ((unsigned char)typed.data[len] & 0xC0) == 0x80)
		len--;
	if (len)
		memcpy(ret, typed.data, len);
	ret[len] = '\0';
	return form;
}

enum email_form email_normalise(struct slice typed, char ret[EMAIL_TEXT_MAX + 1])
{
	struct slice s = slice_trim(typed), local, domain;
	char ascii[DOMAIN_MAX + 1];
	const char *at = s.len ? memrchr(s.data, '@', s.len) : NULL;
	size_t ascii_len;

	if (!at)
		return keep_typed(EMAIL_NO_AT, s, ret);
	local = slice_of(s.data, (size_t)(at - s.data));
	domain = slice_of(at + 1, s.len - local.len - 1);
	if (s.len > EMAIL_TEXT_MAX)
		return keep_typed(EMAIL_TOO_LONG, s, ret);
	if (!local_is_good(local))
		return keep_typed(EMAIL_BAD_LOCAL, s, ret);
	if (!domain_to_ascii(domain, ascii, &ascii_len) ||
	    !domain_is_good(slice_of(ascii, ascii_len)))
		return keep_typed(EMAIL_BAD_DOMAIN, s, ret);
	if (local.len + 1 + ascii_len > EMAIL_TEXT_MAX)
		return keep_typed(EMAIL_TOO_LONG, s, ret);

	for (size_t i = 0; i < local.len; i++)
		ret[i] = lower(local.data[i]);
	ret[local.len] = '@';
	memcpy(ret + local.len + 1, ascii, ascii_len);
	ret[local.len + 1 + ascii_len] = '\0';
	return EMAIL_OK;
}

const char *email_form_code(enum email_form form)
{
	static const char *const codes[] = {
	    [EMAIL_OK] = "ok",
	    [EMAIL_NO_AT] = "no_at",
	    [EMAIL_BAD_LOCAL] = "bad_local",
	    [EMAIL_BAD_DOMAIN] = "bad_domain",
	    [EMAIL_TOO_LONG] = "too_long",
	};

	assert((unsigned)form < ARRAY_LEN(codes));
	return codes[form];
}
