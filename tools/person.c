/* person: see person.h. */
#include "person.h"

#include <string.h>

#include "runtime/keyring.h"

#define DIGITS_MAX 32

void person_options(struct person_given *p, int *argc, char **argv)
{
	p->phone = tool_option(argc, argv, "--phone");
	p->email = tool_option(argc, argv, "--email");
	p->country = tool_option(argc, argv, "--country");
}

const char *person_read(struct person_given *p)
{
	struct slice country = p->country ? slice_cstr(p->country) : (struct slice){0};

	if (!p->phone && !p->email)
		return "expected --phone or --email";
	if (p->phone &&
	    phone_normalise(slice_cstr(p->phone), country, p->phone_text) == PHONE_NOT_DIGITS)
		return "--phone: expected a phone number, for example +79161234567";
	if (p->email && email_normalise(slice_cstr(p->email), p->email_text) != EMAIL_OK)
		return "--email: expected an e-mail address";
	return NULL;
}

static size_t digits_of(const char *text, char ret[DIGITS_MAX])
{
	size_t len = 0;

	for (; *text && len < DIGITS_MAX - 1; text++) {
		if (*text >= '0' && *text <= '9')
			ret[len++] = *text;
	}
	ret[len] = '\0';
	return len;
}

bool person_is_named(const struct person_given *p, const char *text)
{
	char given[DIGITS_MAX], said[DIGITS_MAX];

	if (p->email && (strstr(text, p->email) || strstr(text, p->email_text)))
		return true;
	return p->phone && digits_of(p->phone_text, given) > 0 && digits_of(text, said) > 0 &&
	       strstr(said, given);
}

void person_prints(const struct person_given *p, const struct keyring *keyring,
		   struct contact_prints *ret)
{
	contact_prints_of(keyring_fingerprint_key(keyring), slice_cstr(p->phone_text),
			  slice_cstr(p->email_text), ret);
}
