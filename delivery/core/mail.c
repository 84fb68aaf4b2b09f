/* mail: see mail.h. */
#include "mail.h"

#define DIGEST_MOST_MINUTES (24 * 60)

static bool address_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       memchr("!#$%&'*+-/=?^_`{|}~.", c, 20);
}

bool mail_address_valid(struct slice address)
{
	const char *at = memchr(address.data, '@', address.len);
	size_t local = at ? (size_t)(at - address.data) : 0;

	if (!at || local == 0 || local > 64 || address.len >= MAIL_ADDRESS_MAX ||
	    address.len - local < 4)
		return false;
	for (size_t i = 0; i < local; i++)
		if (!address_char(address.data[i]))
			return false;
	for (size_t i = local + 1; i < address.len; i++) {
		char c = address.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '.'))
			return false;
	}
	return address.data[local + 1] != '.' && address.data[local + 1] != '-';
}

static bool read_to(const struct settings *s, struct mail_settings *ret)
{
	const struct json *list = settings_get(s, "to");

	if (!list || list->type != JSON_ARRAY || list->count == 0 || list->count > MAIL_TO_MAX)
		return settings_fault(s, "to", "a list of 1 to 5 addresses");
	for (const struct json *a = list->child; a; a = a->next) {
		if (a->type != JSON_STRING || !mail_address_valid(a->text) ||
		    !settings_copy(a, ret->to[ret->to_count++], MAIL_ADDRESS_MAX))
			return settings_fault(s, "to", "addresses like leads@bank-a.example");
	}
	return true;
}

static bool read_format(const struct settings *s, struct mail_settings *ret)
{
	char format[16] = "both";

	if (!settings_text(s, "format", format, sizeof(format)))
		return false;
	ret->text = strcmp(format, "html") != 0;
	ret->html = strcmp(format, "text") != 0;
	return strcmp(format, "both") == 0 || ret->text != ret->html ||
	       settings_fault(s, "format", "text, html or both");
}

static bool read_fields(const struct settings *s, struct mail_settings *ret)
{
	const struct json *fields = settings_get(s, "fields");

	if (!fields)
		return true;
	if (fields->type != JSON_OBJECT || fields->count == 0 || fields->count > MAIL_FIELDS_MAX)
		return settings_fault(s, "fields", "{Phone: \"{phone}\"}, at most 64");
	for (const struct json *f = fields->child; f; f = f->next)
		if (f->type != JSON_STRING)
			return settings_fault(s, "fields", "texts with places");
	ret->fields = fields;
	return true;
}

static bool read_digest(const struct settings *s, struct mail_settings *ret)
{
	struct settings digest;
	int64_t minutes = 0;

	if (!settings_get(s, "digest"))
		return true;
	if (!settings_inside(s, "digest", "every_minutes", &digest) ||
	    !settings_int(&digest, "every_minutes", 1, DIGEST_MOST_MINUTES, &minutes))
		return false;
	ret->digest_ms = minutes * MS_PER_MIN;
	return minutes > 0 || settings_fault(s, "digest", "{every_minutes: 60}");
}

enum result mail_settings_read(const struct json *settings, struct mail_settings *ret,
			       struct error *ret_error)
{
	struct settings s;

	*ret = (struct mail_settings){.timeout_ms = MAIL_TIMEOUT_MS,
				      .subject = "{vertical|or:lead}: {lead_id}"};
	if (!settings_open(&s, settings, "email", "to, subject, format, fields, digest, timeout_ms",
			   ret_error) ||
	    !read_to(&s, ret) || !settings_text(&s, "subject", ret->subject, MAIL_SUBJECT_MAX) ||
	    !read_format(&s, ret) || !read_fields(&s, ret) || !read_digest(&s, ret) ||
	    !settings_int(&s, "timeout_ms", MAIL_TIMEOUT_LEAST_MS, MAIL_TIMEOUT_MOST_MS,
			  &ret->timeout_ms))
		return RESULT_BAD;

	return RESULT_OK;
}

int64_t mail_digest_due_ms(int64_t digest_ms, int64_t routed_at_ms)
{
	return (routed_at_ms / digest_ms + 1) * digest_ms;
}
